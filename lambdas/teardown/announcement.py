"""The parameter that tells clients which endpoint serves."""

from collections.abc import Collection
from typing import Any

_NONE = "none"
"""What it says while no endpoint serves, as the stack makes it: a parameter can't be empty."""


def withdraw(ssm: Any, parameter: str, removed: Collection[str]) -> None:
    """Send clients to none of the removed endpoints any more; another one that is announced stays so."""
    if ssm.get_parameter(Name=parameter)["Parameter"]["Value"] in removed:
        ssm.put_parameter(Name=parameter, Value=_NONE, Overwrite=True)
