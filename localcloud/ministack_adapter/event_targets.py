"""EventBridge: a target is reached by the role that its rule, or its schedule, has for it."""

import logging
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge

from localcloud.ministack_adapter.callers import SignedCaller, current_account, current_region, role_credentials
from localcloud.ministack_adapter.internals import State, Used, replace
from localcloud.sagemaker.errors import AccessDenied, ValidationError

USED: Used = ((eventbridge, ("_invoke_target",)),)

logger = logging.getLogger(__name__)


def start_executions_as_the_targets_role() -> None:
    """Let a rule, or a schedule of EventBridge Scheduler, start an execution only if its target's role may (aws-facts
    11.1); ministack starts it in any case. What may not be delivered is lost, as on AWS without a dead-letter queue."""
    original: Callable[..., None] = eventbridge._invoke_target

    def invoke(target: State, event: State, rule: State, *more: Any, **named: Any) -> None:
        try:
            if target["Arn"].startswith("arn:aws:states:"):
                _authorize(target, "scheduler" if event["Source"] == "aws.scheduler" else "events")
        except (AccessDenied, ValidationError) as refused:
            logger.warning("%s could not start %s: %s", rule.get("Name"), target["Arn"], refused.message)
            return
        original(target, event, rule, *more, **named)

    replace(eventbridge, "_invoke_target", invoke)


def _authorize(target: State, service: str) -> None:
    """Raises AccessDenied if the target's role may not start the execution, ValidationError if there is no such
    role."""
    account, region = current_account(), current_region()
    if not target.get("RoleArn"):
        raise ValidationError("RoleArn is required for a state machine as a target.")
    credentials = role_credentials(target["RoleArn"], f"{service}.amazonaws.com", service)
    caller = SignedCaller(credentials["AWS_ACCESS_KEY_ID"], account, region)
    caller.authorize("states:StartExecution", target["Arn"], {})
