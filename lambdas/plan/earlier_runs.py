"""What earlier runs left in SageMaker: their tuning jobs, and the models that they registered."""

from dataclasses import dataclass
from typing import Any

import boto3

_CAN_BE_LEARNT_FROM = ("Completed", "Stopped")
"""A parent of a warm start has ended, and not failed."""


@dataclass(frozen=True)
class RegisteredModel:
    """`model_data` is the address of its archive."""

    arn: str
    model_data: str


class SageMakerRuns:
    def __init__(self, client: Any = None) -> None:
        self._sagemaker = client or boto3.client("sagemaker")

    def tuning_job(self, name: str) -> str | None:
        """The tuning job of the run that is called `name`; None if it has none to learn from."""
        pages = self._sagemaker.get_paginator("list_hyper_parameter_tuning_jobs").paginate(NameContains=name)
        found = (
            job["HyperParameterTuningJobName"]
            for page in pages
            for job in page["HyperParameterTuningJobSummaries"]
            if job["HyperParameterTuningJobStatus"] in _CAN_BE_LEARNT_FROM
        )
        return next(found, None)

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
        return RegisteredModel(arn, package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])
