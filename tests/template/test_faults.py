"""The faults cover the state machine as it is synthesised: whatever it does may fail in every way."""

import pytest

from faults.machine import Integration, TaskState, task_states
from faults.scenarios import FOR_GOOD, Blow, Janitor, Scenario, scenarios
from localcloud.faults import FaultKind
from tests.template.machine import Machine

OF_ALL = {FaultKind.THROTTLING, FaultKind.ABORTED, FaultKind.EXECUTION_TIME_OUT, FaultKind.API_ERROR}
KINDS = {
    Integration.FUNCTION: OF_ALL | {FaultKind.FUNCTION_CRASH, FaultKind.FUNCTION_CRASH_LATE, FaultKind.TIME_OUT},
    Integration.API: OF_ALL | {FaultKind.ANSWER_LOST, FaultKind.TIME_OUT},
    Integration.JOB: OF_ALL
    | {FaultKind.ANSWER_LOST, FaultKind.JOB_FAILED, FaultKind.JOB_STOPPED, FaultKind.JOB_TIME_OUT}
    | {FaultKind.ABORTED_UNHEARD},
}


@pytest.fixture(scope="session")
def states(machine: Machine) -> list[TaskState]:
    return task_states(machine.definition)


@pytest.fixture(scope="session")
def chosen(states: list[TaskState]) -> list[Scenario]:
    return scenarios(states)


def last_blows(among: list[Scenario], janitor: Janitor) -> set[Blow]:
    return {scenario.blows[-1] for scenario in among if scenario.janitor is janitor}


def test_every_task_of_the_machine_is_a_state_that_may_fail(machine: Machine, states: list[TaskState]) -> None:
    assert {state.name for state in states} == {name for name, state in machine.states.items() if state.type == "Task"}


def test_the_removal_alone_comes_after_a_failure(states: list[TaskState]) -> None:
    assert [state.name for state in states if state.after_failure] == ["Remove what the run made"]


def test_what_leads_to_the_removal_is_a_failure_when_all_is_made(machine: Machine, chosen: list[Scenario]) -> None:
    first = {scenario.blows[0] for scenario in chosen if scenario.blows[-1].kind is FaultKind.EXECUTION_TIME_OUT}

    (leading,) = (blow for blow in first if blow.kind is FaultKind.API_ERROR)

    assert machine.states[leading.state].body["End"] is True


def test_every_state_meets_every_kind_of_its_integration(states: list[TaskState], chosen: list[Scenario]) -> None:
    met = last_blows(chosen, Janitor.UP)

    for state in states:
        assert {blow.kind for blow in met if blow.state == state.name} >= KINDS[state.integration]


def test_every_state_meets_throttling_for_good_and_for_a_while(states: list[TaskState], chosen: list[Scenario]) -> None:
    throttled = {blow for blow in last_blows(chosen, Janitor.UP) if blow.kind is FaultKind.THROTTLING}

    for state in states:
        times = sorted(blow.times for blow in throttled if blow.state == state.name)
        assert (len(times), times[-1]) == (2, FOR_GOOD)


@pytest.mark.parametrize("janitor", [Janitor.DOWN_ONCE, Janitor.REFUSED_ONCE])
def test_the_janitor_has_a_bad_moment_after_an_abort_in_every_state(
    states: list[TaskState], chosen: list[Scenario], janitor: Janitor
) -> None:
    assert last_blows(chosen, janitor) == {Blow(state.name, FaultKind.ABORTED) for state in states}


def test_every_kind_of_fault_is_met_somewhere(chosen: list[Scenario]) -> None:
    assert {blow.kind for scenario in chosen for blow in scenario.blows} == set(FaultKind)


def test_each_scenario_is_told_in_words_of_its_own(chosen: list[Scenario]) -> None:
    told = [str(scenario) for scenario in chosen]

    assert sorted(told) == sorted(set(told))


def test_throttling_for_a_while_is_borne_and_for_good_is_not(machine: Machine, chosen: list[Scenario]) -> None:
    """By the number of times that a state tries."""
    for blow in last_blows(chosen, Janitor.UP):
        if blow.kind is FaultKind.THROTTLING:
            retries = [retry["MaxAttempts"] for retry in machine.states[blow.state].body["Retry"]]
            assert min(retries) >= blow.times or sum(retries) + 1 < blow.times == FOR_GOOD
