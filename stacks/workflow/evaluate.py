"""Evaluate: the test rows go through the endpoint, and the gate holds the result against the objective."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.endpoints import tag_own
from stacks.workflow.parts import API_CALL, RETRY, Parts, call

_RESULT: dict[str, Any] = {
    "run_id": "{% $plan.run_id %}",
    "endpoint_name": "{% $plan.name %}",
    "expires_at": "{% $expires_at %}",
    "artifacts": "{% 's3://' & $plan.bucket & '/' & $plan.prefix %}",
    "chosen": "{% $chosen %}",
    "evaluation": "{% $states.input %}",
}


def allow_marking(role: iam.IRole, scope: Construct, parts: Parts) -> None:
    endpoints = parts.arns(scope, "endpoint")
    role.add_to_principal_policy(tag_own(parts.settings, [endpoints], ["passed-at"]))


def _mark_as_passed(scope: Construct) -> sfn.CustomState:
    """By this tag the janitor knows which endpoints a later one supersedes.

    A custom state, since the CDK's would allow it without conditions: see `allow_marking`.
    """
    state = sfn.CustomState(
        scope,
        "Objective met",
        state_json={
            "Type": "Task",
            "Comment": "The endpoint serves until its date, or until a later run passes",
            "Resource": f"arn:{cdk.Aws.PARTITION}:states:::aws-sdk:sagemaker:addTags",
            "Arguments": {
                "ResourceArn": "{% $endpoint_arn %}",
                "Tags": [{"Key": "passed-at", "Value": "{% $now() %}"}],
            },
            "Output": _RESULT,
            "TimeoutSeconds": API_CALL.to_seconds(),
        },
    )
    state.add_retry(**RETRY)
    return state


def evaluate_and_gate(scope: Construct, parts: Parts) -> sfn.IChainable:
    """Ends the run: with its result, or with the objective that it missed."""
    evaluate = call(
        scope,
        "Evaluate",
        parts.functions.evaluate,
        comment="Sends the test rows to the endpoint, 500 a request, and measures its answers",
        payload=sfn.TaskInput.from_object(
            {
                "run_id": "{% $plan.run_id %}",
                "bucket": "{% $plan.bucket %}",
                "prefix": "{% $plan.prefix %}",
                "endpoint_name": "{% $plan.name %}",
                "objective": "{% $plan.objective %}",
                "chosen": "{% $chosen %}",
            }
        ),
        outputs="{% $states.result.Payload %}",
    )
    passed = _mark_as_passed(scope)
    missed = sfn.Fail.jsonata(scope, "Objective missed", error="ObjectiveMissed", cause="{% $states.input.reason %}")
    gate = sfn.Choice.jsonata(scope, "Objective met?", comment="Every metric of the objective reaches its minimum")
    gate.when(sfn.Condition.jsonata("{% $states.input.passed %}"), passed).otherwise(missed)
    return evaluate.next(gate)
