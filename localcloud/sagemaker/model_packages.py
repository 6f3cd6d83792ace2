"""Model package groups and model packages: SageMaker's model registry.

A package describes a model; nothing runs behind it here. Those of a group are versioned, the others are not (the
SageMaker API's CreateModelPackage).
"""

from collections.abc import Mapping
from typing import Any

from localcloud.sagemaker.errors import ServiceError, ValidationError
from localcloud.sagemaker.hosting_rules import refuse_others
from localcloud.sagemaker.images import require_xgboost
from localcloud.sagemaker.listing import page
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import ArnOf, Call, Request, Response, everything, named, operation, tags_of

_NOUNS = {"model-package-group": "Model Package Group", "model-package": "Model Package"}
_KNOWN_OF_GROUP = ("ModelPackageGroupName", "ModelPackageGroupDescription", "Tags")
_KNOWN = (
    *("ModelPackageGroupName", "ModelPackageName", "ModelPackageDescription", "InferenceSpecification"),
    *("ModelApprovalStatus", "ModelMetrics", "CustomerMetadataProperties", "MetadataProperties", "Tags"),
    "ClientToken",
)
_KNOWN_OF_UPDATE = (
    *("ModelPackageArn", "ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties"),
    "ClientToken",
)
_KNOWN_OF_SPECIFICATION = (
    *("Containers", "SupportedContentTypes", "SupportedResponseMIMETypes"),
    *("SupportedRealtimeInferenceInstanceTypes", "SupportedTransformInstanceTypes"),
)
_REQUIRED_WHEN_UNVERSIONED = ("SupportedRealtimeInferenceInstanceTypes", "SupportedTransformInstanceTypes")
_KNOWN_OF_CONTAINER = ("Image", "ModelDataUrl", "Environment", "ContainerHostname")


def _arn(call: Call, kind: str, given: str) -> str:
    """The ARN of what is given by its name or its ARN."""
    return given if given.startswith("arn:") else call.arn(kind, given)


def _given(kind: str, member: str) -> ArnOf:
    return lambda call, request: _arn(call, kind, request[member])


def _find(call: Call, kind: str, given: str) -> Resource:
    arn = _arn(call, kind, given)
    resource = call.resources.by_arn(arn)
    if resource is None or resource.kind != kind:
        raise ValidationError(f"{_NOUNS[kind]} {arn} does not exist.")
    return resource


def _refuse_taken(call: Call, kind: str, name: str) -> None:
    arn = call.arn(kind, name)
    if call.resources.by_arn(arn) is not None:
        raise ValidationError(f"{_NOUNS[kind]} already exists: {arn}")


def _members(description: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: description[name] for name in names if name in description}


# --- groups -----------------------------------------------------------------------------------------------------


@operation("CreateModelPackageGroup", arn=named("model-package-group", "ModelPackageGroupName"))
def create_model_package_group(call: Call, request: Request) -> Response:
    """Raises ValidationError."""
    refuse_others(request, _KNOWN_OF_GROUP, "CreateModelPackageGroup")
    name = request["ModelPackageGroupName"]
    arn = call.arn("model-package-group", name)
    description = {
        **_members(request, "ModelPackageGroupName", "ModelPackageGroupDescription"),
        "ModelPackageGroupArn": arn,
        "ModelPackageGroupStatus": "Completed",
        "CreationTime": call.platform.now(),
        "CreatedBy": {},
    }
    with call.resources.lock:
        _refuse_taken(call, "model-package-group", name)
        call.resources.add(Resource("model-package-group", name, arn, description, tags_of(request), runtime=0))
    return {"ModelPackageGroupArn": arn}


@operation("DescribeModelPackageGroup", arn=_given("model-package-group", "ModelPackageGroupName"))
def describe_model_package_group(call: Call, request: Request) -> Response:
    return dict(_find(call, "model-package-group", request["ModelPackageGroupName"]).description)


@operation("ListModelPackageGroups", arn=everything)
def list_model_package_groups(call: Call, request: Request) -> Response:
    """Oldest first, unless the request says otherwise (the SageMaker API's ListModelPackageGroups)."""
    if request.get("CrossAccountFilterOption", "SameAccount") != "SameAccount":
        raise ValidationError("The local cloud shares nothing between accounts; allowed is SameAccount.")
    groups = call.resources.all("model-package-group")
    return page(groups, {"SortOrder": "Ascending", **request}, "ModelPackageGroupSummaryList", _summary_of_group)


def _summary_of_group(group: Resource) -> dict[str, Any]:
    members = ("ModelPackageGroupName", "ModelPackageGroupArn", "ModelPackageGroupDescription")
    return _members(group.description, *members, "CreationTime", "ModelPackageGroupStatus")


@operation("DeleteModelPackageGroup", arn=_given("model-package-group", "ModelPackageGroupName"))
def delete_model_package_group(call: Call, request: Request) -> Response:
    """Raises a ConflictException while the group has versions."""
    with call.resources.lock:
        group = _find(call, "model-package-group", request["ModelPackageGroupName"])
        if _versions(call, group):
            raise ServiceError(
                "ConflictException", f"Model Package Group {group.arn} cannot be deleted: it still has model packages."
            )
        call.resources.remove(group)
    return {}


def _versions(call: Call, group: Resource) -> list[Resource]:
    packages = call.resources.all("model-package")
    return [package for package in packages if package.description.get("ModelPackageGroupName") == group.name]


# --- packages ---------------------------------------------------------------------------------------------------


def _created_arn(call: Call, request: Request) -> str:
    """What CreateModelPackage's permission is asked for: the version isn't chosen yet."""
    if "ModelPackageGroupName" in request:
        group_arn = _arn(call, "model-package-group", request["ModelPackageGroupName"])
        return group_arn.replace(":model-package-group/", ":model-package/") + "/*"
    return call.arn("model-package", request.get("ModelPackageName", "*"))


@operation("CreateModelPackage", arn=_created_arn)
def create_model_package(call: Call, request: Request) -> Response:
    """The next version of a group, or an unversioned package. The same ClientToken gives the same package.

    Raises ValidationError.
    """
    refuse_others(request, _KNOWN, "CreateModelPackage")
    _check_kind(request)
    _check_specification(request)
    with call.resources.lock:
        token = request.get("ClientToken")
        packages = call.resources.all("model-package") if token else []
        package = next((package for package in packages if package.runtime == token), None)
        return {"ModelPackageArn": (package or _create(call, request, token)).arn}


def _create(call: Call, request: Request, token: str | None) -> Resource:
    description = {
        **_members(request, *(name for name in _KNOWN if name not in ("Tags", "ClientToken"))),
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CreationTime": call.platform.now(),
        "CreatedBy": {},
    }
    if "ModelPackageGroupName" in request:
        group = _find(call, "model-package-group", request["ModelPackageGroupName"])
        group.runtime += 1
        version = {"ModelPackageGroupName": group.name, "ModelPackageVersion": group.runtime}
        # A version has its group's tags (CreateModelPackage, Tags): one and the same, also when they change.
        name, tags = f"{group.name}/{group.runtime}", group.tags
        description = {"ModelApprovalStatus": "PendingManualApproval", **description, **version}
    else:
        name, tags = request["ModelPackageName"], tags_of(request)
        _refuse_taken(call, "model-package", name)
    arn = call.arn("model-package", name)
    package = Resource("model-package", name, arn, {**description, "ModelPackageArn": arn}, tags, runtime=token)
    call.resources.add(package)
    return package


def _check_kind(request: Request) -> None:
    """A name or a group, and what goes with only one of them (the SageMaker API's CreateModelPackage)."""
    if ("ModelPackageName" in request) == ("ModelPackageGroupName" in request):
        raise ValidationError("CreateModelPackage needs either ModelPackageName or ModelPackageGroupName.")
    if "ModelPackageGroupName" in request and request.get("Tags"):
        raise ValidationError("Tags cannot be given with ModelPackageGroupName: a version has its group's tags.")
    if "ModelPackageName" in request and "ModelApprovalStatus" in request:
        raise ValidationError("ModelApprovalStatus does not apply to unversioned models; give ModelPackageGroupName.")


def _check_specification(request: Request) -> None:
    specification = request.get("InferenceSpecification")
    if specification is None:
        raise ValidationError("The local cloud needs the InferenceSpecification of a model package.")
    refuse_others(specification, _KNOWN_OF_SPECIFICATION, "InferenceSpecification")
    for member in _REQUIRED_WHEN_UNVERSIONED if "ModelPackageName" in request else ():
        if not specification.get(member):
            raise ValidationError(f"{member} is required for unversioned models.")
    for container in specification["Containers"]:
        _check_container(container)


def _check_container(container: Mapping[str, Any]) -> None:
    refuse_others(container, _KNOWN_OF_CONTAINER, "InferenceSpecification.Containers")
    require_xgboost(container.get("Image"))
    url = container.get("ModelDataUrl", "")
    if not url.startswith("s3://") or not url.endswith(".tar.gz"):
        raise ValidationError(
            f"ModelDataUrl '{url}' must point to a single gzip compressed tar archive: s3://<bucket>/<key>.tar.gz."
        )


@operation("DescribeModelPackage", arn=_given("model-package", "ModelPackageName"))
def describe_model_package(call: Call, request: Request) -> Response:
    """`IncludedData` changes nothing: no package has a model card here."""
    return dict(_find(call, "model-package", request["ModelPackageName"]).description)


@operation("UpdateModelPackage", arn=_given("model-package", "ModelPackageArn"))
def update_model_package(call: Call, request: Request) -> Response:
    """Versioned models only; metadata properties given are added to those that are there. Raises ValidationError."""
    refuse_others(request, _KNOWN_OF_UPDATE, "UpdateModelPackage")
    with call.resources.lock:
        package = _find(call, "model-package", request["ModelPackageArn"])
        description = package.description
        if "ModelPackageVersion" not in description:
            raise ValidationError(f"Model Package {package.arn} is not versioned; only versioned models are updated.")
        if "CustomerMetadataProperties" in request:
            metadata = description.get("CustomerMetadataProperties", {})
            description["CustomerMetadataProperties"] = {**metadata, **request["CustomerMetadataProperties"]}
        description.update(_members(request, "ModelApprovalStatus", "ApprovalDescription"))
        description["LastModifiedTime"] = call.platform.now()
    return {"ModelPackageArn": package.arn}


@operation("ListModelPackages", arn=everything)
def list_model_packages(call: Call, request: Request) -> Response:
    """Oldest first, and only unversioned ones, unless the request says otherwise; with a group, its versions
    (the SageMaker API's ListModelPackages)."""
    packages = call.resources.all("model-package")
    of_group = request.get("ModelPackageGroupName")
    if of_group is not None:
        packages = _versions(call, _find(call, "model-package-group", of_group))
    kind = request.get("ModelPackageType", "Unversioned" if of_group is None else "Versioned")
    wanted = request.get("ModelApprovalStatus")
    chosen = [
        package
        for package in packages
        if kind in ("Both", "Versioned" if "ModelPackageVersion" in package.description else "Unversioned")
        and wanted in (None, package.description.get("ModelApprovalStatus"))
    ]
    return page(chosen, {"SortOrder": "Ascending", **request}, "ModelPackageSummaryList", _summary)


def _summary(package: Resource) -> dict[str, Any]:
    names = ("ModelPackageName", "ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "CreationTime")
    return _members(package.description, *names, "ModelPackageDescription", "ModelPackageStatus", "ModelApprovalStatus")


@operation("DeleteModelPackage", arn=_given("model-package", "ModelPackageName"))
def delete_model_package(call: Call, request: Request) -> Response:
    """A version that is gone is not given out again."""
    call.resources.remove(_find(call, "model-package", request["ModelPackageName"]))
    return {}
