"""The faults: task states come from the definition, every way to fail is tried on each, and no ending is excused."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from faults.deployment import Deployment, Ended
from faults.machine import Integration, TaskState, task_states
from faults.scenarios import FOR_GOOD, Blow, Janitor, Scenario, scenarios
from faults.trial import Outcome, try_all
from localcloud.cloud import Item
from localcloud.faults import Fault, FaultKind

FUNCTION = "arn:aws:states:::lambda:invoke"
API = "arn:aws:states:::aws-sdk:sagemaker:createEndpoint"
JOB = "arn:aws:states:::sagemaker:createTrainingJob.sync"


def task(resource: str, **rest: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, **rest}


def catching(target: str) -> list[dict[str, Any]]:
    return [{"ErrorEquals": ["States.ALL"], "Next": target}]


def definition(**more: dict[str, Any]) -> dict[str, Any]:
    """A machine in small: a run in a branch, in which a choice is made, and a removal if it fails."""
    branch = {
        "StartAt": "Train",
        "States": {
            "Train": task(JOB, Next="Good?"),
            "Good?": {"Type": "Choice", "Choices": [{"Condition": "{% $good %}", "Next": "Host"}], "Default": "Try"},
            "Host": task(API, End=True),
            "Try": task(JOB, Next="Train"),
            **more,
        },
    }
    return {
        "StartAt": "Plan",
        "States": {
            "Plan": task(FUNCTION, Next="Run", Catch=catching("Run failed")),
            "Run": {"Type": "Parallel", "Branches": [branch], "Catch": catching("Remove"), "End": True},
            "Remove": task(FUNCTION, Next="Run failed"),
            "Run failed": {"Type": "Fail"},
        },
    }


# --- the task states --------------------------------------------------------------------------------------------


def test_task_states_are_found_in_branches_too() -> None:
    assert [state.name for state in task_states(definition())] == ["Plan", "Train", "Host", "Try", "Remove"]


def test_a_state_to_which_only_a_failure_leads_is_told_apart() -> None:
    assert [state.name for state in task_states(definition()) if state.after_failure] == ["Remove"]


def test_a_state_to_which_only_a_failure_in_a_branch_leads_is_told_apart() -> None:
    machine = definition(Mend=task(FUNCTION, End=True))
    machine["States"]["Run"]["Branches"][0]["States"]["Host"]["Catch"] = catching("Mend")

    assert [state.name for state in task_states(machine) if state.after_failure] == ["Mend", "Remove"]


def test_a_state_that_follows_on_one_after_a_failure_is_after_it_too() -> None:
    machine = definition()
    machine["States"]["Remove"]["Next"] = "Tell"
    machine["States"]["Tell"] = task(FUNCTION, Next="Run failed")

    assert [state.name for state in task_states(machine) if state.after_failure] == ["Remove", "Tell"]


def test_a_state_that_success_leads_to_as_well_is_not_after_a_failure() -> None:
    machine = definition()
    machine["States"]["Run"] |= {"Next": "Remove", "End": False}

    assert [state.name for state in task_states(machine) if state.after_failure] == []


@pytest.mark.parametrize(
    ("resource", "integration", "action"),
    [
        (FUNCTION, Integration.FUNCTION, "invoke"),
        (API, Integration.API, "createEndpoint"),
        ("arn:aws:states:::sagemaker:createModel", Integration.API, "createModel"),
        (JOB, Integration.JOB, "createTrainingJob"),
    ],
)
def test_a_task_is_known_by_its_resource(resource: str, integration: Integration, action: str) -> None:
    (state,) = task_states({"StartAt": "One", "States": {"One": task(resource, End=True)}})

    assert (state.integration, state.action) == (integration, action)


# --- the scenarios ----------------------------------------------------------------------------------------------

OF_ALL = {FaultKind.THROTTLING, FaultKind.ABORTED, FaultKind.EXECUTION_TIME_OUT, FaultKind.API_ERROR}
KINDS = {
    Integration.FUNCTION: OF_ALL | {FaultKind.FUNCTION_CRASH, FaultKind.FUNCTION_CRASH_LATE, FaultKind.TIME_OUT},
    Integration.API: OF_ALL | {FaultKind.ANSWER_LOST, FaultKind.TIME_OUT},
    Integration.JOB: OF_ALL
    | {FaultKind.ANSWER_LOST, FaultKind.JOB_FAILED, FaultKind.JOB_STOPPED, FaultKind.JOB_TIME_OUT}
    | {FaultKind.ABORTED_UNHEARD},
}
"""What can happen to each."""

STATES = [
    TaskState("Plan", Integration.FUNCTION, "invoke", after_failure=False),
    TaskState("Train", Integration.JOB, "createTrainingJob", after_failure=False),
    TaskState("Host", Integration.API, "createEndpoint", after_failure=False),
    TaskState("Mark", Integration.API, "addTags", after_failure=False),
    TaskState("Remove", Integration.FUNCTION, "invoke", after_failure=True),
]
BY_NAME = pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)


def blows(state: str, among: Sequence[Scenario], janitor: Janitor = Janitor.UP) -> set[tuple[FaultKind, int]]:
    """What a state meets as the last in a scenario."""
    last = [scenario.blows[-1] for scenario in among if scenario.janitor is janitor]
    return {(blow.kind, blow.times) for blow in last if blow.state == state}


@BY_NAME
def test_a_state_meets_every_kind_of_its_integration_for_good(state: TaskState) -> None:
    met = {kind for kind, times in blows(state.name, scenarios(STATES)) if times == FOR_GOOD}

    assert met == KINDS[state.integration] | ({FaultKind.ENDPOINT_FAILED} if state.name == "Host" else set())


@BY_NAME
def test_a_state_meets_throttling_that_passes(state: TaskState) -> None:
    (passing,) = ((kind, times) for kind, times in blows(state.name, scenarios(STATES)) if times < FOR_GOOD)

    assert passing[0] is FaultKind.THROTTLING


@BY_NAME
@pytest.mark.parametrize("janitor", [Janitor.DOWN_ONCE, Janitor.REFUSED_ONCE])
def test_an_execution_is_aborted_in_a_state_while_the_janitor_has_a_bad_moment(
    state: TaskState, janitor: Janitor
) -> None:
    assert blows(state.name, scenarios(STATES), janitor) == {(FaultKind.ABORTED, FOR_GOOD)}


def test_a_state_after_a_failure_is_led_to_by_one_when_all_is_made() -> None:
    leading = {
        scenario.blows[0] for scenario in scenarios(STATES) if scenario.blows[-1] == Blow("Remove", FaultKind.TIME_OUT)
    }

    assert leading == {Blow("Mark", FaultKind.API_ERROR)}


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (Blow("Train", FaultKind.JOB_FAILED), FaultKind.FUNCTION_CRASH),
        (Blow("Host", FaultKind.ANSWER_LOST), FaultKind.FUNCTION_CRASH),
        (Blow("Host", FaultKind.TIME_OUT), FaultKind.ABORTED),
        (Blow("Host", FaultKind.ENDPOINT_FAILED), FaultKind.THROTTLING),
        (Blow("Mark", FaultKind.TIME_OUT), FaultKind.ABORTED),
    ],
    ids=str,
)
def test_what_a_failed_state_made_may_not_be_removed_either(first: Blow, then: FaultKind) -> None:
    assert Scenario((first, Blow("Remove", then))) in scenarios(STATES)


def test_a_job_that_nobody_stops_would_run_on_for_long() -> None:
    (scenario,) = (one for one in scenarios(STATES) if one.blows[-1].kind is FaultKind.ABORTED_UNHEARD)

    assert scenario.input["hyperparameters"]["num_round"] > 100_000


def test_a_second_job_of_a_kind_is_reached_though_nobody_will_stop_it() -> None:
    """What would make it long would make the first one long, and that is waited for."""
    second = TaskState("Choose", Integration.JOB, "createTrainingJob", after_failure=False)

    unheard = [
        one for one in scenarios([*STATES[:2], second, *STATES[2:]]) if one.blows[-1].kind is FaultKind.ABORTED_UNHEARD
    ]

    assert [(one.state, bool(one.input)) for one in unheard] == [("Train", True), ("Choose", False)]


def test_each_scenario_is_told_in_words_of_its_own() -> None:
    told = [str(scenario) for scenario in scenarios(STATES)]

    assert sorted(told) == sorted(set(told))


def test_a_scenario_is_told_from_its_first_blow_on() -> None:
    both = (Blow("Host", FaultKind.TIME_OUT), Blow("Remove", FaultKind.THROTTLING, times=2))

    assert str(Scenario(both, Janitor.DOWN_ONCE)) == (
        "Host: time-out, then throttling, 2 times in Remove; janitor: down for one sweep"
    )


@pytest.mark.parametrize(
    ("resource", "integration"),
    [
        pytest.param(FUNCTION, Integration.FUNCTION, id="a function"),
        pytest.param("arn:aws:states:::aws-sdk:sagemaker:updateEndpoint", Integration.API, id="an API"),
        pytest.param(JOB, Integration.JOB, id="a job"),
        pytest.param("arn:aws:states:::sagemaker:createTransformJob.sync", Integration.JOB, id="a job of another kind"),
    ],
)
def test_a_state_that_is_added_gets_its_scenarios_by_itself(resource: str, integration: Integration) -> None:
    machine = definition(New=task(resource, End=True))
    machine["States"]["Run"]["Branches"][0]["States"]["Host"] = task(API, Next="New")

    chosen = scenarios(task_states(machine))

    assert {kind for kind, _ in blows("New", chosen)} == KINDS[integration]
    for janitor in (Janitor.DOWN_ONCE, Janitor.REFUSED_ONCE):
        assert blows("New", chosen, janitor) == {(FaultKind.ABORTED, FOR_GOOD)}


# --- trials -----------------------------------------------------------------------------------------------------


@dataclass
class FakeCloud:
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    """By the execution's name."""
    days: float = 0

    def add_fault(self, fault: Fault) -> None:
        self.faults.setdefault(fault.execution, []).append(fault)

    def advance_clock(self, *, days: float) -> None:
        self.days += days


def as_it_has_to(first: Fault, *others: Fault) -> Ended:
    """How an execution with these faults ends."""
    kinds = {fault.kind for fault in (first, *others)}
    if kinds & {FaultKind.ABORTED, FaultKind.ABORTED_UNHEARD}:
        return Ended("ABORTED", "", "")
    if FaultKind.EXECUTION_TIME_OUT in kinds:
        return Ended("TIMED_OUT", "", "")
    if first.times < FOR_GOOD:
        return Ended("SUCCEEDED", "", "")
    return Ended("FAILED", "SageMaker.AmazonSageMakerException", first.message)


@dataclass
class FakeDeployment:
    """Executions that all make an endpoint with its parts, and a janitor that does its duty, unless replaced."""

    ending: Callable[..., Ended] = as_it_has_to
    cloud: FakeCloud = field(default_factory=FakeCloud)
    ended: dict[str, Ended] = field(default_factory=dict)
    made: dict[str, list[Item]] = field(default_factory=dict)
    jobs: dict[str, list[Item]] = field(default_factory=dict)
    inputs: list[Any] = field(default_factory=list)
    denied: tuple[list[str], list[str]] = ([], [])

    def start(self, name: str, given: Any) -> str:
        self.inputs.append(given)
        kinds = ("endpoint", "endpoint-config", "model")
        self.made[f"arn:{name}"] = [Item("sagemaker", kind, name) for kind in kinds]
        return f"arn:{name}"

    def wait(self, arn: str) -> Ended:
        self.ended[arn] = self.ending(*self.cloud.faults[arn.removeprefix("arn:")])
        return self.ended[arn]

    def settle(self) -> None:
        """Nothing is on its way."""

    def wait_until_jobs_have_stopped(self, executions: set[str]) -> None:
        assert executions <= self.ended.keys()

    def hosted(self) -> dict[str, list[Item]]:
        return {arn: list(items) for arn, items in self.made.items()}

    def running_jobs(self) -> dict[str, list[Item]]:
        return self.jobs

    def sweep(self) -> str:
        actions, resources = self.denied
        if "sagemaker:List*" in actions:
            return "could not look for Endpoints: AccessDeniedException"
        refused = []
        for arn, items in self.made.items():
            if self.ended[arn].status != "SUCCEEDED" or self.cloud.days:
                kept = [item for item in items if any(f":{item.kind}/{item.name}" in each for each in resources)]
                refused += kept
                self.made[arn] = kept
        return "; ".join(f"could not delete {item.kind} {item.name}: AccessDeniedException" for item in refused)

    @contextmanager
    def janitor_denied(self, actions: list[str], resources: list[str]) -> Iterator[None]:
        self.denied = (actions, resources)
        yield
        self.denied = ([], [])


def tried(deployment: FakeDeployment, *chosen: Scenario) -> list[Outcome]:
    return list(try_all(cast("Deployment", deployment), chosen, lambda: None))


def outcome(deployment: FakeDeployment, *blow: Blow, janitor: Janitor = Janitor.UP) -> Outcome:
    (only,) = tried(deployment, Scenario(blow, janitor))
    return only


def ending(status: str, cause: str = "") -> FakeDeployment:
    """One in which every execution ends so."""
    return FakeDeployment(lambda *_: Ended(status, "States.TaskFailed" if cause else "", cause))


HOST = Blow("Host", FaultKind.API_ERROR)
NAMED = "API error on purpose in Host"


def test_an_execution_that_fails_by_its_blow_and_leaves_nothing_is_good() -> None:
    found = outcome(FakeDeployment(), HOST)

    assert (found.good, found.left, found.complaints) == (True, (), ())


@pytest.mark.parametrize(
    ("blow", "status"),
    [
        (Blow("Host", FaultKind.API_ERROR), "FAILED"),
        (Blow("Host", FaultKind.THROTTLING), "FAILED"),
        (Blow("Host", FaultKind.TIME_OUT), "FAILED"),
        (Blow("Plan", FaultKind.FUNCTION_CRASH), "FAILED"),
        (Blow("Host", FaultKind.ABORTED), "ABORTED"),
        (Blow("Train", FaultKind.ABORTED_UNHEARD), "ABORTED"),
        (Blow("Host", FaultKind.EXECUTION_TIME_OUT), "TIMED_OUT"),
        (Blow("Host", FaultKind.THROTTLING, times=2), "SUCCEEDED"),
    ],
    ids=str,
)
def test_an_execution_ends_as_its_blow_has_it_or_there_is_a_complaint(blow: Blow, status: str) -> None:
    for other in ("FAILED", "ABORTED", "TIMED_OUT", "SUCCEEDED"):
        found = outcome(ending(other, f"{blow.kind} on purpose in {blow.state}"), blow)

        assert found.good == (other == status)
        assert [f"not as {status}" in complaint for complaint in found.complaints] == [True] * (other != status)


@pytest.mark.parametrize(
    "cause",
    [
        pytest.param("", id="none"),
        pytest.param("Endpoint took too long", id="another"),
        pytest.param("throttling on purpose in Host", id="another kind's"),
        pytest.param("API error on purpose in Mark", id="another state's"),
    ],
)
def test_a_cause_that_does_not_name_the_blow_is_a_complaint(cause: str) -> None:
    (complaint,) = outcome(ending("FAILED", cause), HOST).complaints

    assert complaint.startswith("the cause is not the true one")
    assert cause in complaint


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        (FaultKind.JOB_FAILED, "AlgorithmError: exit code: 137"),
        (FaultKind.JOB_STOPPED, '{"TrainingJobStatus": "Stopped"}'),
        (FaultKind.JOB_TIME_OUT, '{"TrainingJobStatus": "Stopped"}'),
        (FaultKind.ENDPOINT_FAILED, "Endpoint fraud-1 failed to start: Failed to download model data"),
        (FaultKind.ANSWER_LOST, 'Cannot create already existing model: "fraud-1" already exists'),
        (FaultKind.ANSWER_LOST, "answer lost on purpose in Host"),
    ],
)
def test_a_cause_may_say_what_really_happened(kind: FaultKind, cause: str) -> None:
    assert outcome(ending("FAILED", cause), Blow("Host", kind)).good
    assert not outcome(ending("FAILED", "States.Timeout"), Blow("Host", kind)).good


def test_the_cause_is_the_first_blow_whatever_comes_after_it() -> None:
    crash = Blow("Remove", FaultKind.FUNCTION_CRASH)

    assert outcome(ending("FAILED", NAMED), HOST, crash).good
    assert not outcome(ending("FAILED", "function crash on purpose in Remove"), HOST, crash).good


def test_an_execution_may_be_aborted_after_it_has_failed() -> None:
    assert outcome(ending("ABORTED"), HOST, Blow("Remove", FaultKind.ABORTED)).good
    assert not outcome(ending("FAILED", NAMED), HOST, Blow("Remove", FaultKind.ABORTED)).good


def test_a_removal_that_is_throttled_for_a_while_makes_no_failure_good() -> None:
    passing = Blow("Remove", FaultKind.THROTTLING, times=2)

    assert outcome(ending("FAILED", NAMED), HOST, passing).good
    assert not outcome(ending("SUCCEEDED"), HOST, passing).good


def test_a_state_may_find_out_that_what_it_did_was_done() -> None:
    assert outcome(ending("SUCCEEDED"), Blow("Mark", FaultKind.ANSWER_LOST)).good
    assert not outcome(ending("ABORTED"), Blow("Mark", FaultKind.ANSWER_LOST)).good


def test_an_execution_meets_its_blows_and_has_its_input() -> None:
    deployment = FakeDeployment()
    both = (HOST, Blow("Remove", FaultKind.THROTTLING, times=2))

    tried(deployment, Scenario(both, input={"tuning": {"max_jobs": 9}}))

    ((name, faults),) = deployment.cloud.faults.items()
    assert faults == [Fault(name, blow.state, blow.kind, blow.times) for blow in both]
    assert deployment.inputs == [{"tuning": {"max_jobs": 9}}]


def test_every_scenario_is_tried_once_and_counted() -> None:
    counted: list[None] = []
    chosen = scenarios(STATES)

    outcomes = list(try_all(cast("Deployment", FakeDeployment(_all_named)), chosen, lambda: counted.append(None)))

    assert sorted(str(each.scenario) for each in outcomes) == sorted(map(str, chosen))
    assert len(counted) == len(chosen)
    assert [str(each.scenario) for each in outcomes if not each.good] == []


def _all_named(first: Fault, *others: Fault) -> Ended:
    causes = ("exit code: 137", "Stopped", "Failed to download model data", first.message)
    ended = as_it_has_to(first, *others)
    return Ended(ended.status, ended.error, "; ".join(causes)) if ended.cause else ended


# --- what is left -----------------------------------------------------------------------------------------------


class Idle(FakeDeployment):
    """One whose janitor does nothing."""

    def sweep(self) -> str:
        return ""


def test_what_is_left_is_named() -> None:
    found = outcome(Idle(), HOST)

    assert not found.good
    assert [item.kind for item in found.left] == ["endpoint", "endpoint-config", "model"]


def test_a_job_that_runs_on_is_left() -> None:
    job = Item("sagemaker", "training-job", "fraud-1-0")

    class Running(FakeDeployment):
        def running_jobs(self) -> dict[str, list[Item]]:
            return {arn: [job] for arn in self.ended}

    found = outcome(Running(), Blow("Train", FaultKind.ABORTED_UNHEARD))

    assert (found.good, found.left) == (False, (job,))


def test_what_serves_is_left_until_its_date_and_no_longer() -> None:
    passing = Blow("Host", FaultKind.THROTTLING, times=2)
    kept = FakeDeployment()

    assert outcome(kept, passing).good
    assert kept.cloud.days == 1
    assert len(outcome(Idle(), passing).left) == 3


def test_without_anything_that_serves_no_date_is_waited_for() -> None:
    deployment = FakeDeployment()

    outcome(deployment, HOST)

    assert deployment.cloud.days == 0


def test_what_one_execution_left_is_not_told_of_another() -> None:
    class Forgetful(FakeDeployment):
        """Its janitor overlooks what the first execution made."""

        def sweep(self) -> str:
            kept = dict(list(self.made.items())[:1])
            super().sweep()
            self.made |= kept
            return ""

    found = tried(Forgetful(), *[Scenario((HOST,))] * 3)

    assert sorted(len(each.left) for each in found) == [0, 0, 3]


# --- the janitor's bad moments ----------------------------------------------------------------------------------

ABORT = Blow("Host", FaultKind.ABORTED)


@pytest.mark.parametrize("janitor", Janitor)
def test_a_janitor_that_does_its_duty_gives_no_cause_for_complaint(janitor: Janitor) -> None:
    assert outcome(FakeDeployment(), ABORT, janitor=janitor).good


@pytest.mark.parametrize("janitor", Janitor)
def test_a_janitor_that_fails_without_need_is_a_complaint(janitor: Janitor) -> None:
    class Failing(FakeDeployment):
        def sweep(self) -> str:
            return super().sweep() or "SweepIncomplete: something"

    found = outcome(Failing(), ABORT, janitor=janitor)

    assert found.left == ()
    assert "the janitor failed: SweepIncomplete: something" in found.complaints


def test_a_janitor_that_was_to_be_down_and_was_not_is_a_complaint() -> None:
    class Undeterred(FakeDeployment):
        def sweep(self) -> str:
            self.denied = ([], [])
            return super().sweep()

    found = outcome(Undeterred(), ABORT, janitor=Janitor.DOWN_ONCE)

    assert found.complaints == ("the janitor was not down", "the janitor was not down: something is gone")


def test_a_refusal_that_the_janitor_does_not_name_is_a_complaint() -> None:
    class Discreet(FakeDeployment):
        def sweep(self) -> str:
            super().sweep()
            return ""

    (complaint,) = outcome(Discreet(), ABORT, janitor=Janitor.REFUSED_ONCE).complaints

    assert complaint.startswith("the janitor did not say that it was refused trial-")


def test_a_refusal_that_holds_others_up_is_a_complaint() -> None:
    class Paralysed(FakeDeployment):
        def sweep(self) -> str:
            before = self.hosted()
            error = super().sweep()
            if error:
                self.made = before
            return error

    found = tried(Paralysed(), *[Scenario((ABORT,), Janitor.REFUSED_ONCE)] * 2)

    assert all(any("a refusal held up trial-" in told for told in each.complaints) for each in found)
    assert [each.left for each in found] == [(), ()]
