"""The errors of this function; their class names are what the state machine shows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_SHOWN = 80


class MisconfiguredFunction(Exception):
    """The function's own environment is incomplete: the stack's fault, not the user's."""


class UnreadableObject(Exception):
    """An object of S3 is not there, or may not be read."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the execution input: where it stands, and what was given and is allowed there."""

    path: str
    what: str

    @classmethod
    def of(cls, path: str, given: object, allowed: str) -> "Problem":
        text = json.dumps(given, ensure_ascii=False)
        shown = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
        return cls(path, f"given is {shown}; allowed is {allowed}")

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


class InvalidInput(Exception):
    """The execution input is wrong: the user's to correct. Holds all the problems, not just the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        listed = " ".join(f"({number}) {problem}." for number, problem in enumerate(problems, start=1))
        super().__init__(
            f"The execution input has {count}, and nothing was started. {listed} "
            "Correct the input and start again; a field that is left out gets its default."
        )
