"""Register: a model that met its objective is in the registry, and clients find its endpoint."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.endpoints import tag_own
from stacks.sagemaker_kinds import MODELS
from stacks.workflow.parts import API_CALL, RETRY, Parts, sagemaker_call

_RESULT: dict[str, Any] = {
    "run_id": "{% $plan.run_id %}",
    "endpoint_name": "{% $plan.name %}",
    "expires_at": "{% $expires_at %}",
    "artifacts": "{% 's3://' & $plan.bucket & '/' & $plan.prefix %}",
    "model_data": "{% $model_data %}",
    "model_package": "{% $model_package %}",
    "report": "{% $report.report %}",
    "report_url": "{% $report.report_url %}",
    "evaluation": "{% $evaluation %}",
}


_TRAINING_ROWS = (
    "{% $evaluation.chosen.source = 'registered' ? $plan.registered_training_rows"
    " : 's3://' & $plan.bucket & '/' & $plan.prefix & 'train/train.csv' %}"
)
"""What the chosen model was trained on: it competes again only where that is known (lambdas/prepare/registered.py)."""


def register_and_announce(scope: Construct, parts: Parts) -> sfn.Chain:
    """Ends the run, with its result."""
    registered = _register(scope, parts)
    return sfn.Chain.start(registered).next(_announce(scope, parts)).next(_mark_as_passed(scope))


def allow_marking(role: iam.IRole, scope: Construct, parts: Parts) -> None:
    endpoints = parts.arns(scope, "endpoint")
    role.add_to_principal_policy(tag_own(parts.settings, [endpoints], ["passed-at"]))


def _register(scope: Construct, parts: Parts) -> sfn.TaskStateBase:
    """Approved at once: it has met its objective. The same run can't register twice, for its token is its id."""
    group = MODELS.format(project=parts.settings.project)
    stack = cdk.Stack.of(scope)
    # Both are resources of the action in AWS's service authorization reference.
    registry = [
        stack.format_arn(service="sagemaker", resource=kind, resource_name=name)
        for kind, name in (("model-package", f"{group}/*"), ("model-package-group", group))
    ]
    return sagemaker_call(
        scope,
        "Register the model",
        "createModelPackage",
        {
            "ModelPackageGroupName": group,
            "ModelPackageDescription": "{% 'Of run ' & $plan.run_id & ', which met its objective' %}",
            "ModelApprovalStatus": "Approved",
            "ClientToken": "{% $plan.run_id %}",
            "InferenceSpecification": {
                "Containers": [
                    {
                        "Image": "{% $plan.image_uri %}",
                        "ModelDataUrl": "{% $model_data %}",
                        "Environment": "{% $plan.environment %}",
                    }
                ],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            "ModelMetrics": {
                "ModelQuality": {"Statistics": _document("evaluation.json")},
                "ModelDataQuality": {"Statistics": _document("data_report.json")},
            },
            "MetadataProperties": {
                "GeneratedBy": "{% $states.context.Execution.Id %}",
                "ProjectId": parts.settings.project,
                "Repository": "{% $plan.code_uri %}",
            },
            "CustomerMetadataProperties": {
                "run_id": "{% $plan.run_id %}",
                "bucket": "{% $plan.bucket %}",
                "prefix": "{% $plan.prefix %}",
                "source": "{% $evaluation.chosen.source %}",
                "training_job": "{% $evaluation.chosen.job_name %}",
                # The run that trained it, or the version that was better than all that this run trained.
                "trained_by": "{% $evaluation.chosen.source = 'registered' ? $plan.registered_model : $plan.run_id %}",
                "training_rows": _TRAINING_ROWS,
                "data_sha256": "{% $prepared.sha256 %}",
                "code_sha256": "{% $plan.code_sha256 %}",
                "threshold": "{% $string($evaluation.threshold) %}",
                "average_precision": "{% $string($evaluation.average_precision) %}",
                "recall": "{% $string($evaluation.at_threshold.recall) %}",
                "precision": "{% $string($evaluation.at_threshold.precision) %}",
            },
        },
        iam_resources=registry,
        comment="A version in the model registry, with its metrics, its threshold, and where it comes from",
        assign={"model_package": "{% $states.result.ModelPackageArn %}"},
    )


def _document(name: str) -> dict[str, str]:
    return {
        "ContentType": "application/json",
        "S3Uri": f"{{% 's3://' & $plan.bucket & '/' & $plan.prefix & '{name}' %}}",
    }


def _announce(scope: Construct, parts: Parts) -> sfn.TaskStateBase:
    state = tasks.CallAwsService.jsonata(
        scope,
        "Announce the endpoint",
        service="ssm",
        action="putParameter",
        parameters={
            "Name": parts.endpoint_parameter.parameter_name,
            "Value": "{% $plan.name %}",
            "Type": "String",
            "Overwrite": True,
        },
        iam_action="ssm:PutParameter",
        iam_resources=[parts.endpoint_parameter.parameter_arn],
        task_timeout=sfn.Timeout.duration(API_CALL),
        comment="In the parameter where clients look for the endpoint that serves",
    )
    state.add_retry(**RETRY)
    return state


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
