"""The Lambda functions: each with a role and a log group of its own, and a package that suffices."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lambdas.teardown.janitor import Environment
from lambdas.teardown.purge import Scope
from tests.template.conftest import Deploy
from tests.template.deployment import Deployment, Resource

NAMES = ["Plan", "Prepare", "Evaluate", "Report", "RemoveRun", "Janitor", "Purge"]
PANDAS = ["Prepare", "Evaluate"]
PLOTLY = "node_modules/plotly.js-cartesian-dist-min"


def function(deployment: Deployment, name: str) -> Resource:
    return deployment.named("AWS::Lambda::Function", name)


def package(deployment: Deployment, name: str) -> Path:
    """The unpacked code."""
    asset = function(deployment, name).properties["Code"]["S3Key"].removesuffix(".zip")
    return deployment.folder / f"asset.{asset}"


def test_the_stack_has_these_functions_and_no_helpers_of_the_cdk(deployment: Deployment) -> None:
    handlers = {resource.properties["Handler"] for resource in deployment.all("AWS::Lambda::Function")}

    assert handlers == {
        "lambdas/plan/handler.handler",
        "lambdas/prepare/handler.handler",
        "lambdas/evaluate/handler.handler",
        "lambdas/report/handler.handler",
        "lambdas/teardown/run.handler",
        "lambdas/teardown/janitor.handler",
        "lambdas/teardown/purge.handler",
    }


def test_no_two_functions_share_a_role(deployment: Deployment) -> None:
    functions = deployment.all("AWS::Lambda::Function")

    roles = {str(deployment.resolve(resource.properties["Role"], resource.stack)) for resource in functions}

    assert len(roles) == len(functions)


@pytest.mark.parametrize("name", NAMES)
def test_a_function_writes_its_own_log_group_and_no_other(deployment: Deployment, name: str) -> None:
    resource = function(deployment, name)
    group = deployment.resolve(resource.properties["LoggingConfig"]["LogGroup"], resource.stack)
    (log_group,) = (item for item in deployment.all("AWS::Logs::LogGroup") if item.reference == group)
    role = deployment.named("AWS::IAM::Role", f"{name}Role")

    written = [item.resources for item in deployment.statements_of(role) if item.allows("logs:PutLogEvents")]

    assert written == [(log_group.attribute("Arn"),)]


def test_no_function_may_make_a_log_group_that_would_outlive_the_stack(deployment: Deployment) -> None:
    roles = {deployment.named("AWS::IAM::Role", f"{name}Role").reference for name in NAMES}

    assert [
        statement.role
        for statement in deployment.statements()
        if statement.role in roles and statement.allows("logs:CreateLogGroup")
    ] == []


def test_logs_are_kept_as_long_as_the_settings_say(deploy: Deploy) -> None:
    groups = deploy(log_retention_days=7).all("AWS::Logs::LogGroup")

    assert len(groups) == len(NAMES) + 1  # the state machine's
    assert {group.properties["RetentionInDays"] for group in groups} == {7}


@pytest.mark.parametrize("name", PANDAS)
def test_pandas_comes_from_awss_layer_of_the_region_the_stack_is_deployed_to(deployment: Deployment, name: str) -> None:
    resource = function(deployment, name)
    (layer,) = resource.properties["Layers"]
    parameter = deployment.templates[resource.stack]["Parameters"][layer["Ref"]]
    python = resource.properties["Runtime"].removeprefix("python")

    assert parameter["Type"] == "AWS::SSM::Parameter::Value<String>"
    assert parameter["Default"] == f"/aws/service/aws-sdk-pandas/3.17.0/py{python}/x86_64/layer-arn"
    assert resource.properties.get("Architectures", ["x86_64"]) == ["x86_64"]


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(PANDAS)))
def test_other_functions_need_no_layer(deployment: Deployment, name: str) -> None:
    assert "Layers" not in function(deployment, name).properties


BESIDE_PYTHON = {
    "Plan": {"training_code/sampling_requirements.txt"},
    "Report": {"lambdas/report/page.css", "lambdas/report/page.js", f"{PLOTLY}/plotly-cartesian.min.js"},
}


@pytest.mark.parametrize("name", NAMES)
def test_a_package_holds_python_modules_and_nothing_else_that_is_not_needed(deployment: Deployment, name: str) -> None:
    folder = package(deployment, name)
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    about_the_library = {path for path in files if path.parent == Path(PLOTLY) and path.suffix != ".js"}

    assert files != []
    others = {str(path) for path in files if path.suffix != ".py" and path not in about_the_library}
    assert others == BESIDE_PYTHON.get(name, set())


@pytest.mark.parametrize("name", NAMES)
def test_a_handler_is_found_in_its_package_with_all_that_it_imports(deployment: Deployment, name: str) -> None:
    module, _, handler = function(deployment, name).properties["Handler"].replace("/", ".").rpartition(".")
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "AWS_"))}

    found = subprocess.run(
        [sys.executable, "-B", "-c", f"from {module} import {handler}; print(callable({handler}))"],
        cwd=package(deployment, name),
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (found.stdout.strip(), found.stderr) == ("True", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_function_stays_within_what_lambda_offers(deployment: Deployment, name: str) -> None:
    properties = function(deployment, name).properties

    # aws-facts 7.1
    assert 128 <= properties["MemorySize"] <= 10_240
    assert properties["Timeout"] <= 900
    assert 512 <= properties["EphemeralStorage"]["Size"] <= 10_240


def test_the_plan_is_told_the_settings(deploy: Deploy) -> None:
    deployment = deploy(project="cards", endpoint_ttl_minutes=11, endpoint_max_ttl_minutes=12, endpoint_idle_minutes=13)

    variables = function(deployment, "Plan").properties["Environment"]["Variables"]

    assert variables["PROJECT"] == "cards"
    assert variables["DEFAULT_TTL_MINUTES"] == "11"
    assert variables["MAX_TTL_MINUTES"] == "12"
    assert variables["DEFAULT_IDLE_MINUTES"] == "13"


def test_the_janitor_is_told_the_settings_the_topic_and_the_machine(deploy: Deploy) -> None:
    deployment = deploy(
        project="cards",
        endpoint_ttl_minutes=11,
        endpoint_max_ttl_minutes=12,
        endpoint_idle_minutes=13,
        expiry_warning_minutes=14,
        janitor_dry_run=True,
    )
    janitor = function(deployment, "Janitor")

    variables = deployment.resolve(janitor.properties["Environment"]["Variables"], janitor.stack)

    assert variables == {
        "PROJECT": "cards",
        "DEFAULT_TTL_MINUTES": "11",
        "MAX_TTL_MINUTES": "12",
        "DEFAULT_IDLE_MINUTES": "13",
        "WARNING_MINUTES": "14",
        "DRY_RUN": "true",
        "TOPIC_ARN": deployment.one("AWS::SNS::Topic").reference,
        "STATE_MACHINE_ARN": deployment.one("AWS::StepFunctions::StateMachine").reference,
        "ENDPOINT_PARAMETER": deployment.named("AWS::SSM::Parameter", "EndpointName").reference,
    }


def test_the_janitor_is_no_dry_run_by_default(deployment: Deployment) -> None:
    assert function(deployment, "Janitor").properties["Environment"]["Variables"]["DRY_RUN"] == "false"


def test_the_janitor_reads_the_environment_that_it_is_given(deployment: Deployment) -> None:
    janitor = function(deployment, "Janitor")
    variables = deployment.resolve(janitor.properties["Environment"]["Variables"], janitor.stack)

    read = Environment.read(variables)

    assert (read.limits.project, read.dry_run) == ("fraud", False)
    assert read.limits.default_lifetime <= read.limits.longest_lifetime
    assert read.topic_arn == deployment.one("AWS::SNS::Topic").reference
    assert read.state_machine_arn == deployment.one("AWS::StepFunctions::StateMachine").reference


def test_the_purge_reads_the_environment_that_it_is_given(deployment: Deployment) -> None:
    purge = function(deployment, "Purge")
    variables = deployment.resolve(purge.properties["Environment"]["Variables"], purge.stack)

    scope = Scope.read(variables)

    domain = deployment.one("AWS::SageMaker::Domain")
    assert (scope.domain.id, scope.domain.arn) == (domain.attribute("DomainId"), domain.attribute("DomainArn"))
