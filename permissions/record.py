"""What was recorded while tests ran: what IAM decided, for which role, in which test."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from permissions.statements import Statement, matches


class NoRecord(Exception):
    """There is nothing that was recorded; the message says how to record."""


@dataclass(frozen=True)
class Request:
    """A request of a role's, and what IAM decided."""

    role: str
    """As the templates name it, such as Pipeline/PlanRole."""
    action: str
    resource: str
    allowed: bool
    by: tuple[Statement, ...]
    """The statements of the role's policies that allow or deny it, each by itself, as the templates have them."""
    held: tuple[Statement, ...]
    """The same, in the same order, with the names that the resources have been given."""
    test: str
    """Its node id."""
    may_be_refused: bool
    """The test is about refusals of this action."""


@dataclass(frozen=True)
class Record:
    statements: frozenset[tuple[str, Statement]]
    """Every statement of every role that was deployed: the role, and what it says in the templates."""
    requests: tuple[Request, ...]

    @classmethod
    def read(cls, folder: Path) -> "Record":
        """All files of a folder; raises NoRecord."""
        files = [_File(path) for path in sorted(folder.glob("*.jsonl"))]
        requests = tuple(request for file in files for request in file.requests())
        if not requests:
            raise NoRecord(f"{folder} holds no record of what roles did: `make permissions` makes one.")
        return cls(frozenset(statement for file in files for statement in file.statements), requests)


class _File:
    """Of one process that ran tests, and of the clouds that it started: what happened, in its order."""

    def __init__(self, path: Path) -> None:
        self._lines: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
        self._said = {
            line["statement"]: Statement.of_policy(line["says"]) for line in self._lines if "statement" in line
        }
        self._roles = {line["role"]: line["named"] for line in self._lines if "named" in line}
        self._written = {
            (line["role"], Statement.of_json(held)): Statement.of_json(written)
            for line in self._lines
            if "named" in line
            for held, written in zip(line["held"], line["written"], strict=True)
        }

    @property
    def statements(self) -> set[tuple[str, Statement]]:
        return {(self._roles[role], written) for (role, _), written in self._written.items()}

    def requests(self) -> Iterator[Request]:
        test: dict[str, Any] = {"test": "", "refuses": []}
        for line in self._lines:
            if "test" in line:
                test = line
            elif line.get("role") in self._roles and "allowed" in line:
                yield self._request(line, test)

    def _request(self, line: dict[str, Any], test: dict[str, Any]) -> Request:
        held = [self._said[digest] for digest in line["statements"]]
        known = [each for each in held if (line["role"], each) in self._written]
        return Request(
            self._roles[line["role"]],
            line["action"],
            line["resource"],
            line["allowed"],
            tuple(self._written[line["role"], each] for each in known),
            tuple(known),
            test["test"],
            any(matches(line["action"], pattern) for pattern in test["refuses"]),
        )
