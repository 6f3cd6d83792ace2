"""AddTags, DeleteTags and ListTags, for any resource by its ARN."""

from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call, Request, Response, operation, tags_of

_MOST_TAGS = 50


def _target_arn(call: Call, request: Request) -> str:
    return str(request["ResourceArn"])


def _target(call: Call, request: Request) -> Resource:
    resource = call.resources.by_arn(request["ResourceArn"])
    if resource is None:
        raise ValidationError(f"Could not find resource with ARN {request['ResourceArn']}.")
    return resource


@operation("AddTags", arn=_target_arn)
def add_tags(call: Call, request: Request) -> Response:
    """Raises ValidationError if the resource would have more tags than a list of tags may hold."""
    resource = _target(call, request)
    with call.resources.lock:
        count = len(resource.tags | tags_of(request))
        if count > _MOST_TAGS:
            raise ValidationError(f"{resource.arn} would have {count} tags; at most {_MOST_TAGS} are allowed.")
        resource.tags.update(tags_of(request))
    return {"Tags": _as_list(resource)}


@operation("DeleteTags", arn=_target_arn)
def delete_tags(call: Call, request: Request) -> Response:
    resource = _target(call, request)
    for key in request["TagKeys"]:
        resource.tags.pop(key, None)
    return {}


@operation("ListTags", arn=_target_arn)
def list_tags(call: Call, request: Request) -> Response:
    return {"Tags": _as_list(_target(call, request))}


def _as_list(resource: Resource) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in resource.tags.items()]
