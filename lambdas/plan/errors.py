"""The errors of this function; their class names are what the state machine shows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_SHOWN = 80
LONGEST_PROBLEM, MOST_TOLD = 1000, 20
"""Characters and problems: of an execution's cause, Step Functions keeps 32,768 characters."""


class MisconfiguredFunction(Exception):
    """The function's own environment is incomplete: the stack's fault, not the user's."""


class UnreadableObject(Exception):
    """An object of S3 is not there, or may not be read."""


class UnwritableFile(Exception):
    """What the run needs can't be left in the bucket: the stack's fault, or AWS's."""


def cut(text: str) -> str:
    """As much of a text that somebody else has written as a message has room for."""
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the execution input: where it stands, and what was given and is allowed there."""

    path: str
    what: str

    @classmethod
    def of(cls, path: str, given: object, allowed: str) -> "Problem":
        return cls(path, f"given is {cut(json.dumps(given, ensure_ascii=False))}; allowed is {allowed}")

    def __str__(self) -> str:
        """What is allowed stands at the end: of what is too long, the middle is left out."""
        half = LONGEST_PROBLEM // 2
        what = self.what if len(self.what) <= LONGEST_PROBLEM else f"{self.what[:half]}…{self.what[-half:]}"
        return f"{self.path}: {what}"


class InvalidInput(Exception):
    """The execution input is wrong: the user's to correct. Holds all the problems, not just the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        listed = " ".join(f"({number}) {problem}." for number, problem in enumerate(problems[:MOST_TOLD], start=1))
        more = f" And {len(problems) - MOST_TOLD:,} more." if len(problems) > MOST_TOLD else ""
        message = (
            f"The execution input has {count}, and nothing was started. {listed}{more} "
            "Correct the input and start again; a field that is left out gets its default."
        )
        # JSON may have halves of surrogate pairs, which no answer of a function may have.
        super().__init__(message.encode(errors="backslashreplace").decode())
