"""What a function leaves in CloudWatch: its loggers' lines, and a metric of each invocation."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from localcloud.cloud import ACCOUNT
from tests.pipeline.running import Deployed, wait_until

NAME = "localcloud-function"
LOG_GROUP = f"/aws/lambda/{NAME}"
CODE = """
import logging

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)
logger.info("Imported")


def handler(event, context):
    logger.info("Asked by %s", event["by"])
    logging.getLogger("library").info("Not for this log")
    logging.getLogger("library").warning("Beware")
    if event["by"] == "nobody":
        raise LookupError("no such caller")
    return context.aws_request_id
"""
WRITING = ["logs:CreateLogStream", "logs:PutLogEvents"]
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.fixture(scope="module")
def function(deployed: Deployed) -> Iterator[Any]:
    """A Lambda client; NAME is a function that logs."""
    iam, functions, logs = (deployed.client(service) for service in ("iam", "lambda", "logs"))
    iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [TRUST]}))
    permit(iam)
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("logs.py", CODE)
    functions.create_function(
        FunctionName=NAME,
        Runtime="python3.13",
        Role=f"arn:aws:iam::{ACCOUNT}:role/{NAME}",
        Handler="logs.handler",
        Code={"ZipFile": package.getvalue()},
        Timeout=30,
    )
    functions.put_function_event_invoke_config(FunctionName=NAME, MaximumRetryAttempts=0)
    yield functions
    functions.delete_function(FunctionName=NAME)
    logs.delete_log_group(logGroupName=LOG_GROUP)
    iam.delete_role_policy(RoleName=NAME, PolicyName=NAME)
    iam.delete_role(RoleName=NAME)


def permit(iam: Any) -> None:
    """Let the function's role write its log, as Lambda's basic execution role does; and make its log group."""
    actions = [*WRITING, "logs:CreateLogGroup"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=NAME, PolicyName=NAME, PolicyDocument=document)


def invoke(function: Any, by: str, kind: str = "RequestResponse") -> Any:
    answer = function.invoke(FunctionName=NAME, InvocationType=kind, Payload=json.dumps({"by": by}))
    return json.loads(answer["Payload"].read() or b"null")


def log(deployed: Deployed) -> list[str]:
    events = deployed.client("logs").filter_log_events(logGroupName=LOG_GROUP)["events"]
    return [event["message"].rstrip() for event in events]


def test_the_lines_of_a_functions_loggers_are_in_its_log(deployed: Deployed, function: Any) -> None:
    first, second = invoke(function, "the first"), invoke(function, "the second")
    assert first != second

    lines = [line for line in log(deployed) if line.startswith("[")]
    formatted = re.compile(r"\[([A-Z]+)\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t(.*)\t(.*)")
    found = [match.groups() for match in map(formatted.fullmatch, lines) if match]
    # Of the second, ministack may keep some back for the next invocation's log.
    assert found[:4] == [
        ("INFO", "", "Imported"),
        ("INFO", first, "Asked by the first"),
        ("WARNING", first, "Beware"),
        ("INFO", second, "Asked by the second"),
    ]


def test_an_error_keeps_its_name_after_lines_of_the_log(function: Any) -> None:
    assert invoke(function, "nobody") == {"errorType": "LookupError", "errorMessage": "no such caller"}


def metric(deployed: Deployed, name: str) -> float:
    """Its sum over all invocations of the function."""
    now = deployed.app.cloud.now()
    datapoints = deployed.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=name,
        Dimensions=[{"Name": "FunctionName", "Value": NAME}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(datapoint["Sum"] for datapoint in datapoints))


@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
def test_an_invocation_and_its_error_are_counted_once(deployed: Deployed, function: Any, kind: str) -> None:
    invocations, errors = metric(deployed, "Invocations"), metric(deployed, "Errors")

    invoke(function, "somebody", kind)
    invoke(function, "nobody", kind)
    wait_until(lambda: metric(deployed, "Invocations") >= invocations + 2, "both invocations are counted")

    assert (metric(deployed, "Invocations"), metric(deployed, "Errors")) == (invocations + 2, errors + 1)


def test_a_log_group_comes_back_only_if_the_role_may_make_it(deployed: Deployed, function: Any) -> None:
    iam, logs = deployed.client("iam"), deployed.client("logs")
    invoke(function, "somebody")
    logs.delete_log_group(logGroupName=LOG_GROUP)
    iam.delete_role_policy(RoleName=NAME, PolicyName=NAME)

    invoke(function, "somebody")
    without = logs.describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"]
    permit(iam)
    invoke(function, "somebody")

    assert not without
    assert logs.describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"]
