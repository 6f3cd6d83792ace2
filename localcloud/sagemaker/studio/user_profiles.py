"""User profiles: Create, Describe, List, Update and DeleteUserProfile (aws-facts, section 5)."""

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
from localcloud.sagemaker.studio.settings import check_settings


def _name(request: Request) -> str:
    return f"{request['DomainId']}/{request['UserProfileName']}"


def _arn(call: Call, request: Request) -> str:
    return call.arn("user-profile", _name(request))


@studio_operation("CreateUserProfile", arn=_arn)
def create_user_profile(call: Call, request: Request) -> Response:
    find_in_service(call, "domain", request["DomainId"])
    if "SingleSignOnUserIdentifier" in request or "SingleSignOnUserValue" in request:
        raise ValidationError(
            "SingleSignOnUserIdentifier and …Value need a domain with AuthMode SSO; this one has IAM."
        )
    check_settings(call, request.get("UserSettings", {}))
    arn = _arn(call, request)
    now = call.platform.now()
    description: dict[str, Any] = {
        **picked(request, "DomainId", "UserProfileName", "UserSettings"),
        "UserProfileArn": arn,
        "CreationTime": now,
        "LastModifiedTime": now,
    }
    create(call, Resource("user-profile", _name(request), arn, description, tags_of(request)))
    return {"UserProfileArn": arn}


@studio_operation("DescribeUserProfile", arn=_arn)
def describe_user_profile(call: Call, request: Request) -> Response:
    return dict(find(call, "user-profile", _name(request)).description)


@studio_operation("ListUserProfiles", arn=everything)
def list_user_profiles(call: Call, request: Request) -> Response:
    members = ("DomainId", "UserProfileName", "Status", "CreationTime", "LastModifiedTime")
    chosen = [
        profile
        for profile in call.resources.all("user-profile")
        if request.get("DomainIdEquals", profile.description["DomainId"]) == profile.description["DomainId"]
        and request.get("UserProfileNameContains", "") in profile.description["UserProfileName"]
    ]
    return page(chosen, oldest_first(request), "UserProfiles", lambda profile: picked(profile.description, *members))


@studio_operation("UpdateUserProfile", arn=_arn)
def update_user_profile(call: Call, request: Request) -> Response:
    """Settings given replace the ones of the same name, one level deep; the others stay."""
    profile = find_at_rest(call, "user-profile", _name(request))
    settings = {**profile.description.get("UserSettings", {}), **request.get("UserSettings", {})}
    check_settings(call, settings)
    profile.description["UserSettings"] = settings
    begin(call, profile, "Updating", then="InService", after=STARTING)
    return {"UserProfileArn": profile.arn}


@studio_operation("DeleteUserProfile", arn=_arn)
def delete_user_profile(call: Call, request: Request) -> Response:
    """Raises ResourceInUse while the profile has apps (aws-facts 5.7) or owns spaces."""
    profile = find_at_rest(call, "user-profile", _name(request))
    if has_apps(call, profile):
        raise refuse_deletion(profile, "app")
    if any(_owns(profile, space) for space in call.resources.all("space")):
        raise refuse_deletion(profile, "space")
    begin(call, profile, "Deleting", then=None, after=DELETING)
    return {}


def _owns(profile: Resource, space: Resource) -> bool:
    owner = space.description.get("OwnershipSettings", {}).get("OwnerUserProfileName")
    return (
        owner is not None
        and space.description["DomainId"] == profile.description["DomainId"]
        and owner.lower() == profile.description["UserProfileName"].lower()
    )
