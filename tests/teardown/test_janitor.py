"""The deployed janitor, on its schedule and when called, while the cloud's clock moves on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from localcloud.cdk import CdkApp
from tests.pipeline.endless_jobs import start_job, start_search, status, status_of_search
from tests.pipeline.policies import denied
from tests.pipeline.running import PROJECT, Deployed, arn, wait_until
from tests.teardown.conftest import deploy
from tests.teardown.hosting import FOREIGN, Hands, items

A_PAGE = 10
"""How many SageMaker lists at a time."""


@pytest.fixture(scope="module")
def deployed(app: CdkApp) -> Iterator[Deployed]:
    deployed = deploy(app)
    yield deployed
    app.destroy()
    deployed.disconnect()


@pytest.fixture(scope="module")
def hands(deployed: Deployed) -> Hands:
    hands = Hands(deployed)
    hands.upload_model()
    return hands


@pytest.fixture(scope="module")
def untuned(deployed: Deployed, sample: Path) -> dict[str, Any]:
    """The input of a short run."""
    return {"data": {"source": deployed.upload(sample.name, sample.read_bytes())}, "tuning": {"enabled": False}}


class Notices:
    """What is published on the stack's topic."""

    def __init__(self, deployed: Deployed) -> None:
        self._sqs = deployed.client("sqs")
        self._url = self._sqs.create_queue(QueueName="notices")["QueueUrl"]
        topic = deployed.outputs["NoticesTopicArn"]
        queue = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})
        self._sns = deployed.client("sns")
        self._subscription = self._sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]

    def read(self) -> list[str]:
        """Subject and text of all that came since the last time."""
        texts: list[str] = []
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                notice = json.loads(message["Body"])
                texts.append(f"{notice.get('Subject', '')}\n{notice['Message']}")
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return texts

    def close(self) -> None:
        self._sns.unsubscribe(SubscriptionArn=self._subscription)
        self._sqs.delete_queue(QueueUrl=self._url)


@pytest.fixture
def notices(deployed: Deployed) -> Iterator[Notices]:
    opened = Notices(deployed)
    yield opened
    opened.close()


def serve(hands: Hands, name: str, **tags: str) -> None:
    """An endpoint of the project's, made by hand."""
    hands.serve(name, {"project": PROJECT, **tags})


def in_minutes(deployed: Deployed, minutes: float) -> str:
    return (deployed.app.cloud.now() + timedelta(minutes=minutes)).isoformat()


def left(deployed: Deployed, name: str) -> int:
    """How much is there of an endpoint, its configuration and its model."""
    return len(items(name) & deployed.sagemaker())


def date_of(deployed: Deployed, name: str) -> datetime:
    return datetime.fromisoformat(deployed.tags(arn("endpoint", name))["expires-at"])


# --- dates --------------------------------------------------------------------------------------------------------


def test_an_endpoint_goes_on_its_date_with_configuration_and_model_and_not_before(
    deployed: Deployed, hands: Hands
) -> None:
    serve(hands, "fraud-dated", **{"expires-at": in_minutes(deployed, 20)})

    deployed.sweep()
    before = left(deployed, "fraud-dated")
    deployed.app.cloud.advance_clock(minutes=20)
    deployed.sweep()

    assert (before, left(deployed, "fraud-dated")) == (3, 0)


def test_moving_the_tag_moves_the_date(deployed: Deployed, hands: Hands) -> None:
    serve(hands, "fraud-extended", **{"expires-at": in_minutes(deployed, 10)})
    hands.tag("fraud-extended", "expires-at", in_minutes(deployed, 25))

    deployed.app.cloud.advance_clock(minutes=12)
    deployed.sweep()
    before = left(deployed, "fraud-extended")
    deployed.app.cloud.advance_clock(minutes=13)
    deployed.sweep()

    assert (before, left(deployed, "fraud-extended")) == (3, 0)


@pytest.mark.parametrize("tag", ["2999-01-01T00:00:00Z", "tomorrow", ""], ids=["too far off", "no date", "empty"])
def test_a_date_that_is_not_allowed_is_set_right(deployed: Deployed, hands: Hands, notices: Notices, tag: str) -> None:
    serve(hands, "fraud-misdated", **{"expires-at": tag})

    deployed.sweep()

    now = deployed.app.cloud.now()
    assert now < date_of(deployed, "fraud-misdated") <= now + timedelta(days=1)
    assert any("misdated had no date that is allowed" in notice for notice in notices.read())
    hands.remove(["fraud-misdated"])


def test_a_warning_comes_once_and_its_command_extends(deployed: Deployed, hands: Hands, notices: Notices) -> None:
    serve(hands, "fraud-warned", **{"expires-at": in_minutes(deployed, 14)})

    deployed.sweep()
    first = [notice for notice in notices.read() if "fraud-warned" in notice]
    deployed.sweep()
    second = [notice for notice in notices.read() if "fraud-warned" in notice]

    assert (len(first), len(second)) == (1, 0)
    command = next(line.strip() for line in first[0].splitlines() if "aws sagemaker add-tags" in line)
    before = date_of(deployed, "fraud-warned")
    hands.run(command)
    assert date_of(deployed, "fraud-warned") - before == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=1))
    hands.remove(["fraud-warned"])


# --- other reasons ------------------------------------------------------------------------------------------------


def test_an_endpoint_that_nobody_calls_goes_and_one_that_somebody_calls_stays(deployed: Deployed, hands: Hands) -> None:
    late = in_minutes(deployed, 300)
    serve(hands, "fraud-called", **{"expires-at": late, "idle-minutes": "30"})
    serve(hands, "fraud-uncalled", **{"expires-at": late, "idle-minutes": "30"})

    deployed.app.cloud.advance_clock(minutes=20)
    deployed.sweep()
    young = left(deployed, "fraud-uncalled")
    deployed.client("sagemaker-runtime").invoke_endpoint(EndpointName="fraud-called", ContentType="text/csv", Body="1")
    deployed.app.cloud.advance_clock(minutes=11)
    deployed.sweep()

    assert (young, left(deployed, "fraud-uncalled"), left(deployed, "fraud-called")) == (3, 0, 3)
    hands.remove(["fraud-called"])


def test_a_failed_endpoint_goes_and_a_strangers_stays(deployed: Deployed, hands: Hands) -> None:
    own, foreign = [f"own-{n}" for n in range(2 * A_PAGE + 1)], [f"foreign-{n}" for n in range(A_PAGE + 1)]
    hands.fail_to_serve(own, {"project": PROJECT})
    hands.fail_to_serve(foreign, FOREIGN)

    deployed.sweep()

    assert [left(deployed, name) for name in own] == [0] * len(own)
    assert [left(deployed, name) for name in foreign] == [3] * len(foreign)
    hands.remove(foreign)


def test_a_run_that_passes_supersedes_the_one_before(
    deployed: Deployed, untuned: dict[str, Any], notices: Notices
) -> None:
    first, second = deployed.run(untuned), deployed.run(untuned)

    deployed.sweep()

    assert (left(deployed, first.name), left(deployed, second.name)) == (0, 3)
    assert any(f"Removed Endpoint {first.name}: a later run passed." in notice for notice in notices.read())


def test_what_an_aborted_run_made_goes_and_its_job_stops(deployed: Deployed, untuned: dict[str, Any]) -> None:
    execution = deployed.start(untuned)
    wait_until(lambda: bool(hosted(deployed, execution)), "the run has made something")
    deployed.client("stepfunctions").stop_execution(executionArn=execution)
    run = deployed.finish(execution)
    wait_until(lambda: not deployed.client("sagemaker").list_endpoints(StatusEquals="Creating")["Endpoints"], "settled")

    deployed.sweep()

    assert run.status == "ABORTED"
    assert left(deployed, run.name) == 0


def test_the_jobs_of_an_execution_that_is_over_are_stopped(deployed: Deployed, untuned: dict[str, Any]) -> None:
    """Whatever has kept Step Functions from stopping them."""
    run = deployed.run(untuned)
    tags = {"project": PROJECT, "execution": run.arn}
    start_job(deployed, run, f"{run.name}-lost", tags)
    start_search(deployed, run, "fraud-lost-search", tags)

    deployed.sweep()

    wait_until(lambda: status(deployed, f"{run.name}-lost") == "Stopped", "the training job has stopped")
    wait_until(lambda: status_of_search(deployed, "fraud-lost-search") == "Stopped", "the search has stopped")


def hosted(deployed: Deployed, execution: str) -> int:
    run_id = deployed.run_id(execution)
    return left(deployed, f"{PROJECT}-{run_id}") if run_id else 0


def test_nothing_of_a_running_run_is_touched(deployed: Deployed, untuned: dict[str, Any]) -> None:
    execution = deployed.start(untuned)
    while deployed.client("stepfunctions").describe_execution(executionArn=execution)["status"] == "RUNNING":
        report = deployed.sweep()
        run_id = deployed.run_id(execution)
        assert not run_id or run_id not in json.dumps(report)

    assert deployed.finish(execution).status == "SUCCEEDED"


@contextmanager
def environment(deployed: Deployed, **variables: str) -> Iterator[None]:
    """Other settings of the janitor's for a while."""
    functions, name = deployed.client("lambda"), deployed.outputs["JanitorName"]
    usual = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**usual, **variables}})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": usual})


# --- how it runs --------------------------------------------------------------------------------------------------


def test_it_sweeps_by_itself_every_five_minutes(deployed: Deployed, hands: Hands) -> None:
    serve(hands, "fraud-scheduled", **{"expires-at": in_minutes(deployed, 3)})
    deployed.start_schedule()
    try:
        deployed.app.cloud.advance_clock(minutes=6)
        wait_until(lambda: left(deployed, "fraud-scheduled") == 0, "the janitor has been")
    finally:
        deployed.stop_schedule()


def test_a_dry_run_only_reports(deployed: Deployed, hands: Hands, notices: Notices) -> None:
    serve(hands, "fraud-spared", **{"expires-at": in_minutes(deployed, -5)})

    with environment(deployed, DRY_RUN="true"):
        report = deployed.sweep()

    assert [removal["name"] for removal in report["removed"]] == ["fraud-spared"] * 3
    assert left(deployed, "fraud-spared") == 3
    assert any("Dry run: nothing was changed" in notice for notice in notices.read())
    deployed.sweep()
    assert left(deployed, "fraud-spared") == 0


# --- alarms -------------------------------------------------------------------------------------------------------

ERRS, STOPPED = "The janitor could not do all it had to", "The janitor does not run"


def pass_time(deployed: Deployed, minutes: int) -> None:
    """By the minute: an alarm looks at the periods that are over, and would not see one that was jumped over."""
    for _ in range(minutes):
        deployed.app.cloud.advance_clock(minutes=1)


def has_told(notices: Notices, words: str, heard: list[str]) -> bool:
    heard += notices.read()
    return any(words in notice for notice in heard)


@pytest.mark.refuses("sagemaker:DeleteEndpointConfig", "sagemaker:DeleteModel")
def test_an_alarm_tells_that_the_janitor_errs(deployed: Deployed, hands: Hands, notices: Notices) -> None:
    serve(hands, "fraud-refused", **{"expires-at": in_minutes(deployed, -5)})
    janitor = deployed.resource("Teardown", "JanitorRole")

    for refused in ("sagemaker:DeleteEndpointConfig", "sagemaker:DeleteModel"):
        with denied(deployed, janitor, {"Action": refused, "Resource": "*"}):
            report = deployed.sweep()
    pass_time(deployed, minutes=6)

    heard: list[str] = []
    wait_until(lambda: has_told(notices, ERRS, heard), "the alarm goes off")
    assert report["errorType"] == "SweepIncomplete"
    assert "fraud-refused" in report["errorMessage"]
    deployed.sweep()
    assert left(deployed, "fraud-refused") == 0


def test_an_alarm_tells_that_the_janitor_has_stopped(deployed: Deployed, notices: Notices) -> None:
    cloudwatch = deployed.client("cloudwatch")
    alarm = next(each for each in alarms(deployed) if STOPPED in each["AlarmDescription"])["AlarmName"]
    deployed.sweep()
    pass_time(deployed, minutes=6)
    wait_until(lambda: state(cloudwatch, alarm) == "OK", "a sweep ends the alarm")
    notices.read()

    pass_time(deployed, minutes=20)

    wait_until(lambda: has_told(notices, STOPPED, []), "the alarm goes off")
    assert state(cloudwatch, alarm) == "ALARM"


def alarms(deployed: Deployed) -> list[dict[str, Any]]:
    described: list[dict[str, Any]] = deployed.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return described


def state(cloudwatch: Any, alarm: str) -> str:
    (described,) = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    return str(described["StateValue"])
