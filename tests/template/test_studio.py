"""Studio: a network that costs nothing, a domain that shuts down what is idle, and a profile for each name."""

from typing import Any

import pytest

from tests.template.conftest import Deploy
from tests.template.deployment import Deployment

FREE = {
    "AWS::EC2::VPC",
    "AWS::EC2::Subnet",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::SecurityGroup",
}


def profile_names(deployment: Deployment) -> list[str]:
    return [profile.properties["UserProfileName"] for profile in deployment.all("AWS::SageMaker::UserProfile")]


def test_the_network_costs_nothing(deployment: Deployment) -> None:
    """No NAT or internet gateway, endpoint, or address: nothing of EC2's that bills by the hour."""
    assert {item.type for item in deployment.resources if item.type.startswith("AWS::EC2::")} <= FREE


def test_no_subnet_gives_public_addresses(deployment: Deployment) -> None:
    subnets = deployment.all("AWS::EC2::Subnet")

    assert len(subnets) == 2
    assert {subnet.properties["MapPublicIpOnLaunch"] for subnet in subnets} == {False}


def test_the_domain_lies_in_the_stacks_own_network(deployment: Deployment) -> None:
    domain = deployment.one("AWS::SageMaker::Domain")
    resolved = deployment.resolve(domain.properties, domain.stack)

    assert resolved["VpcId"] == deployment.one("AWS::EC2::VPC").reference
    assert set(resolved["SubnetIds"]) == {subnet.reference for subnet in deployment.all("AWS::EC2::Subnet")}
    # Apps reach the internet through SageMaker's own network: this one has no way out.
    assert resolved.get("AppNetworkAccessType", "PublicInternetOnly") == "PublicInternetOnly"


@pytest.mark.parametrize("app", ["JupyterLabAppSettings", "CodeEditorAppSettings"])
def test_idle_apps_are_shut_down(deploy: Deploy, app: str) -> None:
    domain = deploy(studio_idle_minutes=90).one("AWS::SageMaker::Domain")

    idle: dict[str, Any] = domain.properties["DefaultUserSettings"][app]["AppLifecycleManagement"]["IdleSettings"]

    assert idle["LifecycleManagement"] == "ENABLED"
    assert idle["IdleTimeoutInMinutes"] == 90
    assert 60 <= idle["MinIdleTimeoutInMinutes"] <= 90 <= idle["MaxIdleTimeoutInMinutes"] <= 525_600  # aws-facts 5.4


@pytest.mark.parametrize(("wanted", "said"), [(False, "Disabled"), (True, "Enabled")])
def test_users_have_a_home_file_system_only_if_the_settings_say_so(deploy: Deploy, *, wanted: bool, said: str) -> None:
    properties = deploy(studio_home_efs=wanted).one("AWS::SageMaker::Domain").properties

    assert properties["HomeEfsFileSystemCreation"] == said
    assert properties["DefaultUserSettings"]["AutoMountHomeEFS"] == said


def test_by_default_nothing_is_made_that_would_outlive_the_domain(deployment: Deployment) -> None:
    assert deployment.one("AWS::SageMaker::Domain").properties["HomeEfsFileSystemCreation"] == "Disabled"


def test_users_come_through_iam_and_work_in_the_users_role(deployment: Deployment) -> None:
    domain = deployment.one("AWS::SageMaker::Domain")
    role = deployment.resolve(domain.properties["DefaultUserSettings"]["ExecutionRole"], domain.stack)

    assert domain.properties["AuthMode"] == "IAM"
    assert role == deployment.named("AWS::IAM::Role", "UserRole").attribute("Arn")


def test_what_users_make_in_the_domain_bears_the_projects_tag(deployment: Deployment) -> None:
    properties = deployment.one("AWS::SageMaker::Domain").properties

    assert properties["TagPropagation"] == "ENABLED"
    assert {"Key": "project", "Value": "fraud"} in properties["Tags"]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([], id="none"),
        pytest.param(["ana", "Ben"], id="two"),
        pytest.param([f"user-{number}" for number in range(30)], id="thirty"),
        pytest.param(["a", "a" * 63], id="shortest and longest"),
        pytest.param(["ana", "Ana"], id="differing in case"),
        pytest.param(["data-scientist", "datascientist"], id="differing in a hyphen"),
        pytest.param(["domain", "Network"], id="named as other resources are"),
    ],
)
def test_each_name_in_the_settings_gets_a_user_profile(deploy: Deploy, names: list[str]) -> None:
    assert profile_names(deploy(user_profiles=names)) == names


def test_every_profile_belongs_to_the_domain(deploy: Deploy) -> None:
    deployment = deploy(user_profiles=["ana", "ben"])
    domain = deployment.one("AWS::SageMaker::Domain").attribute("DomainId")
    profiles = deployment.all("AWS::SageMaker::UserProfile")

    assert [deployment.resolve(profile.properties["DomainId"], profile.stack) for profile in profiles] == [domain] * 2


def test_adding_a_profile_changes_no_other_resource(deployment: Deployment, deploy: Deploy) -> None:
    before = deployment.templates["Studio"]["Resources"]

    after = deploy(user_profiles=["data-scientist", "another"]).templates["Studio"]["Resources"]

    assert {name: after.get(name) for name in before} == before
