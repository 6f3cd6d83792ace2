"""The parameter that tells clients which endpoint serves."""

from collections.abc import Collection, Set
from typing import Any

from lambdas.teardown.rules import Endpoint

NONE = "none"
"""What it says while no endpoint serves, as the stack makes it: a parameter can't be empty."""


def to_announce(announced: str, project: Collection[Endpoint], others: Set[str]) -> str:
    """What the parameter is to say, given what it says, the project's endpoints, and the names of all others.

    One that is there stays announced, whatever its state: its run may be at work with it. When it is gone, clients are
    sent to the endpoint that passed last, of the project's that serve.
    """
    if announced in {each.name for each in project} | others:
        return announced
    passed = [(each.passed_at, each.name) for each in project if each.serves and each.passed_at is not None]
    return max(passed)[1] if passed else NONE


def read(ssm: Any, parameter: str) -> str:
    return str(ssm.get_parameter(Name=parameter)["Parameter"]["Value"])


def write(ssm: Any, parameter: str, endpoint: str) -> None:
    ssm.put_parameter(Name=parameter, Value=endpoint, Overwrite=True)


def withdraw(ssm: Any, parameter: str, removed: str) -> None:
    """Send clients to the removed endpoint no more; another one that is announced stays so."""
    if read(ssm, parameter) == removed:
        write(ssm, parameter, NONE)
