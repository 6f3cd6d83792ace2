"""What a run, or a person, makes in SageMaker: which of it is the project's, and how it is ended and removed."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from lambdas.teardown.rules import PROJECT_TAG

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


_PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 10})
"""Throttling passes: each call is tried again, ever more slowly, for half a minute or so."""


def client(service: str) -> Any:
    return boto3.client(service, config=_PATIENT)


@dataclass(frozen=True)
class Kind:
    """How the SageMaker API spells a kind of resource."""

    noun: str
    paginator: str
    member: str
    delete: str = ""
    """Empty for what can't be deleted."""
    stop: str = ""
    """The action that ends a job; empty for what is no job."""

    @property
    def name_member(self) -> str:
        return f"{self.noun}Name"

    @property
    def arn_member(self) -> str:
        return f"{self.noun}Arn"


ENDPOINT = Kind("Endpoint", "list_endpoints", "Endpoints", "delete_endpoint")
ENDPOINT_CONFIG = Kind("EndpointConfig", "list_endpoint_configs", "EndpointConfigs", "delete_endpoint_config")
MODEL = Kind("Model", "list_models", "Models", "delete_model")
MODEL_PACKAGE_GROUP = Kind(
    "ModelPackageGroup", "list_model_package_groups", "ModelPackageGroupSummaryList", "delete_model_package_group"
)
MODEL_PACKAGE = Kind("ModelPackage", "list_model_packages", "ModelPackageSummaryList", "delete_model_package")

TUNING_JOB = Kind(
    "HyperParameterTuningJob",
    "list_hyper_parameter_tuning_jobs",
    "HyperParameterTuningJobSummaries",
    "delete_hyper_parameter_tuning_job",
    "stop_hyper_parameter_tuning_job",
)
TRAINING_JOB = Kind(
    "TrainingJob", "list_training_jobs", "TrainingJobSummaries", "delete_training_job", "stop_training_job"
)

TRANSFORM_JOB = Kind("TransformJob", "list_transform_jobs", "TransformJobSummaries", stop="stop_transform_job")
"""AWS keeps the ended ones as history, and has no action to delete them."""
PROCESSING_JOB = Kind(
    "ProcessingJob", "list_processing_jobs", "ProcessingJobSummaries", "delete_processing_job", "stop_processing_job"
)

RUN_JOBS = (TUNING_JOB, TRAINING_JOB)
"""What the state machine starts. A tuning job goes first: with it its training jobs stop, and it starts no more."""
JOBS = (*RUN_JOBS, TRANSFORM_JOB, PROCESSING_JOB)

IN_ORDER = (ENDPOINT, ENDPOINT_CONFIG, MODEL)
"""An endpoint goes before its configuration, and that before its model (AWS: never delete a configuration in use)."""


@dataclass(frozen=True)
class Found:
    """A resource of the project: its name, what the list says of it, and its tags."""

    name: str
    summary: Mapping[str, Any]
    tags: Mapping[str, str]


def of_project(sagemaker: Any, kind: Kind, project: str, **filters: str) -> Iterator[Found]:
    """All resources of a kind that bear the project's tag; `filters` are the list operation's own."""
    for summary in summaries(sagemaker, kind, **filters):
        found = if_of_project(sagemaker, kind, project, summary)
        if found is not None:
            yield found


def summaries(sagemaker: Any, kind: Kind, **filters: str) -> list[Mapping[str, Any]]:
    """What the list operation says of each resource of a kind, whoever's; all are listed before any is removed."""
    pages = sagemaker.get_paginator(kind.paginator).paginate(**filters)
    return [summary for page in pages for summary in page[kind.member]]


def if_of_project(sagemaker: Any, kind: Kind, project: str, summary: Mapping[str, Any]) -> Found | None:
    """The resource, if it bears the project's tag."""
    tags = tags_of(sagemaker, summary[kind.arn_member])
    return Found(summary[kind.name_member], summary, tags) if tags.get(PROJECT_TAG) == project else None


def tags_of(sagemaker: Any, arn: str) -> dict[str, str]:
    """The tags of a resource; none if it is gone."""
    try:
        pages = list(sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn))
    except ClientError as error:
        if is_missing(error):
            return {}
        raise
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def delete(sagemaker: Any, kind: Kind, name: str) -> bool:
    """Delete one resource; False if it was not there."""
    try:
        getattr(sagemaker, kind.delete)(**{kind.name_member: name})
    except ClientError as error:
        if is_missing(error):
            return False
        raise
    logger.info("Deleted %s %s", kind.noun, name)
    return True


def stop(sagemaker: Any, kind: Kind, name: str) -> bool:
    """Ask a job to stop; False if it has ended meanwhile, or is gone."""
    try:
        getattr(sagemaker, kind.stop)(**{kind.name_member: name})
    except ClientError as error:
        if is_missing(error) or error.response["Error"]["Code"] == "ValidationException":
            return False
        raise
    logger.info("Stopped %s %s", kind.noun, name)
    return True


def is_missing(error: ClientError) -> bool:
    """Whether SageMaker says that what was named is not there; it has no error of its own for that."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return code == "ResourceNotFound" or (
        code == "ValidationException" and ("Could not find" in message or "not found" in message.lower())
    )
