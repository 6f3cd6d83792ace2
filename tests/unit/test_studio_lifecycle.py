"""Lifecycle configurations of Studio: what may name them, which one an app starts with, and how its script runs."""

import base64
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localcloud import ministack_adapter as ministack
from localcloud.cloudformation import ReplacementRefused, ResourceTypes
from localcloud.sagemaker import containers
from localcloud.sagemaker.errors import ResourceInUse, ResourceNotFound, ValidationError
from localcloud.sagemaker.studio.startup import LOG_GROUP, space_home
from tests.unit.small_cloud import ACCOUNT, REGION, ROLE, SmallPlatform
from tests.unit.test_studio import Team, owned_by

LONGEST_SECONDS = 20
OTHER_ROLE = f"{ROLE}-other"
SHARED_ROLE = f"{ROLE}-shared"


@dataclass
class TrustingPlatform(SmallPlatform):
    untrusted: set[str] = field(default_factory=set)

    def assume(self, role_arn: str, session_name: str, region: str) -> Mapping[str, str]:
        if role_arn in self.untrusted:
            return super().assume(role_arn, session_name, region)
        keys = {"AWS_ACCESS_KEY_ID": role_arn, "AWS_SECRET_ACCESS_KEY": "secret"}
        return {**keys, "AWS_REGION": region, "AWS_ENDPOINT_URL": "https://localhost:1"}


class Desk(Team):
    """A team with a domain, Ana's user profile and, in it, a private space."""

    def script(self, name: str, content: str = "exit 0", app_type: str = "JupyterLab") -> str:
        """The ARN of a new lifecycle configuration."""
        created = self.call(
            "CreateStudioLifecycleConfig",
            StudioLifecycleConfigName=name,
            StudioLifecycleConfigContent=base64.b64encode(content.encode()).decode(),
            StudioLifecycleConfigAppType=app_type,
        )
        return str(created["StudioLifecycleConfigArn"])

    def desk(self, domain: dict[str, Any], profile: Any = None, space: Any = None) -> dict[str, str]:
        """The key of a private space, whose app type's settings on each level are these."""
        domain_id = self.domain(DefaultUserSettings={"ExecutionRole": ROLE, **domain})
        self.profile(domain_id, UserSettings=profile or {})
        return self.space(domain_id, SpaceSettings=space or {}, **owned_by("ana"))

    def status(self, app: dict[str, str]) -> str:
        return str(self.call("DescribeApp", **app)["Status"])

    def started(self, app: dict[str, str]) -> dict[str, Any]:
        """An app's description once its start is over."""
        wait_until(lambda: self.status(app) != "Pending")
        return self.call("DescribeApp", **app)

    def delete_app(self, app: dict[str, str]) -> None:
        self.call("DeleteApp", **app)
        self.platform.pass_time(seconds=3)


@dataclass
class Logs:
    """As much of CloudWatch Logs as a stream needs."""

    lines: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    roles: set[str] = field(default_factory=set)

    def client(self, service: str, role: Mapping[str, str]) -> "Logs":
        assert service == "logs"
        self.roles.add(role["AWS_ACCESS_KEY_ID"])
        return self

    def create_log_group(self, **names: str) -> None:
        pass

    def create_log_stream(self, **names: str) -> None:
        pass

    def put_log_events(self, logGroupName: str, logStreamName: str, logEvents: Sequence[Any]) -> None:  # noqa: N803
        lines = self.lines.setdefault((logGroupName, logStreamName), [])
        lines += [event["message"] for event in logEvents]


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Logs:
    logs = Logs()
    monkeypatch.setattr(containers, "client", logs.client)
    return logs


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logs: Logs) -> Iterator[Desk]:
    monkeypatch.setenv("LOCALCLOUD_WORK", str(tmp_path / "work"))
    desk = Desk(TrustingPlatform())
    yield desk
    for app in desk.sagemaker.resources(ACCOUNT, REGION).all("app"):
        if app.description["Status"] in ("Pending", "InService"):
            desk.call("DeleteApp", **{name: app.description[name] for name in (*NAMES, "AppType", "AppName")})


NAMES = ("DomainId", "SpaceName")


def lab(*listed: str, default: str = "", **more: Any) -> dict[str, Any]:
    spec = {"DefaultResourceSpec": {"LifecycleConfigArn": default}} if default else {}
    return {"JupyterLabAppSettings": {"LifecycleConfigArns": list(listed), **spec, **more}}


def in_space(default: str) -> dict[str, Any]:
    return {"JupyterLabAppSettings": {"DefaultResourceSpec": {"LifecycleConfigArn": default}}}


def home_of(space: dict[str, str]) -> Path:
    return space_home(space["DomainId"], space["SpaceName"])


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def pipe_in(home: Path) -> Iterator[Callable[[], bool]]:
    """A named pipe, `pipe`, and whether any process holds it open for writing."""
    home.mkdir(parents=True)
    os.mkfifo(home / "pipe")
    with os.fdopen(os.open(home / "pipe", os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as pipe:
        yield lambda: pipe.read() is None


# --- the configurations -----------------------------------------------------------------------------------------


def test_a_configuration_tells_all_that_it_was_made_with(team: Desk) -> None:
    arn = team.script("Welcome", "echo hello")
    assert team.call("DescribeStudioLifecycleConfig", StudioLifecycleConfigName="Welcome") == {
        "StudioLifecycleConfigArn": arn,
        "StudioLifecycleConfigName": "Welcome",
        "StudioLifecycleConfigAppType": "JupyterLab",
        "StudioLifecycleConfigContent": "ZWNobyBoZWxsbw==",
        "CreationTime": team.platform.time,
        "LastModifiedTime": team.platform.time,
    }
    assert arn == f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:studio-lifecycle-config/welcome"


@pytest.mark.parametrize("content", ["echo hello", "ZWNobw", "ZWNo*A=="])
def test_the_content_must_be_base64(team: Desk, content: str) -> None:
    with pytest.raises(ValidationError, match="base64"):
        team.call(
            "CreateStudioLifecycleConfig",
            StudioLifecycleConfigName="welcome",
            StudioLifecycleConfigContent=content,
            StudioLifecycleConfigAppType="JupyterLab",
        )


@pytest.mark.parametrize(("size", "fits"), [(12_288, True), (12_291, False)])
def test_the_content_has_at_most_16384_characters(team: Desk, size: int, fits: bool) -> None:
    if fits:
        assert team.script("long", "#" * size)
    else:
        with pytest.raises(ValidationError, match="16384"):
            team.script("long", "#" * size)


def test_two_configurations_cannot_bear_one_name(team: Desk) -> None:
    team.script("welcome")
    with pytest.raises(ResourceInUse, match="already exists"):
        team.script("Welcome")


def test_configurations_are_listed_newest_first_and_by_app_type(team: Desk) -> None:
    for name, app_type in (("a", "JupyterLab"), ("b", "CodeEditor"), ("c", "JupyterLab")):
        team.script(name, app_type=app_type)
        team.platform.pass_time(seconds=1)
    listed = team.call("ListStudioLifecycleConfigs", AppTypeEquals="JupyterLab")["StudioLifecycleConfigs"]
    assert [config["StudioLifecycleConfigName"] for config in listed] == ["c", "a"]
    assert "StudioLifecycleConfigContent" not in listed[0]


def test_a_deleted_configuration_is_gone(team: Desk) -> None:
    team.script("welcome")
    team.call("DeleteStudioLifecycleConfig", StudioLifecycleConfigName="welcome")
    with pytest.raises(ResourceNotFound, match="StudioLifecycleConfig"):
        team.call("DeleteStudioLifecycleConfig", StudioLifecycleConfigName="welcome")


# --- who names them ---------------------------------------------------------------------------------------------

MISSING = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:studio-lifecycle-config/missing"
NAMING: list[Callable[[Desk, dict[str, Any]], Any]] = [
    lambda team, its: team.domain(DefaultUserSettings={"ExecutionRole": ROLE, **its}),
    lambda team, its: team.domain(DefaultSpaceSettings={"ExecutionRole": ROLE, **its}),
    lambda team, its: team.call("UpdateDomain", DomainId=team.domain(), DefaultUserSettings=its),
    lambda team, its: team.profile(team.domain(), UserSettings=its),
    lambda team, its: team.call("UpdateUserProfile", **team.profile(team.domain()), UserSettings=its),
]
BY_WHOM = ["a domain", "a domain for spaces", "a domain's update", "a user profile", "a user profile's update"]


@pytest.mark.parametrize("name_them", NAMING, ids=BY_WHOM)
def test_settings_can_name_only_what_is_there(team: Desk, name_them: Callable[[Desk, Any], Any]) -> None:
    with pytest.raises(ValidationError, match=r"missing\] does not exist"):
        name_them(team, lab(MISSING))


@pytest.mark.parametrize("name_them", NAMING, ids=BY_WHOM)
def test_a_default_must_be_listed_too(team: Desk, name_them: Callable[[Desk, Any], Any]) -> None:
    listed, default = team.script("listed"), team.script("default")
    with pytest.raises(ValidationError, match=f"{default} must be among the LifecycleConfigArns"):
        name_them(team, lab(listed, default=default))


def test_another_app_types_configuration_cannot_be_named(team: Desk) -> None:
    with pytest.raises(ValidationError, match="is for CodeEditor apps, not for JupyterLab"):
        team.desk(lab(team.script("welcome", app_type="CodeEditor")))


def test_a_built_in_configuration_is_refused_by_name(team: Desk) -> None:
    with pytest.raises(ValidationError, match=r"JupyterLabAppSettings\.BuiltInLifecycleConfigArn"):
        team.desk(lab(BuiltInLifecycleConfigArn=team.script("welcome")))


def test_a_spaces_default_must_be_in_a_list_that_applies_to_it(team: Desk) -> None:
    listed, other = team.script("listed"), team.script("other")
    space = team.desk(lab(listed), space=in_space(listed))
    with pytest.raises(ValidationError, match="must be among the LifecycleConfigArns"):
        team.call("UpdateSpace", **space, SpaceSettings=in_space(other))


def test_a_configuration_cannot_be_deleted_while_a_domain_names_it(team: Desk) -> None:
    domain_id = team.desk(lab(team.script("welcome")))["DomainId"]
    with pytest.raises(ResourceInUse, match=r"because Domain .* uses it"):
        team.call("DeleteStudioLifecycleConfig", StudioLifecycleConfigName="welcome")
    team.call("UpdateDomain", DomainId=domain_id, DefaultUserSettings=lab())
    team.call("DeleteStudioLifecycleConfig", StudioLifecycleConfigName="welcome")


def test_a_configuration_cannot_be_deleted_while_a_user_profile_names_it(team: Desk) -> None:
    team.desk({}, profile=lab(team.script("welcome")))
    with pytest.raises(ResourceInUse, match=r"because UserProfile .* uses it"):
        team.call("DeleteStudioLifecycleConfig", StudioLifecycleConfigName="welcome")


def test_a_configuration_cannot_be_deleted_while_an_app_uses_it(team: Desk) -> None:
    arn = team.script("welcome")
    space = team.desk(lab(arn))
    app = team.app(space, ResourceSpec={"LifecycleConfigArn": arn})
    team.started(app)
    team.call("UpdateDomain", DomainId=space["DomainId"], DefaultUserSettings=lab())
    with pytest.raises(ResourceInUse, match=r"because App .* uses it"):
        team.call("DeleteStudioLifecycleConfig", StudioLifecycleConfigName="welcome")
    team.delete_app(app)
    team.call("DeleteStudioLifecycleConfig", StudioLifecycleConfigName="welcome")


# --- which one an app starts with -------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["request", "space", "profile", "domain"])
def test_the_nearest_configuration_counts(team: Desk, level: str) -> None:
    levels = ["request", "space", "profile", "domain"]
    arns = {name: team.script(name) for name in levels[levels.index(level) :]}
    everything = arns.values()
    space = team.desk(
        lab(*everything, default=arns["domain"]),
        lab(arns["profile"], default=arns["profile"]) if "profile" in arns else lab(),
        in_space(arns["space"]) if "space" in arns else {},
    )
    request = {"ResourceSpec": {"LifecycleConfigArn": arns["request"]}} if "request" in arns else {}
    app = team.app(space, **request)
    assert team.call("DescribeApp", **app)["ResourceSpec"] == {"LifecycleConfigArn": arns[level]}


def test_an_app_without_a_configuration_is_in_service_as_ever(team: Desk) -> None:
    app = team.app(team.desk({}))
    assert (team.status(app), "ResourceSpec" in team.call("DescribeApp", **app)) == ("InService", False)


def test_none_is_no_configuration(team: Desk, logs: Logs) -> None:
    arn = team.script("welcome")
    app = team.app(team.desk(lab(arn, default=arn)), ResourceSpec={"LifecycleConfigArn": "None"})
    assert (team.status(app), logs.lines) == ("InService", {})


def test_an_apps_configuration_must_be_allowed_by_the_domain_or_the_profile(team: Desk) -> None:
    of_profile, other = team.script("profile"), team.script("other")
    space = team.desk({}, profile=lab(of_profile))
    with pytest.raises(ValidationError, match=f"{other} is not among the LifecycleConfigArns"):
        team.app(space, ResourceSpec={"LifecycleConfigArn": other})
    assert team.app(space, ResourceSpec={"LifecycleConfigArn": of_profile})


def test_settings_for_users_do_not_apply_to_shared_spaces(team: Desk, logs: Logs) -> None:
    of_users, of_spaces = team.script("users"), team.script("spaces")
    shared = {"ExecutionRole": SHARED_ROLE, **lab(of_spaces, default=of_spaces)}
    users = {"ExecutionRole": ROLE, **lab(of_users, default=of_users)}
    domain_id = team.domain(DefaultUserSettings=users, DefaultSpaceSettings=shared)
    app = team.app(team.space(domain_id))
    assert team.started(app)["ResourceSpec"] == {"LifecycleConfigArn": of_spaces}
    assert logs.roles == {SHARED_ROLE}


def test_a_shared_space_needs_a_role_of_its_own(team: Desk) -> None:
    arn = team.script("welcome")
    space = team.space(team.domain(DefaultSpaceSettings=lab(arn, default=arn)))
    with pytest.raises(ValidationError, match="DefaultSpaceSettings have no ExecutionRole"):
        team.app(space)


def test_scripts_of_other_apps_are_refused_by_name(team: Desk) -> None:
    arn = team.script("welcome", app_type="KernelGateway")
    settings = {"LifecycleConfigArns": [arn], "DefaultResourceSpec": {"LifecycleConfigArn": arn}}
    space = team.desk({"KernelGatewayAppSettings": settings})
    with pytest.raises(ValidationError, match="JupyterLab and CodeEditor apps in spaces only"):
        team.call("CreateApp", **space, AppType="KernelGateway", AppName="default")


def test_an_app_whose_role_cannot_be_assumed_is_not_made(team: Desk) -> None:
    arn = team.script("welcome")
    space = team.desk(lab(arn, default=arn))
    assert isinstance(team.platform, TrustingPlatform)
    team.platform.untrusted.add(ROLE)
    with pytest.raises(ValidationError, match="could not assume role"):
        team.app(space)
    assert team.call("ListApps") == {"Apps": []}


def test_recovery_is_refused_by_name(team: Desk) -> None:
    with pytest.raises(ValidationError, match="RecoveryMode"):
        team.app(team.desk({}), RecoveryMode=True)


# --- how its script runs ----------------------------------------------------------------------------------------


def desk_with(team: Desk, script: str, **profile: Any) -> dict[str, str]:
    """The key of a space whose apps start with the script."""
    arn = team.script("welcome", script)
    return team.desk(lab(arn, default=arn), profile=profile)


def start(team: Desk, script: str, **profile: Any) -> tuple[dict[str, str], dict[str, str]]:
    """The keys of such a space, and of an app in it."""
    space = desk_with(team, script, **profile)
    return space, team.app(space)


def test_the_script_runs_in_the_home_of_the_space(team: Desk) -> None:
    space, app = start(team, 'pwd > where.txt; echo "$HOME" >> where.txt')
    assert team.started(app)["Status"] == "InService"
    assert (home_of(space) / "where.txt").read_text().split() == [str(home_of(space))] * 2


def test_the_script_has_the_credentials_of_the_profiles_role_and_nothing_of_this_machine(
    team: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THIS_MACHINE", "1")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    space, app = start(team, "env > env.txt", ExecutionRole=OTHER_ROLE)
    team.started(app)
    variables = dict(line.split("=", 1) for line in (home_of(space) / "env.txt").read_text().splitlines())
    assert variables["AWS_ACCESS_KEY_ID"] == OTHER_ROLE
    assert variables["AWS_ENDPOINT_URL"] == "https://localhost:1"
    assert variables["PATH"] == os.environ["PATH"]
    assert {"SECRET_OF_THIS_MACHINE", "AWS_PROFILE", "PYTHONPATH"} & set(variables) == set()


def test_both_outputs_of_the_script_are_logged_by_the_time_the_app_is_in_service(team: Desk, logs: Logs) -> None:
    space, app = start(team, "echo one; echo two >&2; printf three")
    team.started(app)
    stream = f"{space['DomainId']}/desk/JupyterLab/default/LifecycleConfigOnStart"
    assert logs.lines == {(LOG_GROUP, stream): ["one", "two", "three"]}
    assert logs.roles == {ROLE}


def test_an_app_is_pending_until_its_script_has_ended(team: Desk) -> None:
    space, app = start(team, "until [ -e go ]; do sleep 0.01; done; touch gone")
    team.platform.pass_time(minutes=4)
    assert team.status(app) == "Pending"
    (home_of(space) / "go").touch()
    assert team.started(app)["Status"] == "InService"
    assert (home_of(space) / "gone").exists()


def test_a_script_that_fails_fails_its_app(team: Desk) -> None:
    _, app = start(team, "exit 7")
    described = team.started(app)
    assert described["Status"] == "Failed"
    assert "studio-lifecycle-config/welcome failed with exit code 7" in described["FailureReason"]


def test_an_app_that_failed_can_be_deleted_and_started_again(team: Desk) -> None:
    space, app = start(team, "[ -e mended ] || exit 1")
    team.started(app)
    team.delete_app(app)
    (home_of(space) / "mended").touch()
    assert team.started(team.app(space))["Status"] == "InService"


def test_a_script_of_more_than_five_minutes_fails_its_app_and_ends(team: Desk) -> None:
    space = desk_with(team, "sleep 100 > pipe")
    with pipe_in(home_of(space)) as is_held:
        app = team.app(space)
        wait_until(is_held)
        team.platform.pass_time(minutes=5)
        described = team.call("DescribeApp", **app)
        wait_until(lambda: not is_held())
    assert described["Status"] == "Failed"
    assert "studio-lifecycle-config/welcome took longer than 5 minutes" in described["FailureReason"]


def test_deleting_an_app_ends_its_script(team: Desk) -> None:
    space = desk_with(team, "sleep 100 > pipe")
    with pipe_in(home_of(space)) as is_held:
        app = team.app(space)
        wait_until(is_held)
        assert team.status(app) == "Pending"
        team.call("DeleteApp", **app)
        wait_until(lambda: not is_held())
    assert team.status(app) == "Deleting"


def test_what_a_script_leaves_running_goes_on_until_the_app_is_deleted(team: Desk) -> None:
    space = desk_with(team, "nohup sleep 100 > pipe 2> /dev/null &")
    with pipe_in(home_of(space)) as is_held:
        app = team.app(space)
        assert team.started(app)["Status"] == "InService"
        wait_until(is_held)
        team.call("DeleteApp", **app)
        wait_until(lambda: not is_held())


def test_the_home_outlives_the_app_and_goes_with_the_space(team: Desk) -> None:
    space, app = start(team, "echo start >> starts.txt")
    team.started(app)
    team.delete_app(app)
    again = team.app(space)
    team.started(again)
    assert (home_of(space) / "starts.txt").read_text().split() == ["start", "start"]
    team.delete_app(again)
    team.call("DeleteSpace", **space)
    assert not home_of(space).exists()


def test_nothing_but_the_home_is_left_of_an_app(team: Desk) -> None:
    space, app = start(team, "mktemp")
    team.started(app)
    team.delete_app(app)
    assert list(Path(os.environ["LOCALCLOUD_WORK"]).iterdir()) == [home_of(space).parents[1]]


# --- in a stack -------------------------------------------------------------------------------------------------

SCRIPT = {
    "StudioLifecycleConfigName": "welcome",
    "StudioLifecycleConfigContent": "ZXhpdCAw",
    "StudioLifecycleConfigAppType": "JupyterLab",
}


@pytest.fixture
def types(team: Desk, monkeypatch: pytest.MonkeyPatch) -> ResourceTypes:
    monkeypatch.setattr(ministack, "current_account", lambda: ACCOUNT)
    monkeypatch.setattr(ministack, "current_region", lambda: REGION)
    return ResourceTypes(team.sagemaker)


def test_a_stacks_configuration_is_known_by_its_name(types: ResourceTypes) -> None:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:studio-lifecycle-config/welcome"
    assert types._create_script("Script", SCRIPT, "stack") == ("welcome", {"StudioLifecycleConfigArn": arn})


@pytest.mark.parametrize(
    "change", [{"StudioLifecycleConfigContent": "ZXhpdCAx"}, {"Tags": [{"Key": "a", "Value": ""}]}]
)
def test_a_changed_configuration_needs_another_name(types: ResourceTypes, change: dict[str, Any]) -> None:
    types._create_script("Script", SCRIPT, "stack")
    with pytest.raises(ReplacementRefused, match="Rename welcome"):
        types._update_script("welcome", SCRIPT, {**SCRIPT, **change}, "stack")


def test_a_renamed_configuration_is_another(team: Desk, types: ResourceTypes) -> None:
    types._create_script("Script", SCRIPT, "stack")
    renamed = {**SCRIPT, "StudioLifecycleConfigName": "welcome-2"}
    assert types._update_script("welcome", SCRIPT, renamed, "stack")[0] == "welcome-2"
    types._delete_script("welcome", SCRIPT)
    listed = team.call("ListStudioLifecycleConfigs")["StudioLifecycleConfigs"]
    assert [config["StudioLifecycleConfigName"] for config in listed] == ["welcome-2"]
