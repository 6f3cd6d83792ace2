"""The janitor: what has to go goes, what serves stays, and people are told."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.teardown import janitor, run
from lambdas.teardown.invocations import Watched, invocations
from lambdas.teardown.notices import message, subject
from lambdas.teardown.rules import Limits
from lambdas.teardown.sweep import Account, Dated, Removal, Report, Sweep
from tests.unit.small_account import (
    DENIED,
    MACHINE,
    CloudWatch,
    Context,
    Parameters,
    Refused,
    Resource,
    Resources,
    SageMaker,
    Sent,
    StepFunctions,
    client,
    execution,
    in_this_thread,
    minutes,
)

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
PAST, FUTURE = "2026-11-24T16:59:00Z", "2026-11-24T20:00:00Z"
PARAMETER = "/fraud/endpoint-name"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:fraud-Notices"
VARIABLES = {
    "PROJECT": "fraud",
    "DEFAULT_TTL_MINUTES": "60",
    "MAX_TTL_MINUTES": "1440",
    "DEFAULT_IDLE_MINUTES": "30",
    "WARNING_MINUTES": "15",
    "TOPIC_ARN": TOPIC,
    "STATE_MACHINE_ARN": MACHINE,
    "ENDPOINT_PARAMETER": PARAMETER,
    "DRY_RUN": "false",
}
LIMITS = Limits("fraud", minutes(60), minutes(1440), minutes(30), minutes(15))
HOSTING = ("Endpoint", "EndpointConfig", "Model")
ENDED = execution("ended")


@dataclass
class Cloud:
    """What the janitor meets, and whom it tells."""

    sagemaker: SageMaker = field(default_factory=SageMaker)
    step_functions: StepFunctions = field(default_factory=lambda: StepFunctions({ENDED: "FAILED"}))
    cloudwatch: CloudWatch = field(default_factory=CloudWatch)
    sns: Sent = field(default_factory=Sent)
    ssm: Parameters = field(default_factory=lambda: Parameters({PARAMETER: "none"}))
    context: Context = field(default_factory=lambda: Context(300))
    slept: list[float] = field(default_factory=list)

    def host(self, name: str, *, called: bool = True, noun: str = "Endpoint", **facts: Any) -> None:
        """An endpoint of the project with its configuration and its model; somebody calls it, and it has its date."""
        tags = {"project": "fraud"} | facts.pop("tags", {})
        made: Resources = {
            ("Model", name): Resource(dict(tags)),
            ("EndpointConfig", name): Resource(dict(tags), models=(name,)),
            (noun, name): Resource({"expires-at": FUTURE, **tags}, config=name, **facts),
        }
        self.sagemaker.resources |= made
        self.cloudwatch.calls += [(name, "v0", NOW - minutes(3))] if called else []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.context.seconds -= seconds
        self.sagemaker.pass_time()

    def left(self) -> dict[str, list[str]]:
        return {noun: self.sagemaker.names(noun) for noun in HOSTING}

    def tags(self, name: str) -> dict[str, str]:
        return self.sagemaker.resources["Endpoint", name].tags

    @property
    def told(self) -> list[str]:
        return [request["Message"] for request in self.sns.requests]

    def clients(self, service: str, config: Config) -> Any:
        answers = {
            "sagemaker": self.sagemaker.answer,
            "stepfunctions": self.step_functions.answer,
            "cloudwatch": self.cloudwatch.answer,
            "sns": self.sns.answer,
            "ssm": self.ssm.answer,
        }
        return client(service, answers[service], config)


def all_three(*names: str) -> dict[str, list[str]]:
    return {noun: list(names) for noun in HOSTING}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud()
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "client", cloud.clients)
    monkeypatch.setattr(time, "sleep", in_this_thread(cloud.sleep))
    return cloud


def sweep(cloud: Cloud, at: datetime = NOW) -> dict[str, Any]:
    return janitor.handler({"time": f"{at:%Y-%m-%dT%H:%M:%SZ}"}, cloud.context)


# --- where clients are sent --------------------------------------------------------------------------------------


def announced(cloud: Cloud) -> str:
    return cloud.ssm.values[PARAMETER]


def announce(cloud: Cloud, name: str) -> None:
    cloud.ssm.values[PARAMETER] = name


def test_clients_are_sent_to_no_endpoint_that_was_removed(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST})
    announce(cloud, "fraud-1")

    sweep(cloud)

    assert announced(cloud) == "none"


def test_clients_are_sent_to_no_endpoint_that_somebody_has_deleted(cloud: Cloud) -> None:
    announce(cloud, "fraud-1")

    sweep(cloud)

    assert announced(cloud) == "none"


@pytest.mark.parametrize("project", ["fraud", "other"])
def test_clients_are_sent_to_no_endpoint_that_is_going(cloud: Cloud, project: str) -> None:
    cloud.host("fraud-1", tags={"project": project}, status="Deleting")
    announce(cloud, "fraud-1")

    sweep(cloud)

    assert announced(cloud) == "none"


def test_clients_are_sent_back_to_an_earlier_endpoint_that_still_serves(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"passed-at": "2026-11-24T12:00:00Z"})
    cloud.host("fraud-2", tags={"execution": ENDED})  # its run failed before it could mark it as passed
    announce(cloud, "fraud-2")

    sweep(cloud)

    assert cloud.left() == all_three("fraud-1")
    assert announced(cloud) == "fraud-1"


def test_once_a_run_has_removed_its_endpoint_the_next_sweep_sends_clients_back_to_an_earlier_one(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"passed-at": "2026-11-24T12:00:00Z"})
    cloud.host("fraud-2")
    announce(cloud, "fraud-2")

    run.handler({"name": "fraud-2"}, cloud.context)
    assert announced(cloud) == "none"

    sweep(cloud)
    assert announced(cloud) == "fraud-1"


def test_of_the_endpoints_that_serve_and_passed_clients_are_sent_to_the_one_that_passed_last(cloud: Cloud) -> None:
    cloud.step_functions.executions[execution("run")] = "RUNNING"
    at_work = {"execution": execution("run")}  # so that none is superseded
    cloud.host("fraud-1", tags={"passed-at": "2026-11-24T15:00:00Z", **at_work}, status="Updating")
    cloud.host("fraud-2", tags={"passed-at": "2026-11-24T13:00:00+01:00", **at_work})
    cloud.host("fraud-3", tags={"passed-at": "2026-11-24T12:30:00Z", **at_work})
    cloud.host("fraud-4", tags=at_work)
    cloud.host("fraud-5", tags={"passed-at": "2026-11-24T16:00:00Z", "project": "other"})

    sweep(cloud)

    assert announced(cloud) == "fraud-3"


@pytest.mark.parametrize("status", ["InService", "Creating", "Updating", "Failed", "OutOfService"])
def test_an_endpoint_that_is_there_stays_announced_whatever_its_status(cloud: Cloud, status: str) -> None:
    cloud.step_functions.executions[execution("run")] = "RUNNING"
    cloud.host("fraud-1", tags={"passed-at": "2026-11-24T12:00:00Z"})
    cloud.host("fraud-2", tags={"execution": execution("run")}, status=status)
    announce(cloud, "fraud-2")

    sweep(cloud)

    assert announced(cloud) == "fraud-2"


def test_an_endpoint_that_aws_does_not_let_go_stays_announced(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST})
    cloud.sagemaker.refusals["DeleteEndpoint fraud-1"] = DENIED
    announce(cloud, "fraud-1")

    with pytest.raises(janitor.SweepIncomplete):
        sweep(cloud)

    assert announced(cloud) == "fraud-1"


def test_an_endpoint_that_is_not_the_projects_stays_announced(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"passed-at": "2026-11-24T12:00:00Z"})
    cloud.host("others", tags={"project": "other"})
    announce(cloud, "others")

    sweep(cloud)

    assert announced(cloud) == "others"


@pytest.mark.parametrize("operation", ["ListEndpoints", "DescribeEndpoint strange", "ListTags strange"])
def test_while_not_every_endpoint_can_be_looked_at_clients_are_sent_where_they_went_before(
    cloud: Cloud, operation: str
) -> None:
    cloud.host("fraud-1", tags={"passed-at": "2026-11-24T12:00:00Z"})
    cloud.host("strange")
    announce(cloud, "strange")
    cloud.sagemaker.refusals[operation] = DENIED

    with pytest.raises(janitor.SweepIncomplete):
        sweep(cloud)

    assert announced(cloud) == "strange"


def test_a_dry_run_sends_clients_where_they_went_before(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRY_RUN", "true")
    cloud.host("fraud-1", tags={"expires-at": PAST})
    announce(cloud, "fraud-1")

    sweep(cloud)

    assert announced(cloud) == "fraud-1"


@pytest.mark.parametrize("name", ["fraud-1", "none"])
def test_what_is_right_already_is_not_written_again(cloud: Cloud, name: str) -> None:
    cloud.host("fraud-1")
    announce(cloud, name)
    cloud.ssm.refusals["PutParameter"] = DENIED

    assert sweep(cloud)["failures"] == []


@pytest.mark.parametrize("operation", ["GetParameter", "PutParameter"])
def test_clients_that_cannot_be_told_are_a_failure_of_the_sweep_after_the_removal(cloud: Cloud, operation: str) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST})
    announce(cloud, "fraud-1")
    cloud.ssm.refusals[operation] = DENIED

    with pytest.raises(janitor.SweepIncomplete, match="could not bring /fraud/endpoint-name up to date"):
        sweep(cloud)

    assert cloud.left() == all_three()
    assert "FAILED: could not bring /fraud/endpoint-name up to date" in cloud.told[0]


def test_clients_that_could_not_be_told_are_told_by_the_next_sweep(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST})
    announce(cloud, "fraud-1")
    cloud.ssm.refusals["PutParameter"] = DENIED
    with pytest.raises(janitor.SweepIncomplete):
        sweep(cloud)

    cloud.ssm.refusals.clear()
    cloud.sagemaker.pass_time()
    sweep(cloud)

    assert announced(cloud) == "none"


def test_clients_are_told_even_if_people_cannot_be(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST})
    announce(cloud, "fraud-1")
    cloud.sns.refusals["Publish"] = DENIED

    with pytest.raises(ClientError):
        sweep(cloud)

    assert announced(cloud) == "none"


# --- what goes --------------------------------------------------------------------------------------------------


def test_an_endpoint_past_its_date_goes_with_its_configuration_and_model(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST})
    cloud.host("fraud-2")

    sweep(cloud)

    assert cloud.left() == all_three("fraud-2")
    assert cloud.sagemaker.done == [
        ("DeleteEndpoint", "fraud-1"),
        ("DeleteEndpointConfig", "fraud-1"),
        ("DeleteModel", "fraud-1"),
    ]


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"called": False}, id="idle"),
        pytest.param({"status": "Failed"}, id="failed"),
        pytest.param({"tags": {"execution": ENDED}}, id="its run failed"),
        pytest.param({"tags": {"execution": execution("unknown")}}, id="its run is not known"),
        pytest.param({"tags": {"passed-at": "2026-11-24T12:00:00Z"}}, id="superseded"),
    ],
)
def test_an_endpoint_goes_before_its_date_for_a_reason(cloud: Cloud, facts: dict[str, Any]) -> None:
    cloud.host("fraud-1", **facts)
    cloud.host("fraud-2", tags={"passed-at": "2026-11-24T13:00:00Z"})

    sweep(cloud)

    assert cloud.left() == all_three("fraud-2")


@pytest.mark.parametrize("status", ["FAILED", "ABORTED", "TIMED_OUT"])
@pytest.mark.parametrize("passed", [{}, {"passed-at": "2026-11-24T12:00:00Z"}], ids=["missed", "had passed"])
def test_what_a_run_left_goes(cloud: Cloud, status: str, passed: dict[str, str]) -> None:
    cloud.step_functions.executions[execution("run")] = status
    cloud.host("fraud-1", tags={"execution": execution("run"), **passed})

    sweep(cloud)

    assert cloud.left() == all_three()


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "PENDING_REDRIVE"])
def test_what_a_run_needs_or_left_to_serve_stays(cloud: Cloud, status: str) -> None:
    cloud.step_functions.executions[execution("run")] = status
    cloud.host("fraud-1", tags={"execution": execution("run")})

    sweep(cloud)

    assert cloud.left() == all_three("fraud-1")


STRANGE = pytest.mark.parametrize(
    "arn",
    [
        pytest.param("", id="empty"),
        pytest.param("x", id="no ARN"),
        pytest.param("arn:aws:states:eu-west-1:123456789012:execution:other-machine:monday", id="another machine's"),
        pytest.param(execution("monday").replace("fraud-pipeline", "fraud-pipeline-2"), id="a similar name's"),
        pytest.param("arn:aws:states:us-east-1:999999999999:execution:fraud-pipeline:monday", id="another account's"),
        pytest.param(MACHINE, id="the machine itself"),
    ],
)


@STRANGE
def test_an_execution_that_is_not_the_machines_is_no_run_and_not_looked_up(cloud: Cloud, arn: str) -> None:
    cloud.step_functions.refusals["DescribeExecution"] = DENIED
    cloud.host("by-hand", tags={"execution": arn})
    cloud.host("unused", noun="EndpointConfig", tags={"execution": arn})

    sweep(cloud)

    assert cloud.left() == {
        "Endpoint": ["by-hand"],
        "EndpointConfig": ["by-hand", "unused"],
        "Model": ["by-hand", "unused"],
    }


def test_while_its_run_is_at_work_an_endpoint_may_fail_and_be_idle(cloud: Cloud) -> None:
    cloud.step_functions.executions[execution("run")] = "RUNNING"
    cloud.host("fraud-1", tags={"execution": execution("run")}, status="Failed")
    cloud.host("fraud-2", tags={"execution": execution("run")}, called=False)

    sweep(cloud)

    assert cloud.left() == all_three("fraud-1", "fraud-2")


def test_while_its_run_is_at_work_the_date_counts(cloud: Cloud) -> None:
    cloud.step_functions.executions[execution("run")] = "RUNNING"
    cloud.host("fraud-1", tags={"execution": execution("run"), "expires-at": PAST})

    sweep(cloud)

    assert cloud.left() == all_three()


@pytest.mark.parametrize("tags", [{"project": "other"}, {"project": "Fraud"}, {"project": "fraud "}, {"project": ""}])
def test_what_does_not_bear_the_projects_tag_is_not_touched(cloud: Cloud, tags: dict[str, str]) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST, "execution": ENDED, **tags}, status="Failed")
    job = Resource({"execution": ENDED, **tags}, "InProgress")
    cloud.sagemaker.resources["TrainingJob", "fraud-1-0"] = job

    sweep(cloud)

    assert cloud.sagemaker.done == []
    assert cloud.told == []


def test_an_account_with_nothing_in_it_is_swept_too(cloud: Cloud) -> None:
    assert sweep(cloud) == {"removed": [], "warned": [], "redated": [], "unsettled": [], "failures": []}
    assert cloud.told == []


def test_without_a_time_the_sweep_is_as_of_now(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": "2026-01-01T00:00:00Z"})
    cloud.host("fraud-2", tags={"expires-at": "9999-01-01T00:00:00Z"}, changed=datetime.now(UTC))

    janitor.handler({}, cloud.context)

    assert "fraud-1" not in cloud.left()["Endpoint"]
    assert datetime.fromisoformat(cloud.tags("fraud-2")["expires-at"]) - datetime.now(UTC) < timedelta(days=1)


def test_many_pages_of_endpoints_are_swept(cloud: Cloud) -> None:
    for number in range(50):
        cloud.host(f"fraud-{number:02}", tags={"expires-at": PAST if number % 2 else FUTURE})

    sweep(cloud)

    assert cloud.left() == all_three(*(f"fraud-{number:02}" for number in range(0, 50, 2)))


# --- what stays -------------------------------------------------------------------------------------------------


def test_a_configuration_that_another_endpoint_uses_stays_with_its_model(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST})
    cloud.sagemaker.resources["Endpoint", "fraud-2"] = Resource(
        {"project": "fraud", "expires-at": FUTURE}, config="fraud-1"
    )
    cloud.cloudwatch.calls.append(("fraud-2", "v0", NOW - minutes(3)))

    sweep(cloud)

    assert cloud.left() == {"Endpoint": ["fraud-2"], "EndpointConfig": ["fraud-1"], "Model": ["fraud-1"]}


@pytest.mark.parametrize("ended", [{}, {"execution": ENDED}], ids=["by hand", "by a run that ended"])
def test_a_model_that_another_configuration_uses_stays(cloud: Cloud, ended: dict[str, str]) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST, **ended})
    cloud.host("fraud-2")
    cloud.sagemaker.resources["EndpointConfig", "fraud-2"].models = ("fraud-1", "fraud-2")

    sweep(cloud)

    assert cloud.left() == {
        "Endpoint": ["fraud-2"],
        "EndpointConfig": ["fraud-2"],
        "Model": ["fraud-1", "fraud-2"],
    }


def test_a_model_that_is_served_in_the_shadow_stays(cloud: Cloud) -> None:
    cloud.host("fraud-1")
    cloud.sagemaker.resources["EndpointConfig", "fraud-1"].shadows = ("shadow",)
    cloud.sagemaker.resources["Model", "shadow"] = Resource({"project": "fraud", "execution": ENDED})

    sweep(cloud)

    assert cloud.left()["Model"] == ["fraud-1", "shadow"]


def test_a_model_that_serves_by_a_configuration_without_tags_stays(cloud: Cloud) -> None:
    cloud.host("fraud-1")
    cloud.sagemaker.resources["EndpointConfig", "fraud-1"].tags = {}
    cloud.sagemaker.resources["Model", "fraud-1"].tags["execution"] = ENDED

    sweep(cloud)

    assert cloud.left()["Model"] == ["fraud-1"]


def test_a_configuration_to_which_an_endpoint_is_being_updated_stays_with_its_model(cloud: Cloud) -> None:
    cloud.host("fraud-1", status="Updating")
    cloud.host("next", tags={"execution": ENDED})
    del cloud.sagemaker.resources["Endpoint", "next"]
    cloud.sagemaker.resources["Endpoint", "fraud-1"].next_config = "next"

    sweep(cloud)

    assert cloud.sagemaker.done == []


def test_what_a_run_left_that_nothing_uses_goes(cloud: Cloud) -> None:
    left = {"project": "fraud", "execution": ENDED}
    cloud.sagemaker.resources["EndpointConfig", "fraud-1"] = Resource(left, models=("fraud-1",))
    cloud.sagemaker.resources["Model", "fraud-1"] = Resource(left)
    cloud.sagemaker.resources["Model", "fraud-2"] = Resource(left)

    sweep(cloud)

    assert cloud.left() == all_three()


@pytest.mark.parametrize("tags", [{}, {"execution": execution("running")}], ids=["a person", "a run at work"])
def test_what_a_person_or_a_run_at_work_made_and_does_not_use_yet_stays(cloud: Cloud, tags: dict[str, str]) -> None:
    cloud.step_functions.executions[execution("running")] = "RUNNING"
    cloud.host("fraud-1", tags=tags)
    del cloud.sagemaker.resources["Endpoint", "fraud-1"]

    sweep(cloud)

    assert cloud.left() == {"Endpoint": [], "EndpointConfig": ["fraud-1"], "Model": ["fraud-1"]}


def test_an_endpoint_that_is_going_already_is_left_alone(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST}, status="Deleting")

    result = sweep(cloud)

    assert result["removed"] == []
    assert result["failures"] == []


# --- jobs -------------------------------------------------------------------------------------------------------


def test_jobs_that_an_ended_execution_left_are_stopped_with_the_tuning_job_first(cloud: Cloud) -> None:
    for noun, name in (("TrainingJob", "fraud-1-0"), ("HyperParameterTuningJob", "fraud-1-0")):
        cloud.sagemaker.resources[noun, name] = Resource({"project": "fraud", "execution": ENDED}, "InProgress")

    sweep(cloud)

    assert cloud.sagemaker.done == [("StopHyperParameterTuningJob", "fraud-1-0"), ("StopTrainingJob", "fraud-1-0")]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("ValidationException", "The request was rejected because the training job is in status Completed."),
        ("ResourceNotFound", "Requested resource not found."),
    ],
)
def test_a_job_that_ends_meanwhile_is_not_told_as_stopped(cloud: Cloud, code: str, text: str) -> None:
    job = Resource({"project": "fraud", "execution": ENDED}, "InProgress")
    cloud.sagemaker.resources["TrainingJob", "fraud-1-0"] = job
    cloud.sagemaker.refusals["StopTrainingJob fraud-1-0"] = Refused(code, text)

    result = sweep(cloud)

    assert (result["removed"], result["failures"], cloud.told) == ([], [], [])


def test_a_job_whose_run_cannot_be_looked_up_keeps_no_other_running(cloud: Cloud) -> None:
    whole = cloud.step_functions.answer

    def refusing(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if request["executionArn"] == execution("strange"):
            raise DENIED
        return whole(operation, request)

    cloud.step_functions.answer = refusing  # type: ignore[method-assign]
    for name, arn in (("fraud-1-0", execution("strange")), ("fraud-2-0", ENDED)):
        cloud.sagemaker.resources["TrainingJob", name] = Resource({"project": "fraud", "execution": arn}, "InProgress")

    with pytest.raises(janitor.SweepIncomplete, match="TrainingJob fraud-1-0"):
        sweep(cloud)

    assert cloud.sagemaker.done == [("StopTrainingJob", "fraud-2-0")]


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        pytest.param({"execution": execution("running")}, "InProgress", id="of a run at work"),
        pytest.param({}, "InProgress", id="of a person"),
        pytest.param({"execution": ENDED}, "Completed", id="ended"),
        pytest.param({"execution": ENDED}, "Stopping", id="stopping"),
    ],
)
def test_other_jobs_are_left_alone(cloud: Cloud, tags: dict[str, str], status: str) -> None:
    cloud.step_functions.executions[execution("running")] = "RUNNING"
    cloud.sagemaker.resources["TrainingJob", "fraud-1-0"] = Resource({"project": "fraud", **tags}, status)

    sweep(cloud)

    assert cloud.sagemaker.done == []


# --- dates and warnings -----------------------------------------------------------------------------------------


def test_an_endpoint_without_a_date_gets_one(cloud: Cloud) -> None:
    cloud.host("fraud-1", created=NOW - minutes(20))
    del cloud.tags("fraud-1")["expires-at"]

    sweep(cloud)

    assert datetime.fromisoformat(cloud.tags("fraud-1")["expires-at"]) == NOW + minutes(40)
    assert "2026-11-24 17:40 UTC" in cloud.told[0]


def test_a_date_too_far_off_is_put_right_once(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": "2030-01-01T00:00:00Z"})

    sweep(cloud)
    cloud.cloudwatch.calls.append(("fraud-1", "v0", NOW + minutes(4)))
    sweep(cloud, NOW + minutes(5))

    assert datetime.fromisoformat(cloud.tags("fraud-1")["expires-at"]) == NOW + timedelta(days=1)
    assert len(cloud.told) == 1


def test_a_warning_comes_once_for_each_date(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": "2026-11-24T17:10:00Z", "idle-minutes": "600"})

    sweep(cloud)
    sweep(cloud, NOW + minutes(5))
    assert len(cloud.told) == 1

    cloud.tags("fraud-1")["expires-at"] = "2026-11-24T18:10:00Z"
    sweep(cloud, NOW + minutes(10))
    assert len(cloud.told) == 1

    sweep(cloud, NOW + minutes(60))
    assert len(cloud.told) == 2
    assert "removed at 2026-11-24 18:10 UTC" in cloud.told[1]


def test_a_warning_says_in_one_line_how_to_keep_the_endpoint(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": "2026-11-24T17:10:00Z"})

    sweep(cloud)

    (command,) = (line.strip() for line in cloud.told[0].splitlines() if "aws sagemaker" in line)
    assert command == (
        "aws sagemaker add-tags --resource-arn arn:aws:sagemaker:eu-west-1:123456789012:endpoint/fraud-1 "
        "--tags Key=expires-at,Value=2026-11-24T18:10:00Z"
    )


def test_the_tags_that_are_set_are_the_date_and_what_was_warned_of(cloud: Cloud) -> None:
    cloud.host("fraud-1", created=NOW - minutes(50))
    del cloud.tags("fraud-1")["expires-at"]

    sweep(cloud)

    assert cloud.tags("fraud-1") == {
        "project": "fraud",
        "expires-at": "2026-11-24T17:10:00+00:00",
        "warned-for": "2026-11-24T17:10:00+00:00",
    }


def test_a_warning_that_could_not_be_sent_is_sent_the_next_time(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": "2026-11-24T17:10:00Z"})
    cloud.sns.refusals["Publish"] = Refused("InternalError", "try again later")
    with pytest.raises(ClientError):
        sweep(cloud)

    cloud.sns.refusals.clear()
    sweep(cloud, NOW + minutes(5))

    assert len(cloud.told) == 1


@pytest.mark.parametrize("status", ["InService", "Creating"], ids=["at once", "after waiting for another endpoint"])
def test_a_warning_that_cannot_be_noted_is_given_and_the_failure_named(cloud: Cloud, status: str) -> None:
    cloud.host("fraud-1", tags={"expires-at": "2026-11-24T17:10:00Z"})
    cloud.host("fraud-2", tags={"expires-at": PAST}, status=status)
    cloud.sagemaker.refusals["AddTags fraud-1"] = DENIED

    with pytest.raises(janitor.SweepIncomplete, match="fraud-1"):
        sweep(cloud)

    assert "Endpoint fraud-1 is removed at 2026-11-24 17:10 UTC" in cloud.told[0]


def test_a_warning_that_was_given_while_waiting_for_another_endpoint_is_not_repeated(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": "2026-11-24T17:10:00Z"})
    cloud.host("fraud-2", tags={"expires-at": PAST}, status="Creating")

    sweep(cloud)

    assert datetime.fromisoformat(cloud.tags("fraud-1")["warned-for"]) == NOW + minutes(10)


# --- idle endpoints ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ago", "stays"), [(29, True), (31, False)])
def test_an_invocation_within_the_idle_time_keeps_an_endpoint(cloud: Cloud, ago: int, *, stays: bool) -> None:
    cloud.host("fraud-1", called=False)
    cloud.cloudwatch.calls = [("fraud-1", "v0", NOW - minutes(ago))]

    sweep(cloud)

    assert cloud.left() == (all_three("fraud-1") if stays else all_three())


def test_an_invocation_of_any_variant_counts(cloud: Cloud) -> None:
    cloud.host("fraud-1", called=False)
    cloud.sagemaker.resources["EndpointConfig", "fraud-1"].models = ("fraud-1", "fraud-1", "fraud-1")
    cloud.cloudwatch.calls = [("fraud-1", "v2", NOW - minutes(3))]

    sweep(cloud)

    assert cloud.left() == all_three("fraud-1")


def test_each_endpoint_has_its_own_idle_time(cloud: Cloud) -> None:
    for name, idle in (("fraud-1", "5"), ("fraud-2", "60")):
        cloud.host(name, tags={"idle-minutes": idle}, called=False)
        cloud.cloudwatch.calls.append((name, "v0", NOW - minutes(10)))

    sweep(cloud)

    assert cloud.left() == all_three("fraud-2")


def test_a_fresh_endpoint_gets_its_grace(cloud: Cloud) -> None:
    cloud.host("fraud-1", called=False, changed=NOW - minutes(29))

    sweep(cloud)
    assert cloud.left() == all_three("fraud-1")

    sweep(cloud, NOW + minutes(1))
    assert cloud.left() == all_three()


def test_without_cloudwatch_nothing_is_idle_and_all_else_goes_on(cloud: Cloud) -> None:
    cloud.cloudwatch.refusals["GetMetricData"] = DENIED
    cloud.host("fraud-1", called=False)
    cloud.host("fraud-2", tags={"expires-at": PAST})

    with pytest.raises(janitor.SweepIncomplete, match="CloudWatch"):
        sweep(cloud)

    assert cloud.left() == all_three("fraud-1")


@pytest.mark.parametrize("status_code", ["InternalError", "Forbidden", "PartialData"])
def test_an_endpoint_of_which_cloudwatch_does_not_know_all_stays_and_is_named(cloud: Cloud, status_code: str) -> None:
    cloud.host("fraud-1", called=False)
    cloud.cloudwatch.status_code = status_code

    with pytest.raises(janitor.SweepIncomplete, match="whether anybody calls fraud-1"):
        sweep(cloud)

    assert cloud.left() == all_three("fraud-1")


def quiet(*results: dict[str, Any], variants: int = 1) -> bool:
    """Whether an endpoint is, when CloudWatch gives these results, each on a page of its own."""

    def answer(_: str, request: dict[str, Any]) -> dict[str, Any]:
        number = int(request.get("NextToken", 0))
        rest = {"NextToken": str(number + 1)} if number + 1 < len(results) else {}
        return {"MetricDataResults": list(results[number : number + 1]), **rest}

    endpoint = Watched("fraud-1", [f"v{number}" for number in range(variants)], minutes(5))
    return bool(invocations(client("cloudwatch", answer), [endpoint], NOW).quiet)


def result(status_code: str, *points: datetime, number: int = 0) -> dict[str, Any]:
    times = [time.timestamp() for time in points]
    return {"Id": f"q{number}", "StatusCode": status_code, "Timestamps": times, "Values": [1.0] * len(times)}


def test_what_cloudwatch_says_last_of_a_variant_counts() -> None:
    assert quiet(result("PartialData"), result("Complete"))
    assert not quiet(result("Complete"), result("PartialData"))


def test_invocations_on_all_pages_count() -> None:
    assert not quiet(result("PartialData", NOW - minutes(3)), result("Complete"))
    assert not quiet(result("PartialData"), result("Complete", NOW - minutes(3)))


def test_an_endpoint_of_which_cloudwatch_says_nothing_is_not_quiet() -> None:
    assert not quiet()


def test_an_endpoint_with_a_variant_of_which_cloudwatch_says_nothing_is_not_quiet() -> None:
    assert not quiet(result("Complete"), variants=2)
    assert quiet(result("Complete"), result("Complete", number=1), variants=2)


def test_an_endpoint_without_variants_is_not_quiet() -> None:
    assert not quiet(result("Complete"), variants=0)


def watched(*endpoints: Watched, calls: list[tuple[str, str, datetime]]) -> set[str]:
    return set(invocations(client("cloudwatch", CloudWatch(calls).answer), endpoints, NOW).quiet)


@pytest.mark.parametrize("idle", [minutes(5), timedelta(days=14), timedelta(days=20), timedelta(days=90)])
def test_an_invocation_is_seen_however_long_the_idle_time(idle: timedelta) -> None:
    both = [Watched("fraud-1", ["v0"], idle), Watched("fraud-2", ["v0"], idle)]
    inside, outside = NOW - idle + minutes(1), NOW - idle - minutes(120)

    assert watched(*both, calls=[("fraud-1", "v0", inside), ("fraud-2", "v0", outside)]) == {"fraud-2"}


def test_an_invocation_at_the_very_edge_counts() -> None:
    edge = NOW - minutes(5) + timedelta(seconds=1)

    assert watched(Watched("fraud-1", ["v0"], minutes(5)), calls=[("fraud-1", "v0", edge)]) == set()


def test_nothing_is_asked_about_nothing() -> None:
    assert watched(calls=[]) == set()


def test_cloudwatch_is_asked_no_more_at_once_than_it_takes() -> None:
    cloudwatch = CloudWatch([("fraud-1100", "v0", NOW - minutes(1))], page=200)
    endpoints = [Watched(f"fraud-{number}", ["v0"], minutes(5)) for number in range(1200)]

    quiet = set(invocations(client("cloudwatch", cloudwatch.answer), endpoints, NOW).quiet)

    assert len(quiet) == 1199
    assert cloudwatch.queries <= 500  # of metrics in one GetMetricData


# --- what is in the way -----------------------------------------------------------------------------------------


def test_what_fails_is_named_after_the_rest_was_done_and_told(cloud: Cloud) -> None:
    for number in range(5):
        cloud.host(f"fraud-{number}", tags={"expires-at": PAST})
    cloud.sagemaker.refusals |= {"DeleteEndpoint fraud-1": DENIED, "DeleteModel fraud-3": DENIED}

    with pytest.raises(janitor.SweepIncomplete) as incomplete:
        sweep(cloud)

    assert cloud.left() == {"Endpoint": ["fraud-1"], "EndpointConfig": ["fraud-1"], "Model": ["fraud-1", "fraud-3"]}
    for name in ("Endpoint fraud-1", "Model fraud-3"):
        assert name in str(incomplete.value)
        assert any(line.startswith("FAILED") and name in line for line in cloud.told[0].splitlines())
    assert "Removed Endpoint fraud-2" in cloud.told[0]


def test_what_failed_is_tried_again_by_the_next_sweep(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST})
    cloud.sagemaker.refusals["DeleteEndpoint fraud-1"] = DENIED
    with pytest.raises(janitor.SweepIncomplete):
        sweep(cloud)

    cloud.sagemaker.refusals.clear()
    sweep(cloud)

    assert cloud.left() == all_three()


@pytest.mark.parametrize("noun", ["EndpointConfig", "Model"])
def test_what_stayed_behind_when_its_endpoint_went_goes_with_the_next_sweep(cloud: Cloud, noun: str) -> None:
    cloud.host("fraud-by-hand", tags={"expires-at": PAST})
    cloud.sagemaker.refusals[f"Delete{noun} fraud-by-hand"] = DENIED
    with pytest.raises(janitor.SweepIncomplete):
        sweep(cloud)

    cloud.sagemaker.refusals.clear()
    cloud.sagemaker.pass_time()
    sweep(cloud)

    assert cloud.left() == all_three()


@pytest.mark.parametrize("noun", ["EndpointConfig", "Model"])
def test_what_aws_refuses_to_remove_is_marked_with_the_reason_once(cloud: Cloud, noun: str) -> None:
    cloud.host("fraud-by-hand", tags={"expires-at": PAST})
    cloud.sagemaker.refusals[f"Delete{noun} fraud-by-hand"] = DENIED

    for at in (NOW, NOW + minutes(5)):
        with pytest.raises(janitor.SweepIncomplete, match=f"{noun} fraud-by-hand"):
            sweep(cloud, at)

    assert cloud.sagemaker.resources[noun, "fraud-by-hand"].tags["removal-due"] == "its date is past"
    assert [done for done in cloud.sagemaker.done if done[0] == "AddTags"] == [("AddTags", "fraud-by-hand")]


def test_what_is_removed_late_is_told_with_the_reason_for_which_its_endpoint_went(cloud: Cloud) -> None:
    cloud.host("fraud-by-hand", called=False)
    cloud.sagemaker.refusals["DeleteModel fraud-by-hand"] = DENIED
    with pytest.raises(janitor.SweepIncomplete):
        sweep(cloud)

    cloud.sagemaker.refusals.clear()
    sweep(cloud)

    assert "Removed Model fraud-by-hand: idle." in cloud.told[1]


def test_a_sweep_does_not_ask_for_the_tags_of_every_model_in_the_account(cloud: Cloud) -> None:
    for noun in ("EndpointConfig", "Model"):
        cloud.sagemaker.resources[noun, "other"] = Resource({"project": "other"})
    cloud.sagemaker.refusals["ListTags other"] = DENIED

    sweep(cloud)


def test_what_was_to_be_removed_and_serves_again_stays(cloud: Cloud) -> None:
    cloud.host("fraud-1")
    for noun in ("EndpointConfig", "Model"):
        cloud.sagemaker.resources[noun, "fraud-1"].tags["removal-due"] = "idle"

    sweep(cloud)

    assert cloud.left() == all_three("fraud-1")


def test_a_failure_is_not_forgotten_while_the_sweep_waits_for_another_endpoint(cloud: Cloud) -> None:
    cloud.host("by-hand", tags={"expires-at": PAST})
    cloud.host("fraud-1", tags={"expires-at": PAST}, status="Creating")
    cloud.sagemaker.refusals["DeleteEndpointConfig by-hand"] = DENIED

    with pytest.raises(janitor.SweepIncomplete, match="EndpointConfig by-hand"):
        sweep(cloud)


@pytest.mark.parametrize(
    "operation",
    ["ListTrainingJobs", "ListHyperParameterTuningJobs", "StopTrainingJob fraud-1-0", "AddTags fraud-2"],
)
def test_whatever_is_refused_beside_it_an_expired_endpoint_goes(cloud: Cloud, operation: str) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST})
    cloud.host("fraud-2", tags={"expires-at": "2030-01-01"})
    job = Resource({"project": "fraud", "execution": ENDED}, "InProgress")
    cloud.sagemaker.resources["TrainingJob", "fraud-1-0"] = job
    cloud.sagemaker.refusals[operation] = DENIED

    with pytest.raises(janitor.SweepIncomplete):
        sweep(cloud)

    assert cloud.left() == all_three("fraud-2")


@pytest.mark.parametrize("noun", HOSTING)
def test_without_knowing_what_serves_nothing_goes_that_may(cloud: Cloud, noun: str) -> None:
    cloud.host("fraud-1", tags={"execution": execution("forgotten"), "passed-at": "2026-11-24T12:00:00Z"})
    cloud.sagemaker.refusals[f"List{noun}s"] = DENIED

    with pytest.raises(janitor.SweepIncomplete):
        sweep(cloud)

    assert cloud.sagemaker.done == []


@STRANGE
def test_a_strange_execution_on_one_endpoint_keeps_no_other_alive(cloud: Cloud, arn: str) -> None:
    cloud.host("strange", tags={"execution": arn})
    cloud.host("fraud-1", tags={"expires-at": PAST})

    assert sweep(cloud)["failures"] == []

    assert cloud.left() == all_three("strange")


@pytest.mark.parametrize("operation", ["ListTags", "DescribeEndpoint"])
def test_an_endpoint_that_cannot_be_looked_at_is_named_and_keeps_no_other_alive(cloud: Cloud, operation: str) -> None:
    cloud.sagemaker.resources["Endpoint", "strange"] = Resource({"project": "fraud"}, config="strange")
    cloud.host("fraud-1", tags={"expires-at": PAST})
    cloud.sagemaker.refusals[f"{operation} strange"] = DENIED

    with pytest.raises(janitor.SweepIncomplete, match="Endpoint strange"):
        sweep(cloud)

    assert cloud.left() == {"Endpoint": ["strange"], "EndpointConfig": [], "Model": []}


def test_an_endpoint_whose_run_cannot_be_looked_up_keeps_no_other_alive(cloud: Cloud) -> None:
    cloud.step_functions.refusals["DescribeExecution"] = DENIED
    cloud.host("fraud-1", tags={"execution": execution("run")})
    cloud.host("fraud-2", tags={"expires-at": PAST})

    with pytest.raises(janitor.SweepIncomplete, match="Endpoint fraud-1"):
        sweep(cloud)

    assert cloud.left()["Endpoint"] == ["fraud-1"]


def test_while_an_endpoint_cannot_be_looked_at_what_it_may_serve_stays(cloud: Cloud) -> None:
    for name in ("fraud-strange", "fraud-unused"):
        cloud.host(name, tags={"execution": ENDED})
        cloud.sagemaker.resources["Model", name].tags["removal-due"] = "idle"
    del cloud.sagemaker.resources["Endpoint", "fraud-unused"]
    cloud.sagemaker.refusals["DescribeEndpoint fraud-strange"] = DENIED

    with pytest.raises(janitor.SweepIncomplete):
        sweep(cloud)
    assert cloud.sagemaker.done == []

    cloud.sagemaker.refusals.clear()
    sweep(cloud)
    assert cloud.left() == all_three()


@pytest.mark.parametrize(
    "operation",
    ["ListTags", "DescribeEndpoint", "DescribeEndpointConfig", "DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel"],
)
def test_what_vanishes_while_it_is_looked_at_is_no_failure(cloud: Cloud, operation: str) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST})
    cloud.host("fraud-2", tags={"expires-at": PAST})
    cloud.sagemaker.refusals[f"{operation} fraud-1"] = Refused("ValidationException", 'Could not find "fraud-1".')

    assert sweep(cloud)["failures"] == []
    assert not {"fraud-2"} & {name for names in cloud.left().values() for name in names}


def test_what_others_removed_is_not_told_as_removed_and_its_parts_go(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST})
    cloud.sagemaker.refusals["DeleteEndpoint fraud-1"] = Refused("ValidationException", 'Could not find "fraud-1".')

    removed = sweep(cloud)["removed"]

    assert [each["kind"] for each in removed] == ["EndpointConfig", "Model"]


def test_throttling_is_waited_out(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST})
    whole, refused = cloud.sagemaker.answer, iter(range(9))

    def throttling(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if next(refused, None) is not None:
            raise Refused("ThrottlingException", "Rate exceeded")
        return whole(operation, request)

    monkeypatch.setattr(cloud.sagemaker, "answer", throttling)

    sweep(cloud)

    assert cloud.left() == all_three()
    assert len(cloud.slept) == 9


def test_throttling_without_end_is_a_failure(cloud: Cloud) -> None:
    cloud.sagemaker.refusals["ListEndpoints"] = Refused("ThrottlingException", "Rate exceeded")

    with pytest.raises(janitor.SweepIncomplete, match="Rate exceeded"):
        sweep(cloud)

    assert len(cloud.slept) == 9


# --- endpoints that are changing --------------------------------------------------------------------------------


def test_an_endpoint_that_is_being_made_goes_as_soon_as_aws_lets_it(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST}, status="Creating")

    result = sweep(cloud)

    assert cloud.left() == all_three()
    assert result["unsettled"] == []
    assert len(cloud.slept) == 1


@pytest.mark.parametrize("status", ["Updating", "SystemUpdating", "RollingBack"])
def test_an_endpoint_that_changes_for_too_long_is_left_to_the_next_sweep(cloud: Cloud, status: str) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST}, status=status)

    result = sweep(cloud)

    assert result["unsettled"] == ["fraud-1"]
    assert cloud.left() == all_three("fraud-1")
    assert 30 < cloud.context.seconds < 70  # it stopped in time


def test_what_was_removed_before_the_wait_is_told_too_and_once(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST}, status="Creating")
    cloud.host("fraud-2", tags={"expires-at": PAST})
    cloud.host("fraud-3", tags={"expires-at": "2026-11-24T17:10:00Z"})

    sweep(cloud)

    (told,) = cloud.told
    for name in ("fraud-1", "fraud-2"):
        assert told.count(f"Removed Endpoint {name}") == 1
    assert told.count("Endpoint fraud-3 is removed at") == 1


def test_an_endpoint_that_may_stay_is_not_waited_for(cloud: Cloud) -> None:
    cloud.host("fraud-1", status="Creating")

    sweep(cloud)

    assert cloud.slept == []


# --- the dry run ------------------------------------------------------------------------------------------------


@pytest.fixture
def dry(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    monkeypatch.setenv("DRY_RUN", "true")
    return cloud


def test_a_dry_run_changes_nothing_and_tells_all(dry: Cloud) -> None:
    dry.host("fraud-1", tags={"expires-at": PAST})
    dry.host("fraud-2", tags={"expires-at": "2026-11-24T17:10:00Z"})
    dry.host("fraud-3", tags={"expires-at": "2030-01-01"})
    dry.sagemaker.resources["TrainingJob", "fraud-1-0"] = Resource(
        {"project": "fraud", "execution": ENDED}, "InProgress"
    )

    sweep(dry)

    assert dry.sagemaker.done == []
    (told,) = dry.told
    assert "dry run" in told.lower()
    for what in ("TrainingJob fraud-1-0", "Endpoint fraud-1", "EndpointConfig fraud-1", "Model fraud-1"):
        assert what in told
    for what in ("Endpoint fraud-2", "Endpoint fraud-3"):
        assert what in told


def test_a_dry_run_waits_for_nothing(dry: Cloud) -> None:
    dry.host("fraud-1", tags={"expires-at": PAST}, status="Creating")

    sweep(dry)

    assert dry.slept == []


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating", "RollingBack"])
def test_a_dry_run_tells_of_an_endpoint_that_is_changing_too(dry: Cloud, status: str) -> None:
    dry.host("fraud-1", tags={"expires-at": PAST}, status=status)

    result = sweep(dry)

    assert [(each["kind"], each["name"]) for each in result["removed"]] == [(noun, "fraud-1") for noun in HOSTING]
    assert ["fraud-1" in told for told in dry.told] == [True]


# --- what people are told ---------------------------------------------------------------------------------------


def test_each_removal_is_told_with_its_reason_on_the_stacks_topic(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST})
    cloud.host("fraud-2", called=False)

    sweep(cloud)

    (request,) = cloud.sns.requests
    assert request["TopicArn"] == TOPIC
    assert "fraud" in request["Subject"]
    assert "Removed Endpoint fraud-1: its date is past." in request["Message"]
    assert "Removed Endpoint fraud-2: idle." in request["Message"]


def test_the_result_is_what_was_done(cloud: Cloud) -> None:
    cloud.host("fraud-1", tags={"expires-at": PAST})
    cloud.host("fraud-2", tags={"expires-at": "2026-11-24T17:10:00Z"})

    result = sweep(cloud)

    assert [(each["kind"], each["name"]) for each in result["removed"]] == [(noun, "fraud-1") for noun in HOSTING]
    assert [each["name"] for each in result["warned"]] == ["fraud-2"]
    assert result["warned"][0]["expires_at"] == "2026-11-24T17:10:00+00:00"


names = st.text(st.characters(codec="utf-8"), max_size=20)
dates = st.timedeltas(timedelta(days=-365), timedelta(days=365_000)).map(lambda distance: NOW + distance)
reports = st.builds(
    Report,
    removed=st.lists(st.builds(Removal, names, names, names), max_size=5),
    warned=st.lists(st.builds(Dated, names, names, dates), max_size=5),
    redated=st.lists(st.builds(Dated, names, names, dates), max_size=5),
    failures=st.lists(names, max_size=5),
)


@given(reports.filter(lambda report: not report.is_empty), st.booleans())
def test_any_report_is_told_in_a_way_that_sns_takes(report: Report, dry_run: bool) -> None:
    heading = subject("eightlet", report, dry_run=dry_run)

    assert 0 < len(heading) < 100
    assert heading.isascii()
    assert heading.isprintable()
    assert message(report, dry_run=dry_run)


def test_a_report_too_long_for_sns_is_cut_and_says_so() -> None:
    report = Report(removed=[Removal("Endpoint", f"fräud-{number}", "idle") for number in range(20_000)])

    told = message(report, dry_run=False)

    assert 200 * 1024 < len(told.encode()) <= 256 * 1024
    assert "more" in told.splitlines()[-1]


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """boto3 gives times in the zone of the computer on which it runs."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("date", [{}, {"expires-at": "2026-11-24T18:10:00+01:00"}], ids=["default", "tag"])
def test_dates_are_told_in_utc_wherever_they_came_from(cloud: Cloud, date: dict[str, str]) -> None:
    cloud.host("fraud-1", created=NOW - minutes(50))
    del cloud.tags("fraud-1")["expires-at"]
    cloud.tags("fraud-1").update(date)

    sweep(cloud)

    assert "removed at 2026-11-24 17:10 UTC" in cloud.told[0]
    assert "Value=2026-11-24T18:10:00Z" in cloud.told[0]


# --- any account at all -----------------------------------------------------------------------------------------


@cache
def held_clients() -> tuple["Stage", Account]:
    stage = Stage()
    services = ("sagemaker", "cloudwatch", "stepfunctions", "ssm")
    sagemaker, cloudwatch, step_functions, ssm = (client(name, stage.answering(name)) for name in services)
    return stage, Account(sagemaker, cloudwatch, step_functions, ssm, MACHINE, PARAMETER)


class Stage:
    """The account that answers just now: clients are slow to make."""

    def __init__(self) -> None:
        self.cloud = Cloud()

    def answering(self, service: str) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
        def answer(operation: str, request: dict[str, Any]) -> dict[str, Any]:
            on_stage: Any = getattr(self.cloud, {"stepfunctions": "step_functions"}.get(service, service))
            answered: dict[str, Any] = on_stage.answer(operation, request)
            return answered

        return answer


FEW = ["fraud-0", "fraud-1", "fraud-2", "fraud-3"]
RUNS = {execution(status): status for status in ("RUNNING", "SUCCEEDED", "FAILED")}
OWN = {"project": "fraud"}
OVER = [execution("SUCCEEDED"), execution("FAILED"), execution("unknown")]
owners = st.sampled_from([OWN, OWN, {}, {"project": "other"}])
STRANGERS = "arn:aws:states:eu-west-1:123456789012:execution:other-machine:monday"
executions = st.sampled_from([*RUNS, execution("unknown"), STRANGERS, None])
due = st.sampled_from([{}, {}, {"removal-due": "idle"}])
refusable = st.builds(
    "{} {}".format, st.sampled_from([f"Delete{noun}" for noun in HOSTING] + ["StopTrainingJob"]), st.sampled_from(FEW)
)


@st.composite
def things(draw: st.DrawFn, /, **facts: Any) -> Resource:
    run = draw(executions)
    return Resource(draw(owners) | ({"execution": run} if run else {}), **facts)


@st.composite
def clouds(draw: st.DrawFn) -> Cloud:
    """Endpoints that have to go or not, and configurations and models that are shared, left over, or of others."""
    sagemaker = SageMaker()
    for name in draw(st.sets(st.sampled_from(FEW))):
        sagemaker.resources["Model", name] = draw(things())
        sagemaker.resources["Model", name].tags |= draw(due)
    for name in draw(st.sets(st.sampled_from(FEW))):
        used = tuple(draw(st.lists(st.sampled_from(FEW), min_size=1, max_size=2)))
        shadows = tuple(draw(st.lists(st.sampled_from(FEW), max_size=1)))
        sagemaker.resources["EndpointConfig", name] = draw(things(models=used, shadows=shadows))
        sagemaker.resources["EndpointConfig", name].tags |= draw(due)
    for name in draw(st.sets(st.sampled_from(FEW))):
        status = draw(st.sampled_from(["InService", "InService", "Failed", "Creating", "Updating", "Deleting"]))
        made = draw(things(status=status, config=draw(st.sampled_from(FEW))))
        made.next_config = draw(st.sampled_from(FEW)) if status == "Updating" else ""
        made.tags |= draw(st.sampled_from([{"expires-at": PAST}, {"expires-at": FUTURE}, {}]))
        made.tags |= draw(st.sampled_from([{}, {"passed-at": PAST}, {"passed-at": FUTURE}]))
        sagemaker.resources["Endpoint", name] = made
    for name in draw(st.sets(st.sampled_from(FEW))):
        status = draw(st.sampled_from(["InProgress", "Completed"]))
        sagemaker.resources["TrainingJob", name] = draw(things(status=status))
    sagemaker.refusals = dict.fromkeys(draw(st.sets(refusable, max_size=4)), DENIED)
    called = draw(st.sets(st.sampled_from(FEW)))
    cloud = Cloud(sagemaker, StepFunctions(dict(RUNS)), CloudWatch([(name, "v0", NOW - minutes(3)) for name in called]))
    announce(cloud, draw(st.sampled_from(["none", *FEW])))
    return cloud


def one_sweep(cloud: Cloud, *, dry_run: bool = False) -> Report:
    stage, account = held_clients()
    stage.cloud = cloud
    return Sweep(account, LIMITS, NOW, dry_run=dry_run).run()


def copy(cloud: Cloud) -> Cloud:
    resources = {key: replace(item, tags=dict(item.tags)) for key, item in cloud.sagemaker.resources.items()}
    return replace(cloud, sagemaker=SageMaker(resources, refusals=cloud.sagemaker.refusals))


def is_own(item: Resource | None) -> bool:
    return item is not None and item.tags.get("project") == "fraud"


def used_by_endpoints(resources: Resources) -> set[tuple[str, str]]:
    """The configurations that the project's endpoints use, or are about to, and all models in these."""
    serving = [item for (noun, _), item in resources.items() if noun == "Endpoint" and item.status != "Deleting"]
    names = {name for item in serving if is_own(item) for name in (item.config, item.next_config) if name}
    configs = {("EndpointConfig", name) for name in names}
    return configs | models_in(resources[key] for key in configs if key in resources)


def used_by_configs(resources: Resources) -> set[tuple[str, str]]:
    """The models in the project's configurations."""
    return models_in(item for (noun, _), item in resources.items() if noun == "EndpointConfig" and is_own(item))


def models_in(configs: Iterable[Resource]) -> set[tuple[str, str]]:
    return {("Model", model) for config in configs for model in config.models + config.shadows}


SWEEPS = settings(deadline=None, max_examples=40)


@SWEEPS
@given(clouds())
def test_a_sweep_never_touches_what_is_not_the_projects(cloud: Cloud) -> None:
    before = copy(cloud).sagemaker.resources

    one_sweep(cloud)

    after = cloud.sagemaker.resources
    assert {key: item for key, item in before.items() if not is_own(item)} == {
        key: item for key, item in after.items() if not is_own(item)
    }


@SWEEPS
@given(clouds())
def test_whatever_serves_keeps_its_configuration_and_models(cloud: Cloud) -> None:
    before = copy(cloud).sagemaker.resources

    one_sweep(cloud)

    after = cloud.sagemaker.resources
    needed = used_by_endpoints({**before, **after}) | used_by_configs(after)
    assert {key for key in needed if key in before and key not in after} == set()


@SWEEPS
@given(clouds())
def test_what_has_to_go_goes_with_all_that_only_it_used(cloud: Cloud) -> None:
    before = copy(cloud).sagemaker.resources

    report = one_sweep(cloud)

    after, refused = cloud.sagemaker.resources, set(cloud.sagemaker.refusals)
    gone = [
        name
        for (noun, name), item in after.items()
        if noun == "Endpoint" and item.status == "Deleting" and before[noun, name].status != "Deleting"
    ]
    configs = {before["Endpoint", name].config for name in gone}
    left = used_by_endpoints(after) | used_by_configs(after)
    for config in configs:
        key = ("EndpointConfig", config)
        assert key not in after or key in left or not is_own(after[key]) or f"DeleteEndpointConfig {config}" in refused
        if key in before and is_own(before[key]) and key not in after:
            for model in before[key].models + before[key].shadows:
                mine = ("Model", model)
                stays = mine in left or not is_own(after.get(mine)) or f"DeleteModel {model}" in refused
                assert mine not in after or stays
    for (noun, name), item in before.items():
        if noun == "Endpoint" and is_own(item) and item.tags.get("expires-at") == PAST and item.status != "Deleting":
            assert name in gone or name in report.unsettled or f"DeleteEndpoint {name}" in refused


@SWEEPS
@given(clouds())
def test_what_ended_runs_left_and_what_is_due_goes_unless_it_is_used(cloud: Cloud) -> None:
    one_sweep(cloud)

    after, refused = cloud.sagemaker.resources, cloud.sagemaker.refusals
    used = used_by_endpoints(after) | used_by_configs(after)
    for (noun, name), item in after.items():
        goes = item.tags.get("execution") in OVER or "removal-due" in item.tags
        if is_own(item) and goes and (noun, name) not in used:
            expected = {"TrainingJob": f"StopTrainingJob {name}"}.get(noun, f"Delete{noun} {name}")
            assert noun == "Endpoint" or item.status in ("Stopping", "Completed") or expected in refused


@SWEEPS
@given(clouds())
def test_clients_are_sent_to_what_is_there_and_nowhere_only_if_none_serves_that_passed(cloud: Cloud) -> None:
    one_sweep(cloud)

    left = cloud.sagemaker.names("Endpoint")
    passed = [
        name
        for name in left
        for item in [cloud.sagemaker.resources["Endpoint", name]]
        if is_own(item) and item.status == "InService" and "passed-at" in item.tags
    ]
    assert announced(cloud) in (left if passed else ["none", *left])


@SWEEPS
@given(clouds())
def test_every_refusal_is_named_and_nothing_else_is(cloud: Cloud) -> None:
    report = one_sweep(cloud)

    assert len(report.failures) == len(cloud.sagemaker.refused)
    for name in cloud.sagemaker.refused:
        assert any(name in failure for failure in report.failures)


@SWEEPS
@given(clouds())
def test_a_dry_run_tells_what_a_sweep_would_do(cloud: Cloud) -> None:
    cloud.sagemaker.refusals = {}
    for item in cloud.sagemaker.resources.values():
        item.status = "InService" if item.status in ("Creating", "Updating") else item.status
    untouched = copy(cloud)

    dry = one_sweep(untouched, dry_run=True)
    wet = one_sweep(cloud)

    assert untouched.sagemaker.done == []
    assert (dry.removed, dry.warned, dry.redated) == (wet.removed, wet.warned, wet.redated)


@SWEEPS
@given(clouds())
def test_a_dry_run_tells_what_would_go_without_waiting_for_it(cloud: Cloud) -> None:
    cloud.sagemaker.refusals = {}
    untouched = copy(cloud)

    dry = one_sweep(untouched, dry_run=True)
    wet = one_sweep(cloud)

    told = {(each.kind, each.name) for each in dry.removed}
    assert dry.unsettled == []
    assert told >= {(each.kind, each.name) for each in wet.removed} | {("Endpoint", name) for name in wet.unsettled}
