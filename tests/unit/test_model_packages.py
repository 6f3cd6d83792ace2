"""The model registry's rules: groups, their versions, and packages without a group."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from localcloud.sagemaker.errors import ServiceError, ValidationError
from localcloud.sagemaker.service import SageMaker
from tests.unit.small_cloud import ACCOUNT, REGION, Principal, SmallPlatform

IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
CONTAINER = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/runs/1/model.tar.gz"}
SPECIFICATION: dict[str, Any] = {
    "Containers": [CONTAINER],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
    "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
    "SupportedTransformInstanceTypes": ["ml.m5.large"],
}
PROJECT = [{"Key": "project", "Value": "fraud"}]


def arn(resource: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{resource}"


@dataclass
class Team:
    """Somebody with the API in hand, and a group."""

    platform: SmallPlatform = field(default_factory=SmallPlatform)
    caller: Principal = field(default_factory=Principal)

    def __post_init__(self) -> None:
        self.sagemaker = SageMaker(self.platform)
        self.group("Fraud", Tags=PROJECT)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        self.platform.pass_time(seconds=1)
        return self.sagemaker.call(operation, request, self.caller)

    def group(self, name: str, **more: Any) -> str:
        return str(self.call("CreateModelPackageGroup", ModelPackageGroupName=name, **more)["ModelPackageGroupArn"])

    def version(self, group: str = "Fraud", **more: Any) -> str:
        """The ARN of a new version."""
        request = {"ModelPackageGroupName": group, "InferenceSpecification": SPECIFICATION, **more}
        return str(self.call("CreateModelPackage", **request)["ModelPackageArn"])

    def unversioned(self, name: str, **more: Any) -> str:
        request = {"ModelPackageName": name, "InferenceSpecification": SPECIFICATION, **more}
        return str(self.call("CreateModelPackage", **request)["ModelPackageArn"])

    def listed(self, **request: Any) -> list[str]:
        packages = self.call("ListModelPackages", **request)["ModelPackageSummaryList"]
        return [package["ModelPackageArn"].rpartition(":model-package/")[2] for package in packages]

    def tags(self, resource_arn: str) -> list[dict[str, str]]:
        tags: list[dict[str, str]] = self.call("ListTags", ResourceArn=resource_arn)["Tags"]
        return tags


@pytest.fixture
def team() -> Team:
    return Team()


# --- groups -----------------------------------------------------------------------------------------------------


def test_a_group_tells_its_arn_and_is_completed(team: Team) -> None:
    described = team.call("DescribeModelPackageGroup", ModelPackageGroupName="Fraud")
    assert described["ModelPackageGroupArn"] == arn("model-package-group/fraud")
    assert (described["ModelPackageGroupName"], described["ModelPackageGroupStatus"]) == ("Fraud", "Completed")


def test_a_group_is_found_by_its_arn(team: Team) -> None:
    given = arn("model-package-group/fraud")
    assert team.call("DescribeModelPackageGroup", ModelPackageGroupName=given)["ModelPackageGroupName"] == "Fraud"


def test_two_groups_cannot_bear_one_name(team: Team) -> None:
    with pytest.raises(ValidationError, match="Model Package Group already exists"):
        team.group("fraud")


def test_an_unknown_group_does_not_exist(team: Team) -> None:
    with pytest.raises(ValidationError, match="model-package-group/other does not exist"):
        team.call("DescribeModelPackageGroup", ModelPackageGroupName="other")


def test_groups_are_listed_oldest_first(team: Team) -> None:
    team.group("another")
    listed = team.call("ListModelPackageGroups")["ModelPackageGroupSummaryList"]
    assert [group["ModelPackageGroupName"] for group in listed] == ["Fraud", "another"]


def test_groups_of_other_accounts_are_refused_by_name(team: Team) -> None:
    with pytest.raises(ValidationError, match="SameAccount"):
        team.call("ListModelPackageGroups", CrossAccountFilterOption="CrossAccount")


def test_a_managed_group_is_refused_by_name(team: Team) -> None:
    with pytest.raises(ValidationError, match="does not know ManagedConfiguration"):
        team.group("managed", ManagedConfiguration={})


def test_a_group_with_versions_cannot_be_deleted(team: Team) -> None:
    version = team.version()
    with pytest.raises(ServiceError, match="still has model packages") as refused:
        team.call("DeleteModelPackageGroup", ModelPackageGroupName="Fraud")
    assert refused.value.code == "ConflictException"
    team.call("DeleteModelPackage", ModelPackageName=version)
    team.call("DeleteModelPackageGroup", ModelPackageGroupName="Fraud")
    assert team.call("ListModelPackageGroups") == {"ModelPackageGroupSummaryList": []}


def test_the_tags_of_a_group_are_listed(team: Team) -> None:
    assert team.tags(arn("model-package-group/fraud")) == PROJECT


# --- versions ---------------------------------------------------------------------------------------------------


def test_versions_count_up_and_none_is_given_out_twice(team: Team) -> None:
    team.version()
    second = team.version()
    team.call("DeleteModelPackage", ModelPackageName=second)
    assert (second, team.version()) == (arn("model-package/fraud/2"), arn("model-package/fraud/3"))


def test_each_group_counts_for_itself(team: Team) -> None:
    team.version()
    assert team.version(team.group("other")) == arn("model-package/other/1")


def test_a_version_tells_what_was_registered_and_waits_for_approval(team: Team) -> None:
    more: dict[str, Any] = {
        "ModelPackageDescription": "the first",
        "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/m.json"}}},
        "CustomerMetadataProperties": {"run": "1"},
        "MetadataProperties": {"CommitId": "abc"},
    }
    described = team.call("DescribeModelPackage", ModelPackageName=team.version(**more))
    assert more.items() <= described.items()
    assert described["InferenceSpecification"] == SPECIFICATION
    assert (described["ModelPackageGroupName"], described["ModelPackageVersion"]) == ("Fraud", 1)
    assert (described["ModelPackageStatus"], described["ModelApprovalStatus"]) == ("Completed", "PendingManualApproval")
    assert "ModelPackageName" not in described


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({}, id="none at all"),
        pytest.param({str(number): "x" for number in range(51)}, id="51 properties"),
        pytest.param({"k" * 129: "x"}, id="a long name"),
        pytest.param({"": "x"}, id="a name of nothing"),
        pytest.param({"run": "x" * 257}, id="a long value"),
        pytest.param({"run": ""}, id="an empty value"),
        pytest.param({"run": "a, b"}, id="a comma"),
        pytest.param({"run": "100%"}, id="a per cent sign"),
        pytest.param({"run": "a\nb"}, id="a line break"),
        pytest.param({"run": 0.5}, id="a number"),
    ],
)
def test_metadata_beyond_aws_s_limits_is_refused(team: Team, metadata: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="customerMetadataProperties"):
        team.version(CustomerMetadataProperties=metadata)


def test_metadata_within_aws_s_limits_is_kept(team: Team) -> None:
    metadata = {"k" * 128: "v" * 256, "Überblick a": "s3://bucket/runs/1/@x=1+2_a-b.c:d"}
    metadata |= {str(number): "x" for number in range(48)}

    described = team.call("DescribeModelPackage", ModelPackageName=team.version(CustomerMetadataProperties=metadata))

    assert described["CustomerMetadataProperties"] == metadata


def test_a_version_needs_a_group_that_exists(team: Team) -> None:
    with pytest.raises(ValidationError, match="model-package-group/other does not exist"):
        team.version("other")


def test_a_version_has_its_groups_tags_and_takes_none_of_its_own(team: Team) -> None:
    with pytest.raises(ValidationError, match="Tags cannot be given with ModelPackageGroupName"):
        team.version(Tags=PROJECT)
    assert team.tags(team.version()) == PROJECT


def test_the_same_token_gives_the_same_version(team: Team) -> None:
    first, again, other = team.version(ClientToken="a"), team.version(ClientToken="a"), team.version(ClientToken="b")
    assert (again, other) == (first, arn("model-package/fraud/2"))


def test_a_version_is_approved_with_a_reason(team: Team) -> None:
    version = team.version(ModelApprovalStatus="Rejected", CustomerMetadataProperties={"run": "1", "by": "ana"})
    team.call(
        "UpdateModelPackage",
        ModelPackageArn=version,
        ModelApprovalStatus="Approved",
        ApprovalDescription="good enough",
        CustomerMetadataProperties={"by": "bob"},
    )
    described = team.call("DescribeModelPackage", ModelPackageName=version)
    assert (described["ModelApprovalStatus"], described["ApprovalDescription"]) == ("Approved", "good enough")
    assert described["CustomerMetadataProperties"] == {"run": "1", "by": "bob"}
    assert described["LastModifiedTime"] > described["CreationTime"]


def test_what_else_an_update_could_change_is_refused_by_name(team: Team) -> None:
    with pytest.raises(ValidationError, match="does not know SourceUri in UpdateModelPackage"):
        team.call("UpdateModelPackage", ModelPackageArn=team.version(), SourceUri="s3://bucket/model")


# --- packages without a group -----------------------------------------------------------------------------------


def test_an_unversioned_package_has_a_name_and_tags(team: Team) -> None:
    package = team.unversioned("Alone", Tags=PROJECT)
    described = team.call("DescribeModelPackage", ModelPackageName="alone")
    assert (package, team.tags(package)) == (arn("model-package/alone"), PROJECT)
    assert (described["ModelPackageName"], "ModelPackageVersion" in described) == ("Alone", False)


def test_two_packages_cannot_bear_one_name(team: Team) -> None:
    team.unversioned("alone")
    with pytest.raises(ValidationError, match="Model Package already exists"):
        team.unversioned("alone")


@pytest.mark.parametrize("names", [{}, {"ModelPackageName": "alone", "ModelPackageGroupName": "Fraud"}])
def test_a_package_has_either_a_name_or_a_group(team: Team, names: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="either ModelPackageName or ModelPackageGroupName"):
        team.call("CreateModelPackage", InferenceSpecification=SPECIFICATION, **names)


def test_an_unversioned_package_is_not_approved(team: Team) -> None:
    with pytest.raises(ValidationError, match="ModelApprovalStatus does not apply"):
        team.unversioned("alone", ModelApprovalStatus="Approved")
    with pytest.raises(ValidationError, match="not versioned"):
        team.call("UpdateModelPackage", ModelPackageArn=team.unversioned("alone"), ModelApprovalStatus="Approved")


@pytest.mark.parametrize("member", ["SupportedRealtimeInferenceInstanceTypes", "SupportedTransformInstanceTypes"])
def test_an_unversioned_package_needs_instance_types(team: Team, member: str) -> None:
    less = {key: value for key, value in SPECIFICATION.items() if key != member}
    assert team.version(InferenceSpecification=less)
    with pytest.raises(ValidationError, match=f"{member} is required"):
        team.unversioned("alone", InferenceSpecification=less)


# --- what is in them --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ({**CONTAINER, "Image": "python:3"}, "has no image 'python:3'"),
        ({**CONTAINER, "ModelDataUrl": "s3://bucket/model.bin"}, "single gzip compressed tar archive"),
        ({"Image": IMAGE}, "single gzip compressed tar archive"),
        ({**CONTAINER, "Framework": "XGBOOST"}, "does not know Framework"),
    ],
)
def test_a_container_is_of_the_image_that_runs_here(team: Team, container: dict[str, str], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        team.version(InferenceSpecification={**SPECIFICATION, "Containers": [container]})


def test_a_package_needs_a_specification(team: Team) -> None:
    with pytest.raises(ValidationError, match="InferenceSpecification"):
        team.call("CreateModelPackage", ModelPackageGroupName="Fraud")


def test_other_members_are_refused_by_name(team: Team) -> None:
    with pytest.raises(ValidationError, match="does not know CertifyForMarketplace in CreateModelPackage"):
        team.version(CertifyForMarketplace=True)


def test_an_unknown_package_does_not_exist(team: Team) -> None:
    with pytest.raises(ValidationError, match="model-package/fraud/9 does not exist"):
        team.call("DeleteModelPackage", ModelPackageName=arn("model-package/fraud/9"))


# --- lists and permissions --------------------------------------------------------------------------------------


def test_a_list_holds_the_unversioned_packages_unless_told_otherwise(team: Team) -> None:
    team.version()
    team.unversioned("alone")
    assert team.listed() == ["alone"]
    assert team.listed(ModelPackageType="Versioned") == ["fraud/1"]
    assert team.listed(ModelPackageType="Both") == ["fraud/1", "alone"]


def test_a_list_of_a_group_holds_its_versions(team: Team) -> None:
    team.version(team.group("other"))
    team.version()
    team.version()
    assert team.listed(ModelPackageGroupName="Fraud") == ["fraud/1", "fraud/2"]
    assert team.listed(ModelPackageGroupName="Fraud", SortOrder="Descending", MaxResults=1) == ["fraud/2"]
    with pytest.raises(ValidationError, match="does not exist"):
        team.listed(ModelPackageGroupName="third")


def test_a_list_holds_one_approval_status(team: Team) -> None:
    team.version()
    team.version(ModelApprovalStatus="Approved")
    assert team.listed(ModelPackageGroupName="Fraud", ModelApprovalStatus="Approved") == ["fraud/2"]


def test_the_permission_for_a_version_is_asked_with_its_groups_name(team: Team) -> None:
    version = team.version()
    team.call("UpdateModelPackage", ModelPackageArn=version, ModelApprovalStatus="Approved")
    tags = {"aws:ResourceTag/project": "fraud"}
    assert ("sagemaker:CreateModelPackage", arn("model-package/fraud/*"), {}) in team.caller.asked
    assert ("sagemaker:UpdateModelPackage", version, tags) in team.caller.asked
