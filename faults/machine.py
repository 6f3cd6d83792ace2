"""The task states of the deployed state machine, read from its definition, so that a new one is there by itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

Definition = Mapping[str, Any]


class Integration(Enum):
    """What carries out a task."""

    FUNCTION = auto()
    API = auto()
    JOB = auto()
    """A call that starts a job, and waits for its end (`.sync`)."""


@dataclass(frozen=True)
class TaskState:
    name: str
    integration: Integration
    action: str
    """The API's, such as createModel."""
    after_failure: bool
    """It is entered only when another state has failed."""


def task_states(definition: Definition) -> list[TaskState]:
    """All of them, those in branches too, in the order of the definition."""
    ordinary = set(_without_failure(definition))
    return [
        TaskState(name, _integration(state["Resource"]), _action(state["Resource"]), name not in ordinary)
        for name, state in _states(definition)
        if state["Type"] == "Task"
    ]


def _states(level: Definition) -> Iterator[tuple[str, Definition]]:
    for name, state in level["States"].items():
        yield name, state
        for level_below in _below(state):
            yield from _states(level_below)


def _without_failure(level: Definition) -> Iterator[str]:
    """The states that can be reached without a Catch."""
    waiting, seen = [level["StartAt"]], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        state = level["States"][name]
        yield name
        for level_below in _below(state):
            yield from _without_failure(level_below)
        followers = [state.get("Next"), state.get("Default"), *(choice["Next"] for choice in state.get("Choices", []))]
        waiting += [follower for follower in followers if follower]


def _below(state: Definition) -> list[Definition]:
    """What a Parallel or a Map state is made of."""
    return [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]


def _integration(resource: str) -> Integration:
    if ".sync" in resource:
        return Integration.JOB
    return Integration.FUNCTION if ":lambda:" in resource else Integration.API


def _action(resource: str) -> str:
    return resource.partition(".sync")[0].rpartition(":")[2]
