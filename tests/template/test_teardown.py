"""What sees to it that nothing bills on: the janitor's schedule and alarms, and the purge when the stack is deleted."""

from typing import Any

import pytest

from tests.template.conftest import Deploy
from tests.template.deployment import ACCOUNT, NESTED, ROOT_STACK, Deployment, Resource

# --- the janitor ------------------------------------------------------------------------------------------------


def janitor(deployment: Deployment) -> Resource:
    return deployment.named("AWS::Lambda::Function", "Janitor")


def resolved(deployment: Deployment, resource: Resource) -> dict[str, Any]:
    return dict(deployment.resolve(resource.properties, resource.stack))


@pytest.mark.parametrize(("minutes", "rate"), [(1, "1 minute"), (7, "7 minutes"), (60, "1 hour")])
def test_the_janitor_sweeps_as_often_as_the_settings_say(deploy: Deploy, minutes: int, rate: str) -> None:
    rule = deploy(sweep_minutes=minutes).one("AWS::Events::Rule")

    assert rule.properties["ScheduleExpression"] == f"rate({rate})"
    assert rule.properties["State"] == "ENABLED"


def test_by_default_the_janitor_sweeps_every_five_minutes(deployment: Deployment) -> None:
    assert deployment.one("AWS::Events::Rule").properties["ScheduleExpression"] == "rate(5 minutes)"


def test_the_schedule_calls_the_janitor_and_gives_up_on_a_late_sweep(deployment: Deployment) -> None:
    (target,) = resolved(deployment, deployment.one("AWS::Events::Rule"))["Targets"]

    assert target["Arn"] == janitor(deployment).attribute("Arn")
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 300, "MaximumRetryAttempts": 1}


def test_a_sweep_that_fails_is_not_repeated_but_told(deployment: Deployment) -> None:
    """Lambda would call the function twice more, within minutes."""
    config = resolved(deployment, deployment.one("AWS::Lambda::EventInvokeConfig"))

    assert config["FunctionName"] == janitor(deployment).reference
    assert config["Qualifier"] == "$LATEST"
    assert config["MaximumRetryAttempts"] == 0


def test_the_janitor_gets_the_time_for_which_it_sweeps(deployment: Deployment) -> None:
    """The scheduled event as it is: no input of its own takes its place."""
    (target,) = deployment.one("AWS::Events::Rule").properties["Targets"]

    assert target.keys() & {"Input", "InputPath", "InputTransformer"} == set()


def test_only_the_schedule_may_call_the_janitor(deployment: Deployment) -> None:
    permissions = [resolved(deployment, item) for item in deployment.all("AWS::Lambda::Permission")]

    (calling,) = (item for item in permissions if item["FunctionName"] == janitor(deployment).attribute("Arn"))

    assert calling["Principal"] == "events.amazonaws.com"
    assert calling["SourceArn"] == deployment.one("AWS::Events::Rule").attribute("Arn")


# --- the topic --------------------------------------------------------------------------------------------------


def topic_statements(deployment: Deployment) -> list[dict[str, Any]]:
    policy = resolved(deployment, deployment.one("AWS::SNS::TopicPolicy"))
    assert policy["Topics"] == [deployment.one("AWS::SNS::Topic").reference]
    return list(policy["PolicyDocument"]["Statement"])


def test_the_topic_refuses_plain_http(deployment: Deployment) -> None:
    (denial,) = (item for item in topic_statements(deployment) if item["Effect"] == "Deny")

    assert denial["Action"] == "sns:Publish"
    assert denial["Principal"] in ("*", {"AWS": "*"})
    assert denial["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert denial["Resource"] == deployment.one("AWS::SNS::Topic").reference


def test_beside_roles_only_alarms_of_this_account_may_publish(deployment: Deployment) -> None:
    allowed = [item for item in topic_statements(deployment) if item["Effect"] == "Allow"]

    assert [(item["Action"], item["Principal"], item["Condition"]) for item in allowed] == [
        (
            "sns:Publish",
            {"Service": "cloudwatch.amazonaws.com"},
            {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        )
    ]


@pytest.mark.parametrize("addresses", [[], ["ana@example.com"], ["ana@example.com", "ben@example.com"]], ids=len)
def test_each_address_in_the_settings_is_told(deploy: Deploy, addresses: list[str]) -> None:
    deployment = deploy(notification_emails=addresses)

    subscriptions = [resolved(deployment, item) for item in deployment.all("AWS::SNS::Subscription")]

    topic = deployment.one("AWS::SNS::Topic").reference
    assert sorted((item["Protocol"], item["Endpoint"], item["TopicArn"]) for item in subscriptions) == [
        ("email", address, topic) for address in addresses
    ]


# --- the alarms -------------------------------------------------------------------------------------------------


def alarm(deployment: Deployment, metric: str) -> dict[str, Any]:
    """The one on this metric of the janitor."""
    name = {"Name": "FunctionName", "Value": janitor(deployment).reference}
    alarms = [resolved(deployment, item) for item in deployment.all("AWS::CloudWatch::Alarm")]
    (found,) = (
        item
        for item in alarms
        if (item["Namespace"], item["MetricName"], item["Dimensions"]) == ("AWS/Lambda", metric, [name])
    )
    return found


def test_a_sweep_that_fails_sets_off_an_alarm(deployment: Deployment) -> None:
    erring = alarm(deployment, "Errors")

    assert (erring["Statistic"], erring["ComparisonOperator"], erring["Threshold"]) == (
        "Sum",
        "GreaterThanThreshold",
        0,
    )
    assert erring["EvaluationPeriods"] == 1
    assert erring["TreatMissingData"] == "notBreaching"


def test_a_janitor_that_does_not_run_sets_off_an_alarm(deployment: Deployment) -> None:
    stopped = alarm(deployment, "Invocations")

    assert (stopped["Statistic"], stopped["ComparisonOperator"], stopped["Threshold"]) == (
        "Sum",
        "LessThanThreshold",
        1,
    )
    assert stopped["TreatMissingData"] == "breaching"  # a function that is never called has no data


@pytest.mark.parametrize("minutes", [1, 60])
def test_the_alarms_look_at_sweeps(deploy: Deploy, minutes: int) -> None:
    deployment = deploy(sweep_minutes=minutes)

    assert alarm(deployment, "Errors")["Period"] == minutes * 60
    stopped = alarm(deployment, "Invocations")
    assert stopped["Period"] == minutes * 60
    assert stopped["EvaluationPeriods"] > 1  # one that comes a moment late is no alarm
    assert stopped["Period"] * stopped["EvaluationPeriods"] <= 86_400  # CloudWatch takes no more


@pytest.mark.parametrize("metric", ["Errors", "Invocations"])
def test_an_alarm_is_told_on_the_topic(deployment: Deployment, metric: str) -> None:
    found = alarm(deployment, metric)

    assert found["AlarmActions"] == [deployment.one("AWS::SNS::Topic").reference]
    assert found.get("ActionsEnabled", True) is True
    assert found["AlarmDescription"]


def test_there_are_no_other_alarms(deployment: Deployment) -> None:
    assert len(deployment.all("AWS::CloudWatch::Alarm")) == 2


# --- the purge --------------------------------------------------------------------------------------------------


def depends_on(deployment: Deployment, name: str) -> set[str]:
    return set(deployment.templates[ROOT_STACK]["Resources"][name].get("DependsOn", []))


def test_the_purges_stack_is_made_last_and_so_deleted_first(deployment: Deployment) -> None:
    nested = {resource.name for resource in deployment.all(NESTED)}
    (teardown,) = (name for name in nested if name.startswith("Teardown"))

    assert depends_on(deployment, teardown) == nested - {teardown}
    assert all(teardown not in depends_on(deployment, other) for other in nested)


def test_deleting_the_stack_calls_the_purge(deployment: Deployment) -> None:
    purge = deployment.one("Custom::Purge")
    function = deployment.named("AWS::Lambda::Function", "Purge")

    assert deployment.resolve(purge.properties["ServiceToken"], purge.stack) == function.attribute("Arn")


def test_cloudformation_waits_for_the_purge_as_long_as_it_can(deployment: Deployment) -> None:
    assert deployment.one("Custom::Purge").properties["ServiceTimeout"] in (3600, "3600")


def test_the_purge_keeps_its_permissions_until_it_is_done(deployment: Deployment) -> None:
    function = deployment.named("AWS::Lambda::Function", "Purge")

    # CloudFormation deletes the function, which the custom resource needs, before what it depends on.
    policy = deployment.named("AWS::IAM::Policy", "PurgeRole")
    assert policy.name in function.body["DependsOn"]


def test_the_purge_may_call_itself_and_no_other_function(deployment: Deployment) -> None:
    function = deployment.named("AWS::Lambda::Function", "Purge")
    statements = deployment.statements_of(deployment.named("AWS::IAM::Role", "PurgeRole"))

    (calling,) = (item for item in statements if item.allows("lambda:InvokeFunction"))

    assert calling.resources == (function.attribute("Arn"),)


def test_the_purge_may_call_itself_until_it_is_done(deployment: Deployment) -> None:
    function, on_delete = deployment.named("AWS::Lambda::Function", "Purge"), deployment.one("Custom::Purge")
    (policy,) = (
        item
        for item in deployment.all("AWS::IAM::Policy")
        if any(
            statement["Action"] == "lambda:InvokeFunction"
            for statement in item.properties["PolicyDocument"]["Statement"]
            if item.stack == function.stack
        )
    )

    assert policy.name in on_delete.body["DependsOn"]
    assert policy.name not in function.body["DependsOn"]  # it names the function: a circle


def test_the_purge_is_told_what_it_may_remove(deployment: Deployment) -> None:
    function = deployment.named("AWS::Lambda::Function", "Purge")
    domain = deployment.one("AWS::SageMaker::Domain")

    assert resolved(deployment, function)["Environment"]["Variables"] == {
        "PROJECT": "fraud",
        "BUCKET": deployment.one("AWS::S3::Bucket").reference,
        "STATE_MACHINE_ARN": deployment.one("AWS::StepFunctions::StateMachine").reference,
        "DOMAIN_ID": domain.attribute("DomainId"),
        "DOMAIN_ARN": domain.attribute("DomainArn"),
        "VPC_ID": deployment.one("AWS::EC2::VPC").reference,
    }


def test_the_purge_may_empty_the_bucket_of_all_versions(deployment: Deployment) -> None:
    statements = deployment.statements_of(deployment.named("AWS::IAM::Role", "PurgeRole"))
    bucket = deployment.one("AWS::S3::Bucket").attribute("Arn")

    assert any(statement.allows("s3:ListBucketVersions", bucket) for statement in statements)
    for action in ("s3:DeleteObject", "s3:DeleteObjectVersion"):
        assert any(statement.allows(action, f"{bucket}/runs/1/train/train.csv") for statement in statements)
