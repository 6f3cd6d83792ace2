"""A local cloud that runs: what its services are held to beyond what the emulator behind them does."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config

from localcloud.cloud import ACCOUNT, REGION, Cloud, start

pytestmark = pytest.mark.enable_socket

PATTERN = json.dumps({"source": ["tests"]})


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with start(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


def has_role(cloud: Cloud, name: str, service: str, *allowed: tuple[str, str]) -> str:
    """The ARN of a role that the service may assume, and that may do each action on its resource."""
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))
    statements = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in allowed]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="allowed", PolicyDocument=policy(*statements))
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


# --- rules that start executions --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Machine:
    """A state machine, and the rules whose target it is."""

    cloud: Cloud
    arn: str

    def has_rule(self, name: str, role: str | None, **rule: str) -> None:
        events = self.cloud.client("events")
        events.put_rule(Name=name, **rule)
        target = {"Id": "machine", "Arn": self.arn, "Input": json.dumps({"by": name})}
        events.put_targets(Rule=name, Targets=[target if role is None else {**target, "RoleArn": role}])

    def has_no_rule(self, name: str) -> None:
        events = self.cloud.client("events")
        events.remove_targets(Rule=name, Ids=["machine"])
        events.delete_rule(Name=name)

    def started_by(self) -> list[str]:
        """The rules that have started an execution."""
        machine = self.cloud.client("stepfunctions")
        executions = machine.list_executions(stateMachineArn=self.arn)["executions"]
        inputs = [machine.describe_execution(executionArn=each["executionArn"])["input"] for each in executions]
        return sorted(json.loads(given)["by"] for given in inputs)


@pytest.fixture(scope="module")
def machine(cloud: Cloud) -> Machine:
    role = has_role(cloud, "machine", "states")
    definition = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    made = cloud.client("stepfunctions").create_state_machine(
        name="machine", roleArn=role, definition=json.dumps(definition)
    )
    return Machine(cloud, made["stateMachineArn"])


def test_a_rule_starts_an_execution_only_with_a_role_that_may(cloud: Cloud, machine: Machine) -> None:
    # Given rules that one event matches
    may, other = ("states:StartExecution", machine.arn), ("states:StartExecution", f"{machine.arn}-other")
    roles = {
        "allowed": has_role(cloud, "allowed", "events", may),
        "denied": has_role(cloud, "denied", "events", other),
        "untrusted": has_role(cloud, "untrusted", "lambda", may),
        "gone": f"arn:aws:iam::{ACCOUNT}:role/gone",
        "without": None,
    }
    for name, role in roles.items():
        machine.has_rule(name, role, EventPattern=PATTERN)

    # When it happens
    event = {"Source": "tests", "DetailType": "Test", "Detail": "{}"}
    assert cloud.client("events").put_events(Entries=[event])["FailedEntryCount"] == 0

    # Then the one whose role may has started an execution
    assert machine.started_by() == ["allowed"]
    for name in roles:
        machine.has_no_rule(name)


def test_a_schedule_needs_the_role_too(cloud: Cloud, machine: Machine) -> None:
    may = ("states:StartExecution", machine.arn)
    machine.has_rule("weekly", has_role(cloud, "weekly", "events", may), ScheduleExpression="rate(7 days)")
    machine.has_rule("weekly-denied", has_role(cloud, "weekly-denied", "events"), ScheduleExpression="rate(7 days)")

    cloud.advance_clock(days=8)

    assert "weekly" in machine.started_by()
    assert "weekly-denied" not in machine.started_by()
    for name in ("weekly", "weekly-denied"):
        machine.has_no_rule(name)


# --- links --------------------------------------------------------------------------------------------------------


def status(cloud: Cloud, link: str) -> int:
    context = ssl.create_default_context(cafile=str(cloud.folder / "ca-bundle.pem"))
    try:
        with urllib.request.urlopen(link, context=context) as answer:  # noqa: S310  the link is the cloud's
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(("version", "expected"), [("s3v4", 200), ("s3", 400)])
def test_a_link_needs_signature_version_4(cloud: Cloud, version: str, expected: int) -> None:
    # Given an object, and a role that may read it
    bucket = f"links-{version}"
    cloud.client("s3").create_bucket(Bucket=bucket)
    cloud.client("s3").put_object(Bucket=bucket, Key="report.html", Body=b"report")
    role = has_role(cloud, bucket, "lambda", ("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    session = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]

    # When its session signs a link
    signer = boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url=cloud.endpoint,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
        config=Config(signature_version=version),
    )
    link = signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "report.html"})

    # Then whoever has it may read the object, if it is signed as S3 wants it
    assert status(cloud, link) == expected
