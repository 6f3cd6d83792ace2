"""Studio's rules: what can be made and deleted when, and how long it takes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.sagemaker.errors import ResourceInUse, ResourceNotFound, ValidationError
from localcloud.sagemaker.service import SageMaker
from tests.unit.small_cloud import ROLE, Principal, SmallPlatform


@dataclass
class Team:
    """Somebody with the API in hand."""

    platform: SmallPlatform = field(default_factory=SmallPlatform)
    caller: Principal = field(default_factory=Principal)

    def __post_init__(self) -> None:
        self.sagemaker = SageMaker(self.platform)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.sagemaker.call(operation, request, self.caller)

    def domain(self, **changes: Any) -> str:
        """The id of a new domain that is InService."""
        created = self.call("CreateDomain", **{**DOMAIN, **changes})
        self.platform.pass_time(seconds=1)
        return str(created["DomainId"])

    def profile(self, domain_id: str, name: str = "ana", **more: Any) -> dict[str, str]:
        key = {"DomainId": domain_id, "UserProfileName": name}
        self.call("CreateUserProfile", **key, **more)
        self.platform.pass_time(seconds=1)
        return key

    def space(self, domain_id: str, name: str = "desk", **more: Any) -> dict[str, str]:
        key = {"DomainId": domain_id, "SpaceName": name}
        self.call("CreateSpace", **key, **more)
        self.platform.pass_time(seconds=1)
        return key

    def app(self, owner: dict[str, str], **more: Any) -> dict[str, str]:
        key = {**owner, "AppType": "JupyterLab", "AppName": "default"}
        self.call("CreateApp", **key, **more)
        self.platform.pass_time(seconds=1)
        return key


DOMAIN: dict[str, Any] = {
    "DomainName": "fraud",
    "AuthMode": "IAM",
    "DefaultUserSettings": {"ExecutionRole": ROLE},
    "VpcId": "vpc-1",
    "SubnetIds": ["subnet-1"],
}


@pytest.fixture
def team() -> Team:
    return Team()


def idle_settings(minutes: int) -> dict[str, Any]:
    idle = {"LifecycleManagement": "ENABLED", "IdleTimeoutInMinutes": minutes}
    return {"JupyterLabAppSettings": {"AppLifecycleManagement": {"IdleSettings": idle}}}


def owned_by(profile_name: str) -> dict[str, Any]:
    sharing = {"SharingType": "Private"}
    return {"OwnershipSettings": {"OwnerUserProfileName": profile_name}, "SpaceSharingSettings": sharing}


def test_a_domain_is_pending_and_in_service_within_a_second(team: Team) -> None:
    domain_id = team.call("CreateDomain", **DOMAIN)["DomainId"]
    first = team.call("DescribeDomain", DomainId=domain_id)["Status"]
    team.platform.pass_time(seconds=1)
    assert (first, team.call("DescribeDomain", DomainId=domain_id)["Status"]) == ("Pending", "InService")


def test_a_domain_tells_its_id_arn_and_url(team: Team) -> None:
    created = team.call("CreateDomain", **DOMAIN)
    described = team.call("DescribeDomain", DomainId=created["DomainId"])
    assert created["DomainArn"] == f"arn:aws:sagemaker:eu-west-1:123456789012:domain/{created['DomainId']}"
    assert created["Url"] == f"https://{created['DomainId']}.studio.eu-west-1.sagemaker.aws"
    assert created.items() <= described.items()


@pytest.mark.parametrize("missing", ["VpcId", "SubnetIds"])
def test_a_domain_needs_its_network(team: Team, missing: str) -> None:
    request = {member: value for member, value in DOMAIN.items() if member != missing}
    with pytest.raises(ValidationError, match="VpcId and SubnetIds are required"):
        team.call("CreateDomain", **request)


def test_a_domain_needs_an_execution_role(team: Team) -> None:
    with pytest.raises(ValidationError, match="ExecutionRole"):
        team.call("CreateDomain", **{**DOMAIN, "DefaultUserSettings": {}})


def test_identity_center_is_refused_by_name(team: Team) -> None:
    with pytest.raises(ValidationError, match="IAM Identity Center"):
        team.call("CreateDomain", **{**DOMAIN, "AuthMode": "SSO"})


def test_two_domains_cannot_bear_one_name(team: Team) -> None:
    team.domain()
    with pytest.raises(ResourceInUse, match="fraud"):
        team.call("CreateDomain", **DOMAIN)


@pytest.fixture(scope="module")
def busy_team() -> Team:
    return Team()


@settings(deadline=None)
@given(minutes=st.integers(-10, 600_000))
def test_an_idle_timeout_is_an_hour_to_a_year(busy_team: Team, minutes: int) -> None:
    name = uuid4().hex
    settings = {"ExecutionRole": ROLE, **idle_settings(minutes)}
    if 60 <= minutes <= 525_600:
        assert busy_team.domain(DomainName=name, DefaultUserSettings=settings)
    else:
        with pytest.raises(ValidationError, match=r"(?i)idleTimeoutInMinutes"):
            busy_team.domain(DomainName=name, DefaultUserSettings=settings)


OUT_OF_THE_MODEL: dict[str, tuple[dict[str, Any], str]] = {
    "another propagation of tags": ({"TagPropagation": "SOMETIMES"}, "'tagPropagation'"),
    "another access to the network": ({"AppNetworkAccessType": "VpcAndInternet"}, "'appNetworkAccessType'"),
    "another creation of the home": ({"HomeEfsFileSystemCreation": "Later"}, "'homeEfsFileSystemCreation'"),
    "four security groups": (
        {"DomainSettings": {"SecurityGroupIds": ["sg-1"] * 4}},
        r"SecurityGroupIds' .* equal to 3",
    ),
    "no subnets": ({"SubnetIds": []}, "'subnetIds' .* greater than or equal to 1"),
    "17 subnets": ({"SubnetIds": ["subnet-1"] * 17}, "'subnetIds' .* less than or equal to 16"),
    "another portal": ({"DefaultUserSettings": {"ExecutionRole": ROLE, "StudioWebPortal": "ON"}}, "StudioWebPortal'"),
}


@pytest.mark.parametrize(("changes", "words"), OUT_OF_THE_MODEL.values(), ids=OUT_OF_THE_MODEL)
def test_a_domain_is_held_against_aws_s_model(team: Team, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        team.call("CreateDomain", **{**DOMAIN, **changes})


@pytest.mark.parametrize(("size", "allowed"), [(4, False), (5, True), (16384, True), (16385, False)])
def test_a_space_has_5_to_16384_gigabytes(team: Team, size: int, allowed: bool) -> None:
    domain_id = team.domain()
    settings = {"SpaceStorageSettings": {"EbsStorageSettings": {"EbsVolumeSizeInGb": size}}}
    if allowed:
        assert team.space(domain_id, SpaceSettings=settings)
    else:
        with pytest.raises(ValidationError, match="EbsVolumeSizeInGb' failed to satisfy constraint"):
            team.space(domain_id, SpaceSettings=settings)


def test_a_space_is_private_or_shared(team: Team) -> None:
    domain_id = team.domain()
    team.profile(domain_id)
    with pytest.raises(ValidationError, match=r"SharingType' .* enum value set: \[Private, Shared\]"):
        team.space(domain_id, **{**owned_by("ana"), "SpaceSharingSettings": {"SharingType": "Public"}})


def test_the_home_file_system_is_made_in_the_domains_network(team: Team) -> None:
    domain_id = team.domain(VpcId="vpc-2", SubnetIds=["subnet-2", "subnet-3"])
    described = team.call("DescribeDomain", DomainId=domain_id)
    assert team.platform.homes == {
        described["HomeEfsFileSystemId"]: (described["DomainArn"], "vpc-2", ("subnet-2", "subnet-3"))
    }


def test_a_domain_without_a_home_file_system_names_none(team: Team) -> None:
    domain_id = team.domain(HomeEfsFileSystemCreation="Disabled")
    assert "HomeEfsFileSystemId" not in team.call("DescribeDomain", DomainId=domain_id)
    assert team.platform.homes == {}


def test_a_home_file_system_can_be_added_later_and_not_taken_away(team: Team) -> None:
    domain_id = team.domain(HomeEfsFileSystemCreation="Disabled")
    team.call("UpdateDomain", DomainId=domain_id, HomeEfsFileSystemCreation="Enabled")
    team.platform.pass_time(seconds=1)
    assert team.call("DescribeDomain", DomainId=domain_id)["HomeEfsFileSystemId"] in team.platform.homes
    with pytest.raises(ValidationError, match="cannot be changed from Enabled to Disabled"):
        team.call("UpdateDomain", DomainId=domain_id, HomeEfsFileSystemCreation="Disabled")


def test_an_update_makes_no_second_home(team: Team) -> None:
    team.call("UpdateDomain", DomainId=team.domain(), HomeEfsFileSystemCreation="Enabled")
    assert len(team.platform.homes) == 1


@dataclass
class FullPlatform(SmallPlatform):
    """Has no room for a home."""

    def create_home(self, domain_arn: str, vpc_id: str, subnet_ids: Sequence[str]) -> str:
        raise ValidationError(f"{subnet_ids[0]} has no free addresses.")


def test_a_domain_whose_home_has_no_room_is_not_made() -> None:
    team = Team(FullPlatform())
    with pytest.raises(ValidationError, match="no free addresses"):
        team.domain()
    assert team.call("ListDomains") == {"Domains": []}


def test_an_update_whose_home_has_no_room_changes_nothing() -> None:
    team = Team(FullPlatform())
    domain_id = team.domain(HomeEfsFileSystemCreation="Disabled")
    before = team.call("DescribeDomain", DomainId=domain_id)
    with pytest.raises(ValidationError, match="no free addresses"):
        team.call("UpdateDomain", DomainId=domain_id, HomeEfsFileSystemCreation="Enabled", TagPropagation="ENABLED")
    assert team.call("DescribeDomain", DomainId=domain_id) == before


@pytest.mark.parametrize("policy", [{}, {"RetentionPolicy": {}}, {"RetentionPolicy": {"HomeEfsFileSystem": "Retain"}}])
def test_the_home_file_system_outlives_its_domain(team: Team, policy: dict[str, Any]) -> None:
    team.call("DeleteDomain", DomainId=team.domain(), **policy)
    assert len(team.platform.homes) == 1


def test_the_home_file_system_goes_with_its_domain_when_asked_for(team: Team) -> None:
    team.call("DeleteDomain", DomainId=team.domain(), RetentionPolicy={"HomeEfsFileSystem": "Delete"})
    assert team.platform.homes == {}


def test_a_refused_deletion_leaves_the_home_alone(team: Team) -> None:
    domain_id = team.domain()
    team.profile(domain_id)
    with pytest.raises(ResourceInUse):
        team.call("DeleteDomain", DomainId=domain_id, RetentionPolicy={"HomeEfsFileSystem": "Delete"})
    assert len(team.platform.homes) == 1


def test_a_domain_without_a_home_is_deleted_all_the_same(team: Team) -> None:
    domain_id = team.domain(HomeEfsFileSystemCreation="Disabled")
    team.call("DeleteDomain", DomainId=domain_id, RetentionPolicy={"HomeEfsFileSystem": "Delete"})
    team.platform.pass_time(seconds=2)
    assert team.call("ListDomains") == {"Domains": []}


def test_the_subnets_of_a_home_cannot_be_changed(team: Team) -> None:
    domain_id = team.domain()
    team.call("UpdateDomain", DomainId=domain_id, SubnetIds=["subnet-1"])
    team.platform.pass_time(seconds=1)
    with pytest.raises(ValidationError, match="SubnetIds"):
        team.call("UpdateDomain", DomainId=domain_id, SubnetIds=["subnet-1", "subnet-2"])


def test_the_subnets_of_a_domain_without_a_home_can_be_changed(team: Team) -> None:
    domain_id = team.domain(HomeEfsFileSystemCreation="Disabled")
    team.call("UpdateDomain", DomainId=domain_id, SubnetIds=["subnet-2"])
    assert team.call("DescribeDomain", DomainId=domain_id)["SubnetIds"] == ["subnet-2"]


def test_an_update_leaves_the_settings_that_it_does_not_name(team: Team) -> None:
    domain_id = team.domain()
    team.call("UpdateDomain", DomainId=domain_id, DefaultUserSettings=idle_settings(120))
    settings = team.call("DescribeDomain", DomainId=domain_id)["DefaultUserSettings"]
    assert settings == {"ExecutionRole": ROLE, **idle_settings(120)}


def test_the_network_access_stays_while_an_app_runs(team: Team) -> None:
    domain_id = team.domain()
    team.app(team.profile(domain_id))
    with pytest.raises(ValidationError, match="Delete all InService apps"):
        team.call("UpdateDomain", DomainId=domain_id, AppNetworkAccessType="VpcOnly")


def test_nothing_can_be_made_in_a_domain_that_is_pending(team: Team) -> None:
    domain_id = team.call("CreateDomain", **DOMAIN)["DomainId"]
    with pytest.raises(ValidationError, match="is Pending"):
        team.call("CreateUserProfile", DomainId=domain_id, UserProfileName="ana")


def test_an_unknown_domain_is_not_found(team: Team) -> None:
    with pytest.raises(ResourceNotFound, match=r"Domain .*d-unknown"):
        team.call("DescribeDomain", DomainId="d-unknown")


def test_a_domain_with_a_profile_cannot_be_deleted(team: Team) -> None:
    domain_id = team.domain()
    team.profile(domain_id)
    with pytest.raises(ResourceInUse, match=r"Unable to delete Domain .* because UserProfile\(s\) are associated"):
        team.call("DeleteDomain", DomainId=domain_id)


def test_a_domain_with_a_space_cannot_be_deleted(team: Team) -> None:
    domain_id = team.domain()
    team.space(domain_id)
    with pytest.raises(ResourceInUse, match=r"because Space\(s\) are associated"):
        team.call("DeleteDomain", DomainId=domain_id)


def test_a_profile_that_is_being_deleted_still_holds_its_domain(team: Team) -> None:
    domain_id = team.domain()
    team.call("DeleteUserProfile", **team.profile(domain_id))
    with pytest.raises(ResourceInUse, match="UserProfile"):
        team.call("DeleteDomain", DomainId=domain_id)


def test_a_deleted_domain_is_gone_after_a_moment(team: Team) -> None:
    domain_id = team.domain()
    team.call("DeleteDomain", DomainId=domain_id)
    assert team.call("DescribeDomain", DomainId=domain_id)["Status"] == "Deleting"
    team.platform.pass_time(seconds=2)
    assert team.call("ListDomains") == {"Domains": []}


def test_a_domain_cannot_be_deleted_twice(team: Team) -> None:
    domain_id = team.domain()
    team.call("DeleteDomain", DomainId=domain_id)
    with pytest.raises(ResourceInUse, match="is Deleting"):
        team.call("DeleteDomain", DomainId=domain_id)


def test_a_profile_with_an_app_cannot_be_deleted(team: Team) -> None:
    profile = team.profile(team.domain())
    team.app(profile)
    with pytest.raises(ResourceInUse, match=r"Unable to delete UserProfile .* because App\(s\) are associated"):
        team.call("DeleteUserProfile", **profile)


def test_a_space_with_an_app_cannot_be_deleted(team: Team) -> None:
    space = team.space(team.domain())
    team.app(space)
    with pytest.raises(ResourceInUse, match=r"Unable to delete Space .* because App\(s\) are associated"):
        team.call("DeleteSpace", **space)


def test_a_profile_that_owns_a_space_cannot_be_deleted(team: Team) -> None:
    profile = team.profile(team.domain(), "ana")
    team.space(profile["DomainId"], **owned_by("ana"))
    with pytest.raises(ResourceInUse, match=r"because Space\(s\) are associated"):
        team.call("DeleteUserProfile", **profile)


def test_an_app_takes_seconds_to_delete_and_holds_its_owner_until_then(team: Team) -> None:
    profile = team.profile(team.domain())
    app = team.app(profile)
    team.call("DeleteApp", **app)
    team.platform.pass_time(seconds=1.5)
    assert team.call("DescribeApp", **app)["Status"] == "Deleting"
    with pytest.raises(ResourceInUse, match=r"App\(s\)"):
        team.call("DeleteUserProfile", **profile)


def test_a_deleted_app_is_still_listed_and_holds_nothing(team: Team) -> None:
    profile = team.profile(team.domain())
    team.call("DeleteApp", **team.app(profile))
    team.platform.pass_time(seconds=3)
    assert [app["Status"] for app in team.call("ListApps")["Apps"]] == ["Deleted"]
    team.call("DeleteUserProfile", **profile)


def test_a_deleted_app_is_forgotten_after_a_day(team: Team) -> None:
    team.call("DeleteApp", **team.app(team.profile(team.domain())))
    team.platform.pass_time(seconds=3)
    team.call("ListApps")
    team.platform.pass_time(hours=24)
    assert team.call("ListApps") == {"Apps": []}


def test_an_app_can_be_started_again_once_it_is_deleted(team: Team) -> None:
    profile = team.profile(team.domain())
    app = team.app(profile)
    with pytest.raises(ResourceInUse, match="already exists"):
        team.call("CreateApp", **app)
    team.call("DeleteApp", **app)
    team.platform.pass_time(seconds=3)
    team.app(profile)
    assert team.call("DescribeApp", **app)["Status"] == "InService"


@pytest.mark.parametrize("owner", [{}, {"UserProfileName": "ana", "SpaceName": "desk"}])
def test_an_app_has_exactly_one_owner(team: Team, owner: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="Exactly one of UserProfileName and SpaceName"):
        team.call("CreateApp", DomainId=team.domain(), AppType="JupyterLab", AppName="default", **owner)


def test_an_app_bears_its_profiles_tags(team: Team) -> None:
    profile = team.profile(team.domain(), Tags=[{"Key": "project", "Value": "fraud"}])
    app = team.app(profile, Tags=[{"Key": "kind", "Value": "notebook"}])
    arn = team.call("DescribeApp", **app)["AppArn"]
    tags = {tag["Key"]: tag["Value"] for tag in team.call("ListTags", ResourceArn=arn)["Tags"]}
    assert tags == {"project": "fraud", "kind": "notebook"}


def test_the_arn_of_an_app_is_lower_case(team: Team) -> None:
    profile = team.profile(team.domain(), "Ana")
    arn = team.call("DescribeApp", **team.app(profile))["AppArn"]
    assert arn.endswith(f":app/{profile['DomainId']}/ana/jupyterlab/default")


def test_the_name_of_a_profile_is_not_case_sensitive(team: Team) -> None:
    domain_id = team.domain()
    team.profile(domain_id, "Ana")
    assert team.call("DescribeUserProfile", DomainId=domain_id, UserProfileName="ana")["UserProfileName"] == "Ana"
    with pytest.raises(ResourceInUse, match="already exists"):
        team.call("CreateUserProfile", DomainId=domain_id, UserProfileName="ANA")


def test_a_space_needs_an_owner_that_exists(team: Team) -> None:
    with pytest.raises(ResourceNotFound, match=r"UserProfile .*bob"):
        team.space(team.domain(), **owned_by("bob"))


def test_ownership_and_sharing_of_a_space_go_together(team: Team) -> None:
    domain_id = team.domain()
    with pytest.raises(ValidationError, match="given together"):
        team.space(domain_id, SpaceSharingSettings={"SharingType": "Private"})


def test_the_app_type_of_a_space_cannot_be_changed(team: Team) -> None:
    space = team.space(team.domain(), SpaceSettings={"AppType": "JupyterLab"})
    with pytest.raises(ValidationError, match="AppType"):
        team.call("UpdateSpace", **space, SpaceSettings={"AppType": "CodeEditor"})


def test_lists_hold_one_domains_own_oldest_first(team: Team) -> None:
    mine, other = team.domain(), team.domain(DomainName="other")
    for domain_id, name in ((mine, "ana"), (other, "eve"), (mine, "bob")):
        team.profile(domain_id, name)
        team.space(domain_id, name)
        team.app({"DomainId": domain_id, "SpaceName": name})
    profiles = team.call("ListUserProfiles", DomainIdEquals=mine)["UserProfiles"]
    spaces = team.call("ListSpaces", DomainIdEquals=mine)["Spaces"]
    apps = team.call("ListApps", DomainIdEquals=mine)["Apps"]
    assert [profile["UserProfileName"] for profile in profiles] == ["ana", "bob"]
    assert [space["SpaceName"] for space in spaces] == ["ana", "bob"]
    assert [app["SpaceName"] for app in apps] == ["ana", "bob"]


def test_the_roles_of_a_domain_must_be_passed(team: Team) -> None:
    team.domain()
    assert ("iam:PassRole", ROLE, {"iam:PassedToService": "sagemaker.amazonaws.com"}) in team.caller.asked


def test_the_role_of_a_user_profile_must_be_passed_when_it_changes(team: Team) -> None:
    profile = team.profile(team.domain())
    other = f"{ROLE}-other"
    team.call("UpdateUserProfile", **profile, UserSettings={"ExecutionRole": other})
    assert ("iam:PassRole", other, {"iam:PassedToService": "sagemaker.amazonaws.com"}) in team.caller.asked


def test_a_user_profile_has_an_idle_timeout_of_its_own(team: Team) -> None:
    profile = team.profile(team.domain(), UserSettings={"ExecutionRole": ROLE})
    team.call("UpdateUserProfile", **profile, UserSettings=idle_settings(90))
    settings = team.call("DescribeUserProfile", **profile)["UserSettings"]
    assert settings == {"ExecutionRole": ROLE, **idle_settings(90)}


def test_an_app_that_is_starting_can_be_deleted(team: Team) -> None:
    key = {**team.profile(team.domain()), "AppType": "JupyterLab", "AppName": "default"}
    team.call("CreateApp", **key)
    team.call("DeleteApp", **key)
    team.platform.pass_time(seconds=3)
    assert team.call("DescribeApp", **key)["Status"] == "Deleted"


# --- condition keys ---------------------------------------------------------------------------------------------

OWN_SPACE_KEYS = ("sagemaker:OwnerUserProfileArn", "sagemaker:SpaceSharingType")


def space_keys(team: Team, action: str) -> dict[str, Any]:
    """The condition keys of a space with which the permission for an action was asked for last."""
    conditions = [conditions for asked, _, conditions in team.caller.asked if asked == f"sagemaker:{action}"][-1]
    return {key: value for key, value in conditions.items() if key in OWN_SPACE_KEYS}


def test_all_actions_on_a_space_and_its_apps_tell_whose_it_is(team: Team) -> None:
    profile = team.profile(team.domain(), "Ana")
    space = team.space(profile["DomainId"], **owned_by("Ana"))
    team.call("UpdateSpace", **space)
    team.platform.pass_time(seconds=1)
    team.call("DeleteApp", **team.app(space))
    team.platform.pass_time(seconds=3)
    team.call("DeleteSpace", **space)
    owner = f"arn:aws:sagemaker:eu-west-1:123456789012:user-profile/{profile['DomainId']}/ana"
    for action in ("CreateSpace", "UpdateSpace", "CreateApp", "DeleteApp", "DeleteSpace"):
        assert space_keys(team, action) == dict(zip(OWN_SPACE_KEYS, (owner, "Private"), strict=True)), action


def test_a_space_without_an_owner_has_no_such_keys(team: Team) -> None:
    team.app(team.space(team.domain()))
    assert (space_keys(team, "CreateSpace"), space_keys(team, "CreateApp")) == ({}, {})


def test_an_app_of_a_user_profile_has_no_such_keys(team: Team) -> None:
    team.app(team.profile(team.domain()))
    assert space_keys(team, "CreateApp") == {}
