"""The AWS::SageMaker types of CloudFormation, on the SageMaker API."""

import time
import uuid
from collections.abc import Callable
from typing import Any

from localcloud import ministack_adapter as ministack
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.service import SageMaker

_POLL_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 60
_UPDATABLE = frozenset(
    {"AppNetworkAccessType", "AppSecurityGroupManagement", "DefaultSpaceSettings", "DefaultUserSettings"}
    | {"HomeEfsFileSystemCreation", "SubnetIds", "TagPropagation"}
)
"""Properties of a domain that UpdateDomain takes by the same name."""

_MEMBERS_OF_IMAGE = {"ImageRoleArn": "RoleArn", "ImageDisplayName": "DisplayName", "ImageDescription": "Description"}

Properties = dict[str, Any]
Provisioned = tuple[str, dict[str, Any]]


class StabilizationFailed(Exception):
    """A resource did not reach the state that CloudFormation waits for."""


class ReplacementRefused(Exception):
    """A resource that bears a name of its own cannot be replaced under the same name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            f"Rename {name} and update the stack again."
        )


class UpdateUnknown(Exception):
    """AWS can update these properties in place, and the local cloud cannot yet."""


class ResourceTypes:
    """Creates, updates and deletes resources on behalf of a stack."""

    def __init__(self, service: SageMaker) -> None:
        self._service = service

    def register(self) -> None:
        ministack.register_resource_type(
            "AWS::SageMaker::Domain", self._create_domain, self._update_domain, self._delete_domain
        )
        ministack.register_resource_type(
            "AWS::SageMaker::UserProfile", self._create_profile, self._update_profile, self._delete_profile
        )
        ministack.register_resource_type(
            "AWS::SageMaker::ModelPackageGroup", self._create_group, self._update_group, self._delete_group
        )

        ministack.register_resource_type(
            "AWS::SageMaker::StudioLifecycleConfig", self._create_script, self._update_script, self._delete_script
        )
        ministack.register_resource_type(
            "AWS::SageMaker::Image", self._create_image, self._update_image, self._delete_image
        )
        ministack.register_resource_type(
            "AWS::SageMaker::ImageVersion", self._create_version, self._update_version, self._delete_version
        )
        ministack.register_resource_type(
            "AWS::SageMaker::AppImageConfig", self._create_config, self._update_config, self._delete_config
        )

    def _call(self, operation: str, request: Properties) -> dict[str, Any]:
        caller = ministack.ServiceCaller(ministack.current_account(), ministack.current_region())
        return self._service.call(operation, request, caller)

    def _create_domain(self, logical_id: str, properties: Properties, stack: str) -> Provisioned:
        domain_arn = self._call("CreateDomain", properties)["DomainArn"]
        key = {"DomainId": domain_arn.rsplit("/", 1)[-1]}
        return key["DomainId"], self._attributes_of_domain(key)

    def _update_domain(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Provisioned:
        key = {"DomainId": physical_id}
        request = {name: value for name, value in new.items() if name in _UPDATABLE}
        if "DomainSettings" in new:
            request["DomainSettingsForUpdate"] = new["DomainSettings"]
        self._call("UpdateDomain", {**key, **request})
        return physical_id, self._attributes_of_domain(key)

    def _attributes_of_domain(self, key: dict[str, str]) -> dict[str, Any]:
        domain = self._until(lambda: self._call("DescribeDomain", key), "InService")
        names = ("DomainArn", "DomainId", "Url", "HomeEfsFileSystemId", "SecurityGroupIdForDomainBoundary")
        return {name: domain[name] for name in names if name in domain}

    def _delete_domain(self, physical_id: str, properties: Properties) -> None:
        self._delete("Domain", {"DomainId": physical_id})

    def _create_profile(self, logical_id: str, properties: Properties, stack: str) -> Provisioned:
        arn = self._call("CreateUserProfile", properties)["UserProfileArn"]
        self._until_profile_serves(properties)
        return f"{properties['UserProfileName']}|{properties['DomainId']}", {"UserProfileArn": arn}

    def _update_profile(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Provisioned:
        arn = self._call("UpdateUserProfile", {k: v for k, v in new.items() if k != "Tags"})["UserProfileArn"]
        self._until_profile_serves(new)
        return physical_id, {"UserProfileArn": arn}

    def _until_profile_serves(self, properties: Properties) -> None:
        self._until(lambda: self._call("DescribeUserProfile", _profile_key(properties)), "InService")

    def _delete_profile(self, physical_id: str, properties: Properties) -> None:
        self._delete("UserProfile", _profile_key(properties))

    def _create_group(self, logical_id: str, properties: Properties, stack: str) -> Provisioned:
        arn = self._call("CreateModelPackageGroup", properties)["ModelPackageGroupArn"]
        return arn, {"ModelPackageGroupArn": arn}

    def _update_group(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Provisioned:
        """All but the tags is replaced: CloudFormation deletes the old group once the new one is there."""
        if new["ModelPackageGroupName"] != old["ModelPackageGroupName"]:
            return self._create_group("", new, stack)
        if {**new, "Tags": []} != {**old, "Tags": []}:
            raise ReplacementRefused(new["ModelPackageGroupName"])
        self._update_tags(physical_id, old, new)
        return physical_id, {"ModelPackageGroupArn": physical_id}

    def _update_tags(self, arn: str, old: Properties, new: Properties) -> None:
        kept = [tag["Key"] for tag in new.get("Tags", [])]
        gone = [tag["Key"] for tag in old.get("Tags", []) if tag["Key"] not in kept]
        self._call("AddTags", {"ResourceArn": arn, "Tags": new.get("Tags", [])})
        if gone:
            self._call("DeleteTags", {"ResourceArn": arn, "TagKeys": gone})

    def _delete_group(self, physical_id: str, properties: Properties) -> None:
        self._delete("ModelPackageGroup", {"ModelPackageGroupName": physical_id})

    def _create_script(self, logical_id: str, properties: Properties, stack: str) -> Provisioned:
        arn = self._call("CreateStudioLifecycleConfig", properties)["StudioLifecycleConfigArn"]
        return properties["StudioLifecycleConfigName"], {"StudioLifecycleConfigArn": arn}

    def _update_script(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Provisioned:
        """Whatever changes, it is replaced."""
        if new["StudioLifecycleConfigName"] == physical_id:
            raise ReplacementRefused(physical_id)
        return self._create_script("", new, stack)

    def _delete_script(self, physical_id: str, properties: Properties) -> None:
        self._delete("StudioLifecycleConfig", {"StudioLifecycleConfigName": physical_id})

    def _create_image(self, logical_id: str, properties: Properties, stack: str) -> Provisioned:
        request = {_MEMBERS_OF_IMAGE.get(name, name): value for name, value in properties.items()}
        arn = self._call("CreateImage", request)["ImageArn"]
        self._until(lambda: self._call("DescribeImage", _image_key(arn)), "CREATED", "ImageStatus")
        return arn, {"ImageArn": arn}

    def _update_image(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Provisioned:
        if new["ImageName"] != old["ImageName"]:
            return self._create_image("", new, stack)
        _refuse_all_but_tags("AWS::SageMaker::Image", old, new)
        self._update_tags(physical_id, old, new)
        return physical_id, {"ImageArn": physical_id}

    def _delete_image(self, physical_id: str, properties: Properties) -> None:
        self._delete("Image", _image_key(physical_id))

    def _create_version(self, logical_id: str, properties: Properties, stack: str) -> Provisioned:
        arn = self._call("CreateImageVersion", {**properties, "ClientToken": str(uuid.uuid4())})["ImageVersionArn"]
        key = _version_key(arn)
        version = self._until(lambda: self._call("DescribeImageVersion", key), "CREATED", "ImageVersionStatus")
        return arn, {name: version[name] for name in ("ImageVersionArn", "ImageArn", "Version")}

    def _update_version(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Provisioned:
        """Another base image, or image, makes another version."""
        if all(new[name] == old[name] for name in ("BaseImage", "ImageName")):
            _refuse_all_but_tags("AWS::SageMaker::ImageVersion", old, new)
        return self._create_version("", new, stack)

    def _delete_version(self, physical_id: str, properties: Properties) -> None:
        self._delete("ImageVersion", _version_key(physical_id))

    def _create_config(self, logical_id: str, properties: Properties, stack: str) -> Provisioned:
        arn = self._call("CreateAppImageConfig", properties)["AppImageConfigArn"]
        return properties["AppImageConfigName"], {"AppImageConfigArn": arn}

    def _update_config(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Provisioned:
        if new["AppImageConfigName"] != physical_id:
            return self._create_config("", new, stack)
        _refuse_all_but_tags("AWS::SageMaker::AppImageConfig", old, new)
        key = {"AppImageConfigName": physical_id}
        arn = self._call("DescribeAppImageConfig", key)["AppImageConfigArn"]
        self._update_tags(arn, old, new)
        return physical_id, {"AppImageConfigArn": arn}

    def _delete_config(self, physical_id: str, properties: Properties) -> None:
        self._delete("AppImageConfig", {"AppImageConfigName": physical_id})

    def _delete(self, noun: str, key: Properties) -> None:
        """Delete a resource and wait until it is gone; one that is gone already is deleted."""

        def describe() -> dict[str, Any]:
            return self._call(f"Describe{noun}", key)

        try:
            described = describe()
        except ServiceError:
            return
        if not {"Deleting", "DELETING"} & {described.get("Status"), described.get(f"{noun}Status")}:
            self._call(f"Delete{noun}", key)
        self._until_gone(describe)

    def _until(self, describe: Callable[[], dict[str, Any]], wanted: str, member: str = "Status") -> dict[str, Any]:
        deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
        while time.monotonic() < deadline:
            described = describe()
            if described[member] == wanted:
                return described
            if described[member] == "Failed":
                raise StabilizationFailed(described.get("FailureReason", "The resource failed."))
            time.sleep(_POLL_SECONDS)
        raise StabilizationFailed(f"The resource was not {wanted} after {_LONGEST_WAIT_SECONDS} seconds.")

    def _until_gone(self, describe: Callable[[], dict[str, Any]]) -> None:
        deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
        while time.monotonic() < deadline:
            try:
                describe()
            except ServiceError:
                return
            time.sleep(_POLL_SECONDS)
        raise StabilizationFailed(f"The resource was still there after {_LONGEST_WAIT_SECONDS} seconds.")


def _profile_key(properties: Properties) -> dict[str, str]:
    return {"DomainId": properties["DomainId"], "UserProfileName": properties["UserProfileName"]}


def _image_key(arn: str) -> Properties:
    return {"ImageName": arn.rpartition("/")[2]}


def _version_key(arn: str) -> Properties:
    _, name, number = arn.rsplit("/", 2)
    return {"ImageName": name, "Version": int(number)}


def _refuse_all_but_tags(kind: str, old: Properties, new: Properties) -> None:
    changed = sorted(name for name in {*old, *new} - {"Tags"} if old.get(name) != new.get(name))
    if changed:
        raise UpdateUnknown(f"The local cloud cannot update {', '.join(changed)} of {kind} yet.")
