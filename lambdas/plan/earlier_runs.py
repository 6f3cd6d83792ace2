"""What earlier runs left in SageMaker: their tuning jobs, and the models that they registered."""

from dataclasses import dataclass
from typing import Any

import boto3

_CAN_BE_LEARNT_FROM = ("Completed", "Stopped")
"""A parent of a warm start has ended, and not failed."""


@dataclass(frozen=True)
class TuningJob:
    """`hyperparameters` are the names of all, tuned or static, but those that SageMaker itself has added."""

    name: str
    objective: str
    hyperparameters: frozenset[str]


@dataclass(frozen=True)
class RegisteredModel:
    """`model_data` is the address of its archive, `training_rows` of what it was trained on; None if not known."""

    arn: str
    model_data: str | None
    training_rows: str | None


class SageMakerRuns:
    def __init__(self, client: Any = None) -> None:
        self._sagemaker = client or boto3.client("sagemaker")

    def tuning_job(self, run: str) -> TuningJob | None:
        """The tuning job of the run that is called `run`; None if it has none to learn from."""
        pages = self._sagemaker.get_paginator("list_hyper_parameter_tuning_jobs").paginate(NameContains=run)
        found = (
            job["HyperParameterTuningJobName"]
            for page in pages
            for job in page["HyperParameterTuningJobSummaries"]
            if job["HyperParameterTuningJobStatus"] in _CAN_BE_LEARNT_FROM
        )
        name = next(found, None)
        return None if name is None else self._look_at(name)

    def _look_at(self, name: str) -> TuningJob:
        described = self._sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        config = described["HyperParameterTuningJobConfig"]
        tuned = {each["Name"] for ranges in config["ParameterRanges"].values() for each in ranges}
        static = described["TrainingJobDefinition"]["StaticHyperParameters"].keys()
        return TuningJob(
            name=name,
            objective=config["HyperParameterTuningJobObjective"]["MetricName"],
            hyperparameters=frozenset(each for each in tuned | static if not each.startswith("_")),
        )

    def registered_model(self, group: str) -> RegisteredModel | None:
        """The newest approved version of the group; None if it has none."""
        newest = self._sagemaker.list_model_packages(
            ModelPackageGroupName=group,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=1,
        )["ModelPackageSummaryList"]
        if not newest:
            return None
        arn = newest[0]["ModelPackageArn"]
        package = self._sagemaker.describe_model_package(ModelPackageName=arn)
        (container, *_) = package.get("InferenceSpecification", {}).get("Containers") or [{}]
        training_rows = package.get("CustomerMetadataProperties", {}).get("training_rows")
        return RegisteredModel(arn, container.get("ModelDataUrl"), training_rows)
