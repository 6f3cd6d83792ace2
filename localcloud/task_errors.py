"""How Step Functions names what a service answers to a task."""

from botocore.exceptions import ClientError

from localcloud import ministack_adapter as ministack

_PREFIXES = {"sagemaker": "SageMaker", "lambda": "Lambda"}


def task_error(service: str, error: ClientError, *, sdk: bool) -> Exception:
    """Errors that the service's model names keep their name; others get the service's general one (aws-facts 1.9)."""
    prefix = _PREFIXES.get(service, service.capitalize())
    code = error.response["Error"]["Code"]
    modelled = {"ResourceNotFound", "ResourceInUse", "ResourceLimitExceeded", "ConflictException"}
    if service == "lambda":
        name = code
    elif code in modelled:
        name = code.removesuffix("Exception") + "Exception"
    else:
        name = f"{prefix}Exception" if sdk else f"Amazon{prefix}Exception"
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    message = error.response["Error"]["Message"]
    cause = f"{message} (Service: {prefix}; Status Code: {status}; Error Code: {code})"
    return ministack.TaskError(f"{prefix}.{name}", cause)
