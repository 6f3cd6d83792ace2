"""What the user asks for, checked before anything starts."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from predict.errors import Misuse

_SETTINGS = Path(__file__).parent.parent / "cdk.json"
_INSTANCE_TYPE = "ml.m5.xlarge"


@dataclass(frozen=True)
class Options:
    """CSV, OUT, PROJECT and INSTANCE_TYPE."""

    csv: Path
    """The rows to score; a file with a header."""
    out: Path
    """Where they go with their scores; another file."""
    project: str
    instance_type: str
    """Of a batch transform job; not used while there is an endpoint."""

    @classmethod
    def read(cls, arguments: Sequence[str], environment: Mapping[str, str]) -> Self:
        """Raises Misuse."""
        if arguments:
            raise Misuse("There are no arguments. Give the file as a variable: CSV=transactions.csv python -m predict.")
        csv = _csv(environment.get("CSV", ""))
        return cls(
            csv=csv,
            out=_out(environment.get("OUT", ""), csv),
            project=_project(environment.get("PROJECT", "")),
            instance_type=_instance_type(environment.get("INSTANCE_TYPE", "")),
        )


def _csv(text: str) -> Path:
    if not text:
        raise Misuse("CSV is not set. Give a CSV file with a header, such as CSV=transactions.csv.")
    path = _path(text)
    if not path.is_file() or not os.access(path, os.R_OK):
        raise Misuse(f"CSV={text} is not a file that can be read. Give a CSV file with a header.")
    return path


def _out(text: str, csv: Path) -> Path:
    path = _path(text) if text else csv.with_name(f"{csv.name.removesuffix('.csv')}.scored.csv")
    given = f"OUT={path}" if text else f"The result would be {path}, which"
    if path.exists() and path.samefile(csv):
        raise Misuse(f"{given} is the file with the rows itself. Give OUT another name.")
    if path.exists() and not path.is_file():
        raise Misuse(f"{given} is not a file. Give OUT the name of a file.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise Misuse(f"{given} is in a folder that is not there or cannot be written. Give OUT another folder.")
    return path


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # nobody's home
        return Path(text)


def _project(text: str) -> str:
    project = text or _project_of_settings()
    if not re.fullmatch(r"[a-z][a-z0-9]{1,7}", project):
        raise Misuse(
            f"PROJECT={project} is no project's name: 2 to 8 lower-case letters and digits, a letter first. "
            "Give the one that the stack was deployed with, or leave it out for the one in cdk.json."
        )
    return project


def _project_of_settings() -> str:
    try:
        return str(json.loads(_SETTINGS.read_text())["context"]["settings"]["project"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Misuse(f"{_SETTINGS} has no context.settings.project. Give PROJECT, such as PROJECT=fraud.") from error


def _instance_type(text: str) -> str:
    if text and not re.fullmatch(r"ml(\.[a-z0-9-]+){2}", text):
        raise Misuse(f"INSTANCE_TYPE={text} is no instance type of SageMaker's, such as {_INSTANCE_TYPE}.")
    return text or _INSTANCE_TYPE
