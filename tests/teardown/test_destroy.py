"""`cdk destroy` at the worst moments: the account holds what it held before, and no stranger's thing less."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from localcloud.cdk import CdkApp, CdkError
from localcloud.cloud import Cloud, Item
from tests.pipeline.endless_jobs import start_job, start_search
from tests.pipeline.policies import denied
from tests.pipeline.running import PROJECT, Deployed, Run, wait_until
from tests.teardown.conftest import DEMANDING, deploy
from tests.teardown.hosting import FOREIGN, IMAGE, OWN, Hands, items
from tests.template.synthesis import ROOT

pytestmark = pytest.mark.refuses("logs:*")
"""Endpoints with other names than the project's may not write logs; and what is being deleted may try to."""

MANY = 120
SHORT_SECONDS = 182
"""As the purge's time-out: it leaves itself two seconds, for it hands over when three minutes are left."""

LONG_TUNING = {"max_jobs": 500, "max_parallel_jobs": 1}


def upload(deployed: Deployed, sample: Path) -> dict[str, Any]:
    """The beginning of an execution's input."""
    return {"data": {"source": deployed.upload(sample.name, sample.read_bytes())}}


def is_running(deployed: Deployed, operation: str, member: str) -> bool:
    return bool(getattr(deployed.client("sagemaker"), operation)(StatusEquals="InProgress")[member])


def start_tuning(deployed: Deployed, given: dict[str, Any]) -> str:
    """Start a run that will tune for long, and wait until it does; its execution's ARN."""
    execution = deployed.start({**given, "tuning": LONG_TUNING})
    wait_until(
        lambda: is_running(deployed, "list_hyper_parameter_tuning_jobs", "HyperParameterTuningJobSummaries"),
        "a tuning job runs",
    )
    return execution


def open_space(deployed: Deployed, name: str) -> None:
    """As a user does in Studio: a space, and an app in it."""
    sagemaker, domain = deployed.client("sagemaker"), deployed.outputs["DomainId"]
    sagemaker.create_space(
        DomainId=domain,
        SpaceName=name,
        OwnershipSettings={"OwnerUserProfileName": DEMANDING["name"]},
        SpaceSharingSettings={"SharingType": "Private"},
        SpaceSettings={"AppType": "JupyterLab"},
    )
    wait_until(
        lambda: sagemaker.describe_space(DomainId=domain, SpaceName=name)["Status"] == "InService", "the space is there"
    )
    sagemaker.create_app(DomainId=domain, SpaceName=name, AppType="JupyterLab", AppName="default")


def register(deployed: Deployed, run: Run) -> None:
    """The run's model as a package in the stack's group, and as one in none, as people register them."""
    sagemaker = deployed.client("sagemaker")
    specification = {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": run.output["model_data"]}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    sagemaker.create_model_package(ModelPackageGroupName=f"{PROJECT}-models", InferenceSpecification=specification)
    own = [{"Key": key, "Value": value} for key, value in OWN.items()]
    supported = {f"Supported{use}InstanceTypes": ["ml.m5.large"] for use in ("RealtimeInference", "Transform")}
    sagemaker.create_model_package(
        ModelPackageName="by-hand", InferenceSpecification={**specification, **supported}, Tags=own
    )


@pytest.fixture(scope="module")
def before(app: CdkApp) -> frozenset[Item]:
    return app.cloud.inventory()


def test_in_the_middle_of_a_run(app: CdkApp, before: frozenset[Item], sample: Path) -> None:
    deployed = deploy(app)
    deployed.start({**upload(deployed, sample), "hyperparameters": {"num_round": 1_000_000}})
    wait_until(lambda: is_running(deployed, "list_training_jobs", "TrainingJobSummaries"), "a training job runs")

    app.destroy()

    assert app.cloud.inventory() == before


class Furnished(NamedTuple):
    """A deployment with all that people can leave behind, and what is there, and bills, after its destruction."""

    billing_before: "subprocess.CompletedProcess[str]"
    billing_after: "subprocess.CompletedProcess[str]"
    left: frozenset[Item]
    purges: int
    """How often the purge's function was called."""
    demanding: dict[str, Any]
    """The settings of the user who has settings of its own."""


@pytest.fixture(scope="module")
def furnished(app: CdkApp, app_with_all: CdkApp, sample: Path) -> Furnished:
    """An endpoint in service, a tuning job under way, a space and an app of a user's, a home file system, an image;
    and the stack, deployed for a second time, with other settings."""
    deploy(app)
    deployed = deploy(app_with_all)
    user = {"DomainId": deployed.outputs["DomainId"], "UserProfileName": DEMANDING["name"]}
    demanding = deployed.client("sagemaker").describe_user_profile(**user)["UserSettings"]
    given = upload(deployed, sample)
    run = deployed.run({**given, "tuning": {"enabled": False}})
    register(deployed, run)
    open_space(deployed, "notebooks")
    start_tuning(deployed, given)
    start_search(deployed, run, f"{PROJECT}-by-hand-search", OWN)
    start_job(deployed, run, f"{PROJECT}-by-hand", OWN)
    billing_before = bill(app_with_all.cloud)
    purge = deployed.resource("Teardown", "Purge")
    deployed.client("lambda").update_function_configuration(FunctionName=purge, Timeout=SHORT_SECONDS)
    app_with_all.destroy()
    billing_after, left = bill(app_with_all.cloud), app_with_all.cloud.inventory()
    return Furnished(billing_before, billing_after, left, invocations(deployed, purge), demanding)


def invocations(deployed: Deployed, function: str) -> int:
    """As CloudWatch counts them."""
    now = deployed.app.cloud.now()
    points = deployed.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Invocations",
        Dimensions=[{"Name": "FunctionName", "Value": function}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return int(sum(point["Sum"] for point in points))


def bill(cloud: Cloud) -> "subprocess.CompletedProcess[str]":
    """`python -m billing` with the variables that point at the cloud."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command = [sys.executable, "-m", "billing"]
    environment = {**own, **cloud.environment, "COLUMNS": "120"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_with_all_that_people_can_leave_behind(before: frozenset[Item], furnished: Furnished) -> None:
    assert furnished.left == before


def test_a_second_deploy_changes_what_the_settings_change(furnished: Furnished) -> None:
    for apps in ("JupyterLabAppSettings", "CodeEditorAppSettings"):
        idle = furnished.demanding[apps]["AppLifecycleManagement"]["IdleSettings"]
        assert idle["IdleTimeoutInMinutes"] == DEMANDING["idle_minutes"]


def test_the_purge_goes_on_in_other_invocations_when_its_time_is_up(furnished: Furnished) -> None:
    when_made, when_deleted = 1, 1
    assert furnished.purges > when_made + when_deleted


def test_what_bills_until_then_is_listed(furnished: Furnished) -> None:
    kinds = {line.partition("  ")[0] for line in furnished.billing_before.stdout.splitlines()}
    assert furnished.billing_before.returncode == 1, furnished.billing_before.stderr
    assert kinds >= {"endpoint", "training job", "Studio app", "space volume", "file system"}


def test_nothing_bills_after_that(furnished: Furnished) -> None:
    assert furnished.billing_after.returncode == 0, furnished.billing_after.stdout
    assert f"Nothing of project {PROJECT} bills now." in furnished.billing_after.stdout


def test_a_domain_that_was_deleted_by_hand_leaves_no_home_behind(app_with_all: CdkApp, before: frozenset[Item]) -> None:
    """AWS keeps its file system, unless one says otherwise (aws-facts 5.8)."""
    deployed = deploy(app_with_all)
    sagemaker, domain = deployed.client("sagemaker"), {"DomainId": deployed.outputs["DomainId"]}
    for user in sagemaker.list_user_profiles(DomainIdEquals=domain["DomainId"])["UserProfiles"]:
        sagemaker.delete_user_profile(**domain, UserProfileName=user["UserProfileName"])
    wait_until(lambda: not sagemaker.list_user_profiles()["UserProfiles"], "the users are gone")
    sagemaker.delete_domain(**domain)
    wait_until(lambda: not sagemaker.list_domains()["Domains"], "the domain is gone")

    app_with_all.destroy()

    assert app_with_all.cloud.inventory() == before


@pytest.mark.refuses("sagemaker:ListTags")
def test_again_after_a_destroy_that_failed(app: CdkApp, before: frozenset[Item], sample: Path) -> None:
    deployed = deploy(app)
    start_tuning(deployed, upload(deployed, sample))
    role = deployed.resource("Teardown", "PurgeRole")

    with (
        denied(deployed, role, {"Action": "sagemaker:ListTags", "Resource": "*"}),
        pytest.raises(CdkError, match="ListTags"),
    ):
        app.destroy()
    assert app.cloud.inventory() != before

    app.destroy()
    assert app.cloud.inventory() == before


def test_among_hundreds_of_endpoints_of_which_half_are_somebody_elses(app: CdkApp, before: frozenset[Item]) -> None:
    deployed = deploy(app)
    hands = Hands(deployed)
    hands.upload_model()
    own = [f"own-{number}" for number in range(MANY)]
    foreign = [f"foreign-{number}" for number in range(MANY)]
    hands.fail_to_serve(own, OWN)
    hands.fail_to_serve(foreign, FOREIGN)
    hands.serve("own-serving", OWN)
    hands.serve("foreign-serving", FOREIGN)

    app.destroy()

    strangers = frozenset(item for name in (*foreign, "foreign-serving") for item in items(name))
    assert app.cloud.inventory() == before | strangers
    assert hands.status("foreign-serving") == "InService"
    hands.remove([*foreign, "foreign-serving"])
