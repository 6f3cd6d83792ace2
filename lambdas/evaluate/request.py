"""What the function is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.evaluate.gate import Minimum
from lambdas.evaluate.money import Costs


@dataclass(frozen=True)
class Request:
    """`prefix` ends with a slash, or is empty; `choose_job` is the job that chose the model and its threshold."""

    run_id: str
    bucket: str
    prefix: str
    endpoint_name: str
    choose_job: str
    objective: Mapping[str, Minimum]
    costs: Costs | None

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> "Request":
        return cls(
            run_id=event["run_id"],
            bucket=event["bucket"],
            prefix=event["prefix"],
            endpoint_name=event["endpoint_name"],
            choose_job=event["choose_job"],
            objective={metric: Minimum(**asked) for metric, asked in event["objective"].items()},
            costs=None if event["costs"] is None else Costs(**event["costs"]),
        )
