"""Which execution of the state machine is being planned."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Execution:
    """`start_time` is aware."""

    id: str
    start_time: datetime

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Execution":
        """From the fields of Step Functions' context object; its times are ISO 8601 in UTC."""
        return cls(given["id"], datetime.fromisoformat(given["start_time"]))
