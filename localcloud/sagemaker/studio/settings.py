"""What the settings of domains, user profiles and spaces name: it must be there, and stays as long as they name it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localcloud.sagemaker.errors import ResourceInUse, ValidationError
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call, Context
from localcloud.sagemaker.studio.lifecycle import NOUNS, find

Settings = Mapping[str, Any]

NO_SCRIPT = "None"
"""In place of a LifecycleConfigArn; what it means is told of SageMakerImageVersionArn only (ResourceSpec)."""


def check_settings(call: Call, settings: Settings, *above: Settings) -> None:
    """Raise ValidationError where settings name what isn't there, or a default that they don't list.

    `above` are other settings whose lists hold too.
    """
    for member, its in settings.items():
        if member.endswith("AppSettings"):
            _check_lifecycle_configs(call, member, its, above)
            _check_custom_images(call, its)
            check_images_of_spec(call, its.get("DefaultResourceSpec", {}))


def _check_lifecycle_configs(call: Call, member: str, its: Settings, above: tuple[Settings, ...]) -> None:
    if "BuiltInLifecycleConfigArn" in its:
        raise ValidationError(f"The local cloud does not know {member}.BuiltInLifecycleConfigArn yet; leave it out.")
    app_type = member.removesuffix("AppSettings")
    for arn in its.get("LifecycleConfigArns", []):
        require_lifecycle_config(call, arn, app_type)
    default = default_script({member: its}, app_type)
    if default not in (None, NO_SCRIPT, *listed_scripts(({member: its}, *above), app_type)):
        raise ValidationError(
            f"The default lifecycle configuration {default} must be among the LifecycleConfigArns of {member} too."
        )


def require_lifecycle_config(call: Call, arn: str, app_type: str) -> Resource:
    """The lifecycle configuration for that type of app. Raises ValidationError."""
    config = call.resources.by_arn(arn)
    if config is None or config.kind != "studio-lifecycle-config":
        raise ValidationError(f"StudioLifecycleConfig [{arn}] does not exist.")
    # Whether AWS refuses another app type's is not documented.
    made_for = config.description["StudioLifecycleConfigAppType"]
    if made_for != app_type:
        raise ValidationError(f"StudioLifecycleConfig [{arn}] is for {made_for} apps, not for {app_type}.")
    return config


def default_script(settings: Settings, app_type: str) -> str | None:
    """The LifecycleConfigArn of settings' DefaultResourceSpec, if it has one."""
    spec: Settings = settings.get(f"{app_type}AppSettings", {}).get("DefaultResourceSpec", {})
    return spec.get("LifecycleConfigArn")


def listed_scripts(levels: tuple[Settings, ...], app_type: str) -> list[str]:
    return [arn for level in levels for arn in level.get(f"{app_type}AppSettings", {}).get("LifecycleConfigArns", [])]


def levels_above(call: Call, owner: Mapping[str, Any]) -> tuple[Settings, ...]:
    """Other settings that apply to the apps of a user profile or space (its description), the nearest first.

    Those for users apply to private spaces only (UserSettings of the SageMaker API).
    """
    domain = find(call, "domain", owner["DomainId"]).description
    if "SpaceName" not in owner:
        return owner.get("UserSettings", {}), domain["DefaultUserSettings"]
    if owner.get("SpaceSharingSettings", {}).get("SharingType") != "Private":
        return (domain.get("DefaultSpaceSettings", {}),)
    profile_name = owner["OwnershipSettings"]["OwnerUserProfileName"]
    profile = find(call, "user-profile", f"{owner['DomainId']}/{profile_name}").description
    return profile.get("UserSettings", {}), domain["DefaultUserSettings"]


def _check_custom_images(call: Call, its: Settings) -> None:
    for custom in its.get("CustomImages", []):
        number = custom.get("ImageVersionNumber")
        wanted = [("image", custom["ImageName"]), ("app-image-config", custom["AppImageConfigName"])]
        if number is not None:
            wanted.append(("image-version", f"{custom['ImageName']}/{number}"))
        for kind, name in wanted:
            if call.resources.by_arn(call.arn(kind, name)) is None:
                raise ValidationError(f"CustomImages: {NOUNS[kind]} [{call.arn(kind, name)}] does not exist.")


def check_images_of_spec(call: Call, spec: Settings) -> None:
    """Raise ValidationError where a ResourceSpec names an image of this account that isn't there."""
    for member in ("SageMakerImageArn", "SageMakerImageVersionArn"):
        arn = spec.get(member, "")
        # AWS's own images belong to accounts of AWS.
        if f":{call.caller.account}:" in arn and call.resources.by_arn(arn) is None:
            raise ValidationError(f"{member} {arn} does not exist.")


def refuse_if_named(
    call: Call, resource: Resource, is_meant: Callable[[Mapping[str, Any]], bool] = lambda custom: False
) -> None:
    """Raise ResourceInUse if settings or an app that runs name the resource, or a custom image that is meant.

    Of spaces the SageMaker API says nothing (DeleteStudioLifecycleConfig).
    """
    for user in _users(call):
        if _mentions(user.description, resource.arn) or any(map(is_meant, _custom_images(user.description))):
            raise ResourceInUse(
                f"Unable to delete {NOUNS[resource.kind]} [{resource.arn}] because "
                f"{NOUNS[user.kind]} [{user.arn}] uses it."
            )


def _users(call: Call) -> Iterator[Resource]:
    for kind in ("domain", "user-profile", "space"):
        yield from call.resources.all(kind)
    yield from (app for app in call.resources.all("app") if app.description["Status"] not in ("Failed", "Deleted"))


def _mentions(value: Any, arn: str) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return value == arn or any(_mentions(item, arn) for item in inner)


def _custom_images(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield from value.get("CustomImages", [])
        for item in value.values():
            yield from _custom_images(item)


def context_of_space(call: Call, space: Mapping[str, Any]) -> Context:
    """The condition keys that a space (a request or a description) has: whose it is, and whether it is shared."""
    context: Context = {}
    if "OwnershipSettings" in space:
        owner = f"{space['DomainId']}/{space['OwnershipSettings']['OwnerUserProfileName']}"
        context["sagemaker:OwnerUserProfileArn"] = call.arn("user-profile", owner)
    if "SpaceSharingSettings" in space:
        context["sagemaker:SpaceSharingType"] = space["SpaceSharingSettings"]["SharingType"]
    return context


def context_of_named_space(call: Call, request: Mapping[str, Any]) -> Context:
    """Those of the space that a request names, if it names one that is there."""
    name = request.get("SpaceName")
    space = call.resources.by_arn(call.arn("space", f"{request['DomainId']}/{name}")) if name else None
    return context_of_space(call, space.description) if space else {}
