"""How long the run has been in each of its states."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Event = Mapping[str, Any]

_TAKE_TIME = ("TaskStateEntered", "WaitStateEntered")
"""Choices and passes take none, and a parallel state only what the states within it take."""


@dataclass(frozen=True)
class Step:
    """A state that was left `visits` times, after `seconds` in all."""

    name: str
    seconds: float
    visits: int


@dataclass(frozen=True)
class Timeline:
    """The states in the order of their first entry, and the seconds from the first event to the last.

    A state that has not been left is not among the steps: the one that writes the report is always such.
    """

    steps: tuple[Step, ...]
    seconds: float

    @classmethod
    def of(cls, events: Iterable[Event]) -> "Timeline":
        """`events` are those of Step Functions' GetExecutionHistory, first to last."""
        entered: dict[str, datetime] = {}
        stays: dict[str, list[float]] = {}
        times: list[datetime] = []
        for event in events:
            at: datetime = event["timestamp"]
            times.append(at)
            if event["type"] in _TAKE_TIME:
                name = event["stateEnteredEventDetails"]["name"]
                entered[name] = at
                stays.setdefault(name, [])
            elif event.get("stateExitedEventDetails", {}).get("name") in entered:
                name = event["stateExitedEventDetails"]["name"]
                stays[name].append((at - entered.pop(name)).total_seconds())
        steps = tuple(Step(name, sum(seconds), len(seconds)) for name, seconds in stays.items() if seconds)
        return cls(steps, (times[-1] - times[0]).total_seconds() if times else 0.0)
