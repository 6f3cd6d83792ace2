"""Every way in which every task state can fail, and the pairs of failures that matter."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from faults.machine import Integration, TaskState
from localcloud.faults import FaultKind

FOR_GOOD = 99
"""More often than any state tries."""

_PASSING = 2
"""Fewer times than any state tries."""

_FUNCTION = (FaultKind.API_ERROR, FaultKind.FUNCTION_CRASH, FaultKind.FUNCTION_CRASH_LATE, FaultKind.TIME_OUT)
_API = (FaultKind.API_ERROR, FaultKind.ANSWER_LOST, FaultKind.TIME_OUT)
_JOB = (FaultKind.API_ERROR, FaultKind.ANSWER_LOST, FaultKind.JOB_FAILED, FaultKind.JOB_STOPPED, FaultKind.JOB_TIME_OUT)
_KINDS = {
    Integration.FUNCTION: _FUNCTION,
    Integration.API: _API,
    Integration.JOB: (*_JOB, FaultKind.ABORTED_UNHEARD),
}
_OF_ALL = (FaultKind.THROTTLING, FaultKind.ABORTED, FaultKind.EXECUTION_TIME_OUT)
_LONG_JOBS: Mapping[str, Mapping[str, Any]] = {
    "createTrainingJob": {"hyperparameters": {"num_round": 1_000_000}},
    "createHyperParameterTuningJob": {"tuning": {"max_jobs": 200, "max_parallel_jobs": 1}},
}
"""Input with which a job that nobody stops would still run when the janitor has been."""


class Janitor(StrEnum):
    """How the janitor fares in its first sweep after the run."""

    UP = "up"
    DOWN_ONCE = "down for one sweep"
    REFUSED_ONCE = "a deletion refused"


@dataclass(frozen=True)
class Blow:
    """A fault in one state; its first `times` attempts meet it."""

    state: str
    kind: FaultKind
    times: int = FOR_GOOD

    @property
    def what(self) -> str:
        return str(self.kind) if self.times == FOR_GOOD else f"{self.kind}, {self.times} times"

    def __str__(self) -> str:
        return f"{self.what} in {self.state}"


@dataclass(frozen=True)
class Scenario:
    """The first blow is the cause that the execution must end with, if it fails."""

    blows: tuple[Blow, ...]
    janitor: Janitor = Janitor.UP
    input: Mapping[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """Where it begins."""
        return self.blows[0].state

    @property
    def course(self) -> str:
        """What happens, the first blow's state being known."""
        first, *others = self.blows
        text = ", then ".join([first.what, *map(str, others)])
        return text if self.janitor is Janitor.UP else f"{text}; janitor: {self.janitor}"

    def __str__(self) -> str:
        return f"{self.state}: {self.course}"


def scenarios(states: Sequence[TaskState]) -> list[Scenario]:
    """Singles of all states, then pairs. `states` are in the order in which a run meets them."""
    last = [state for state in states if not state.after_failure][-1]
    singles = [_with_long_job(_reaching(state, last, blow), states) for state in states for blow in _blows(state)]
    return [*singles, *_pairs(states), *_janitors(states, last)]


def _blows(state: TaskState) -> Iterator[Blow]:
    for kind in (*_KINDS[state.integration], *_OF_ALL):
        yield Blow(state.name, kind)
    yield Blow(state.name, FaultKind.THROTTLING, times=_PASSING)
    if state.action == "createEndpoint":
        yield Blow(state.name, FaultKind.ENDPOINT_FAILED)


def _reaching(state: TaskState, last: TaskState, blow: Blow, janitor: Janitor = Janitor.UP) -> Scenario:
    """A state that only a failure leads to is led to by one in the last state, when all is made that can be."""
    blows = (Blow(last.name, FaultKind.API_ERROR), blow) if state.after_failure else (blow,)
    return Scenario(blows, janitor)


def _with_long_job(scenario: Scenario, states: Sequence[TaskState]) -> Scenario:
    """Where a job is not stopped, it is long; but not if a state before starts the same kind, which would be as long,
    so that this one would never be reached."""
    place = [state.name for state in states].index(scenario.state)
    action = states[place].action
    unheard = scenario.blows[0].kind is FaultKind.ABORTED_UNHEARD
    if not unheard or action in {state.action for state in states[:place]}:
        return scenario
    return replace(scenario, input=_LONG_JOBS.get(action, {}))


def _pairs(states: Sequence[TaskState]) -> Iterator[Scenario]:
    """Whatever fails, and then the removal fails too: what the run made is the janitor's to find."""
    removals = [state for state in states if state.after_failure]
    for state in states:
        if state.after_failure or state.integration is Integration.FUNCTION:
            continue
        for removal in removals:
            kind = FaultKind.JOB_FAILED if state.integration is Integration.JOB else FaultKind.ANSWER_LOST
            yield Scenario((Blow(state.name, kind), Blow(removal.name, FaultKind.FUNCTION_CRASH)))
            yield Scenario((Blow(state.name, FaultKind.TIME_OUT), Blow(removal.name, FaultKind.ABORTED)))
            if state.action == "createEndpoint":
                broken = Blow(state.name, FaultKind.ENDPOINT_FAILED)
                yield Scenario((broken, Blow(removal.name, FaultKind.THROTTLING)))


def _janitors(states: Sequence[TaskState], last: TaskState) -> Iterator[Scenario]:
    """The execution is aborted in each state, and the janitor has a bad moment too."""
    for state in states:
        blow = Blow(state.name, FaultKind.ABORTED)
        yield _reaching(state, last, blow, Janitor.DOWN_ONCE)
        yield _reaching(state, last, blow, Janitor.REFUSED_ONCE)
