"""An execution of the state machine, followed state by state."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

_POLL_SECONDS = 0.5


@dataclass
class StateVisit:
    """How long the execution has been in a state; entering it again adds to the time."""

    name: str
    entered: datetime
    seconds: float = 0.0
    visits: int = 1
    open: bool = True


@dataclass(frozen=True)
class Outcome:
    """How an execution ended."""

    status: str
    output: Any
    error: str
    cause: str

    @property
    def succeeded(self) -> bool:
        return self.status == "SUCCEEDED"


class Visits:
    """The states that an execution went through, in the order of their first entry."""

    def __init__(self) -> None:
        self.by_name: dict[str, StateVisit] = {}

    def read(self, events: list[dict[str, Any]]) -> None:
        """Take in new events of the execution's history."""
        for event in events:
            if "stateEnteredEventDetails" in event and event["type"] != "ParallelStateEntered":
                self._enter(event["stateEnteredEventDetails"]["name"], event["timestamp"])
            elif "stateExitedEventDetails" in event and event["stateExitedEventDetails"]["name"] in self.by_name:
                self._leave(event["stateExitedEventDetails"]["name"], event["timestamp"])

    def _enter(self, name: str, at: datetime) -> None:
        visit = self.by_name.get(name)
        if visit is None:
            self.by_name[name] = StateVisit(name, at)
        else:
            visit.entered, visit.open, visit.visits = at, True, visit.visits + 1

    def _leave(self, name: str, at: datetime) -> None:
        visit = self.by_name[name]
        visit.seconds += (at - visit.entered).total_seconds()
        visit.open = False


def follow(step_functions: Any, execution_arn: str, console: Console) -> Outcome:
    """Show the execution until it ends: live on a terminal, else a line when a state is done."""
    visits, printed = Visits(), set[str]()
    with Live(console=console, refresh_per_second=8, transient=False) as live:
        for execution in _watch(step_functions, execution_arn, visits):
            ended = execution["status"] != "RUNNING"
            if console.is_terminal:
                live.update(_table(visits, ended=ended))
            else:
                _print_done(visits, printed, console, ended=ended)
    return Outcome(
        execution["status"],
        json.loads(execution.get("output") or "null"),
        execution.get("error") or "",
        execution.get("cause") or "",
    )


def _watch(step_functions: Any, execution_arn: str, visits: Visits) -> Iterator[dict[str, Any]]:
    seen = 0
    while True:
        execution = step_functions.describe_execution(executionArn=execution_arn)
        pages = step_functions.get_paginator("get_execution_history").paginate(executionArn=execution_arn)
        events = [event for page in pages for event in page["events"]]
        visits.read(events[seen:])
        seen = len(events)
        yield execution
        if execution["status"] != "RUNNING":
            return
        time.sleep(_POLL_SECONDS)


def _table(visits: Visits, *, ended: bool) -> Table:
    table = Table.grid(padding=(0, 2))
    for visit in visits.by_name.values():
        seconds = visit.seconds
        if visit.open and not ended:
            seconds += max(0.0, time.time() - visit.entered.timestamp())
        times = f"× {visit.visits}" if visit.visits > 1 else ""
        table.add_row(_mark(visit, ended=ended), visit.name, Text(f"{seconds:6.1f} s", style="dim"), times)
    return table


def _mark(visit: StateVisit, *, ended: bool) -> Spinner | Text:
    if not visit.open:
        return Text("✓", style="green")
    return Text("✗", style="red") if ended else Spinner("dots", style="cyan")


def _print_done(visits: Visits, printed: set[str], console: Console, *, ended: bool) -> None:
    """A line for each state when it has been left for the first time; at the end, for those that never were."""
    for visit in visits.by_name.values():
        if visit.name not in printed and (ended or not visit.open):
            printed.add(visit.name)
            mark = "✗" if visit.open else "✓"
            console.print(f"{mark} {visit.name:<36} {visit.seconds:6.1f} s", highlight=False)
