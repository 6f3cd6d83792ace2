"""The rules of training jobs that need neither S3 nor a process."""

import itertools
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.sagemaker import training
from localcloud.sagemaker.containers import Container
from localcloud.sagemaker.errors import AccessDenied, ResourceInUse, ResourceLimitExceeded, ValidationError
from localcloud.sagemaker.images import REGISTRIES, require_xgboost
from localcloud.sagemaker.metrics import DEFINITIONS, MetricLog, as_logged
from localcloud.sagemaker.resources import Resource, Resources
from localcloud.sagemaker.service import SageMaker
from localcloud.sagemaker.training_run import configuration, enter, failure_reason
from tests.unit.small_cloud import REGION, ROLE, Principal, SmallPlatform

IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
AMERICAN_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
Change = Callable[[dict[str, Any]], object]


def channel(name: str, **more: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://bucket/runs/1/{name}/"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}, **more}


def request_for(name: str = "fraud-1") -> dict[str, Any]:
    """A job within the rules."""
    return {
        "TrainingJobName": name,
        "HyperParameters": {"num_round": "100", "objective": "binary:logistic"},
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "InputDataConfig": [channel("train"), channel("validation")],
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/runs/1/output"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


SAGEMAKER = SageMaker(SmallPlatform())
ACCOUNTS = (f"{number:012d}" for number in itertools.count(1))


class Team:
    """Somebody with the API in hand, in an account of their own."""

    def __init__(self, *denied: str) -> None:
        self.caller = Principal(frozenset(denied), account=next(ACCOUNTS))

    @property
    def resources(self) -> Resources:
        return SAGEMAKER.resources(self.caller.account, REGION)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return SAGEMAKER.call(operation, request, self.caller)

    def has_job(self, name: str, status: str = "InProgress", *, instances: int = 1, **more: Any) -> Resource:
        """A job as CreateTrainingJob leaves it, with no thread behind it."""
        description: dict[str, Any] = {
            **request_for(name),
            "TrainingJobArn": f"arn:aws:sagemaker:{REGION}:{self.caller.account}:training-job/{name}",
            "TrainingJobStatus": status,
            "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": instances, "VolumeSizeInGB": 5},
            "CreationTime": NOW,
            "SecondaryStatusTransitions": [],
            **more,
        }
        enter(description, "Starting", NOW)
        job = Resource("training-job", name, description["TrainingJobArn"], description, {"project": "fraud"})
        self.resources.add(job)
        return job


# --- the image ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("region", "account"), REGISTRIES.items())
def test_aws_s_image_is_known_in_every_region(region: str, account: str) -> None:
    require_xgboost(f"{account}.dkr.ecr.{region}.amazonaws.com/sagemaker-xgboost:3.2-0")


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        (IMAGE.replace("3.2-0", "1.7-1"), "sagemaker-xgboost:1.7-1"),
        (IMAGE.replace("3.2-0", "latest"), "sagemaker-xgboost:latest"),
        ("111122223333.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0", "111122223333"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1", "scikit-learn"),
        ("683313688378.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0", "683313688378"),
        ("683313688378.dkr.ecr.eu-north-9.amazonaws.com/sagemaker-xgboost:3.2-0", "eu-north-9"),
        ("xgboost", "xgboost"),
        (None, "None"),
    ],
)
def test_other_images_are_refused_by_name(uri: str | None, named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        require_xgboost(uri)


# --- what a request may hold ----------------------------------------------------------------------------------


def test_a_job_within_the_rules_gets_as_far_as_its_role() -> None:
    with pytest.raises(ValidationError, match=f"could not assume role {ROLE}"):
        Team().call("CreateTrainingJob", **request_for())


def set_in(*path: str | int, to: Any) -> Change:
    def change(request: dict[str, Any]) -> None:
        place: Any = request
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


REFUSED = {
    "metric definitions, in AWS's words": (
        set_in("AlgorithmSpecification", "MetricDefinitions", to=[{"Name": "a", "Regex": "b"}]),
        "You can't override the metric definitions for Amazon SageMaker algorithms. Please retry the request without",
    ),
    "another image": (set_in("AlgorithmSpecification", "TrainingImage", to="mine"), "has no image 'mine'"),
    "an image of another region": (
        set_in("AlgorithmSpecification", "TrainingImage", to=AMERICAN_IMAGE),
        f'Region of "{AMERICAN_IMAGE}" does not match expected region of eu-west-1.',
    ),
    "pipe mode": (set_in("AlgorithmSpecification", "TrainingInputMode", to="Pipe"), "TrainingInputMode Pipe"),
    "no data": (set_in("InputDataConfig", to=None), "requires the channel 'train'"),
    "no train channel": (set_in("InputDataConfig", to=[channel("validation")]), "requires the channel 'train'"),
    "a channel twice": (set_in("InputDataConfig", to=[channel("train")] * 2), "must be unique"),
    "a manifest": (
        set_in("InputDataConfig", 0, "DataSource", "S3DataSource", "S3DataType", to="ManifestFile"),
        "S3DataType ManifestFile",
    ),
    "compressed data": (set_in("InputDataConfig", 0, "CompressionType", to="Gzip"), "CompressionType Gzip"),
    "data that is not in S3": (
        set_in("InputDataConfig", 0, "DataSource", to={"DatasetSource": {"DatasetArn": ""}}),
        "DatasetSource",
    ),
    "a data source of nothing": (set_in("InputDataConfig", 0, "DataSource", to={}), "give it an S3DataSource"),
    "an output that is not in S3": (set_in("OutputDataConfig", "S3OutputPath", to="https://a/b"), "not an S3 URI"),
    "more than one instance": (set_in("ResourceConfig", "InstanceCount", to=2), "InstanceCount is 2"),
    "no instance": (set_in("ResourceConfig", "InstanceCount", to=0), "InstanceCount must be given"),
    "no volume": (set_in("ResourceConfig", "VolumeSizeInGB", to=None), "VolumeSizeInGB must be given"),
    "a warm pool": (set_in("ResourceConfig", "KeepAlivePeriodInSeconds", to=60), "KeepAlivePeriodInSeconds"),
    "a network": (
        set_in("VpcConfig", to={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}),
        "does not know VpcConfig",
    ),
    "network isolation": (set_in("EnableNetworkIsolation", to=True), "does not know EnableNetworkIsolation"),
    "a wait without spot": (
        set_in("StoppingCondition", "MaxWaitTimeInSeconds", to=900),
        "set EnableManagedSpotTraining",
    ),
    "checkpoints": (set_in("CheckpointConfig", to={"S3Uri": "s3://bucket/c"}), "does not know CheckpointConfig"),
    "a debugger's hook": (set_in("DebugHookConfig", to={"S3OutputPath": "s3://bucket/d"}), "DebugHookConfig"),
}


@pytest.mark.parametrize(("change", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_request_against_the_rules_is_refused_by_name(change: Change, words: str) -> None:
    request = request_for()
    change(request)

    with pytest.raises(ValidationError) as refusal:
        Team().call("CreateTrainingJob", **request)

    assert words in refusal.value.message


@pytest.mark.parametrize(
    ("stopping", "words"),
    [
        ({"MaxRuntimeInSeconds": 600}, "Invalid MaxWaitTimeInSeconds"),
        ({"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 599}, "Invalid MaxWaitTimeInSeconds"),
        ({"MaxWaitTimeInSeconds": 3600}, "Invalid MaxWaitTimeInSeconds"),
        ({"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 3601}, "3600 at most"),
        ({"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 600}, "could not assume role"),
        ({"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 3600}, "could not assume role"),
    ],
)
def test_spot_training_waits_no_less_than_it_runs_and_no_more_than_an_hour(stopping: Any, words: str) -> None:
    request = {**request_for(), "EnableManagedSpotTraining": True, "StoppingCondition": stopping}

    with pytest.raises(ValidationError, match=words):
        Team().call("CreateTrainingJob", **request)


def test_a_name_may_have_63_characters_and_no_more() -> None:
    with pytest.raises(ValidationError, match="could not assume role"):
        Team().call("CreateTrainingJob", **request_for("a" * 63))
    with pytest.raises(ValidationError, match="length less than or equal to 63"):
        Team().call("CreateTrainingJob", **request_for("a" * 64))


@pytest.mark.parametrize(
    ("instance_type", "words"),
    [("ml.t3.medium", "could not assume role"), ("ml.m7i.xlarge", "could not assume role"), ("ml.t2.medium", "enum")],
)
def test_an_instance_type_is_one_for_training(instance_type: str, words: str) -> None:
    request = request_for()
    request["ResourceConfig"]["InstanceType"] = instance_type

    with pytest.raises(ValidationError, match=words):
        Team().call("CreateTrainingJob", **request)


def test_policies_are_told_the_time_of_a_run_and_of_a_warm_pool() -> None:
    request = request_for()
    request["ResourceConfig"]["KeepAlivePeriodInSeconds"] = 3600
    team = Team("sagemaker:CreateTrainingJob")

    with pytest.raises(AccessDenied):
        team.call("CreateTrainingJob", **request)

    ((_, _, conditions),) = team.caller.asked
    assert conditions["sagemaker:KeepAlivePeriod"] == "3600"
    assert conditions["sagemaker:MaxRuntimeInSeconds"] == "600"


@pytest.mark.parametrize("action", ["sagemaker:CreateTrainingJob", "iam:PassRole", "sagemaker:AddTags"])
def test_a_caller_needs_every_permission(action: str) -> None:
    request = {**request_for(), "Tags": [{"Key": "project", "Value": "fraud"}]}

    with pytest.raises(AccessDenied, match=action):
        Team(action).call("CreateTrainingJob", **request)


def test_a_name_is_taken_once_even_if_its_job_has_ended() -> None:
    team = Team()
    team.has_job("fraud-1", "Failed")

    with pytest.raises(ResourceInUse) as refusal:
        team.call("CreateTrainingJob", **request_for("fraud-1"))

    assert refusal.value.message == (
        "Training job names must be unique within an AWS account and Region, and a training job with this name "
        f"already exists (arn:aws:sagemaker:{REGION}:{team.caller.account}:training-job/fraud-1)"
    )


def test_running_instances_count_against_the_quota() -> None:
    team = Team()
    team.has_job("running", instances=training.INSTANCE_QUOTA - 1)
    team.has_job("stopping", "Stopping")

    with pytest.raises(ResourceLimitExceeded) as refusal:
        team.call("CreateTrainingJob", **request_for())

    assert refusal.value.message == (
        "The account-level service limit 'Number of instances across all training jobs' is 20 Instances, with current "
        "utilization of 20 Instances and a request delta of 1 Instances. Please contact AWS support to request an "
        "increase for this limit."
    )


def test_ended_jobs_leave_their_room() -> None:
    team = Team()
    for status in training.ENDED:
        team.has_job(f"old-{status}", status, instances=training.INSTANCE_QUOTA)

    with pytest.raises(ValidationError, match="could not assume role"):
        team.call("CreateTrainingJob", **request_for())


# --- jobs that are there --------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["DescribeTrainingJob", "StopTrainingJob", "DeleteTrainingJob"])
def test_a_job_that_is_not_there_is_said_to_be_missing_as_aws_says_it(operation: str) -> None:
    with pytest.raises(ValidationError, match=r"^Requested resource not found\.$"):
        Team().call(operation, TrainingJobName="nowhere")


def test_a_description_is_a_copy() -> None:
    team = Team()
    team.has_job("fraud-1")

    team.call("DescribeTrainingJob", TrainingJobName="fraud-1")["HyperParameters"].clear()

    assert team.call("DescribeTrainingJob", TrainingJobName="fraud-1")["HyperParameters"]


@pytest.mark.parametrize("status", [*training.ENDED, "Stopping"])
def test_only_a_job_in_progress_can_be_stopped(status: str) -> None:
    team = Team()
    team.has_job("fraud-1", status)

    with pytest.raises(ValidationError, match=f"because the training job is in status {status}"):
        team.call("StopTrainingJob", TrainingJobName="fraud-1")


@pytest.mark.parametrize("status", ["InProgress", "Stopping"])
def test_a_job_that_has_not_ended_cannot_be_deleted(status: str) -> None:
    team = Team()
    team.has_job("fraud-1", status)

    with pytest.raises(ResourceInUse, match=status):
        team.call("DeleteTrainingJob", TrainingJobName="fraud-1")


def test_a_deleted_job_frees_its_name() -> None:
    team = Team()
    team.has_job("fraud-1", "Stopped")

    team.call("DeleteTrainingJob", TrainingJobName="fraud-1")

    with pytest.raises(ValidationError, match="could not assume role"):
        team.call("CreateTrainingJob", **request_for("fraud-1"))


def test_a_list_can_be_narrowed_to_a_status() -> None:
    team = Team()
    team.has_job("old", "Completed")
    team.has_job("new")

    jobs = team.call("ListTrainingJobs", StatusEquals="InProgress")["TrainingJobSummaries"]

    assert [job["TrainingJobName"] for job in jobs] == ["new"]
    assert "HyperParameters" not in jobs[0]


@pytest.mark.parametrize("unknown", [{"SortBy": "Status"}, {"WarmPoolStatusEquals": "InUse"}])
def test_a_list_does_not_pretend_to_know_an_order_or_filter(unknown: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="does not"):
        Team().call("ListTrainingJobs", **unknown)


def test_an_event_tells_times_in_milliseconds_and_tags_as_a_map_and_no_metrics() -> None:
    metrics = [{"MetricName": "validation:auc", "Value": 0.9, "Timestamp": NOW}]
    job = Team().has_job("fraud-1", "Completed", FinalMetricDataList=metrics)

    detail = training.event_detail(job)

    assert detail["CreationTime"] == 1767225600000
    assert detail["SecondaryStatusTransitions"][0]["StartTime"] == 1767225600000
    assert detail["Tags"] == {"project": "fraud"}
    assert detail["TrainingJobStatus"] == "Completed"
    assert "FinalMetricDataList" not in detail


def test_entering_a_status_ends_the_one_before() -> None:
    description: dict[str, Any] = {"SecondaryStatusTransitions": []}
    later = NOW.replace(minute=5)

    enter(description, "Downloading", NOW)
    enter(description, "Training", later)

    first, second = description["SecondaryStatusTransitions"]
    assert (first["Status"], first["EndTime"]) == ("Downloading", later)
    assert second["Status"] == description["SecondaryStatus"] == "Training"
    assert "EndTime" not in second


# --- the container's side -------------------------------------------------------------------------------------


def test_the_container_s_configuration_says_what_the_job_says() -> None:
    description = request_for()
    description["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"

    files = configuration(description)

    assert files["hyperparameters.json"] == {"num_round": "100", "objective": "binary:logistic"}
    assert files["resourceconfig.json"]["hosts"] == [files["resourceconfig.json"]["current_host"]] == ["algo-1"]
    assert files["inputdataconfig.json"]["train"] == {
        "ContentType": "text/csv",
        "TrainingInputMode": "File",
        "S3DistributionType": "ShardedByS3Key",
        "RecordWrapperType": "None",
    }
    assert files["inputdataconfig.json"]["validation"]["S3DistributionType"] == "FullyReplicated"


@pytest.mark.parametrize(
    ("written", "code", "reason"),
    [
        ("the data is bad\n", 1, "AlgorithmError: the data is bad, exit code: 1"),
        (None, 3, "AlgorithmError: , exit code: 3"),
        (None, -9, "AlgorithmError: , exit code: 137"),
    ],
)
def test_a_failure_is_told_by_the_container_s_own_words_and_its_code(
    written: str | None, code: int, reason: str
) -> None:
    with Container("fraud-1") as container:
        if written is not None:
            (container.directory("output") / "failure").write_text(written)

        assert failure_reason(container, code) == reason


@pytest.mark.parametrize("length", [980, 1024, 5000])
def test_a_reason_never_outgrows_what_aws_shows(length: int) -> None:
    with Container("fraud-1") as container:
        (container.directory("output") / "failure").write_text("ñ" * length)

        reason = failure_reason(container, 1)

    assert len(reason) <= 1024
    assert reason.endswith(", exit code: 1")


# --- metrics --------------------------------------------------------------------------------------------------


def final(*lines: str) -> dict[str, float]:
    log = MetricLog()
    log.read([as_logged(line) for line in lines], NOW)
    return {each["MetricName"]: each["Value"] for each in log.final()}


def test_the_last_round_s_metrics_are_the_final_ones() -> None:
    assert final(
        "[0]\ttrain-auc:0.91\ttrain-logloss:0.5\tvalidation-auc:0.90\tvalidation-logloss:0.6",
        "INFO some other line",
        "[1]\ttrain-auc:0.93\ttrain-logloss:0.4\tvalidation-auc:0.92\tvalidation-logloss:0.5\r",
    ) == {"train:auc": 0.93, "train:logloss": 0.4, "validation:auc": 0.92, "validation:logloss": 0.5}


@pytest.mark.parametrize(
    "line",
    [
        "validation-auc:0.9",
        "\tvalidation-auc:0.9",
        "[0] validation-auc:0.9",
        "[0]\tvalidation-mine:0.9",
        "[0]\tvalidation-auc:nan",
        "[0]\tvalidation-auc:-",
        "[0]\ttest-auc:0.9",
    ],
)
def test_lines_that_aws_s_patterns_do_not_match_say_nothing(line: str) -> None:
    assert final(line) == {}


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_is_read_as_it_is_written(value: float) -> None:
    assert final(f"[12]\tvalidation-aucpr:{value!r}") == {"validation:aucpr": value}


@settings(deadline=None)
@given(st.text())
def test_no_line_breaks_the_reading_of_the_log(line: str) -> None:
    log = MetricLog()

    log.read([as_logged(line), as_logged("[0]\tvalidation-auc:" + line)], NOW)

    assert all(each["MetricName"] == "validation:auc" for each in log.final())


def test_the_definitions_shown_are_those_of_the_container() -> None:
    assert {"Name": "validation:auc", "Regex": r".*\[[0-9]+\].*#011validation-auc:(\S+)"} in DEFINITIONS
    assert len(DEFINITIONS) <= 40


def test_a_description_s_own_definitions_cannot_be_sent_back() -> None:
    request = request_for()
    request["AlgorithmSpecification"]["MetricDefinitions"] = deepcopy(DEFINITIONS)

    with pytest.raises(ValidationError, match="You can't override the metric definitions"):
        Team().call("CreateTrainingJob", **request)
