"""A request held against AWS's own service model (botocore's), the way the service's front door does it."""

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from localcloud.sagemaker.errors import ValidationError

_PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, datetime),  # over the wire, seconds since 1970
}
_NUMBERS = ("integer", "long", "float", "double")
_BITS = {"integer": 32, "long": 64}
_LAST_SECOND = datetime.max.replace(tzinfo=UTC).timestamp()


def validate(request: Any, shape: Shape | None) -> None:
    """Raise ValidationError with everything in `request` that the model does not allow."""
    if shape is None:
        return
    problems = list(_problems(request, shape, ""))
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        raise ValidationError(f"{len(problems)} validation {noun} detected: " + "; ".join(problems))


def _problems(value: Any, shape: Shape, path: str) -> Iterator[str]:
    expected = _PYTHON_TYPES.get(shape.type_name)
    wrong_number = isinstance(value, bool) and shape.type_name in (*_NUMBERS, "timestamp")
    if expected is not None and (not isinstance(value, expected) or wrong_number):
        yield _broken(value, path, f"Member must be of type {shape.type_name}")
    elif isinstance(shape, StructureShape):
        yield from _structure_problems(value, shape, path)
    elif isinstance(shape, MapShape):
        yield from _size_problems(value, len(value), shape, path)
        for key, item in value.items():
            yield from _problems(key, shape.key, f"{path}.key")
            yield from _problems(item, shape.value, f"{path}.{key}")
    elif isinstance(shape, ListShape):
        yield from _size_problems(value, len(value), shape, path)
        for index, item in enumerate(value):
            yield from _problems(item, shape.member, f"{path}.{index + 1}.member")
    else:
        yield from _scalar_problems(value, shape, path)


def _structure_problems(value: dict[str, Any], shape: StructureShape, path: str) -> Iterator[str]:
    given = [name for name, item in value.items() if item is not None]
    if shape.is_tagged_union and len(given) != 1:
        allowed = ", ".join(sorted(shape.members))
        yield _broken(value, path, f"Exactly one member must be set; allowed are {allowed}")
    for name in shape.required_members:
        if value.get(name) is None:
            yield _broken(None, _below(path, name), "Member must not be null")
    for name, item in value.items():
        if name not in shape.members:
            yield f"Unknown parameter '{_below(path, name)}'; allowed are {', '.join(sorted(shape.members))}"
        elif item is not None:
            yield from _problems(item, shape.members[name], _below(path, name))


def _scalar_problems(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(shape, StringShape):
        yield from _size_problems(value, len(value), shape, path)
        pattern = shape.metadata.get("pattern")
        if shape.enum and value not in shape.enum:
            yield _broken(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        if pattern and not re.fullmatch(_python_pattern(pattern), value):
            yield _broken(value, path, f"Member must satisfy regular expression pattern: {pattern}")
    elif shape.type_name in _NUMBERS:
        yield from _number_problems(value, shape, path)
    elif shape.type_name == "timestamp" and not isinstance(value, datetime) and not 0 <= value < _LAST_SECOND:
        yield _broken(value, path, "Member must be a time in seconds since 1970")


def _number_problems(value: float, shape: Shape, path: str) -> Iterator[str]:
    """Without bounds of its own a whole number has those of its type."""
    bits = _BITS.get(shape.type_name)
    low = shape.metadata.get("min", None if bits is None else -(2 ** (bits - 1)))
    high = shape.metadata.get("max", None if bits is None else 2 ** (bits - 1) - 1)
    if isinstance(value, float) and not math.isfinite(value):
        yield _broken(value, path, "Member must be a finite number")
    if low is not None and value < low:
        yield _broken(value, path, f"Member must have value greater than or equal to {low}")
    if high is not None and value > high:
        yield _broken(value, path, f"Member must have value less than or equal to {high}")


def _size_problems(value: Any, size: int, shape: Shape, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield _broken(value, path, f"Member must have length greater than or equal to {low}")
    if high is not None and size > high:
        yield _broken(value, path, f"Member must have length less than or equal to {high}")


def _broken(value: Any, path: str, constraint: str) -> str:
    given = "null" if value is None else f"'{value}'"
    where = path[:1].lower() + path[1:]
    return f"Value {given} at '{where}' failed to satisfy constraint: {constraint}"


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


_IN_PYTHON = {
    r"\p{L}": r"\w",
    r"\p{M}": r"\w",
    r"\p{Z}": r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    r"\p{N}": r"\d",
    r"\p{P}": r"!-/:-@\[-`{-~",
    r"\p{S}": r"$+<=>^`|~",
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{Print}": r"\x20-\x7e",
    r"\p{ASCII}": r"[\x00-\x7f]",
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010ffff",
    r"\z": r"\Z",
}
"""What Java's patterns have and Python's `re` spells otherwise."""


def _python_pattern(pattern: str) -> str:
    """The pattern for Python; an end that may be repeated, which Java lets pass, is an end."""
    pattern = re.sub(r"\$\{\d+,\d+\}", "$", pattern)
    for java, python in _IN_PYTHON.items():
        pattern = pattern.replace(java, python)
    return pattern
