"""What runs is what was deployed: the stack's machine, and functions from their packages in roles of their own."""

import base64
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from localcloud.cloud import ACCOUNT, REGION
from tests.pipeline.running import Deployed, Run

ROOT = Path(__file__).parents[2]
ASSETS = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
"""The bucket of CDK's bootstrap."""

FOLDERS = {
    "Plan": ("lambdas/plan/", "training_code/"),
    "Prepare": ("lambdas/prepare/",),
    "Evaluate": ("lambdas/evaluate/",),
    "Report": ("lambdas/report/", "node_modules/plotly.js-cartesian-dist-min/"),
    "RemoveRun": ("lambdas/teardown/",),
}

each_function = pytest.mark.parametrize("name", FOLDERS)


@pytest.fixture(scope="module")
def packages(deployed: Deployed) -> dict[str, bytes]:
    """The zip files that `cdk deploy` has uploaded, by what Lambda gives as CodeSha256."""
    s3 = deployed.client("s3")
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=ASSETS)["Contents"] if found["Key"].endswith(".zip")]
    zips = [s3.get_object(Bucket=ASSETS, Key=key)["Body"].read() for key in keys]
    return {base64.b64encode(hashlib.sha256(content).digest()).decode(): content for content in zips}


def configuration(deployed: Deployed, name: str) -> dict[str, Any]:
    described: dict[str, Any] = deployed.client("lambda").get_function_configuration(
        FunctionName=deployed.resource("Pipeline", name)
    )
    return described


@each_function
def test_a_function_is_an_uploaded_package_of_its_own_folders(
    deployed: Deployed, packages: dict[str, bytes], name: str
) -> None:
    package = zipfile.ZipFile(io.BytesIO(packages[configuration(deployed, name)["CodeSha256"]]))
    files = [member.filename for member in package.infolist() if not member.is_dir()]
    assert files
    assert not [file for file in files if not file.startswith(FOLDERS[name])]


@each_function
def test_the_package_holds_the_repositorys_handler(deployed: Deployed, packages: dict[str, bytes], name: str) -> None:
    described = configuration(deployed, name)
    handler = described["Handler"].rpartition(".")[0] + ".py"
    package = zipfile.ZipFile(io.BytesIO(packages[described["CodeSha256"]]))
    assert package.read(handler) == (ROOT / handler).read_bytes()


def test_every_function_has_a_role_of_its_own(deployed: Deployed) -> None:
    roles = {configuration(deployed, name)["Role"] for name in FOLDERS}
    machine = deployed.client("stepfunctions").describe_state_machine(
        stateMachineArn=deployed.outputs["StateMachineArn"]
    )
    assert len(roles | {machine["roleArn"]}) == len(FOLDERS) + 1


@pytest.mark.parametrize("name", ["Plan", "Prepare", "Evaluate", "Report"])
@pytest.mark.usefixtures("full_run")
def test_a_function_that_ran_has_written_its_own_log(deployed: Deployed, name: str) -> None:
    group = deployed.resource("Pipeline", f"{name}Logs")
    assert configuration(deployed, name)["LoggingConfig"]["LogGroup"] == group
    assert deployed.client("logs").filter_log_events(logGroupName=group, filterPattern="START")["events"]


def test_the_machine_that_ran_is_the_stacks(deployed: Deployed, full_run: Run) -> None:
    execution = deployed.client("stepfunctions").describe_execution(executionArn=full_run.arn)
    assert execution["stateMachineArn"] == deployed.resource("Pipeline", "Machine")


def test_the_machine_ran_in_its_own_role(deployed: Deployed, full_run: Run) -> None:
    started = deployed.history(full_run.arn)[0]["executionStartedEventDetails"]
    assert started["roleArn"].endswith(f":role/{deployed.resource('Pipeline', 'MachineRole')}")
