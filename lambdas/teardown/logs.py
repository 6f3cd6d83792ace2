"""The log groups that SageMaker makes by itself, and never removes."""

from contextlib import suppress
from typing import Any

from lambdas.teardown.obstacles import Obstacle

TRAINING_JOBS = "/aws/sagemaker/TrainingJobs"
ENDPOINTS = "/aws/sagemaker/Endpoints/"


def delete_logs(logs: Any, project: str) -> list[Obstacle]:
    """Delete the logs of the project's endpoints and training jobs; those of others stay. A step of the purge."""
    for page in list(logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"{ENDPOINTS}{project}-")):
        for group in page["logGroups"]:
            with suppress(logs.exceptions.ResourceNotFoundException):
                logs.delete_log_group(logGroupName=group["logGroupName"])
    with suppress(logs.exceptions.ResourceNotFoundException):
        _delete_training_logs(logs, project)
    return []


def _delete_training_logs(logs: Any, project: str) -> None:
    """All training jobs of an account share one group; it goes only if nobody else's log is left in it."""
    pages = logs.get_paginator("describe_log_streams").paginate(
        logGroupName=TRAINING_JOBS, logStreamNamePrefix=f"{project}-"
    )
    for page in list(pages):  # all of them, before what is deleted moves the rest
        for stream in page["logStreams"]:
            with suppress(logs.exceptions.ResourceNotFoundException):
                logs.delete_log_stream(logGroupName=TRAINING_JOBS, logStreamName=stream["logStreamName"])
    if not logs.describe_log_streams(logGroupName=TRAINING_JOBS, limit=1)["logStreams"]:
        logs.delete_log_group(logGroupName=TRAINING_JOBS)
