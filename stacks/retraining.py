"""Runs that nobody starts by hand: on a schedule, and when new data lands in the bucket. Both are off by default."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.data import DataStack
from stacks.settings import Settings

_ENDINGS = ("csv", "CSV", "zip", "ZIP")
_COMPETES = {"registered": True}
"""The last registered model is one more candidate, so that a retrained one that is worse takes no one's place."""


class Retraining(Construct):
    """Starts the state machine with the settings' `retrain_input`."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, data: DataStack, machine: sfn.StateMachine
    ) -> None:
        super().__init__(scope, construct_id)
        if not (settings.retrain_every_days or settings.retrain_on_new_data):
            return
        self._machine = machine
        self._role = iam.Role(self, "StartRole", assumed_by=iam.ServicePrincipal("events.amazonaws.com"))
        given = settings.retrain_input
        if settings.retrain_every_days:
            events.Rule(
                self,
                "Schedule",
                description="Trains again, every so many days",
                schedule=events.Schedule.rate(cdk.Duration.days(settings.retrain_every_days)),
                targets=[self._start(given)],
            )
        if settings.retrain_on_new_data:
            data.tell_of_new_objects()
            source = f"s3://{data.bucket.bucket_name}/{events.EventField.from_path('$.detail.object.key')}"
            events.Rule(
                self,
                "NewData",
                description="Trains again, on a CSV file or zip that has landed under raw/",
                event_pattern=events.EventPattern(
                    source=["aws.s3"],
                    detail_type=["Object Created"],
                    detail={
                        "bucket": {"name": [data.bucket.bucket_name]},
                        "object": {"key": [{"wildcard": f"raw/*.{ending}"} for ending in _ENDINGS]},
                    },
                ),
                targets=[self._start({**given, "data": {**given.get("data", {}), "source": source}})],
            )

    def _start(self, given: Mapping[str, Any]) -> targets.SfnStateMachine:
        execution_input = {**given, "candidates": {**_COMPETES, **given.get("candidates", {})}}
        return targets.SfnStateMachine(
            self._machine,
            input=events.RuleTargetInput.from_object(execution_input),
            role=self._role,
            # A start that comes late would find other data, or an endpoint that is wanted no more.
            retry_attempts=3,
            max_event_age=cdk.Duration.hours(1),
        )
