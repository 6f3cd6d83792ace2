"""What each state sends, for any input that the plan accepts, held against AWS's models of the services."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.model import Shape, StructureShape
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, assume, given, settings

from lambdas.plan.errors import InvalidInput
from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.validation import validate
from tests.template.deployment import ACCOUNT
from tests.template.execution_inputs import EXECUTIONS, INPUTS, LONGEST_PROJECT, Started
from tests.template.machine import Machine, Nothing, State, evaluate, expressions, service_model
from tests.template.walk import Answers, Journey, Step, walk, ways
from training_code.hyperparameters import HYPERPARAMETERS

WAYS = [name for name, _ in ways(INPUTS)]
LONGEST_TUNING_JOB_NAME = 32
"""aws-facts 4.1."""
MOST_RANGES = 30
"""aws-facts 4.2."""


def sent(step: Step) -> Any:
    """The arguments; roles and functions that are known once deployed have an ARN here."""
    text = re.sub(r"<[^>]+\.Arn>", f"arn:aws:iam::{ACCOUNT}:role/deployed", json.dumps(step.arguments))
    return json.loads(re.sub(r"<[^>]+>", "/fraud/deployed", text))


def calls(journey: Journey) -> Iterator[tuple[State, Any]]:
    """Of services by their own API; functions are called with a payload of the project's own."""
    yield from ((step.state, sent(step)) for step in journey.tasks if not step.state.is_function)


def nulls(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from nulls(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from nulls(item, f"{path}[{index}]")
    elif value is None:
        yield path


def refused(state: State, arguments: Any) -> list[str]:
    """All that AWS's model has against it: botocore's own check, and what that leaves out."""
    shape = state.operation_model.input_shape
    report = ParamValidator().validate(arguments, shape).generate_report()
    validate(arguments, shape)  # enumerations, patterns and lengths; raises what is wrong
    return [*([report] if report else []), *nulls(arguments)]


@pytest.fixture(scope="module")
def journeys(machine: Machine) -> dict[str, Journey]:
    return {name: walk(machine, answers.started, answers) for name, answers in ways(INPUTS)}


def is_accepted(started: Started) -> bool:
    try:
        return bool(started.plan)
    except InvalidInput:
        return False


def most_retries(machine: Machine) -> int:
    return max(
        sum(int(retry["MaxAttempts"]) for retry in state.body.get("Retry", [])) for state in machine.states.values()
    )


# --- any input --------------------------------------------------------------------------------------------------


@given(started=EXECUTIONS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_every_call_is_one_that_its_service_allows_whatever_input_the_plan_accepts(
    machine: Machine, started: Started
) -> None:
    assume(is_accepted(started))
    for retries in (0, most_retries(machine)):
        gone = walk(machine, started, Answers(started), retries=retries)

        assert gone.failure is None
        assert {state.name: problems for state, made in calls(gone) if (problems := refused(state, made))} == {}
        tuned = [made for state, made in calls(gone) if state.action == "CreateHyperParameterTuningJob"]
        assert [problem for made in tuned for problem in against_tuning(made)] == []
        assert metric_definitions(gone) == []


def against_tuning(made: Mapping[str, Any]) -> Iterator[str]:
    """Automatic model tuning's rules beyond the model (aws-facts 4.1 to 4.4)."""
    config, definition = made["HyperParameterTuningJobConfig"], made["TrainingJobDefinition"]
    ranges = [each for kind in config["ParameterRanges"].values() for each in kind]
    names = [each["Name"] for each in ranges]
    limits = config["ResourceLimits"]
    if len(made["HyperParameterTuningJobName"]) > LONGEST_TUNING_JOB_NAME:
        yield made["HyperParameterTuningJobName"]
    if not 1 <= len(names) == len(set(names)) <= MOST_RANGES:
        yield f"ranges of {names}"
    yield from set(names) & definition["StaticHyperParameters"].keys()
    if limits["MaxParallelTrainingJobs"] > limits["MaxNumberOfTrainingJobs"]:
        yield str(limits)
    for each in ranges:
        yield from _against_range(each)
    if not config["ParameterRanges"]["ContinuousParameterRanges"]:
        combinations = math.prod(int(each["MaxValue"]) - int(each["MinValue"]) + 1 for each in ranges)
        if combinations < limits["MaxNumberOfTrainingJobs"]:
            yield f"{combinations} combinations for {limits}"


def _against_range(each: Mapping[str, str]) -> Iterator[str]:
    low, high = float(each["MinValue"]), float(each["MaxValue"])
    tunable = {known.name for known in HYPERPARAMETERS if known.tunable}
    fits = {"Logarithmic": low > 0, "ReverseLogarithmic": 0 <= low < high < 1}.get(each["ScalingType"], True)
    if each["Name"] not in tunable or not low < high or not fits:
        yield str(each)


def metric_definitions(gone: Journey) -> list[str]:
    """AWS's image takes none (aws-facts 3.6)."""
    return [state.name for state, made in calls(gone) if "MetricDefinitions" in json.dumps(made)]


# --- every way through the machine ------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_every_call_on_every_way_is_one_that_its_service_allows(journeys: dict[str, Journey], way: str) -> None:
    assert {state.name: problems for state, made in calls(journeys[way]) if (problems := refused(state, made))} == {}


def test_the_ways_lead_through_every_state(machine: Machine, journeys: dict[str, Journey]) -> None:
    reached = {name for gone in journeys.values() for name in gone.states}
    sending = {step.state.name for gone in journeys.values() for step in gone.tasks}

    assert reached == set(machine.states)
    assert sending == {state.name for state in machine.states.values() if state.type == "Task"}


def test_the_ways_take_every_turn_of_every_choice(machine: Machine, journeys: dict[str, Journey]) -> None:
    steps = [step for gone in journeys.values() for step in gone.steps]
    taken = {(step.state.name, step.next) for step in steps if step.state.type == "Choice"}

    turns = {
        (state.name, target)
        for state in machine.states.values()
        if state.type == "Choice"
        for target in [*(rule["Next"] for rule in state.body["Choices"]), state.body["Default"]]
    }
    assert taken == turns


@pytest.mark.parametrize(
    ("way", "end"),
    [
        ("{}", None),
        ("the objective is missed", "ObjectiveMissed"),
        ("the endpoint fails", "EndpointFailed"),
        ("the endpoint never serves", "EndpointTimeout"),
        ("the plan is refused", "InvalidInput"),
        ("the removal fails", "ObjectiveMissed"),
    ],
)
def test_a_way_ends_with_the_error_that_began_it(journeys: dict[str, Journey], way: str, end: str | None) -> None:
    assert (journeys[way].failure or {}).get("Error") == end


@pytest.mark.parametrize("name", [each for each in INPUTS if each != "{}"])
def test_what_an_input_asks_for_changes_what_is_sent(journeys: dict[str, Journey], name: str) -> None:
    """So that no way stands for a branch that it does not take.

    The plan gets the input itself, and two states send the time.
    """
    asked, plain = (
        {
            step.state.name: step.arguments
            for step in journeys[each].tasks
            if step.state.name not in ("Plan the run", "Create the endpoint", "Objective met")
        }
        for each in (name, "{}")
    )

    assert asked != plain


@pytest.mark.parametrize("project", ["fraud", LONGEST_PROJECT])
def test_an_executions_name_may_be_as_long_as_step_functions_lets_it(machine: Machine, project: str) -> None:
    started = Started({}, name="n" * 80, project=project)

    gone = walk(machine, started, Answers(started))

    assert {state.name: problems for state, made in calls(gone) if (problems := refused(state, made))} == {}


# --- what is wrong would be told --------------------------------------------------------------------------------

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "null": ({"Environment": {"A": None}}, "Environment.A"),
    "a name in lower case": ({"trainingJobName": "n"}, "trainingJobName"),
    "a fraction for a whole number": ({"StoppingCondition": {"MaxRuntimeInSeconds": 3600.0}}, "maxRuntimeInSeconds"),
    "a number for a text": ({"HyperParameters": {"eta": 0.2}}, "eta"),
    "a value that is not in the enumeration": (
        {"ResourceConfig": {"InstanceType": "ml.m99.large", "InstanceCount": 1, "VolumeSizeInGB": 1}},
        "instanceType",
    ),
    "a name that is too long": ({"TrainingJobName": "n" * 64}, "trainingJobName"),
    "a tag with a quote": ({"Tags": [{"Key": "k", "Value": "it's"}]}, "tags"),
    "nothing where something is required": ({"OutputDataConfig": {}}, "S3OutputPath"),
}


@pytest.mark.parametrize(("wrong", "named"), WRONG.values(), ids=WRONG)
def test_a_call_that_its_service_does_not_allow_would_be_told(
    journeys: dict[str, Journey], wrong: dict[str, Any], named: str
) -> None:
    (training, made), *_ = calls(journeys["{}"])

    try:
        told = str(refused(training, made | wrong))
    except ValidationError as error:
        told = str(error)

    assert refused(training, made) == []
    assert named.lower() in told.lower()


def test_what_comes_to_nothing_is_told_from_null() -> None:
    assert evaluate("{% $plan.costs %}", {"plan": {"costs": None}}) is None
    with pytest.raises(Nothing):
        evaluate("{% $plan.costs %}", {"plan": {}})


# --- what SageMaker would refuse, and the plan refuses before ---------------------------------------------------

BEYOND: dict[str, tuple[dict[str, Any], str]] = {
    "a hyperparameter of more than 2,500 characters": (
        {"hyperparameters": {"monotone_constraints": f"({','.join(['1'] * 1300)})"}},
        "hyperparameters.monotone_constraints",
    ),
    "a metric that makes it so long": (
        {"hyperparameters": {"eval_metric": ",".join(["rmse"] * 500)}},
        "hyperparameters.eval_metric",
    ),
    "a hyperparameter of two lines": ({"hyperparameters": {"num_round": "5\n"}}, "hyperparameters.num_round"),
    "a range of more than 256 digits": (
        {"tuning": {"ranges": {"gamma": {"min": 0, "max": 10**300}}}},
        "tuning.ranges.gamma.max",
    ),
    "fewer combinations than jobs": ({"tuning": {"ranges": {"max_depth": {"min": 1, "max": 3}}}}, "tuning.max_jobs"),
    "no type of an instance that trains": (
        {"training": {"instance_type": "ml.m5.xlarg"}},
        "training.instance_type",
    ),
    "no type of an instance that serves": (
        {"endpoint": {"instance_type": "ml.t3.medium"}},
        "endpoint.instance_type",
    ),
    "a tag of more than 256 digits": ({"endpoint": {"idle_minutes": 10**300}}, "endpoint.idle_minutes"),
}


@pytest.mark.parametrize(("execution_input", "named"), BEYOND.values(), ids=BEYOND)
def test_what_sagemaker_would_refuse_is_refused_before_anything_is_made(
    execution_input: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidInput, match=re.escape(f"(1) {named}:")):
        _ = Started(execution_input).plan


@pytest.mark.parametrize("name", ["it's-monday", "run(1)", "now!", "fraud🙂"])
def test_an_executions_name_that_no_tag_may_have_is_refused_before_anything_is_made(name: str) -> None:
    with pytest.raises(InvalidInput, match="the execution's name"):
        _ = Started({}, name=name).plan


# --- what states read -------------------------------------------------------------------------------------------


def read_of_answers(state: State) -> set[tuple[str, ...]]:
    """The paths of its answer that a state reads."""
    found = {path for text in expressions(state.body) for path in re.findall(r"\$states\.result((?:\.\w+)+)", text)}
    return {tuple(path.strip(".").split(".")) for path in found}


def has(shape: Shape | None, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(shape, StructureShape) or name not in shape.members:
            return False
        shape = shape.members[name]
    return True


def answered(state: State) -> Shape | None:
    """By the service: of a job that is waited for its description (aws-facts 1.7, 1.8)."""
    name = f"Describe{state.operation.removeprefix('Create')}" if state.is_waited_for else state.operation
    shape: Shape | None = service_model(state.service).operation_model(name).output_shape
    return shape


def test_what_a_state_reads_of_an_answer_is_in_the_services_model(machine: Machine) -> None:
    reading = {
        (state.name, path): answered(state)
        for state in machine.states.values()
        if state.type == "Task"
        for path in read_of_answers(state)
        if path[0] != "Payload"
    }

    assert len(reading) >= 6
    assert [where for where, shape in reading.items() if not has(shape, where[1])] == []


def test_the_answers_made_up_here_have_nothing_that_the_services_do_not_tell(
    machine: Machine, journeys: dict[str, Journey]
) -> None:
    answers = Answers(Started({}))
    made_up = {
        (step.state.operation, name)
        for step in journeys["{}"].tasks
        if not step.state.is_function
        for name in answers(step.state, step.arguments)
        if not has(answered(step.state), (name,))
    }

    # The event that `.sync` waits for has the tags besides (aws-facts 1.7).
    assert made_up == {("CreateTrainingJob", "Tags"), ("CreateHyperParameterTuningJob", "Tags")}


def test_functions_are_called_by_what_lambdas_api_knows(journeys: dict[str, Journey]) -> None:
    """The payload is JSON to Step Functions, which makes the API's bytes of it."""
    invoking = [step for gone in journeys.values() for step in gone.tasks if step.state.is_function]

    assert len({step.state.name for step in invoking}) == 5
    for step in invoking:
        members = step.state.operation_model.input_shape
        assert isinstance(members, StructureShape)
        assert step.arguments.keys() <= members.members.keys()
        assert set(members.required_members) <= step.arguments.keys()
