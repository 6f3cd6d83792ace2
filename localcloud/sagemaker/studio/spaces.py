"""Spaces: Create, Describe, List, Update and DeleteSpace (aws-facts, section 5)."""

import shutil
from typing import Any

from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.listing import page
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call, Request, Response, everything, tags_of
from localcloud.sagemaker.studio.lifecycle import (
    DELETING,
    STARTING,
    begin,
    create,
    find,
    find_at_rest,
    find_in_service,
    has_apps,
    oldest_first,
    picked,
    refuse_deletion,
    studio_operation,
)
from localcloud.sagemaker.studio.settings import (
    check_settings,
    context_of_named_space,
    context_of_space,
    levels_above,
)
from localcloud.sagemaker.studio.startup import space_home


def _name(request: Request) -> str:
    return f"{request['DomainId']}/{request['SpaceName']}"


def _arn(call: Call, request: Request) -> str:
    return call.arn("space", _name(request))


@studio_operation("CreateSpace", arn=_arn, context=context_of_space)
def create_space(call: Call, request: Request) -> Response:
    find_in_service(call, "domain", request["DomainId"])
    _check_owner(call, request)
    check_settings(call, request.get("SpaceSettings", {}), *levels_above(call, request))
    arn = _arn(call, request)
    now = call.platform.now()
    description: dict[str, Any] = {
        **{member: value for member, value in request.items() if member != "Tags"},
        "SpaceArn": arn,
        "CreationTime": now,
        "LastModifiedTime": now,
    }
    create(call, Resource("space", _name(request), arn, description, tags_of(request)))
    return {"SpaceArn": arn}


def _check_owner(call: Call, request: Request) -> None:
    if ("OwnershipSettings" in request) != ("SpaceSharingSettings" in request):
        raise ValidationError("OwnershipSettings and SpaceSharingSettings must be given together, or neither of them.")
    if "OwnershipSettings" in request:
        owner = request["OwnershipSettings"]["OwnerUserProfileName"]
        find_in_service(call, "user-profile", f"{request['DomainId']}/{owner}")


@studio_operation("DescribeSpace", arn=_arn)
def describe_space(call: Call, request: Request) -> Response:
    return dict(find(call, "space", _name(request)).description)


@studio_operation("ListSpaces", arn=everything)
def list_spaces(call: Call, request: Request) -> Response:
    chosen = [
        space
        for space in call.resources.all("space")
        if request.get("DomainIdEquals", space.description["DomainId"]) == space.description["DomainId"]
        and request.get("SpaceNameContains", "") in space.description["SpaceName"]
    ]
    return page(chosen, oldest_first(request), "Spaces", _summary)


def _summary(space: Resource) -> dict[str, Any]:
    description = space.description
    members = ("DomainId", "SpaceName", "Status", "CreationTime", "LastModifiedTime", "SpaceDisplayName")
    settings = picked(description.get("SpaceSettings", {}), "AppType", "RemoteAccess", "SpaceStorageSettings")
    summary = {**picked(description, *members), "SpaceSettingsSummary": settings}
    for member in ("SpaceSharingSettings", "OwnershipSettings"):
        if member in description:
            summary[f"{member}Summary"] = description[member]
    return summary


@studio_operation("UpdateSpace", arn=_arn, context=context_of_named_space)
def update_space(call: Call, request: Request) -> Response:
    """Settings given replace the ones of the same name, one level deep; the app type stays."""
    space = find_at_rest(call, "space", _name(request))
    current, given = space.description.get("SpaceSettings", {}), request.get("SpaceSettings", {})
    if given.get("AppType", current.get("AppType")) != current.get("AppType"):
        raise ValidationError(f"The AppType of Space [{space.arn}] cannot be changed.")
    check_settings(call, {**current, **given}, *levels_above(call, space.description))
    space.description["SpaceSettings"] = {**current, **given}
    space.description.update(picked(request, "SpaceDisplayName"))
    begin(call, space, "Updating", then="InService", after=STARTING)
    return {"SpaceArn": space.arn}


@studio_operation("DeleteSpace", arn=_arn, context=context_of_named_space)
def delete_space(call: Call, request: Request) -> Response:
    """Its home goes with it. Raises ResourceInUse while the space has apps (aws-facts 5.7)."""
    space = find_at_rest(call, "space", _name(request))
    if has_apps(call, space):
        raise refuse_deletion(space, "app")
    shutil.rmtree(space_home(space.description["DomainId"], space.description["SpaceName"]), ignore_errors=True)
    begin(call, space, "Deleting", then=None, after=DELETING)
    return {}
