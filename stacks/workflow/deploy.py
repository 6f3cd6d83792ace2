"""Deploy: model, endpoint configuration, endpoint; and the wait until it serves."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.endpoints import create_dated_endpoint, tag_at_creation
from stacks.workflow.parts import API_CALL, RETRY, Parts, sagemaker_call

_POLL = cdk.Duration.seconds(15)
_DEADLINE = cdk.Duration.minutes(30)


def deploy(scope: Construct, parts: Parts, *, then: sfn.IChainable) -> sfn.IChainable:
    """Serves the chosen model under the run's name; goes on with `then` once the endpoint answers."""
    return (
        sfn.Chain.start(_create_model(scope, parts))
        .next(_create_endpoint_config(scope, parts))
        .next(_create_endpoint(scope))
        .next(_until_in_service(scope, parts, then))
    )


def allow_endpoint(role: iam.IRole, scope: Construct, parts: Parts) -> None:
    """No endpoint is born without the date on which it is removed: IAM insists that it is in the very call."""
    endpoints = parts.arns(scope, "endpoint")
    configs = parts.arns(scope, "endpoint-config")  # asked for as well (aws-facts 1.13)
    role.add_to_principal_policy(create_dated_endpoint(parts.settings, [endpoints, configs]))
    role.add_to_principal_policy(tag_at_creation([endpoints], ["Endpoint"]))


def _create_model(scope: Construct, parts: Parts) -> sfn.TaskStateBase:
    model = parts.arns(scope, "model")
    return sagemaker_call(
        scope,
        "Create the model",
        "createModel",
        {
            "ModelName": "{% $plan.name %}",
            "ExecutionRoleArn": parts.data.execution_role.role_arn,
            "PrimaryContainer": {
                "Image": "{% $plan.image_uri %}",
                "ModelDataUrl": "{% $model_data %}",
                "Environment": "{% $plan.environment %}",
            },
            "Tags": "{% $plan.tags %}",
        },
        iam_resources=[model],
        additional_iam_statements=[parts.tagged(["sagemaker:AddTags"], [model]), parts.pass_execution_role()],
        comment="The chosen artefact, the image that serves it, and the role in which it runs",
    )


def _create_endpoint_config(scope: Construct, parts: Parts) -> sfn.TaskStateBase:
    config = parts.arns(scope, "endpoint-config")
    return sagemaker_call(
        scope,
        "Create the endpoint configuration",
        "createEndpointConfig",
        {
            "EndpointConfigName": "{% $plan.name %}",
            "ProductionVariants": ["{% $merge([$plan.production_variants[0], {'ModelName': $plan.name}]) %}"],
            "Tags": "{% $plan.tags %}",
        },
        iam_resources=[config],
        additional_iam_statements=[parts.tagged(["sagemaker:AddTags"], [config])],
        assign={"expires_at": "{% $fromMillis($millis() + $plan.ttl_milliseconds) %}"},
        comment="Serverless, or the instances that the input asks for",
    )


def _create_endpoint(scope: Construct) -> sfn.CustomState:
    """A custom state, since the CDK's would allow it without conditions: see `allow_endpoint`."""
    state = sfn.CustomState(
        scope,
        "Create the endpoint",
        state_json={
            "Type": "Task",
            "Comment": "Bears the date on which it is removed",
            "Resource": f"arn:{cdk.Aws.PARTITION}:states:::aws-sdk:sagemaker:createEndpoint",
            "Arguments": {
                "EndpointName": "{% $plan.name %}",
                "EndpointConfigName": "{% $plan.name %}",
                "Tags": "{% $append($plan.endpoint_tags, [{'Key': 'expires-at', 'Value': $expires_at}]) %}",
            },
            "TimeoutSeconds": API_CALL.to_seconds(),
            "Assign": {"looks": 0, "endpoint_arn": "{% $states.result.EndpointArn %}"},
        },
    )
    state.add_retry(**RETRY)
    return state


def _until_in_service(scope: Construct, parts: Parts, then: sfn.IChainable) -> sfn.IChainable:
    """Looks every 15 seconds, for 30 minutes at most."""
    most_looks = int(_DEADLINE.to_seconds() / _POLL.to_seconds())
    wait = sfn.Wait.jsonata(
        scope, "Wait for the endpoint", time=sfn.WaitTime.duration(_POLL), comment="It takes some minutes to start"
    )
    look = sagemaker_call(
        scope,
        "Look at the endpoint",
        "describeEndpoint",
        {"EndpointName": "{% $plan.name %}"},
        iam_resources=[parts.arns(scope, "endpoint")],
        comment="Creating, InService or Failed",
        assign={"looks": "{% $looks + 1 %}"},
        outputs="{% {'status': $states.result.EndpointStatus, 'reason': $states.result.FailureReason} %}",
    )
    failed = sfn.Fail.jsonata(
        scope,
        "The endpoint failed to start",
        error="EndpointFailed",
        cause="{% 'Endpoint ' & $plan.name & ' failed to start: ' & $states.input.reason %}",
    )
    late = sfn.Fail.jsonata(
        scope,
        "The endpoint took too long",
        error="EndpointTimeout",
        cause=f"{{% 'Endpoint ' & $plan.name & ' was not in service after {_DEADLINE.to_minutes()} minutes' %}}",
    )
    in_service = sfn.Choice.jsonata(scope, "In service?", comment="Creating goes on waiting, until the deadline")
    in_service.when(sfn.Condition.jsonata("{% $states.input.status = 'InService' %}"), then)
    in_service.when(sfn.Condition.jsonata("{% $states.input.status != 'Creating' %}"), failed)
    in_service.when(sfn.Condition.jsonata(f"{{% $looks >= {most_looks} %}}"), late)
    in_service.otherwise(wait)
    return wait.next(look).next(in_service)
