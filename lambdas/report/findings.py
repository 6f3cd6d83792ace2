"""All that a report is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.report.costs import Costs
from lambdas.report.jobs import TrainingJob, Tuning
from lambdas.report.request import Request
from lambdas.report.steps import Timeline


@dataclass(frozen=True)
class Findings:
    """`evaluation`, `choice` and `data` are the run's evaluation.json, choice.json and data_report.json."""

    request: Request
    evaluation: Mapping[str, Any]
    choice: Mapping[str, Any]
    data: Mapping[str, Any]
    trained: TrainingJob
    tuning: Tuning | None
    timeline: Timeline
    costs: Costs
