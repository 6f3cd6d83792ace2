"""What Step Functions would refuse of a definition, or never come to, beyond the fields that cfn-lint knows.

The rules are the Amazon States Language's and the developer guide's on JSONata and on variables.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonata import Jsonata  # type: ignore[import-untyped]

from tests.template.machine import expressions

Body = Mapping[str, Any]
Level = Mapping[str, Any]
"""The machine itself, or a branch of a Parallel state."""

LARGEST_DEFINITION_BYTES = 1_048_576
"""The Step Functions API's Definition."""
LONGEST_NAME = 80
WITH_A_RESULT = ("Task", "Parallel", "Map")
OF_STATES = {"input", "result", "errorOutput", "context"}
RESERVED = {
    *("States.ALL", "States.BranchFailed", "States.DataLimitExceeded", "States.ExceedToleratedFailureThreshold"),
    *("States.HeartbeatTimeout", "States.Http.Socket", "States.IntrinsicFailure", "States.ItemReaderFailed"),
    *("States.NoChoiceMatched", "States.ParameterPathFailure", "States.Permissions", "States.QueryEvaluationError"),
    *("States.ResultPathMatchFailure", "States.ResultWriterFailed", "States.Runtime", "States.TaskFailed"),
    "States.Timeout",
}
"""Names of errors that begin with `States.`: no others do."""
NEVER_CAUGHT = {"States.DataLimitExceeded", "States.Runtime"}
"""States.ALL leaves these out, and naming them does not help (the guide's "Handling errors")."""


def problems(definition: Level) -> list[str]:
    """All that is wrong with a definition whose query language is JSONata."""
    size = len(json.dumps(definition).encode())
    too_large = [f"the definition has {size:,} bytes"] if size > LARGEST_DEFINITION_BYTES else []
    return [*too_large, *_of_names(definition), *_of_level(definition, frozenset())]


def levels(level: Level) -> Iterator[Level]:
    yield level
    for body in level["States"].values():
        for branch in body.get("Branches", []):
            yield from levels(branch)


def _of_names(definition: Level) -> Iterator[str]:
    """A state's name is its own in the whole machine."""
    names = Counter(name for level in levels(definition) for name in level["States"])
    yield from (f"{name}: {times} states have this name" for name, times in names.items() if times > 1)
    yield from (f"{name}: the name is longer than {LONGEST_NAME}" for name in names if len(name) > LONGEST_NAME)


def _of_level(level: Level, outer: frozenset[str]) -> Iterator[str]:
    """`outer` are the variables that states around the level may have assigned."""
    states: Mapping[str, Body] = level["States"]
    lost = [f"{name}: there is no state {target}" for name, target in _arrows(level) if target not in states]
    if lost:
        yield from lost  # the rest follows the arrows
        return
    yield from _of_the_way(level)
    yield from (f"{name}: {what}" for name, body in states.items() for what in _of_state(body))
    yield from _of_variables(level, outer)


def targets(body: Body) -> Iterator[str]:
    """Where a state may go on."""
    yield from (each["Next"] for field in ("Choices", "Catch") for each in body.get(field, []))
    yield from (body[field] for field in ("Next", "Default") if field in body)


def _arrows(level: Level) -> Iterator[tuple[str, str]]:
    yield "StartAt", level["StartAt"]
    yield from ((name, target) for name, body in level["States"].items() for target in targets(body))


def _of_the_way(level: Level) -> Iterator[str]:
    """Every state is reached, and from every one an end."""
    states: Mapping[str, Body] = level["States"]
    reached = _closure({level["StartAt"]}, {name: set(targets(body)) for name, body in states.items()})
    yield from (f"{name}: no state leads here" for name in states.keys() - reached)
    ends = {name for name, body in states.items() if body.get("End") or body["Type"] in ("Fail", "Succeed")}
    before: dict[str, set[str]] = {name: set() for name in states}
    for name, body in states.items():
        for target in targets(body):
            before[target].add(name)
    yield from (f"{name}: no end is reached from here" for name in states.keys() - _closure(ends, before))


def _closure(start: set[str], arrows: Mapping[str, set[str]]) -> set[str]:
    found, waiting = set(start), list(start)
    while waiting:
        new = arrows[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def _of_state(body: Body) -> Iterator[str]:
    kind = body["Type"]
    if kind not in ("Choice", "Fail", "Succeed") and ("Next" in body) == ("End" in body):
        yield "it has not just one of Next and End"
    if kind == "Choice" and "Default" not in body:
        yield "it has no Default"
    yield from _of_errors([retry["ErrorEquals"] for retry in body.get("Retry", [])])
    yield from _of_errors([catch["ErrorEquals"] for catch in body.get("Catch", [])])
    for field, value in body.items():
        if field not in ("Branches", "Type", "Comment"):
            yield from _of_expressions(kind, field, value)


def _of_errors(named: list[list[str]]) -> Iterator[str]:
    """The first entry that has an error's name is taken, so that what it has again is never come to."""
    seen: set[str] = set()
    for errors in named:
        if not errors:
            yield "ErrorEquals names no error"
        if seen & {"States.ALL", *errors}:
            yield f"{errors} is never come to"
        if "States.ALL" in errors and len(errors) > 1:
            yield f"States.ALL does not stand alone: {errors}"
        yield from (f"{error} is no error of Step Functions" for error in errors if _is_unknown(error))
        yield from (f"{error} can't be caught" for error in errors if error in NEVER_CAUGHT)
        seen |= set(errors)


def _is_unknown(error: str) -> bool:
    return error.startswith("States.") and error not in RESERVED


def _of_expressions(kind: str, field: str, value: Any) -> Iterator[str]:
    yield from (f"{text} does not end with %}}" for text in _texts(value) if text[:2] == "{%" and text[-2:] != "%}")
    for text in expressions(value):
        used = set(re.findall(r"\$states\.(\w+)", text))
        if used - OF_STATES:
            yield f"{text}: $states has no {', '.join(sorted(used - OF_STATES))}"
        if "result" in used and (kind not in WITH_A_RESULT or field not in ("Assign", "Output")):
            yield f"{text}: there is no result in {field}"
        if "errorOutput" in used and field != "Catch":
            yield f"{text}: there is no error in {field}"
        if re.search(r"\$\$|\$(?![\w(])", text):
            yield f"{text}: there is no document outside of variables"
        yield from _of_functions(text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)


STEP_FUNCTIONS_OWN = {"partition", "range", "hash", "random", "uuid", "parse"}
_BUILT_IN = Jsonata("1")
"""Any expression: its environment has JSONata's functions."""


def _of_functions(text: str) -> Iterator[str]:
    called = set(re.findall(r"\$(\w+)\s*\(", text))
    known = {name for name in called if _BUILT_IN.environment.lookup(name) is not None} | STEP_FUNCTIONS_OWN
    yield from (f"{text}: there is no function ${name}" for name in called - known | called & {"eval"})


# --- variables --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Edge:
    """From one state to another, and what is assigned on the way."""

    start: str
    end: str
    assigned: frozenset[str]


def _edges(states: Mapping[str, Body]) -> Iterator[Edge]:
    for name, body in states.items():
        own = frozenset(body.get("Assign", {}))
        yield from (Edge(name, body[field], own) for field in ("Next", "Default") if field in body)
        for each in body.get("Choices", []):
            yield Edge(name, each["Next"], frozenset(each.get("Assign", {})))
        for each in body.get("Catch", []):
            yield Edge(name, each["Next"], frozenset(each.get("Assign", {})))


def _of_variables(level: Level, outer: frozenset[str]) -> Iterator[str]:
    states: Mapping[str, Body] = level["States"]
    edges = list(_edges(states))
    own = frozenset[str]().union(
        *(edge.assigned for edge in edges), *(each.get("Assign", {}) for each in states.values())
    )
    yield from (f"${name} is assigned outside, too" for name in sorted(own & outer))
    yield from (f"${name} is no variable's name" for name in own if not name.isidentifier() or len(name) > LONGEST_NAME)
    sure = dict.fromkeys(states, own) | {level["StartAt"]: frozenset[str]()}
    _follow(edges, sure)
    for name, body in states.items():
        known = sure[name] | outer
        used = {each for field, value in body.items() if field != "Branches" for each in _variables(value)}
        yield from (f"{name}: ${each} may not be assigned yet" for each in sorted(used - known))
        for branch in body.get("Branches", []):
            yield from _of_level(branch, frozenset(known))


def _follow(edges: list[Edge], sure: dict[str, frozenset[str]]) -> None:
    """Leave to each state of `sure` what every way to it has assigned."""
    changed = True
    while changed:
        changed = False
        for edge in edges:
            left = sure[edge.end] & (sure[edge.start] | edge.assigned)
            changed = changed or left != sure[edge.end]
            sure[edge.end] = left


def _variables(value: Any) -> Iterator[str]:
    """Those that expressions read, without functions, and without what an expression binds for itself."""
    for text in expressions(value):
        bound = set(re.findall(r"\$(\w+)\s*:=", text))
        yield from set(re.findall(r"\$([A-Za-z_]\w*)\b(?!\s*\()", text)) - bound - {"states"}
