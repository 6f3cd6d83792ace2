"""When the stack is deleted: removes what bears the project's tag, what is in the domain, and the bucket's content.

A custom resource of CloudFormation: it is called with the request, and answers by a PUT to the request's URL. A
function runs for 15 minutes at most, and deleting an app can take 20: so it hands over to itself in time.
"""

import json
import logging
import os
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from lambdas.teardown.bucket import empty
from lambdas.teardown.logs import delete_logs
from lambdas.teardown.obstacles import Obstacle, Step, in_turn, together
from lambdas.teardown.pipeline import purge_pipeline
from lambdas.teardown.resources import client
from lambdas.teardown.studio import Domain, StudioClients, purge_studio

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)

LONGEST_SECONDS = 55 * 60
"""CloudFormation waits for an hour at most (the template reference's AWS::CloudFormation::CustomResource)."""

_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 10.0
_PATIENCE_SECONDS = 120
"""For so long a refusal may be AWS's being late to notice that what was in the way is gone."""

_SPARE_SECONDS = 180
"""What a look through an account with hundreds of endpoints takes; in a larger one, see `_Attempts`."""

_STARTED = "PurgeStarted"
_MOST_NAMED = 5
_LONGEST_TOLD = 800
"""CloudFormation takes an answer of 4,096 bytes."""


class PurgeFailed(Exception):
    """Something could not be removed; the message names it."""


@dataclass(frozen=True)
class Scope:
    """What the purge may remove."""

    project: str
    bucket: str
    state_machine_arn: str
    domain: Domain

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Self:
        domain = Domain(variables["DOMAIN_ID"], variables["DOMAIN_ARN"], variables["VPC_ID"])
        return cls(variables["PROJECT"], variables["BUCKET"], variables["STATE_MACHINE_ARN"], domain)


def handler(event: dict[str, Any], context: Any) -> None:
    status, reason = "SUCCESS", ""
    try:
        if event["RequestType"] == "Delete":
            started = float(event.setdefault(_STARTED, time.time()))
            if not _purge(started, context):
                return _hand_over(event, context)
    except Exception as error:  # without an answer, CloudFormation would wait for an hour
        logger.exception("The purge failed")
        told = f"{type(error).__name__}: {error}"
        status, reason = "FAILED", f"{told[:_LONGEST_TOLD]} (log: {context.log_group_name})"
    return _answer(event, status, reason)


def _purge(started: float, context: Any) -> bool:
    """Whether it came to its end; raises PurgeFailed if there is no point in going on."""
    scope = Scope.read(os.environ)
    sagemaker = client("sagemaker")
    step = in_turn(
        together(
            purge_pipeline(sagemaker, client("stepfunctions"), scope.state_machine_arn, scope.project),
            purge_studio(StudioClients(sagemaker, client("efs"), client("ec2")), scope.domain),
        ),
        # An endpoint writes its log, and a job its model, until it is gone.
        partial(delete_logs, client("logs"), scope.project, scope.domain.id),
        partial(empty, client("s3"), scope.bucket),
    )
    return take(step, started, context)


def take(step: Step, started: float, context: Any) -> bool:
    """Take the step until nothing is left; False if this function's time is up before. Raises PurgeFailed."""
    before: list[Obstacle] = []
    progressed, pause = time.monotonic(), _SHORTEST_PAUSE_SECONDS
    timed = _Attempts(step)
    while obstacles := timed():
        if obstacles != before:
            logger.info("Still there: %s", _named(obstacles))
            before, pause = obstacles, _SHORTEST_PAUSE_SECONDS
            progressed = time.monotonic()
        if _is_hopeless(obstacles, progressed) or time.time() - started > LONGEST_SECONDS:
            raise PurgeFailed(f"In the way: {_named(obstacles)}. Run `cdk destroy` again when that is mended")
        if context.get_remaining_time_in_millis() < 1000 * timed.seconds_for_another:
            return False
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    return True


class _Attempts:
    """The step, and how long an attempt may take."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._longest = 0.0

    def __call__(self) -> list[Obstacle]:
        began = time.monotonic()
        obstacles = self._step()
        self._longest = max(self._longest, time.monotonic() - began)
        return obstacles

    @property
    def seconds_for_another(self) -> float:
        return _SPARE_SECONDS + 2 * self._longest


def _is_hopeless(obstacles: list[Obstacle], progressed: float) -> bool:
    """Whether AWS has been refusing the same things, and nothing else is under way."""
    refused = all(obstacle.refused for obstacle in obstacles)
    return refused and time.monotonic() - progressed > _PATIENCE_SECONDS


def _named(obstacles: list[Obstacle]) -> str:
    """Refusals first: the others go by themselves."""
    ordered = sorted(obstacles, key=lambda obstacle: not obstacle.refused)
    more = f"; and {len(ordered) - _MOST_NAMED} more" if len(ordered) > _MOST_NAMED else ""
    return "; ".join(map(str, ordered[:_MOST_NAMED])) + more


def _hand_over(event: dict[str, Any], context: Any) -> None:
    logger.info("Going on in another invocation")
    client("lambda").invoke(
        FunctionName=context.invoked_function_arn, InvocationType="Event", Payload=json.dumps(event).encode()
    )


def _answer(event: dict[str, Any], status: str, reason: str) -> None:
    body = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": event.get("PhysicalResourceId", "purge-on-delete"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    answer = json.dumps(body, ensure_ascii=False).encode()
    request = urllib.request.Request(  # noqa: S310 - the URL is CloudFormation's
        event["ResponseURL"], data=answer, method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        logger.info("Answered %s", status)
