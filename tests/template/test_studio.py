"""Studio: a network that costs nothing, a domain that shuts down what is idle, and a profile for each name."""

from pathlib import Path
from typing import Any

import pytest

from stacks.studio_notebooks import NotebookChanged
from tests.template.conftest import Deploy
from tests.template.deployment import Deployment
from tests.template.synthesis import ROOT

FOLDER = ROOT / "notebooks"
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


def test_users_come_through_iam_and_work_in_roles_of_their_own(deploy: Deploy) -> None:
    deployment = deploy(user_profiles=["ana", "ben"])
    domain = deployment.one("AWS::SageMaker::Domain")
    role = deployment.resolve(domain.properties["DefaultUserSettings"]["ExecutionRole"], domain.stack)

    assert domain.properties["AuthMode"] == "IAM"
    assert role == deployment.named("AWS::IAM::Role", "NobodyRole").attribute("Arn")
    for name in ("ana", "ben"):
        own = deployment.named("AWS::IAM::Role", f"Profile{name}Role").attribute("Arn")
        assert settings_of(deployment, name) == {"ExecutionRole": own}


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


# --- what a user may have of its own ----------------------------------------------------------------------------

OWN = {"name": "ana", "idle_minutes": 120}


def settings_of(deployment: Deployment, name: str) -> dict[str, Any]:
    """A profile's own settings, resolved; none if it has all from the domain."""
    (profile,) = (
        item for item in deployment.all("AWS::SageMaker::UserProfile") if item.properties["UserProfileName"] == name
    )
    return dict(deployment.resolve(profile.properties.get("UserSettings", {}), profile.stack))


@pytest.mark.parametrize("app", ["JupyterLabAppSettings", "CodeEditorAppSettings"])
def test_idle_minutes_of_a_users_own_differ_from_the_domains_and_nothing_else_does(deploy: Deploy, app: str) -> None:
    deployment = deploy(user_profiles=[OWN])
    domain = deployment.one("AWS::SageMaker::Domain")
    usual = deployment.resolve(domain.properties["DefaultUserSettings"], domain.stack)[app]

    own = settings_of(deployment, "ana")[app]

    assert own["AppLifecycleManagement"]["IdleSettings"] == {
        **usual["AppLifecycleManagement"]["IdleSettings"],
        "IdleTimeoutInMinutes": 120,
        "MaxIdleTimeoutInMinutes": 120,
    }
    assert {**own, "AppLifecycleManagement": {}} == {**usual, "AppLifecycleManagement": {}}


# --- the notebooks ----------------------------------------------------------------------------------------------


def test_every_new_jupyterlab_starts_with_the_script_that_brings_the_notebooks(deployment: Deployment) -> None:
    script = deployment.one("AWS::SageMaker::StudioLifecycleConfig")
    domain = deployment.one("AWS::SageMaker::Domain")
    jupyter_lab = deployment.resolve(domain.properties["DefaultUserSettings"]["JupyterLabAppSettings"], domain.stack)

    assert script.properties["StudioLifecycleConfigAppType"] == "JupyterLab"
    assert jupyter_lab["LifecycleConfigArns"] == [script.attribute("StudioLifecycleConfigArn")]
    assert jupyter_lab["DefaultResourceSpec"] == {"LifecycleConfigArn": script.attribute("StudioLifecycleConfigArn")}


def test_the_script_reads_the_parameter_that_tells_where_the_notebooks_are(deployment: Deployment) -> None:
    script = deployment.one("AWS::SageMaker::StudioLifecycleConfig")
    parameter = deployment.named("AWS::SSM::Parameter", "Notebooks")

    text = deployment.resolve(script.properties["StudioLifecycleConfigContent"]["Fn::Base64"], script.stack)

    assert text.startswith(f"#!/bin/bash\nPARAMETER={parameter.reference}\n")
    assert len(text) * 4 / 3 < 16_384  # aws-facts 5.14


def test_the_scripts_name_does_not_change_with_the_notebooks(
    deployment: Deployment, deploy: Deploy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A space keeps the name of the script that it was made with."""
    script, empty = (FOLDER / "into_space.sh").read_text(), '{"cells": []}'
    for name, text in {"into_space.sh": script, "source/1.py": "", "en/1.ipynb": empty, "es/1.ipynb": empty}.items():
        (tmp_path / "notebooks" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "notebooks" / name).write_text(text)
    monkeypatch.setattr("stacks.studio_notebooks._FOLDER", tmp_path / "notebooks")

    changed = deploy()

    named = [
        item.one("AWS::SageMaker::StudioLifecycleConfig").properties["StudioLifecycleConfigName"]
        for item in (deployment, changed)
    ]
    told = [item.named("AWS::SSM::Parameter", "Notebooks").properties["Value"] for item in (deployment, changed)]
    assert named[0] == named[1]
    assert told[0] != told[1]


def test_another_script_has_another_name(deploy: Deploy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """CloudFormation can't replace what keeps its name, and AWS can't change a script."""
    script = tmp_path / "into_space.sh"
    script.write_text("exit 0\n")
    usual = deploy().one("AWS::SageMaker::StudioLifecycleConfig").properties["StudioLifecycleConfigName"]
    monkeypatch.setattr("stacks.studio_notebooks._SCRIPT", script)

    other = deploy().one("AWS::SageMaker::StudioLifecycleConfig").properties["StudioLifecycleConfigName"]

    assert other != usual


def test_the_archive_holds_the_notebooks_and_nothing_else(deployment: Deployment) -> None:
    (archive,) = (path for path in deployment.folder.glob("asset.*") if (path / "en").is_dir())

    found = {str(path.relative_to(archive)) for path in archive.rglob("*") if path.is_file()}

    assert found == {str(path.relative_to(FOLDER)) for path in FOLDER.glob("e[ns]/*.ipynb")}


def test_a_notebook_that_has_been_run_is_not_brought_to_everybody(
    deploy: Deploy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = '{"cells": [{"outputs": [{"text": "123456789012"}], "execution_count": 1}]}'
    for name, text in {"source/1.py": "", "en/1.ipynb": run, "es/1.ipynb": run}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr("stacks.studio_notebooks._FOLDER", tmp_path)

    with pytest.raises(NotebookChanged, match=r"notebooks/en/1\.ipynb has been run"):
        deploy()


# --- an image of one's own --------------------------------------------------------------------------------------

URI = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/studio:1"
IMAGES = ("AWS::SageMaker::Image", "AWS::SageMaker::ImageVersion", "AWS::SageMaker::AppImageConfig")


def test_there_is_no_image_unless_the_settings_name_one(deployment: Deployment) -> None:
    domain = deployment.one("AWS::SageMaker::Domain").properties

    assert [item for kind in IMAGES for item in deployment.all(kind)] == []
    assert domain["DefaultUserSettings"]["JupyterLabAppSettings"]["CustomImages"] == []


def test_an_image_that_the_settings_name_can_be_chosen_in_jupyterlab(deploy: Deploy) -> None:
    deployment = deploy(studio_image_uri=URI)
    image, version, config = (deployment.one(kind) for kind in IMAGES)
    domain = deployment.one("AWS::SageMaker::Domain")

    assert version.properties == {"BaseImage": URI, "ImageName": image.properties["ImageName"]}
    assert domain.properties["DefaultUserSettings"]["JupyterLabAppSettings"]["CustomImages"] == [
        {
            "ImageName": image.properties["ImageName"],
            "AppImageConfigName": config.properties["AppImageConfigName"],
        }
    ]


def test_the_domain_waits_for_the_image_and_goes_before_it(deploy: Deploy) -> None:
    deployment = deploy(studio_image_uri=URI)

    depends = deployment.one("AWS::SageMaker::Domain").body["DependsOn"]

    assert {deployment.one(kind).name for kind in IMAGES} <= set(depends)
