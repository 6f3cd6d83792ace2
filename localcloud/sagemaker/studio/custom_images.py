"""Custom images for Studio: Create, Describe, List and Delete of Image, ImageVersion and AppImageConfig."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.listing import page
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call, Request, Response, everything, named, tags_of
from localcloud.sagemaker.studio.lifecycle import (
    DELETING,
    STARTING,
    add,
    begin,
    find,
    find_at_rest,
    picked,
    studio_operation,
)
from localcloud.sagemaker.studio.settings import refuse_if_named
from localcloud.sagemaker.training_rules import refuse_unknown

_ECR_URI = re.compile(
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/[a-z0-9][a-z0-9._/-]*(:[\w.-]+|@sha256:[0-9a-f]{64})?"
)
_PAGING = ("MaxResults", "NextToken", "NameContains", "CreationTimeBefore", "CreationTimeAfter", "SortBy", "SortOrder")
_IMAGE = named("image", "ImageName")
_CONFIG = named("app-image-config", "AppImageConfigName")


@dataclass
class Image(Resource):
    last_version: int = 0
    """A version that is gone is not given out again; whether AWS does is not documented."""


@dataclass
class ImageVersion(Resource):
    token: str = ""
    """The ClientToken that it was made with."""


# --- images -----------------------------------------------------------------------------------------------------


@studio_operation("CreateImage", arn=_IMAGE)
def create_image(call: Call, request: Request) -> Response:
    arn = _IMAGE(call, request)
    description = {**picked(request, "ImageName", "DisplayName", "Description", "RoleArn"), "ImageArn": arn}
    _create(call, Image("image", request["ImageName"], arn, description, tags_of(request)))
    return {"ImageArn": arn}


def _create(call: Call, resource: Resource) -> None:
    now = call.platform.now()
    resource.description.update({"CreationTime": now, "LastModifiedTime": now})
    add(call, resource)
    begin(call, resource, "CREATING", then="CREATED", after=STARTING)


@studio_operation("DescribeImage", arn=_IMAGE)
def describe_image(call: Call, request: Request) -> Response:
    return dict(find(call, "image", request["ImageName"]).description)


@studio_operation("ListImages", arn=everything)
def list_images(call: Call, request: Request) -> Response:
    images = call.resources.all("image")
    return page(images, _order(request), "Images", lambda image: _without(image.description, "RoleArn"))


def _order(request: Request, *more: str) -> Request:
    """The request as other lists have it. Raises ValidationError for what the local cloud doesn't know yet."""
    refuse_unknown(request, (*_PAGING, *more), "")
    if request.get("SortBy") == "LAST_MODIFIED_TIME":
        raise ValidationError("The local cloud does not sort by LAST_MODIFIED_TIME yet; it sorts by CREATION_TIME.")
    by = "Name" if request.get("SortBy") == "IMAGE_NAME" else "CreationTime"
    return {**request, "SortBy": by, "SortOrder": request.get("SortOrder", "DESCENDING").capitalize()}


def _without(description: Mapping[str, Any], *members: str) -> dict[str, Any]:
    return {member: value for member, value in description.items() if member not in members}


@studio_operation("DeleteImage", arn=_IMAGE)
def delete_image(call: Call, request: Request) -> Response:
    """Its versions go with it. Raises ResourceInUse while settings or apps name it or one of them."""
    image = find_at_rest(call, "image", request["ImageName"])
    versions = _versions(call, image.arn)
    refuse_if_named(call, image, lambda custom: _IMAGE(call, dict(custom)) == image.arn)
    for version in versions:
        refuse_if_named(call, version)
    for each in (image, *versions):
        begin(call, each, "DELETING", then=None, after=DELETING)
    return {}


# --- their versions ---------------------------------------------------------------------------------------------


def _versions(call: Call, image_arn: str) -> list[Resource]:
    return [each for each in call.resources.all("image-version") if each.description["ImageArn"] == image_arn]


def _version_arn(call: Call, request: Request) -> str:
    """The ARN of the version that a request is about, the latest if it names none."""
    number = request.get("Version", _latest(call, _IMAGE(call, request)))
    return call.arn("image-version", f"{request['ImageName']}/{number}")


def _latest(call: Call, image_arn: str) -> int:
    return max((version.description["Version"] for version in _versions(call, image_arn)), default=0)


def _refuse_alias(request: Request) -> None:
    if request.get("Alias") or request.get("Aliases"):
        raise ValidationError("The local cloud knows no aliases of image versions yet; name versions by their number.")


@studio_operation("CreateImageVersion", arn=_IMAGE)
def create_image_version(call: Call, request: Request) -> Response:
    """The image's next version; the same ClientToken gives the same. Raises ValidationError."""
    _refuse_alias(request)
    if not _ECR_URI.fullmatch(request["BaseImage"]):
        raise ValidationError(
            f"BaseImage {request['BaseImage']} is not an Amazon ECR URI: "
            "<acct-id>.dkr.ecr.<region>.amazonaws.com/<repo-name[:tag] or [@digest]>."
        )
    image = find_at_rest(call, "image", request["ImageName"])
    assert isinstance(image, Image)
    for version in _versions(call, image.arn):
        if isinstance(version, ImageVersion) and version.token == request["ClientToken"]:
            return {"ImageVersionArn": version.arn}
    image.last_version += 1
    name = f"{image.name}/{image.last_version}"
    arn = call.arn("image-version", name)
    description = {
        **_without(request, "ImageName", "ClientToken", "Aliases"),
        "ImageArn": image.arn,
        "ImageVersionArn": arn,
        "Version": image.last_version,
    }
    _create(call, ImageVersion("image-version", name, arn, description, token=request["ClientToken"]))
    return {"ImageVersionArn": arn}


@studio_operation("DescribeImageVersion", arn=_version_arn)
def describe_image_version(call: Call, request: Request) -> Response:
    _refuse_alias(request)
    image = find(call, "image", request["ImageName"])
    number = request.get("Version", _latest(call, image.arn))
    return dict(find(call, "image-version", f"{image.name}/{number}").description)


@studio_operation("ListImageVersions", arn=_IMAGE)
def list_image_versions(call: Call, request: Request) -> Response:
    members = ("CreationTime", "ImageArn", "ImageVersionArn", "ImageVersionStatus", "LastModifiedTime", "Version")
    versions = _versions(call, find(call, "image", request["ImageName"]).arn)
    order = _order(request, "ImageName")
    return page(versions, order, "ImageVersions", lambda version: picked(version.description, *members))


@studio_operation("DeleteImageVersion", arn=_version_arn)
def delete_image_version(call: Call, request: Request) -> Response:
    """Raises ResourceInUse while settings or apps name it, or name its image without a version and it is the latest."""
    _refuse_alias(request)
    number = request.get("Version")
    if number is None:
        raise ValidationError("DeleteImageVersion needs the Version to delete.")
    version = find_at_rest(call, "image-version", f"{request['ImageName']}/{number}")
    latest = _latest(call, version.description["ImageArn"])

    def is_meant(custom: Mapping[str, Any]) -> bool:
        meant = (_IMAGE(call, dict(custom)), custom.get("ImageVersionNumber", latest))
        return meant == (version.description["ImageArn"], number)

    refuse_if_named(call, version, is_meant)
    begin(call, version, "DELETING", then=None, after=DELETING)
    return {}


# --- how apps run them ------------------------------------------------------------------------------------------


@studio_operation("CreateAppImageConfig", arn=_CONFIG)
def create_app_image_config(call: Call, request: Request) -> Response:
    arn, now = _CONFIG(call, request), call.platform.now()
    times = {"CreationTime": now, "LastModifiedTime": now}
    description = {**_without(request, "Tags"), "AppImageConfigArn": arn, **times}
    add(call, Resource("app-image-config", request["AppImageConfigName"], arn, description, tags_of(request)))
    return {"AppImageConfigArn": arn}


@studio_operation("DescribeAppImageConfig", arn=_CONFIG)
def describe_app_image_config(call: Call, request: Request) -> Response:
    return dict(find(call, "app-image-config", request["AppImageConfigName"]).description)


@studio_operation("ListAppImageConfigs", arn=everything)
def list_app_image_configs(call: Call, request: Request) -> Response:
    refuse_unknown(request, _PAGING, "")
    if request.get("SortBy") == "LastModifiedTime":
        raise ValidationError("The local cloud does not sort by LastModifiedTime yet; it sorts by CreationTime.")
    configs = call.resources.all("app-image-config")
    return page(configs, request, "AppImageConfigs", lambda config: dict(config.description))


@studio_operation("DeleteAppImageConfig", arn=_CONFIG)
def delete_app_image_config(call: Call, request: Request) -> Response:
    """Raises ResourceInUse while settings name it; whether AWS does is not documented."""
    config = find(call, "app-image-config", request["AppImageConfigName"])
    refuse_if_named(call, config, lambda custom: _CONFIG(call, dict(custom)) == config.arn)
    call.resources.remove(config)
    return {}
