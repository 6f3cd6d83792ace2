"""Training and tuning jobs, as boto3 finds them in SageMaker."""

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from lambdas.report.jobs import TrainingJob, TunedJob, Tuning

PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 8})
"""A tuning job may have hundreds of training jobs, each of which is asked after."""


class SageMakerJobs:
    def __init__(self, client: Any = None) -> None:
        self._sagemaker = client or boto3.client("sagemaker", config=PATIENT)

    def training_job(self, name: str) -> TrainingJob:
        described = self._sagemaker.describe_training_job(TrainingJobName=name)
        return TrainingJob(
            name=name,
            status=described["TrainingJobStatus"],
            metrics={
                metric["MetricName"]: float(metric["Value"]) for metric in described.get("FinalMetricDataList", [])
            },
            seconds=described.get("TrainingTimeInSeconds"),
            billable_seconds=described.get("BillableTimeInSeconds"),
            instances=described["ResourceConfig"].get("InstanceCount", 1),
        )

    def tuning(self, name: str) -> Tuning:
        described = self._sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        config = described["HyperParameterTuningJobConfig"]
        objective = config["HyperParameterTuningJobObjective"]
        return Tuning(
            name=name,
            strategy=config["Strategy"],
            objective=objective["MetricName"],
            objective_type=objective["Type"],
            jobs=tuple(self._tuned_job(summary) for summary in self._summaries(name)),
        )

    def _summaries(self, tuning_job: str) -> list[dict[str, Any]]:
        """By start; a job that never started counts from its creation."""
        paginator = self._sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
        pages = paginator.paginate(HyperParameterTuningJobName=tuning_job)
        summaries = [summary for page in pages for summary in page["TrainingJobSummaries"]]
        return sorted(
            summaries,
            key=lambda summary: (
                summary.get("TrainingStartTime", summary["CreationTime"]),
                summary["TrainingJobName"],
            ),
        )

    def _tuned_job(self, summary: Mapping[str, Any]) -> TunedJob:
        final = summary.get("FinalHyperParameterTuningJobObjectiveMetric")
        return TunedJob(
            job=self.training_job(summary["TrainingJobName"]),
            value=None if final is None else float(final["Value"]),
            hyperparameters=summary["TunedHyperParameters"],
        )
