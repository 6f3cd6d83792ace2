"""An alarm that goes off tells the topics whose policy lets CloudWatch publish there."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from localcloud.cloud import ACCOUNT
from tests.pipeline.running import Deployed, wait_until

NAME = "localcloud-alarm"
METRIC: dict[str, Any] = {"Namespace": "LocalCloudTests", "MetricName": "Errors"}
DIMENSIONS = [{"Name": "Part", "Value": "alarms"}]
PERIOD_SECONDS = 10


@dataclass(frozen=True)
class Listener:
    """A topic, and the queue that gets what is published there."""

    topic_arn: str
    queue_url: str


def statement(service: str, action: str, resource: str) -> str:
    allowed = {"Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed]})


def listen(deployed: Deployed, name: str, clean_up: ExitStack) -> Listener:
    sns, sqs = deployed.client("sns"), deployed.client("sqs")
    topic_arn = sns.create_topic(Name=name)["TopicArn"]
    clean_up.callback(sns.delete_topic, TopicArn=topic_arn)
    queue_url = sqs.create_queue(QueueName=name)["QueueUrl"]
    clean_up.callback(sqs.delete_queue, QueueUrl=queue_url)
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = statement("sns.amazonaws.com", "sqs:SendMessage", queue_arn)
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": policy})
    subscription = sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn, ReturnSubscriptionArn=True)[
        "SubscriptionArn"
    ]
    clean_up.callback(sns.unsubscribe, SubscriptionArn=subscription)
    return Listener(topic_arn, queue_url)


@pytest.fixture
def clean_up() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_an_alarm_goes_off_when_its_period_is_over(deployed: Deployed, clean_up: ExitStack) -> None:
    cloudwatch, sns, sqs = (deployed.client(service) for service in ("cloudwatch", "sns", "sqs"))
    open_to_the_account = listen(deployed, f"{NAME}-open", clean_up)
    closed = listen(deployed, f"{NAME}-closed", clean_up)
    sns.set_topic_attributes(
        TopicArn=closed.topic_arn,
        AttributeName="Policy",
        AttributeValue=statement("events.amazonaws.com", "sns:Publish", closed.topic_arn),
    )
    clean_up.callback(cloudwatch.delete_alarms, AlarmNames=[NAME])
    cloudwatch.put_metric_alarm(
        AlarmName=NAME,
        **METRIC,
        Dimensions=DIMENSIONS,
        Statistic="Sum",
        Period=PERIOD_SECONDS,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
        AlarmActions=[closed.topic_arn, open_to_the_account.topic_arn],
    )
    (created,) = cloudwatch.describe_alarms(AlarmNames=[NAME])["MetricAlarms"]
    assert created["StateValue"] == "INSUFFICIENT_DATA"

    data = {"MetricName": METRIC["MetricName"], "Timestamp": deployed.app.cloud.now(), "Value": 2.0}
    cloudwatch.put_metric_data(
        Namespace=METRIC["Namespace"],
        MetricData=[{**data, "Dimensions": DIMENSIONS}, {**data, "Value": -2.0}],
    )
    messages: list[dict[str, Any]] = []

    def has_come() -> bool:
        received = sqs.receive_message(QueueUrl=open_to_the_account.queue_url, WaitTimeSeconds=1)
        messages.extend(json.loads(json.loads(message["Body"])["Message"]) for message in received.get("Messages", []))
        return bool(messages)

    wait_until(has_come, "the alarm's message comes")

    told = {key: messages[0][key] for key in ("AlarmName", "AWSAccountId", "OldStateValue", "NewStateValue")}
    assert told == {
        "AlarmName": NAME,
        "AWSAccountId": ACCOUNT,
        "OldStateValue": "INSUFFICIENT_DATA",
        "NewStateValue": "ALARM",
    }
    assert "Messages" not in sqs.receive_message(QueueUrl=closed.queue_url)
    history = cloudwatch.describe_alarm_history(AlarmName=NAME, HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert "Alarm updated from INSUFFICIENT_DATA to ALARM" in {item["HistorySummary"] for item in history}
