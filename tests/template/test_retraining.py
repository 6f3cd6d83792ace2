"""Runs that nobody starts by hand: off unless the settings want them, and then with a rival to beat."""

import json
from typing import Any

from tests.template.conftest import Deploy
from tests.template.deployment import Deployment, Resource

SCHEDULED = "rate(7 days)"


def starting(deployment: Deployment) -> list[Resource]:
    """The rules that start the state machine."""
    machine = deployment.one("AWS::StepFunctions::StateMachine").reference
    return [rule for rule in deployment.all("AWS::Events::Rule") if target(deployment, rule)["Arn"] == machine]


def target(deployment: Deployment, rule: Resource) -> dict[str, Any]:
    (found,) = deployment.resolve(rule.properties["Targets"], rule.stack)
    return dict(found)


def notifications(deployment: Deployment) -> Any:
    return deployment.one("AWS::S3::Bucket").properties.get("NotificationConfiguration")


def test_by_default_no_run_starts_by_itself_and_the_bucket_tells_nobody(deployment: Deployment) -> None:
    assert starting(deployment) == []
    assert notifications(deployment) is None


def test_a_schedule_starts_runs_with_the_input_of_the_settings_against_the_registered_model(deploy: Deploy) -> None:
    deployment = deploy(retrain_every_days=7, retrain_input={"data": {"source": "s3://team/raw/now.csv"}})

    (rule,) = starting(deployment)

    assert rule.properties["ScheduleExpression"] == SCHEDULED
    assert json.loads(target(deployment, rule)["Input"]) == {
        "data": {"source": "s3://team/raw/now.csv"},
        "candidates": {"registered": True},
    }
    assert notifications(deployment) is None


def test_a_file_under_raw_starts_a_run_on_it_against_the_registered_model(deploy: Deploy) -> None:
    deployment = deploy(retrain_on_new_data=True, retrain_input={"data": {"split": "stratified"}})
    bucket = deployment.one("AWS::S3::Bucket").reference

    (rule,) = starting(deployment)
    pattern = deployment.resolve(rule.properties["EventPattern"], rule.stack)
    transformer = target(deployment, rule)["InputTransformer"]

    assert (pattern["source"], pattern["detail-type"]) == (["aws.s3"], ["Object Created"])
    assert pattern["detail"]["bucket"]["name"] == [bucket]
    assert pattern["detail"]["object"]["key"] == [
        {"wildcard": "raw/*.csv"},
        {"wildcard": "raw/*.CSV"},
        {"wildcard": "raw/*.zip"},
        {"wildcard": "raw/*.ZIP"},
    ]
    (name, path), *others = transformer["InputPathsMap"].items()
    assert (path, others) == ("$.detail.object.key", [])
    assert json.loads(transformer["InputTemplate"]) == {
        "data": {"split": "stratified", "source": f"s3://{bucket}/<{name}>"},
        "candidates": {"registered": True},
    }
    assert notifications(deployment) == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


def test_who_wants_no_rival_says_so(deploy: Deploy) -> None:
    deployment = deploy(retrain_every_days=1, retrain_input={"candidates": {"registered": False}})

    (rule,) = starting(deployment)

    assert json.loads(target(deployment, rule)["Input"]) == {"candidates": {"registered": False}}


def test_what_starts_runs_may_do_nothing_else(deploy: Deploy) -> None:
    deployment = deploy(retrain_every_days=1, retrain_on_new_data=True)
    machine = deployment.one("AWS::StepFunctions::StateMachine").reference

    roles = {target(deployment, rule)["RoleArn"] for rule in starting(deployment)}
    role = deployment.named("AWS::IAM::Role", "RetrainingStartRole")
    allowed = {(statement.actions, statement.resources) for statement in deployment.statements_of(role)}

    assert roles == {role.attribute("Arn")}
    assert allowed == {(("states:StartExecution",), (machine,))}


def test_no_function_of_the_cdk_comes_with_it(deploy: Deploy, deployment: Deployment) -> None:
    retraining = deploy(retrain_every_days=1, retrain_on_new_data=True)

    assert len(retraining.all("AWS::Lambda::Function")) == len(deployment.all("AWS::Lambda::Function"))
