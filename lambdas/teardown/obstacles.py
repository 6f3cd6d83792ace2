"""What stands in the way of the purge, and attempts to remove it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


_PASSING = frozenset(
    {"DependencyViolation", "FileSystemInUse", "ResourceInUse", "ConflictException"}
    | {"ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"}
)
"""What AWS says as long as something is on its way out that uses a thing, such as a network interface, or is busy."""


@dataclass(frozen=True)
class Obstacle:
    """Something that is still there."""

    what: str
    why: str
    refused: bool = False
    """AWS refuses to let it go; else it is on its way, or what holds it is."""

    def __str__(self) -> str:
        return f"{self.what} ({self.why})"


Step = Callable[[], list[Obstacle]]
"""Asks for the removal of what it finds; what is still there after that, nothing when it is done.

It can be taken again and again: it looks at what is there, and goes on from that.
"""


def attempt(doing: str, what: str, act: Callable[[], object], is_gone: Callable[[ClientError], bool]) -> list[Obstacle]:
    """Do something to one thing that is there; a refusal is an obstacle, so that the others get their turn."""
    try:
        act()
    except ClientError as error:
        if is_gone(error):
            return []
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        return [Obstacle(what, f"{code}: {message}", refused=code not in _PASSING)]
    except BotoCoreError as error:
        return [Obstacle(what, str(error), refused=True)]
    logger.info("%s %s", doing, what)
    return [Obstacle(what, doing)]


def together(*steps: Step) -> Step:
    """The steps side by side: each goes on, whatever stands in another's way."""

    def take() -> list[Obstacle]:
        return [obstacle for step in steps for obstacle in step()]

    return take


def in_turn(*steps: Step) -> Step:
    """The steps one after the other, each when the one before it is done."""

    def take() -> list[Obstacle]:
        for step in steps:
            obstacles = step()
            if obstacles:
                return obstacles
        return []

    return take
