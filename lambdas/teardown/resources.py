"""Endpoints, their configurations and their models: which of them are the project's, and how they are removed."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

PROJECT_TAG = "project"

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


@dataclass(frozen=True)
class Kind:
    """How the SageMaker API spells a kind of resource."""

    noun: str
    paginator: str
    member: str
    delete: str
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

JOBS = (TUNING_JOB, TRAINING_JOB)
"""A tuning job goes first: stopping it stops its training jobs, and it starts no more."""

IN_ORDER = (ENDPOINT, ENDPOINT_CONFIG, MODEL)
"""An endpoint goes before its configuration, and that before its model (AWS: never delete a configuration in use)."""


def of_project(sagemaker: Any, kind: Kind, project: str, **filters: str) -> Iterator[str]:
    """The names of all resources of a kind that bear the project's tag; `filters` are the list operation's own."""
    for page in sagemaker.get_paginator(kind.paginator).paginate(**filters):
        for summary in page[kind.member]:
            if _project_of(sagemaker, summary[kind.arn_member]) == project:
                yield summary[kind.name_member]


def _project_of(sagemaker: Any, arn: str) -> str | None:
    try:
        tags = sagemaker.list_tags(ResourceArn=arn)["Tags"]
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return next((tag["Value"] for tag in tags if tag["Key"] == PROJECT_TAG), None)


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


def stop(sagemaker: Any, kind: Kind, name: str) -> None:
    """Ask a job to stop; one that has ended meanwhile, or is gone, needs nothing."""
    try:
        getattr(sagemaker, kind.stop)(**{kind.name_member: name})
    except ClientError as error:
        if not is_missing(error) and error.response["Error"]["Code"] != "ValidationException":
            raise
    else:
        logger.info("Stopped %s %s", kind.noun, name)


def is_missing(error: ClientError) -> bool:
    """Whether SageMaker says that what was named is not there; it has no error of its own for that."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return code == "ResourceNotFound" or (
        code == "ValidationException" and ("Could not find" in message or "not found" in message.lower())
    )
