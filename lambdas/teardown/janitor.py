"""On a schedule: removes what has to go, warns of what will, tells both, and announces an endpoint that serves.

Event: EventBridge's scheduled event, whose `time` is the sweep's; `{}` sweeps as of now. Result: what was done.
"""

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from lambdas.teardown.notices import message, subject
from lambdas.teardown.resources import client
from lambdas.teardown.rules import Limits
from lambdas.teardown.sweep import Account, Report, Sweep

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)

_POLL_SECONDS = 5
_SPARE_MILLISECONDS = 60_000


class SweepIncomplete(Exception):
    """Something could not be done; the rest was. The message says what."""


@dataclass(frozen=True)
class Environment:
    """What the stack tells the function."""

    limits: Limits
    topic_arn: str
    state_machine_arn: str
    endpoint_parameter: str
    dry_run: bool

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Self:
        def minutes(name: str) -> timedelta:
            return timedelta(minutes=int(variables[name]))

        limits = Limits(
            project=variables["PROJECT"],
            default_lifetime=minutes("DEFAULT_TTL_MINUTES"),
            longest_lifetime=minutes("MAX_TTL_MINUTES"),
            default_idle=minutes("DEFAULT_IDLE_MINUTES"),
            warning=minutes("WARNING_MINUTES"),
        )
        return cls(
            limits=limits,
            topic_arn=variables["TOPIC_ARN"],
            state_machine_arn=variables["STATE_MACHINE_ARN"],
            endpoint_parameter=variables["ENDPOINT_PARAMETER"],
            dry_run=variables["DRY_RUN"] == "true",
        )


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Raises SweepIncomplete, after the sweep, so that the alarm goes off."""
    environment = Environment.read(os.environ)
    report = _sweep(environment, _time_of(event), context)
    if report.failures:
        raise SweepIncomplete("; ".join(report.failures))
    result: dict[str, Any] = asdict(report, dict_factory=_as_json)
    return result


def _time_of(event: Mapping[str, Any]) -> datetime:
    """A sweep that comes late judges as of when it was due, so it never removes too early."""
    return datetime.fromisoformat(event["time"]) if "time" in event else datetime.now(UTC)


def _sweep(environment: Environment, now: datetime, context: Any) -> Report:
    """Sweep, and again as long as an endpoint has to go that is still changing, which AWS does not let go."""
    account = Account(
        sagemaker=client("sagemaker"),
        cloudwatch=client("cloudwatch"),
        step_functions=client("stepfunctions"),
        ssm=client("ssm"),
        state_machine_arn=environment.state_machine_arn,
        endpoint_parameter=environment.endpoint_parameter,
    )
    sweep = Sweep(account, environment.limits, now, dry_run=environment.dry_run)
    report = sweep.run()
    while report.unsettled and _has_time(context):
        logger.info("Waiting until AWS lets go of %s", ", ".join(report.unsettled))
        time.sleep(_POLL_SECONDS)
        sweep = Sweep(account, environment.limits, now, dry_run=environment.dry_run)
        report = sweep.run().after(report)
    if not report.is_empty:
        _publish(environment, report)
    report.failures += sweep.note(report.warned)  # once they have been given
    return report


def _has_time(context: Any) -> bool:
    return bool(context.get_remaining_time_in_millis() > _SPARE_MILLISECONDS)


def _publish(environment: Environment, report: Report) -> None:
    text = message(report, dry_run=environment.dry_run)
    logger.info("%s", text)
    client("sns").publish(
        TopicArn=environment.topic_arn,
        Subject=subject(environment.limits.project, report, dry_run=environment.dry_run),
        Message=text,
    )


def _as_json(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in pairs}
