"""What the phases of the state machine are built from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.data import DataStack
from stacks.functions import PythonFunction
from stacks.settings import Settings

# Throttling passes, and what has just been made is not always found at once (SageMaker's CreateEndpoint says so).
RETRY: Mapping[str, Any] = {
    "errors": ["States.TaskFailed"],
    "interval": cdk.Duration.seconds(5),
    "max_attempts": 3,
    "backoff_rate": 2,
}

# What never answers must not hold a run up. A job ends by its own MaxRuntimeInSeconds, a function by its timeout.
API_CALL = cdk.Duration.minutes(2)
_SLACK = cdk.Duration.minutes(1)


@dataclass(frozen=True)
class Functions:
    """The Lambda functions that the machine calls."""

    plan: PythonFunction
    prepare: PythonFunction
    evaluate: PythonFunction
    report: PythonFunction
    remove_run: PythonFunction


@dataclass(frozen=True)
class Parts:
    settings: Settings
    data: DataStack
    functions: Functions
    endpoint_parameter: ssm.StringParameter
    """Tells clients which endpoint serves."""

    def arns(self, scope: Construct, kind: str) -> str:
        """The SageMaker resources of a kind that a run may name: all begin with the project's name."""
        return cdk.Stack.of(scope).format_arn(
            service="sagemaker", resource=kind, resource_name=f"{self.settings.project}-*"
        )

    def pass_execution_role(self) -> iam.PolicyStatement:
        """Handing the execution role to SageMaker, and to no other service."""
        return iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[self.data.execution_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )

    def tagged(self, actions: Sequence[str], resources: Sequence[str]) -> iam.PolicyStatement:
        """Creating, only with the project's tag in the very request."""
        return iam.PolicyStatement(
            actions=list(actions),
            resources=list(resources),
            conditions={"StringEquals": {"aws:RequestTag/project": self.settings.project}},
        )


def call(scope: Construct, name: str, function: PythonFunction, **options: Any) -> tasks.LambdaInvoke:
    """A state that calls a function; `payload` is what it gets."""
    timeout = sfn.Timeout.duration(function.longest.plus(_SLACK))
    state = tasks.LambdaInvoke.jsonata(scope, name, lambda_function=function, task_timeout=timeout, **options)
    # The CDK has the service's own errors tried again, but not its throttling.
    state.add_retry(
        errors=["Lambda.TooManyRequestsException"],
        interval=cdk.Duration.seconds(2),
        max_attempts=6,
        backoff_rate=2,
        jitter_strategy=sfn.JitterType.FULL,
    )
    return state


def sagemaker_call(
    scope: Construct,
    name: str,
    action: str,
    parameters: Mapping[str, Any],
    *,
    iam_resources: Sequence[str],
    **options: Any,
) -> tasks.CallAwsService:
    """A state that makes one call of the SageMaker API; it may do so on `iam_resources` alone."""
    state = tasks.CallAwsService.jsonata(
        scope,
        name,
        service="sagemaker",
        action=action,
        parameters=dict(parameters),
        iam_action=f"sagemaker:{action[0].upper()}{action[1:]}",
        iam_resources=list(iam_resources),
        task_timeout=sfn.Timeout.duration(API_CALL),
        **options,
    )
    state.add_retry(**RETRY)
    return state


def job(
    scope: Construct,
    name: str,
    action: str,
    *,
    comment: str,
    arguments: Mapping[str, Any] | str,
    assign: Mapping[str, str],
) -> sfn.CustomState:
    """A state that starts a SageMaker job and waits for its end.

    The CDK has no construct for tuning jobs, and the one for training jobs takes no hyperparameters that are known
    only at run time. A custom state grants nothing: see `allow_jobs`.
    """
    state = sfn.CustomState(
        scope,
        name,
        state_json={
            "Type": "Task",
            "Comment": comment,
            "Resource": f"arn:{cdk.Aws.PARTITION}:states:::sagemaker:{action}.sync",
            "Arguments": arguments,
            "Assign": dict(assign),
        },
    )
    # Only what never started a job is tried again, under a new name: a job that failed would fail again.
    state.add_retry(
        errors=["SageMaker.AmazonSageMakerException", "SageMaker.ResourceLimitExceededException"],
        interval=cdk.Duration.seconds(10),
        max_attempts=3,
        backoff_rate=2,
    )
    return state


def allow_jobs(role: iam.IRole, scope: Construct, parts: Parts, kinds: Mapping[str, str]) -> None:
    """What `.sync` needs for the kinds of jobs, each `{kind in an ARN: noun in an action}`.

    Source: AWS Step Functions Developer Guide, "Create and manage Amazon SageMaker AI jobs with Step Functions"; and
    `sagemaker:AddTags`, since Step Functions tags what it starts (aws/aws-cdk#26012).
    """
    for kind, noun in kinds.items():
        resources = [parts.arns(scope, kind)]
        for statement in (
            parts.tagged([f"sagemaker:Create{noun}", "sagemaker:AddTags"], resources),
            iam.PolicyStatement(actions=[f"sagemaker:Describe{noun}", f"sagemaker:Stop{noun}"], resources=resources),
        ):
            role.add_to_principal_policy(statement)
    rules = {"TrainingJob": "SageMakerTrainingJobs", "HyperParameterTuningJob": "SageMakerTuningJobs"}
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["events:PutTargets", "events:PutRule", "events:DescribeRule"],
            resources=[
                cdk.Stack.of(scope).format_arn(
                    service="events", resource="rule", resource_name=f"StepFunctionsGetEventsFor{rules[noun]}Rule"
                )
                for noun in kinds.values()
            ],
        )
    )
    role.add_to_principal_policy(
        iam.PolicyStatement(actions=["sagemaker:ListTags"], resources=["*"])  # as the guide has it
    )
    role.add_to_principal_policy(parts.pass_execution_role())


def merged(template: Mapping[str, Any], others: str) -> str:
    """The template with the fields of the object that `others` comes to, as one expression.

    In a template alone no field can be left out: one whose expression comes to nothing is an error.
    """
    return f"{{% $merge([{_literal(template)}, {others}]) %}}"


def _literal(template: Any) -> str:
    """JSON, in which a text between `{%` and `%}` stands for its value."""
    if isinstance(template, Mapping):
        return "{" + ", ".join(f"{json.dumps(name)}: {_literal(value)}" for name, value in template.items()) + "}"
    if isinstance(template, Sequence) and not isinstance(template, str):
        return "[" + ", ".join(_literal(value) for value in template) + "]"
    if isinstance(template, str) and template.startswith("{%"):
        return template.removeprefix("{%").removesuffix("%}").strip()
    return json.dumps(template)


def folder(name: str) -> str:
    """The address of what a run has under `name` in the bucket, as an expression."""
    return f"{{% 's3://' & $plan.bucket & '/' & $plan.prefix & '{name}/' %}}"


def channel(name: str, location: str) -> dict[str, Any]:
    """One of a training job's inputs: all that lies in a folder of the run."""
    source = {"S3DataType": "S3Prefix", "S3Uri": folder(location), "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


TRAINED_MODELS = "output"
"""The folder in which the models of a run lie, each in one named after the job that trained it."""


def training_job_arguments(parts: Parts, channels: Sequence[Mapping[str, Any]], output: str) -> dict[str, Any]:
    """What all training jobs have in common, those of a tuning job too."""
    return {
        "AlgorithmSpecification": {"TrainingImage": "{% $plan.image_uri %}", "TrainingInputMode": "File"},
        "RoleArn": parts.data.execution_role.role_arn,
        "InputDataConfig": list(channels),
        "OutputDataConfig": {"S3OutputPath": folder(output)},
        "ResourceConfig": {
            "InstanceType": "{% $plan.training.instance_type %}",
            "InstanceCount": "{% $plan.training.instance_count %}",
            "VolumeSizeInGB": "{% $plan.training.volume_size_in_gb %}",
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": "{% $plan.training.max_runtime_in_seconds %}"},
    }
