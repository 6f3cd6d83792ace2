"""Synthesis needs nothing but the repository, and gives the same each time."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from stacks.user_profiles import MOST_PROFILES
from tests.template.conftest import Deploy
from tests.template.deployment import Deployment, Resource
from tests.template.synthesis import EVERYTHING, ROOT, context, synthesise

OTHERWISE = {
    # Nested stacks hand on what others need as parameters; there is no other stack that could refer to this one.
    "@aws-cdk/core:defaultCrossStackReferences",
}

LARGEST_BODY = 1_000_000
"""Bytes: CloudFormation takes 1 MB (its guide's "CloudFormation quotas"; the next as well)."""
MOST = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
LONGEST_INLINE, LONGEST_MANAGED = 10_240, 6_144
"""Characters of all inline policies of a role, and of a managed one (IAM's guide, "IAM and STS quotas")."""


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
    assert (finished.returncode, finished.stderr) == (0, "")  # without a word, of what is deprecated neither
    return folder / "cdk.out"


def test_two_syntheses_give_equal_templates_and_packages(deployment: Deployment, by_app: Path) -> None:
    assert len(templates(by_app)) == 5
    assert templates(by_app) == templates(deployment.folder)
    assert {path.name for path in by_app.glob("asset.*")} == {path.name for path in deployment.folder.glob("asset.*")}


def test_no_account_or_region_is_asked_for(by_app: Path) -> None:
    manifest = json.loads((by_app / "manifest.json").read_text())

    assert manifest["artifacts"]["fraud"]["environment"] == "aws://unknown-account/unknown-region"
    assert "missing" not in manifest  # nothing that the CLI would have to look up in an account


# --- what the CDK finds ------------------------------------------------------------------------------------------


@pytest.fixture(params=["deployment", "richest"], ids=["the settings of cdk.json", "all that they offer"])
def assembly(request: pytest.FixtureRequest) -> Path:
    synthesised: Deployment = request.getfixturevalue(request.param)
    return synthesised.folder


def test_the_cdks_own_validation_finds_nothing(assembly: Path) -> None:
    """Its rules for CloudFormation, and all that constructs warn of; an annotation of the app's own is there, too."""
    assert json.loads((assembly / "validation-report.json").read_text())["pluginReports"] == []


def test_a_strict_cli_has_nothing_to_refuse(assembly: Path) -> None:
    """`cdk synth --strict` fails on warnings."""
    said = [
        (path, entry["data"])
        for path, entries in json.loads((assembly / "fraud.metadata.json").read_text()).items()
        for entry in entries
        if entry["type"] in ("aws:cdk:warning", "aws:cdk:error")
    ]

    assert said == []


def test_every_feature_flag_of_the_cdk_is_set_and_as_it_recommends(by_app: Path) -> None:
    artifacts = json.loads((by_app / "manifest.json").read_text())["artifacts"]
    (flags,) = (item["properties"]["flags"] for item in artifacts.values() if item["type"] == "cdk:feature-flag-report")

    assert {name for name, flag in flags.items() if flag.get("userValue") != flag["recommendedValue"]} == set(OTHERWISE)


# --- what CloudFormation takes ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """As many users as can be, with long names, and all else that the settings offer."""
    users = [
        {"name": f"{'n' * 59}-{number:03}", "instance_types": ["ml.m5.4xlarge"], "idle_minutes": 120}
        for number in range(MOST_PROFILES)
    ]
    settings = {**EVERYTHING, "project": "eightlet", "user_profiles": users}
    return synthesise(tmp_path_factory.mktemp("crowded") / "cdk.out", **settings)


def test_the_templates_of_a_crowded_stack_are_not_too_large(crowded: Deployment) -> None:
    bodies = {path.name: path.stat().st_size for path in crowded.folder.glob("*.template.json")}

    assert len(bodies) == len(crowded.templates)
    assert {name: size for name, size in bodies.items() if size > LARGEST_BODY} == {}


@pytest.mark.parametrize("part", MOST)
def test_the_templates_of_a_crowded_stack_do_not_have_too_much_in_them(crowded: Deployment, part: str) -> None:
    counts = {stack: len(template.get(part, {})) for stack, template in crowded.templates.items()}

    assert any(counts.values())
    assert {stack: count for stack, count in counts.items() if count > MOST[part]} == {}


def test_the_policies_of_a_crowded_stack_are_no_longer_than_iam_takes(crowded: Deployment) -> None:
    inline: Counter[str] = Counter()
    for policy in crowded.all("AWS::IAM::Policy"):
        for role in policy.properties["Roles"]:
            inline[str(crowded.resolve(role, policy.stack))] += length(crowded, policy)
    managed = {policy.reference: length(crowded, policy) for policy in crowded.all("AWS::IAM::ManagedPolicy")}

    assert inline
    assert {role: characters for role, characters in inline.items() if characters > LONGEST_INLINE} == {}
    assert {name: characters for name, characters in managed.items() if characters > LONGEST_MANAGED} == {}


def length(deployment: Deployment, policy: Resource) -> int:
    """Characters without white space, as IAM counts them, with stand-ins for what is known only once deployed."""
    document = deployment.resolve(policy.properties["PolicyDocument"], policy.stack)
    return len("".join(json.dumps(document).split()))


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
