"""Custom images for Studio: images, their versions, how apps run them, and what in the settings holds them."""

from typing import Any

import pytest

from localcloud import ministack_adapter as ministack
from localcloud.cloudformation import ResourceTypes, UpdateUnknown
from localcloud.sagemaker.errors import ResourceInUse, ResourceNotFound, ValidationError
from localcloud.sagemaker.studio import lifecycle
from tests.unit.small_cloud import ACCOUNT, REGION, ROLE
from tests.unit.test_studio import Team

BASE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/studio:1"
OF_ACCOUNT = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"


class Studio(Team):
    """A team that makes images."""

    def image(self, name: str = "fraud") -> str:
        arn = self.call("CreateImage", ImageName=name, RoleArn=ROLE)["ImageArn"]
        self.platform.pass_time(seconds=1)
        return str(arn)

    def version(self, token: str = "token", image: str = "fraud", **more: Any) -> str:  # noqa: S107 - no password
        created = self.call("CreateImageVersion", ImageName=image, ClientToken=token, **{"BaseImage": BASE, **more})
        self.platform.pass_time(seconds=1)
        return str(created["ImageVersionArn"])

    def domain_with(self, custom: dict[str, Any]) -> str:
        """The id of a domain that offers a custom image, run with the configuration `lab`."""
        custom = {"ImageName": "fraud", "AppImageConfigName": "lab", **custom}
        settings = {"JupyterLabAppSettings": {"CustomImages": [custom]}}
        return self.domain(DefaultUserSettings={"ExecutionRole": ROLE, **settings})

    def versions(self) -> list[int]:
        listed = self.call("ListImageVersions", ImageName="fraud", SortOrder="ASCENDING")["ImageVersions"]
        return [version["Version"] for version in listed]


@pytest.fixture
def team() -> Studio:
    return Studio()


@pytest.fixture
def offered(team: Studio) -> Studio:
    """An image of two versions and a configuration are there."""
    team.image()
    team.version("one")
    team.version("two")
    team.call("CreateAppImageConfig", AppImageConfigName="lab", JupyterLabAppImageConfig={})
    return team


# --- images -----------------------------------------------------------------------------------------------------


def test_an_image_is_being_created_for_a_moment(team: Studio) -> None:
    arn = team.call("CreateImage", ImageName="Fraud", RoleArn=ROLE, DisplayName="Fraud detection")["ImageArn"]
    first = team.call("DescribeImage", ImageName="Fraud")
    team.platform.pass_time(seconds=1)
    assert (first["ImageStatus"], team.call("DescribeImage", ImageName="Fraud")["ImageStatus"]) == (
        "CREATING",
        "CREATED",
    )
    assert (arn, first["RoleArn"], first["DisplayName"]) == (f"{OF_ACCOUNT}:image/fraud", ROLE, "Fraud detection")


def test_the_role_of_an_image_must_be_passed(team: Studio) -> None:
    team.image()
    assert ("iam:PassRole", ROLE, {"iam:PassedToService": "sagemaker.amazonaws.com"}) in team.caller.asked


def test_two_images_cannot_bear_one_name(team: Studio) -> None:
    team.image("fraud")
    with pytest.raises(ResourceInUse, match=r"Image .* already exists"):
        team.image("Fraud")


def test_images_are_listed_newest_first_without_their_roles(team: Studio) -> None:
    for name in ("a-fraud", "b", "c-fraud"):
        team.image(name)
    images = team.call("ListImages", NameContains="fraud")["Images"]
    assert [image["ImageName"] for image in images] == ["c-fraud", "a-fraud"]
    assert "RoleArn" not in images[0]


def test_images_are_listed_by_name_if_asked_for(team: Studio) -> None:
    for name in ("b", "a"):
        team.image(name)
    images = team.call("ListImages", SortBy="IMAGE_NAME", SortOrder="ASCENDING")["Images"]
    assert [image["ImageName"] for image in images] == ["a", "b"]


def test_a_deleted_image_is_gone_with_its_versions(team: Studio) -> None:
    team.image()
    team.version()
    team.call("DeleteImage", ImageName="fraud")
    assert team.call("DescribeImage", ImageName="fraud")["ImageStatus"] == "DELETING"
    team.platform.pass_time(seconds=2)
    assert team.call("ListImages") == {"Images": []}
    assert list(team.sagemaker.resources(ACCOUNT, REGION)) == []


# --- versions ---------------------------------------------------------------------------------------------------


def test_versions_count_up_from_one(team: Studio) -> None:
    team.image()
    arns = [team.version("one"), team.version("two")]
    assert arns == [f"{OF_ACCOUNT}:image-version/fraud/{number}" for number in (1, 2)]


def test_a_deleted_version_is_not_given_out_again(team: Studio) -> None:
    team.image()
    team.version("one")
    team.version("two")
    team.call("DeleteImageVersion", ImageName="fraud", Version=2)
    team.platform.pass_time(seconds=2)
    team.version("three")
    assert team.versions() == [1, 3]


def test_the_same_token_gives_the_same_version(team: Studio) -> None:
    team.image()
    assert team.version("one") == team.version("one")
    assert team.versions() == [1]


@pytest.mark.parametrize(
    "base", ["python:3.11", "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/r", f"{BASE} ", "1.dkr.ecr.x/r"]
)
def test_a_base_image_lies_in_ecr(team: Studio, base: str) -> None:
    team.image()
    with pytest.raises(ValidationError, match="not an Amazon ECR URI"):
        team.version(BaseImage=base)


def test_a_base_image_may_be_named_by_its_digest(team: Studio) -> None:
    team.image()
    assert team.version(BaseImage=f"{BASE.partition(':')[0]}@sha256:{'0' * 64}")


def test_the_latest_version_is_described_unless_another_is_named(team: Studio) -> None:
    team.image()
    team.version("one", ReleaseNotes="first")
    team.version("two", ReleaseNotes="second")
    latest = team.call("DescribeImageVersion", ImageName="fraud")
    first = team.call("DescribeImageVersion", ImageName="fraud", Version=1)
    assert (latest["Version"], latest["ReleaseNotes"]) == (2, "second")
    assert (first["Version"], first["ReleaseNotes"], first["BaseImage"]) == (1, "first", BASE)
    assert first["ImageVersionStatus"] == "CREATED"


def test_the_permission_for_the_latest_version_is_asked_for_by_its_number(team: Studio) -> None:
    team.image()
    team.version()
    team.call("DescribeImageVersion", ImageName="fraud")
    assert team.caller.asked[-1][:2] == ("sagemaker:DescribeImageVersion", f"{OF_ACCOUNT}:image-version/fraud/1")


def test_aliases_are_refused_by_name(team: Studio) -> None:
    team.image()
    with pytest.raises(ValidationError, match="aliases"):
        team.version(Aliases=["latest"])


def test_a_version_of_no_image_cannot_be_made(team: Studio) -> None:
    with pytest.raises(ResourceNotFound, match="Image"):
        team.version()


# --- what settings name -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("custom", "missing"),
    [
        ({"ImageName": "other"}, "Image "),
        ({"AppImageConfigName": "other"}, "AppImageConfig "),
        ({"ImageVersionNumber": 3}, "ImageVersion "),
    ],
)
def test_settings_can_offer_only_what_is_there(offered: Studio, custom: dict[str, Any], missing: str) -> None:
    with pytest.raises(ValidationError, match=rf"CustomImages: {missing}\[.*\] does not exist"):
        offered.domain_with(custom)


def test_an_app_can_run_only_an_image_that_is_there(offered: Studio) -> None:
    profile = offered.profile(offered.domain())
    theirs = "arn:aws:sagemaker:eu-west-1:885854791233:image/sagemaker-distribution-cpu"
    with pytest.raises(ValidationError, match="SageMakerImageArn"):
        offered.app(profile, ResourceSpec={"SageMakerImageArn": f"{OF_ACCOUNT}:image/other"})
    assert offered.app(profile, ResourceSpec={"SageMakerImageArn": theirs})


def test_an_image_that_settings_offer_cannot_be_deleted(offered: Studio) -> None:
    domain_id = offered.domain_with({})
    with pytest.raises(ResourceInUse, match=r"Unable to delete Image .* because Domain .* uses it"):
        offered.call("DeleteImage", ImageName="fraud")
    offered.call("UpdateDomain", DomainId=domain_id, DefaultUserSettings={"JupyterLabAppSettings": {}})
    offered.call("DeleteImage", ImageName="fraud")


@pytest.mark.parametrize(("custom", "kept"), [({}, 2), ({"ImageVersionNumber": 1}, 1)])
def test_the_version_that_settings_offer_cannot_be_deleted(offered: Studio, custom: dict[str, Any], kept: int) -> None:
    offered.domain_with(custom)
    with pytest.raises(ResourceInUse, match="ImageVersion"):
        offered.call("DeleteImageVersion", ImageName="fraud", Version=kept)
    offered.call("DeleteImageVersion", ImageName="fraud", Version=3 - kept)


def test_an_image_that_an_app_runs_cannot_be_deleted(offered: Studio) -> None:
    profile = offered.profile(offered.domain())
    app = offered.app(profile, ResourceSpec={"SageMakerImageVersionArn": f"{OF_ACCOUNT}:image-version/fraud/1"})
    with pytest.raises(ResourceInUse, match=r"because App .* uses it"):
        offered.call("DeleteImage", ImageName="fraud")
    offered.call("DeleteApp", **app)
    offered.platform.pass_time(seconds=3)
    offered.call("DeleteImage", ImageName="fraud")


def test_a_configuration_that_settings_name_cannot_be_deleted(offered: Studio) -> None:
    offered.domain_with({})
    with pytest.raises(ResourceInUse, match="AppImageConfig"):
        offered.call("DeleteAppImageConfig", AppImageConfigName="lab")


# --- how apps run them ------------------------------------------------------------------------------------------


def test_a_configuration_tells_all_that_it_was_made_with(team: Studio) -> None:
    container = {"ContainerConfig": {"ContainerEnvironmentVariables": {"A": "1"}}}
    team.call("CreateAppImageConfig", AppImageConfigName="Lab", JupyterLabAppImageConfig=container)
    described = team.call("DescribeAppImageConfig", AppImageConfigName="Lab")
    assert described == {
        "AppImageConfigName": "Lab",
        "AppImageConfigArn": f"{OF_ACCOUNT}:app-image-config/lab",
        "JupyterLabAppImageConfig": container,
        "CreationTime": team.platform.time,
        "LastModifiedTime": team.platform.time,
    }
    assert team.call("ListAppImageConfigs")["AppImageConfigs"] == [described]


def test_a_deleted_configuration_is_gone(team: Studio) -> None:
    team.call("CreateAppImageConfig", AppImageConfigName="lab")
    team.call("DeleteAppImageConfig", AppImageConfigName="lab")
    with pytest.raises(ResourceNotFound, match="AppImageConfig"):
        team.call("DescribeAppImageConfig", AppImageConfigName="lab")


# --- in a stack -------------------------------------------------------------------------------------------------

IMAGE = {"ImageName": "fraud", "ImageRoleArn": ROLE, "ImageDisplayName": "Fraud", "ImageDescription": "For Studio"}
VERSION = {"ImageName": "fraud", "BaseImage": BASE}
CONFIG = {"AppImageConfigName": "lab", "JupyterLabAppImageConfig": {}}


@pytest.fixture
def types(team: Studio, monkeypatch: pytest.MonkeyPatch) -> ResourceTypes:
    monkeypatch.setattr(ministack, "current_account", lambda: ACCOUNT)
    monkeypatch.setattr(ministack, "current_region", lambda: REGION)
    # CloudFormation waits by this machine's clock, which this cloud doesn't follow.
    for moment in ("STARTING", "DELETING"):
        monkeypatch.setattr(f"localcloud.sagemaker.studio.custom_images.{moment}", lifecycle.STARTING * 0)
    return ResourceTypes(team.sagemaker)


def test_a_stacks_image_is_known_by_its_arn(team: Studio, types: ResourceTypes) -> None:
    arn = f"{OF_ACCOUNT}:image/fraud"
    assert types._create_image("Image", IMAGE, "stack") == (arn, {"ImageArn": arn})
    described = team.call("DescribeImage", ImageName="fraud")
    assert (described["RoleArn"], described["DisplayName"], described["Description"]) == (ROLE, "Fraud", "For Studio")


def test_a_stacks_version_is_known_by_its_arn_and_tells_its_number(types: ResourceTypes) -> None:
    types._create_image("Image", IMAGE, "stack")
    arn = f"{OF_ACCOUNT}:image-version/fraud/1"
    attributes = {"ImageVersionArn": arn, "ImageArn": f"{OF_ACCOUNT}:image/fraud", "Version": 1}
    assert types._create_version("Version", VERSION, "stack") == (arn, attributes)


def test_another_base_image_makes_another_version(team: Studio, types: ResourceTypes) -> None:
    types._create_image("Image", IMAGE, "stack")
    arn, _ = types._create_version("Version", VERSION, "stack")
    replaced, _ = types._update_version(arn, VERSION, {**VERSION, "BaseImage": f"{BASE}.1"}, "stack")
    types._delete_version(arn, VERSION)
    assert (replaced, team.versions()) == (f"{OF_ACCOUNT}:image-version/fraud/2", [2])


def test_a_stacks_configuration_is_known_by_its_name(types: ResourceTypes) -> None:
    attributes = {"AppImageConfigArn": f"{OF_ACCOUNT}:app-image-config/lab"}
    assert types._create_config("Config", CONFIG, "stack") == ("lab", attributes)


def test_tags_are_updated_in_place(team: Studio, types: ResourceTypes) -> None:
    tagged = {**IMAGE, "Tags": [{"Key": "project", "Value": "fraud"}]}
    arn, _ = types._create_image("Image", tagged, "stack")
    types._update_image(arn, tagged, {**IMAGE, "Tags": [{"Key": "stage", "Value": "dev"}]}, "stack")
    assert team.call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "dev"}]


def test_other_updates_are_refused_by_name(types: ResourceTypes) -> None:
    arn, _ = types._create_image("Image", IMAGE, "stack")
    with pytest.raises(UpdateUnknown, match="ImageDisplayName of AWS::SageMaker::Image"):
        types._update_image(arn, IMAGE, {**IMAGE, "ImageDisplayName": "Other"}, "stack")
    types._create_config("Config", CONFIG, "stack")
    with pytest.raises(UpdateUnknown, match="CodeEditorAppImageConfig of AWS::SageMaker::AppImageConfig"):
        types._update_config("lab", CONFIG, {**CONFIG, "CodeEditorAppImageConfig": {}}, "stack")


def test_a_stack_leaves_nothing_of_them(team: Studio, types: ResourceTypes) -> None:
    image, _ = types._create_image("Image", IMAGE, "stack")
    version, _ = types._create_version("Version", VERSION, "stack")
    config, _ = types._create_config("Config", CONFIG, "stack")
    types._delete_config(config, CONFIG)
    types._delete_version(version, VERSION)
    types._delete_image(image, IMAGE)
    assert list(team.sagemaker.resources(ACCOUNT, REGION)) == []
