"""What the function is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """`prefix` ends with a slash, or is empty; `tuning_job` is None where nothing was tuned.

    `training_usd_per_hour` is the price of one training instance, None where it is not known; `hosting` says in words
    what serves the endpoint.
    """

    run_id: str
    name: str
    bucket: str
    prefix: str
    execution_arn: str
    tuning_job: str | None
    choose_job: str
    training_usd_per_hour: float | None
    hosting: str

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> "Request":
        """The state machine names no tuning job by an empty text."""
        return cls(
            run_id=event["run_id"],
            name=event["name"],
            bucket=event["bucket"],
            prefix=event["prefix"],
            execution_arn=event["execution_arn"],
            tuning_job=event["tuning_job"] or None,
            choose_job=event["choose_job"],
            training_usd_per_hour=event["training_usd_per_hour"],
            hosting=event["hosting"],
        )
