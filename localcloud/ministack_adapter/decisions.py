"""What IAM decides about the requests of roles, kept for who wants to see what a role really needs."""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator

from localcloud.ministack_adapter.internals import Used, replace

USED: Used = ((iam_evaluator, ("enforce", "evaluate", "EvalContext", "ParsedStatement")),)


def record_decisions(path: Path) -> None:
    """Append a line of JSON for each request of a role: `role`, `action`, `resource`, whether it was `allowed`, and
    the `statements` of the role's policies that apply to it. A statement has a digest for its name; what it says
    stands in a line before: `statement`, `says`.
    """
    record = _Record(path)
    evaluate: Callable[..., Any] = iam_evaluator.evaluate
    enforce: Callable[..., Any] = iam_evaluator.enforce
    asked = _Asked()

    def evaluate_and_keep(context: Any, policies: Any, *limits: Any) -> Any:
        if asked.context is None:  # the role's own policies come first, that of the resource after them
            asked.context, asked.policies = context, policies
        return evaluate(context, policies, *limits)

    def enforce_and_record(*given: Any, **named: Any) -> Any:
        asked.context = None
        denied = enforce(*given, **named)
        if asked.context is not None and asked.context.principal_type == "AssumedRole":
            applying = _applying(evaluate, asked.context, asked.policies)
            record.decision(asked.context, applying, allowed=denied is None)
        return denied

    replace(iam_evaluator, "evaluate", evaluate_and_keep)
    replace(iam_evaluator, "enforce", enforce_and_record)


class _Asked(threading.local):
    """What is being decided, thread by thread."""

    context: Any = None
    policies: Any = None


def _applying(evaluate: Callable[..., Any], context: Any, policies: Any) -> Iterator[dict[str, Any]]:
    """Each statement that, alone, allows or denies the request."""
    for statement in (each for policy in policies for each in policy):
        if evaluate(context, [[statement]]).decision != "ImplicitDeny":
            yield {key: value for key, value in asdict(statement).items() if value and key != "sid"}


class _Record:
    """The file, to which several threads write."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._said: set[str] = set()

    def decision(self, context: Any, applying: Iterator[dict[str, Any]], *, allowed: bool) -> None:
        statements = [self._digest(statement) for statement in applying]
        self._write(
            role=context.principal_arn.split("/")[1],
            action=context.action,
            resource=context.resource_arn,
            allowed=allowed,
            statements=statements,
        )

    def _digest(self, says: dict[str, Any]) -> str:
        digest = hashlib.sha256(json.dumps(says, sort_keys=True).encode()).hexdigest()[:16]
        if digest not in self._said:
            self._said.add(digest)
            self._write(statement=digest, says=says)
        return digest

    def _write(self, **line: Any) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")
