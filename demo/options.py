"""What the user asks of the demo, checked before anything starts."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

LESSON = "lesson"


class OptionsError(ValueError):
    """An option that cannot be used: what was given, and what is allowed."""


@dataclass(frozen=True)
class Options:
    """DATA, INPUT and KEEP."""

    data: Path | str | None
    """A CSV file or a zip with one; "lesson" for the lesson's public file; None for a made-up sample."""
    input: Mapping[str, Any]
    """The execution's input; `data.source` is filled in."""
    keep: bool
    """Leave the cloud up, with the stack in it."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Raises OptionsError."""
        return cls(_data(environment.get("DATA", "")), _input(environment.get("INPUT", "")), _keep(environment))


def _data(text: str) -> Path | str | None:
    if text in ("", LESSON):
        return text or None
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # nobody's home
        path = Path(text)
    if not os.access(path, os.R_OK) or not path.is_file():
        raise OptionsError(
            f"DATA={text} is not a file that can be read. Give a CSV file, a zip with one CSV file in it, "
            f"or DATA={LESSON} for the lesson's public data."
        )
    return path


def _input(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise OptionsError(
            f'INPUT={text} is not JSON ({error}). Try INPUT=\'{{"tuning": {{"max_jobs": 3}}}}\'.'
        ) from error
    if not isinstance(value, dict):
        raise OptionsError(f"INPUT={text} is not a JSON object, such as {{}}.")
    return value


def _keep(environment: Mapping[str, str]) -> bool:
    text = environment.get("KEEP", "")
    if text not in ("", "0", "1"):
        raise OptionsError(f"KEEP={text} is not known; KEEP=1 leaves the cloud up.")
    return text == "1"
