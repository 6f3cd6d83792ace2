"""Studio lifecycle configurations: Create, Describe, List and DeleteStudioLifecycleConfig."""

import base64
import binascii
from typing import Any

from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.listing import page
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call, Request, Response, everything, named, tags_of
from localcloud.sagemaker.studio.lifecycle import add, find, picked, studio_operation
from localcloud.sagemaker.studio.settings import refuse_if_named
from localcloud.sagemaker.training_rules import refuse_unknown

_KIND = "studio-lifecycle-config"
_ARN = named(_KIND, "StudioLifecycleConfigName")
_SUMMARY = (
    *("StudioLifecycleConfigArn", "StudioLifecycleConfigName", "StudioLifecycleConfigAppType"),
    *("CreationTime", "LastModifiedTime"),
)
_FILTERS = (
    *("MaxResults", "NextToken", "NameContains", "AppTypeEquals", "CreationTimeBefore", "CreationTimeAfter"),
    *("SortBy", "SortOrder"),
)


@studio_operation("CreateStudioLifecycleConfig", arn=_ARN)
def create_studio_lifecycle_config(call: Call, request: Request) -> Response:
    """Raises ValidationError unless the content is Base64."""
    script_in(request["StudioLifecycleConfigContent"])
    name = request["StudioLifecycleConfigName"]
    arn = call.arn(_KIND, name)
    now = call.platform.now()
    description: dict[str, Any] = {
        **{member: value for member, value in request.items() if member != "Tags"},
        "StudioLifecycleConfigArn": arn,
        "CreationTime": now,
        "LastModifiedTime": now,
    }
    add(call, Resource(_KIND, name, arn, description, tags_of(request)))
    return {"StudioLifecycleConfigArn": arn}


def script_in(content: str) -> bytes:
    """The script in a StudioLifecycleConfigContent; its lines may be broken, as `base64` breaks them."""
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except binascii.Error as error:
        raise ValidationError(f"StudioLifecycleConfigContent must be base64 encoded: {error}.") from error


@studio_operation("DescribeStudioLifecycleConfig", arn=_ARN)
def describe_studio_lifecycle_config(call: Call, request: Request) -> Response:
    return dict(find(call, _KIND, request["StudioLifecycleConfigName"]).description)


@studio_operation("ListStudioLifecycleConfigs", arn=everything)
def list_studio_lifecycle_configs(call: Call, request: Request) -> Response:
    refuse_unknown(request, _FILTERS, "")
    wanted = request.get("AppTypeEquals")
    chosen = [
        config
        for config in call.resources.all(_KIND)
        if wanted in (None, config.description["StudioLifecycleConfigAppType"])
    ]
    return page(chosen, request, "StudioLifecycleConfigs", lambda config: picked(config.description, *_SUMMARY))


@studio_operation("DeleteStudioLifecycleConfig", arn=_ARN)
def delete_studio_lifecycle_config(call: Call, request: Request) -> Response:
    """Raises ResourceInUse while settings name it or a running app uses it (the SageMaker API's operation)."""
    config = find(call, _KIND, request["StudioLifecycleConfigName"])
    refuse_if_named(call, config)
    call.resources.remove(config)
    return {}
