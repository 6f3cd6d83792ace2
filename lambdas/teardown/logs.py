"""The log groups that SageMaker makes by itself, and never removes."""

from contextlib import suppress
from typing import Any

from lambdas.teardown.obstacles import Obstacle

JOBS = ("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TransformJobs")
"""One group for all jobs of a kind that an account has."""
STUDIO = "/aws/sagemaker/studio"
"""What scripts print with which apps start, of all domains; streams begin with the domain's id (aws-facts 5.14)."""
ENDPOINTS = "/aws/sagemaker/Endpoints/"


def delete_logs(logs: Any, project: str, domain_id: str) -> list[Obstacle]:
    """Delete the logs of the project's endpoints, jobs and domain; those of others stay. A step of the purge."""
    for page in list(logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"{ENDPOINTS}{project}-")):
        for found in page["logGroups"]:
            with suppress(logs.exceptions.ResourceNotFoundException):
                logs.delete_log_group(logGroupName=found["logGroupName"])
    for group, own in (*((group, f"{project}-") for group in JOBS), (STUDIO, f"{domain_id}/")):
        with suppress(logs.exceptions.ResourceNotFoundException):
            _delete_streams(logs, group, own)
    return []


def _delete_streams(logs: Any, group: str, own: str) -> None:
    """Those that begin so; the group goes only if nobody else's log is left in it."""
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group, logStreamNamePrefix=own)
    for page in list(pages):  # all of them, before what is deleted moves the rest
        for stream in page["logStreams"]:
            with suppress(logs.exceptions.ResourceNotFoundException):
                logs.delete_log_stream(logGroupName=group, logStreamName=stream["logStreamName"])
    if not logs.describe_log_streams(logGroupName=group, limit=1)["logStreams"]:
        logs.delete_log_group(logGroupName=group)
