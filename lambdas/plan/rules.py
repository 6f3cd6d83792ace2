"""What a field of the execution input may hold, and reading a section of it by those rules."""

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from lambdas.plan.errors import Problem, cut

Section = TypeVar("Section")
RULE = "rule"
MOST_UNKNOWN = 20
"""Fields for each of which the nearest known one is looked for."""


@dataclass(frozen=True)
class Rule:
    """`allowed` is the rule in words, for the error."""

    allowed: str
    accepts: Callable[[Any], bool]


def one_of(*values: str) -> Rule:
    return Rule(" or ".join(f'"{value}"' for value in values), lambda given: given in values)


def whole_number(lowest: int, highest: int, why: str = "") -> Rule:
    allowed = f"a whole number from {lowest:,} to {highest:,}" + (f" ({why})" if why else "")
    return Rule(allowed, lambda given: is_whole(given) and lowest <= given <= highest)


def number(lowest: float, highest: float) -> Rule:
    allowed = f"a number from {lowest:g} to {highest:g}"
    return Rule(allowed, lambda given: is_number(given) and lowest <= given <= highest)


def text_like(pattern: str, allowed: str) -> Rule:
    return Rule(allowed, lambda given: isinstance(given, str) and re.fullmatch(pattern, given) is not None)


TRUE_OR_FALSE = Rule("true or false", lambda given: isinstance(given, bool))
OBJECT = Rule("an object", lambda given: isinstance(given, dict))


def is_whole(given: object) -> bool:
    """JSON's true is no number, though Python's True is an int."""
    return isinstance(given, int) and not isinstance(given, bool)


def is_number(given: object) -> bool:
    return is_whole(given) or isinstance(given, float)


def is_finite(given: object) -> bool:
    """JSON has no infinity, but 1e400 is read as one; and a whole number may have more digits than a float can."""
    try:
        return is_number(given) and math.isfinite(float(given))  # type: ignore[arg-type]  # it is a number
    except OverflowError:
        return False


def checked(rule: Rule, default: Any = None) -> Any:
    """A field of a section: its rule, and the value that it has when it is left out."""
    return field(default=default, metadata={RULE: rule})


def read_section(kind: type[Section], given: object, path: str, problems: list[Problem]) -> Section:
    """The section as its dataclass. What breaks a rule is noted in `problems`, and its default taken to go on with."""
    if not isinstance(given, dict):
        problems.append(Problem.of(path, given, OBJECT.allowed))
        return kind()
    rules = {item.name: item.metadata[RULE] for item in fields(kind)}  # type: ignore[arg-type]
    found = unknown_fields(given, rules, path) + broken_rules(given, rules, path)
    problems += found
    broken = {problem.path for problem in found}
    return kind(**{name: given[name] for name in rules if name in given and f"{path}.{name}" not in broken})


def broken_rules(given: Mapping[str, object], rules: Mapping[str, Rule], path: str) -> list[Problem]:
    return [
        Problem.of(f"{path}.{name}", given[name], rule.allowed)
        for name, rule in rules.items()
        if name in given and not rule.accepts(given[name])
    ]


def unknown_fields(given: Iterable[str], known: Iterable[str], path: str) -> list[Problem]:
    names, known = [cut(name) for name in given if name not in known], list(known)
    if len(names) > MOST_UNKNOWN:
        return [Problem(path, f"{len(names):,} of its fields are not known; known are {', '.join(known)}")]
    return [Problem(f"{path}.{name}", f"there is no such field; {_nearest(name, known)}") for name in names]


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0)
    return f'the nearest is "{close[0]}", and known are {", ".join(known)}'
