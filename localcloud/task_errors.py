"""How Step Functions names what a service answers to a task."""

from functools import cache

import botocore.session
from botocore.exceptions import ClientError

from localcloud import ministack_adapter as ministack

SDK_NAMES = {"sfn": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs"}
"""Services whose name in a state's Resource (the Java SDK's) is not boto3's."""

_PREFIXES = {"sagemaker": "SageMaker", "lambda": "Lambda"}


def task_error(service: str, error: ClientError, *, sdk: bool) -> Exception:
    """Errors that the service's model names keep their name; others get the service's general one (aws-facts 1.9)."""
    prefix = _PREFIXES.get(service, service.capitalize())
    code = error.response["Error"]["Code"]
    if service == "lambda":
        name = code
    elif code in _modelled(service):
        name = code.removesuffix("Exception") + "Exception"
    else:
        name = f"{prefix}Exception" if sdk else f"Amazon{prefix}Exception"
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    message = error.response["Error"]["Message"]
    cause = f"{message} (Service: {prefix}; Status Code: {status}; Error Code: {code})"
    return ministack.TaskError(f"{prefix}.{name}", cause)


@cache
def _modelled(service: str) -> frozenset[str]:
    model = botocore.session.get_session().get_service_model(SDK_NAMES.get(service, service))
    return frozenset(str(shape.error_code) for shape in model.error_shapes)
