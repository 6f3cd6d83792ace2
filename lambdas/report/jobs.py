"""The run's training jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TrainingJob:
    """Times are seconds of the clock, None for a job that never ran; each of the `instances` bills that long."""

    name: str
    status: str
    metrics: Mapping[str, float]
    seconds: int | None
    billable_seconds: int | None
    instances: int

    @property
    def billed_seconds(self) -> int:
        """`billable_seconds` of all instances together, as SageMaker bills them."""
        return (self.billable_seconds or 0) * self.instances


@dataclass(frozen=True)
class TunedJob:
    """A training job of a tuning job: the values it was tried with, and what it reached, None if nothing."""

    job: TrainingJob
    value: float | None
    hyperparameters: Mapping[str, str]


@dataclass(frozen=True)
class Tuning:
    """`objective_type` is Maximize or Minimize; `jobs` come in the order of their start."""

    name: str
    strategy: str
    objective: str
    objective_type: str
    jobs: tuple[TunedJob, ...]

    def best_so_far(self) -> list[float | None]:
        """The best value up to each job, None as long as there is none."""
        better = min if self.objective_type == "Minimize" else max
        best: list[float | None] = []
        for tuned in self.jobs:
            known = [value for value in (*best[-1:], tuned.value) if value is not None]
            best.append(better(known, default=None))
        return best

    def as_json(self) -> dict[str, Any]:
        return {
            "tuning_job": self.name,
            "strategy": self.strategy,
            "objective": {"name": self.objective, "type": self.objective_type},
            "jobs": [
                {
                    "job_name": tuned.job.name,
                    "status": tuned.job.status,
                    "value": tuned.value,
                    "metrics": dict(tuned.job.metrics),
                    "hyperparameters": dict(tuned.hyperparameters),
                    "seconds": tuned.job.seconds,
                    "billable_seconds": tuned.job.billable_seconds,
                }
                for tuned in self.jobs
            ],
        }
