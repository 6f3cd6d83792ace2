"""Synthesis needs nothing but the repository, and gives the same each time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.template.conftest import Deploy
from tests.template.deployment import Deployment, Resource
from tests.template.synthesis import ROOT, context


def run_app(folder: Path, app_context: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """app.py in a process of its own, as the CDK CLI runs it, but for an environment without any account."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_", "PYTHON"))}
    given = {"CDK_OUTDIR": str(folder / "cdk.out"), "CDK_CONTEXT_JSON": json.dumps(app_context), "PYTHONHASHSEED": "7"}
    return subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=inherited | given, capture_output=True, text=True, check=False
    )


def templates(folder: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_text()) for path in folder.glob("*.template.json")}


@pytest.fixture(scope="module")
def by_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembly that app.py gives with the settings of cdk.json."""
    folder = tmp_path_factory.mktemp("app")
    finished = run_app(folder, context())
    assert (finished.returncode, finished.stderr) == (0, "")
    return folder / "cdk.out"


def test_two_syntheses_give_equal_templates_and_packages(deployment: Deployment, by_app: Path) -> None:
    assert len(templates(by_app)) == 5
    assert templates(by_app) == templates(deployment.folder)
    assert {path.name for path in by_app.glob("asset.*")} == {path.name for path in deployment.folder.glob("asset.*")}


def test_no_account_or_region_is_asked_for(by_app: Path) -> None:
    manifest = json.loads((by_app / "manifest.json").read_text())

    assert manifest["artifacts"]["fraud"]["environment"] == "aws://unknown-account/unknown-region"
    assert "missing" not in manifest  # nothing that the CLI would have to look up in an account


@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1"])
def test_no_template_names_a_region(deployment: Deployment, region: str) -> None:
    naming = [
        name
        for name, template in deployment.templates.items()
        if region in json.dumps({key: part for key, part in template.items() if key != "Mappings"})
    ]

    assert naming == []


def test_a_setting_that_is_not_known_is_refused_by_name(tmp_path: Path) -> None:
    finished = run_app(tmp_path, context(user_profile=["ana"]))

    assert finished.returncode != 0
    assert "settings.user_profile is not a setting; did you mean user_profiles?" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_another_project_shares_no_name_with_the_first(deploy: Deploy) -> None:
    deployment = deploy(project="cards")
    machine = deployment.one("AWS::StepFunctions::StateMachine")
    resources = {resource for statement in deployment.statements() for resource in statement.resources}
    values = {
        value
        for statement in deployment.statements()
        for condition in statement.conditions.values()
        for key, value in condition.items()
        if key.endswith("/project")
    }

    assert machine.properties["StateMachineName"] == "cards-pipeline"
    assert deployment.one("AWS::SageMaker::Domain").properties["DomainName"] == "cards"
    assert [resource for resource in resources if "fraud" in resource] == []
    assert values == {"cards"}


def test_every_resource_that_can_be_tagged_bears_the_project(deployment: Deployment) -> None:
    tagged = [resource for resource in deployment.resources if "Tags" in resource.properties]
    tag = {"Key": "project", "Value": "fraud"}

    assert len(tagged) > 20
    assert [resource.reference for resource in tagged if tag not in tags(resource)] == []


def tags(resource: Resource) -> list[dict[str, str]]:
    """SSM's have a form of their own."""
    given = resource.properties["Tags"]
    return [{"Key": key, "Value": value} for key, value in given.items()] if isinstance(given, dict) else given


def test_the_stack_tells_where_to_start(deployment: Deployment) -> None:
    outputs = deployment.templates[""]["Outputs"]

    told = {name: deployment.resolve(output["Value"], "") for name, output in outputs.items()}

    image = told.pop("TrainingImage")

    assert told == {
        "Project": "fraud",
        "BucketName": deployment.one("AWS::S3::Bucket").reference,
        "StateMachineArn": deployment.one("AWS::StepFunctions::StateMachine").reference,
        "NoticesTopicArn": deployment.one("AWS::SNS::Topic").reference,
        "ExecutionRoleArn": deployment.named("AWS::IAM::Role", "ExecutionRole").attribute("Arn"),
        "EndpointParameter": deployment.named("AWS::SSM::Parameter", "EndpointName").reference,
        "JanitorName": deployment.named("AWS::Lambda::Function", "Janitor").reference,
        "DomainId": deployment.one("AWS::SageMaker::Domain").attribute("DomainId"),
    }
    assert image.endswith("/sagemaker-xgboost:3.2-0")
