"""Apps: CreateApp, DescribeApp, ListApps, DeleteApp. Nothing runs behind them here but the script of their start."""

from typing import Any

from localcloud.sagemaker.errors import ResourceNotFound, ValidationError
from localcloud.sagemaker.listing import page
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call, Request, Response, everything, tags_of
from localcloud.sagemaker.studio.lifecycle import (
    STARTING,
    STOPPING_AN_APP,
    begin,
    create,
    find,
    find_at_rest,
    find_in_service,
    oldest_first,
    picked,
    studio_operation,
)
from localcloud.sagemaker.studio.settings import check_images_of_spec, context_of_named_space
from localcloud.sagemaker.studio.startup import script_of


def _owner(request: Request) -> tuple[str, str]:
    """Kind and name of the user profile or space that the app belongs to."""
    profile, space = request.get("UserProfileName"), request.get("SpaceName")
    if bool(profile) == bool(space):
        raise ValidationError("Exactly one of UserProfileName and SpaceName must be set.")
    return (
        ("user-profile", f"{request['DomainId']}/{profile}") if profile else ("space", f"{request['DomainId']}/{space}")
    )


def _name(request: Request) -> str:
    return f"{_owner(request)[1]}/{request['AppType']}/{request['AppName']}"


def _arn(call: Call, request: Request) -> str:
    return call.arn("app", _name(request))


@studio_operation("CreateApp", arn=_arn, context=context_of_named_space)
def create_app(call: Call, request: Request) -> Response:
    """An app bears its user profile's tags too (the SageMaker API's CreateUserProfile, Tags)."""
    if request.get("RecoveryMode"):
        raise ValidationError("The local cloud does not know RecoveryMode yet; leave it out.")
    owner = find_in_service(call, *_owner(request))
    check_images_of_spec(call, request.get("ResourceSpec", {}))
    script = script_of(call, request, owner)
    inherited = owner.tags if owner.kind == "user-profile" else {}
    arn = _arn(call, request)
    description: dict[str, Any] = {
        **{member: value for member, value in request.items() if member != "Tags"},
        "AppArn": arn,
        "CreationTime": call.platform.now(),
    }
    app = Resource("app", _name(request), arn, description, {**inherited, **tags_of(request)})
    create(call, app)
    if script is not None:
        # That the description shows a default as well is not documented.
        description["ResourceSpec"] = {**description.get("ResourceSpec", {}), "LifecycleConfigArn": script.config_arn}
        script.start()
        begin(call, app, "Pending", then="InService", after=STARTING, startup=script)
    return {"AppArn": arn}


@studio_operation("DescribeApp", arn=_arn)
def describe_app(call: Call, request: Request) -> Response:
    return dict(find(call, "app", _name(request)).description)


@studio_operation("ListApps", arn=everything)
def list_apps(call: Call, request: Request) -> Response:
    """Deleted apps are listed too, for a day."""
    if "UserProfileNameEquals" in request and "SpaceNameEquals" in request:
        raise ValidationError("UserProfileNameEquals and SpaceNameEquals cannot both be set.")
    members = (
        "DomainId",
        "UserProfileName",
        "SpaceName",
        "AppType",
        "AppName",
        "Status",
        "CreationTime",
        "ResourceSpec",
    )
    filters = {
        member: request[f"{member}Equals"]
        for member in ("DomainId", "UserProfileName", "SpaceName")
        if f"{member}Equals" in request
    }
    chosen = [
        app
        for app in call.resources.all("app")
        if all(app.description.get(member) == value for member, value in filters.items())
    ]
    return page(chosen, oldest_first(request), "Apps", lambda app: picked(app.description, *members, "ResourceSpec"))


@studio_operation("DeleteApp", arn=_arn, context=context_of_named_space)
def delete_app(call: Call, request: Request) -> Response:
    """An app that is starting is stopped too."""
    app = find(call, "app", _name(request))
    if app.description["Status"] != "Pending":
        find_at_rest(call, "app", _name(request))
    if app.description["Status"] == "Deleted":
        raise ResourceNotFound(f"App [{app.arn}] has been deleted.")
    begin(call, app, "Deleting", then="Deleted", after=STOPPING_AN_APP)
    return {}
