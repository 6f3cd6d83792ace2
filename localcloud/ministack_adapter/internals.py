"""How the parts of this package watch and replace what ministack has inside."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

State = dict[str, Any]
HttpResponse = tuple[int, dict[str, str], bytes]
HttpHandler = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], HttpResponse]

Used = tuple[tuple[ModuleType | type, tuple[str, ...]], ...]
"""What a part touches, by module: each part has its own in `USED`."""


class MinistackChanged(Exception):
    """The installed ministack is not the one that this package was written against."""


def replace(module: ModuleType | type, name: str, value: Any) -> None:
    """Put something else in the place of what ministack has there; `check` has seen that it is there."""
    setattr(module, name, value)
