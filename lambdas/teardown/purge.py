"""When the stack is deleted: removes all that bears the project's tag, then empties the bucket.

A custom resource of CloudFormation: it is called with the request, and answers by a PUT to the request's URL.
"""

import json
import logging
import os
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import boto3

from lambdas.teardown.logs import delete_logs
from lambdas.teardown.resources import ENDPOINT, IN_ORDER, JOBS, Kind, delete, of_project, stop

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


_POLL_SECONDS = 2


def handler(event: dict[str, Any], context: Any) -> None:
    status, reason = "SUCCESS", ""
    try:
        if event["RequestType"] == "Delete":
            purge(
                Account(boto3.client("sagemaker"), boto3.client("logs"), boto3.resource("s3")), Scope.read(os.environ)
            )
    except Exception as error:  # without an answer, CloudFormation would wait for an hour
        logger.exception("The purge failed")
        status, reason = "FAILED", f"{type(error).__name__}: {error} (log: {context.log_group_name})"
    _answer(event, status, reason)


@dataclass(frozen=True)
class Account:
    """The clients that the purge needs."""

    sagemaker: Any
    logs: Any
    s3: Any


@dataclass(frozen=True)
class Scope:
    """What the purge may remove."""

    project: str
    bucket: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        return cls(environment["PROJECT"], environment["BUCKET"])


def purge(account: Account, scope: Scope) -> None:
    """Remove the project's jobs, endpoints, configurations, models and logs, and empty its bucket. Safe to repeat."""
    for kind in JOBS:
        _end_jobs(account.sagemaker, kind, scope.project)
    for kind in (*IN_ORDER, *JOBS):
        for name in list(of_project(account.sagemaker, kind, scope.project)):
            delete(account.sagemaker, kind, name)
    # An endpoint writes its log, and needs its role, until it is gone.
    _until(lambda: not _any(account.sagemaker, ENDPOINT, scope.project))
    delete_logs(account.logs, scope.project)
    account.s3.Bucket(scope.bucket).objects.all().delete()
    logger.info("Emptied bucket %s", scope.bucket)


def _end_jobs(sagemaker: Any, kind: Kind, project: str) -> None:
    """Stop the jobs of a kind, and wait until all have ended."""
    for name in list(of_project(sagemaker, kind, project, StatusEquals="InProgress")):
        stop(sagemaker, kind, name)
    _until(lambda: not _any(sagemaker, kind, project, StatusEquals="InProgress"))
    _until(lambda: not _any(sagemaker, kind, project, StatusEquals="Stopping"))


def _any(sagemaker: Any, kind: Kind, project: str, **filters: str) -> bool:
    return next(of_project(sagemaker, kind, project, **filters), None) is not None


def _until(done: Callable[[], bool]) -> None:
    while not done():
        time.sleep(_POLL_SECONDS)


def _answer(event: dict[str, Any], status: str, reason: str) -> None:
    body = {
        "Status": status,
        "Reason": reason[:1000],
        "PhysicalResourceId": event.get("PhysicalResourceId", "purge-on-delete"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    request = urllib.request.Request(  # noqa: S310 - the URL is CloudFormation's
        event["ResponseURL"], data=json.dumps(body).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        logger.info("Answered %s", status)
