"""Transform jobs, whose containers run here, between objects in a small S3; and that there are no processing jobs."""

import io
import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.sagemaker import transform
from localcloud.sagemaker.errors import (
    AccessDenied,
    ResourceInUse,
    ResourceLimitExceeded,
    ServiceError,
    ValidationError,
)
from localcloud.sagemaker.hosting import Deployment, start_server
from localcloud.sagemaker.resources import Resource, Resources
from localcloud.sagemaker.service import SageMaker
from localcloud.sagemaker.transform_run import LOG_GROUP, Batches, ObjectFailed
from tests.unit.small_cloud import REGION, ROLE, Principal
from tests.unit.small_store import PlatformWithStore, SmallStore, archive
from tests.unit.synthetic_transactions import LESSON, transactions

pytestmark = [pytest.mark.enable_socket, pytest.mark.filterwarnings("ignore:.*UBJSON:UserWarning")]

IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
LONGEST_SECONDS = 60
MEGABYTE = 1024 * 1024
ACCOUNTS = (f"{number:012d}" for number in itertools.count(1))
Change = Callable[[dict[str, Any]], object]


# --- a team that uses a small S3 ----------------------------------------------------------------------------------


@dataclass
class Team:
    """Somebody with the API in hand, in an account of their own, with a model `fraud`."""

    platform: PlatformWithStore
    caller: Principal = field(default_factory=lambda: Principal(account=next(ACCOUNTS)))

    def __post_init__(self) -> None:
        self.sagemaker = SageMaker(self.platform)
        self.has_model("fraud", archive({"xgboost-model": booster().save_raw()}))
        self.store.objects["bucket/in/rows.csv"] = b"1,2,3,4\n"

    @property
    def store(self) -> SmallStore:
        return self.platform.store

    @property
    def resources(self) -> Resources:
        return self.sagemaker.resources(self.caller.account, REGION)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.sagemaker.call(operation, request, self.caller)

    def has_model(self, name: str, data: bytes = b"", role: str = ROLE, **environment: str) -> None:
        self.store.objects[f"bucket/{name}.tar.gz"] = data or archive({})
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://bucket/{name}.tar.gz", "Environment": environment}
        description = {"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": role}
        arn = f"arn:aws:sagemaker:{REGION}:{self.caller.account}:model/{name}"
        self.resources.add(Resource("model", name, arn, description))

    def has_script(self, script: str, **environment: str) -> None:
        """A model `script`, served by that script."""
        self.store.objects["bucket/sourcedir.tar.gz"] = archive({"serve.py": script.encode()})
        where = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/sourcedir.tar.gz"}
        self.has_model("script", b"", ROLE, **where, **environment)

    def has_job(self, name: str, status: str = "InProgress", *, instances: int = 1) -> Resource:
        """A job as CreateTransformJob leaves it, with no thread behind it."""
        arn = f"arn:aws:sagemaker:{REGION}:{self.caller.account}:transform-job/{name}"
        description: dict[str, Any] = {
            **request_for(name),
            "TransformJobArn": arn,
            "TransformJobStatus": status,
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": instances},
            "CreationTime": self.platform.now(),
        }
        job = Resource("transform-job", name, arn, description, {"project": "fraud"})
        self.resources.add(job)
        return job

    def start(self, change: Change = lambda request: None, **members: Any) -> None:
        request = {**request_for("nightly"), **members}
        change(request)
        self.call("CreateTransformJob", **request)

    def describe(self) -> dict[str, Any]:
        return self.call("DescribeTransformJob", TransformJobName="nightly")

    def finish(self) -> dict[str, Any]:
        """What the job's description says when it has ended."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while self.describe()["TransformJobStatus"] not in transform.ENDED:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return self.describe()

    def run(self, change: Change = lambda request: None, **members: Any) -> dict[str, Any]:
        self.start(change, **members)
        return self.finish()

    def log(self, end: str) -> list[str]:
        """The messages of the job's stream that ends so."""
        start = f"{LOG_GROUP}:nightly/"
        return next(lines for name, lines in self.store.logs.items() if name.startswith(start) and name.endswith(end))


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    monkeypatch.setenv("LOCALCLOUD_WORK", str(tmp_path))
    platform = PlatformWithStore()
    yield Team(platform)
    platform.store.shutdown()
    platform.store.server_close()


@cache
def booster() -> xgb.Booster:
    table = transactions(500, seed=1)
    rows = xgb.DMatrix(table.iloc[:, 1:].to_numpy(), label=table.iloc[:, 0].to_numpy())
    return xgb.train(LESSON, rows, num_boost_round=5)


def csv_of(table: pd.DataFrame) -> bytes:
    text: str = table.iloc[:, 1:].to_csv(header=False, index=False)
    return text.encode()


def request_for(name: str) -> dict[str, Any]:
    """A job within the rules."""
    return {
        "TransformJobName": name,
        "ModelName": "fraud",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in/"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": "s3://bucket/out", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }


def set_in(*path: str, to: Any) -> Change:
    def change(request: dict[str, Any]) -> None:
        place: Any = request
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


# --- jobs that run ----------------------------------------------------------------------------------------------


def test_predictions_are_the_endpoint_s_and_lie_where_their_rows_lay(team: Team) -> None:
    """More than a megabyte of rows, so several payloads, several of them on their way at a time."""
    small, large = csv_of(transactions(3, seed=2)), csv_of(transactions(50_000, seed=3))
    assert len(large) > MEGABYTE
    team.store.objects |= {"bucket/in/rows.csv": small, "bucket/in/2026/large.csv": large, "bucket/other.csv": small}

    job = team.run(MaxPayloadInMB=1, MaxConcurrentTransforms=3)

    assert job["TransformJobStatus"] == "Completed"
    assert job["TransformStartTime"] <= job["TransformEndTime"]
    outputs = team.store.outputs()
    assert outputs.keys() == {"rows.csv.out", "2026/large.csv.out"}
    model = team.resources.get("model", "fraud")
    assert model is not None
    variant = {"VariantName": "AllTraffic", "ModelName": "fraud"}
    endpoint = start_server(Deployment("fraud", "config", variant, model.description), team.platform, REGION)
    headers = {"Content-Type": "text/csv"}
    assert outputs["rows.csv.out"].encode() == endpoint.invoke(small, headers).body
    assert outputs["2026/large.csv.out"].encode() == endpoint.invoke(large, headers).body
    endpoint.stop()
    assert team.log("/data-log") == ["MaxConcurrentTransforms=3, MaxPayloadInMB=1, BatchStrategy=MULTI_RECORD"]
    assert any("Serving on port" in line for line in team.log(""))


def test_an_object_may_be_named_in_full(team: Team) -> None:
    team.run(set_in("TransformInput", "DataSource", "S3DataSource", "S3Uri", to="s3://bucket/in/rows.csv"))

    assert team.store.outputs().keys() == {"rows.csv.out"}


TELL_ALL = """
import json, os

def model_fn(model_dir):
    names = [name for name in os.environ if name.startswith("SAGEMAKER_BATCH") or name.startswith("SAGEMAKER_MAX")]
    return {name: os.environ[name] for name in [*names, "FROM_MODEL", "FROM_BOTH", "FROM_JOB"]}

def transform_fn(model, data, content_type, accept):
    return json.dumps([data, content_type, accept, model]), accept
"""


def test_script_mode_gets_each_payload_its_types_and_the_job_s_environment(team: Team) -> None:
    team.has_script(TELL_ALL, FROM_MODEL="model", FROM_BOTH="model")
    team.store.objects["bucket/in/rows.csv"] = b"1,2\n3,4\n5,6"

    team.run(
        set_in("TransformOutput", "Accept", to="application/json"),
        ModelName="script",
        BatchStrategy="SingleRecord",
        MaxPayloadInMB=2,
        Environment={"FROM_BOTH": "job", "FROM_JOB": "job"},
    )

    told = [json.loads(line) for line in team.store.outputs()["rows.csv.out"].splitlines()]
    assert [data for data, *_ in told] == ["1,2\n", "3,4\n", "5,6"]
    assert told[0][1:] == [
        "text/csv",
        "application/json",
        {
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2",
            "FROM_MODEL": "model",
            "FROM_BOTH": "job",
            "FROM_JOB": "job",
        },
    ]


def test_without_a_split_an_object_is_a_payload_and_its_output_is_the_answer(team: Team) -> None:
    team.has_script("def model_fn(d): pass\ndef transform_fn(m, data, c, accept): return f'<{data}>', accept\n")
    team.store.objects["bucket/in/rows.csv"] = b"1,2\n3,4\n"

    def change(request: dict[str, Any]) -> None:
        del request["TransformInput"]["SplitType"], request["TransformOutput"]["AssembleWith"]

    team.run(change, ModelName="script")

    assert team.store.outputs() == {"rows.csv.out": "<1,2\n3,4\n>"}


def test_an_object_that_the_model_refuses_fails_the_job_and_leaves_the_others_be(team: Team) -> None:
    team.store.objects["bucket/in/bad.csv"] = b"1,2,3,4\nnot,a,number,here\n"

    job = team.run()

    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == "ClientError: See job logs for more information"
    assert team.store.outputs().keys() == {"rows.csv.out"}
    refused, message, *_ = team.log("/data-log")[1:]
    assert refused == "bucket/bad.csv: ClientError: 415"
    assert message.startswith("bucket/bad.csv: Message: Loading csv data failed")


def test_a_script_that_breaks_is_an_error_of_the_algorithm(team: Team) -> None:
    team.has_script("def model_fn(d): pass\ndef transform_fn(m, data, c, accept): raise RuntimeError('bad')\n")

    job = team.run(ModelName="script")

    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert team.log("/data-log")[-1].startswith("bucket/rows.csv: ")
    assert any("RuntimeError: bad" in line for line in container_log(team))


def container_log(team: Team) -> list[str]:
    return [line for name, lines in team.store.logs.items() if not name.endswith("/data-log") for line in lines]


def test_a_model_that_cannot_be_loaded_fails_the_job(team: Team) -> None:
    team.has_model("broken", archive({"xgboost-model": b"no model"}))

    job = team.run(ModelName="broken")

    assert job["TransformJobStatus"] == "Failed"
    assert 'container of transform job "nightly" did not pass the ping health check' in job["FailureReason"]


def test_model_data_that_is_gone_fails_the_job(team: Team) -> None:
    del team.store.objects["bucket/fraud.tar.gz"]

    job = team.run()

    assert job["FailureReason"].startswith(
        'Failed to download model data for container "primary" of transform job "nightly" from URL'
    )


def test_an_output_that_the_role_may_not_write_fails_the_job(team: Team) -> None:
    job = team.run(set_in("TransformOutput", "S3OutputPath", to="s3://bucket/elsewhere"))

    assert job["TransformJobStatus"] == "Failed"
    assert "s3://bucket/elsewhere/rows.csv.out (AccessDenied" in job["FailureReason"]


WAIT_ON_THE_SECOND = """
import time

def model_fn(model_dir):
    pass

def transform_fn(model, data, content_type, accept):
    if data == "second":
        print("waiting", flush=True)
        time.sleep(600)
    return data, accept
"""


def test_a_job_that_is_stopped_ends_at_once_and_stores_nothing(team: Team, tmp_path: Path) -> None:
    team.has_script(WAIT_ON_THE_SECOND)
    team.store.objects |= {"bucket/in/a.csv": b"first", "bucket/in/b.csv": b"second", "bucket/in/c.csv": b"third"}
    team.start(ModelName="script")
    deadline = time.monotonic() + LONGEST_SECONDS
    while not any("waiting" in lines for lines in team.store.logs.values()) and time.monotonic() < deadline:
        time.sleep(0.02)

    team.call("StopTransformJob", TransformJobName="nightly")

    assert team.describe()["TransformJobStatus"] == "Stopping"
    job = team.finish()
    assert job["TransformJobStatus"] == "Stopped"
    assert "FailureReason" not in job
    assert team.store.outputs() == {}
    assert list(tmp_path.glob("*-nightly-*")) == []


# --- payloads ---------------------------------------------------------------------------------------------------


def payloads(data: bytes, *, by_line: bool = True, single: bool = False) -> list[bytes]:
    return list(Batches(by_line, single, most_mb=1, at_a_time=1).payloads(io.BytesIO(data)))


@settings(deadline=None)
@given(st.lists(st.integers(1, MEGABYTE), max_size=6))
def test_payloads_have_as_many_lines_as_fit_and_leave_nothing_out(lengths: list[int]) -> None:
    data = b"".join(bytes(length - 1) + b"\n" for length in lengths)

    found = payloads(data)

    assert b"".join(found) == data
    assert all(len(payload) <= MEGABYTE for payload in found)
    for payload, following in itertools.pairwise(found):
        assert len(payload) + following.index(b"\n") + 1 > MEGABYTE


@pytest.mark.parametrize(
    ("data", "by_line", "single", "expected"),
    [
        (b"a\nb\n", True, False, [b"a\nb\n"]),
        (b"a\nb", True, True, [b"a\n", b"b"]),
        (b"a\nb\n", False, True, [b"a\nb\n"]),
        (b"", True, False, []),
        (b"", False, False, [b""]),
    ],
)
def test_payloads_are_records_lines_or_objects(data: bytes, by_line: bool, single: bool, expected: Any) -> None:
    assert payloads(data, by_line=by_line, single=single) == expected


@pytest.mark.parametrize("by_line", [True, False])
def test_a_record_above_the_limit_is_refused(by_line: bool) -> None:
    assert len(payloads(bytes(MEGABYTE), by_line=by_line)) == 1
    with pytest.raises(ObjectFailed, match="ClientError: Too much data for max payload size, 1 MB"):
        payloads(bytes(MEGABYTE + 1), by_line=by_line)


# --- what a request may hold ------------------------------------------------------------------------------------

REFUSED = {
    "a client's patience": (set_in("ModelClientConfig", to={"InvocationsMaxRetries": 1}), "ModelClientConfig"),
    "an experiment": (set_in("ExperimentConfig", to={"TrialName": "a"}), "ExperimentConfig"),
    "captured data": (set_in("DataCaptureConfig", to={"DestinationS3Uri": "s3://a/b"}), "DataCaptureConfig"),
    "an input filter": (set_in("DataProcessing", to={"InputFilter": "$[1:]"}), "DataProcessing.InputFilter $[1:]"),
    "an output filter": (set_in("DataProcessing", to={"OutputFilter": "$[0]"}), "DataProcessing.OutputFilter $[0]"),
    "a join": (set_in("DataProcessing", to={"JoinSource": "Input"}), "DataProcessing.JoinSource Input"),
    "compressed data": (set_in("TransformInput", "CompressionType", to="Gzip"), "CompressionType Gzip"),
    "records of TensorFlow": (set_in("TransformInput", "SplitType", to="TFRecord"), "SplitType TFRecord"),
    "a manifest": (
        set_in("TransformInput", "DataSource", "S3DataSource", "S3DataType", to="ManifestFile"),
        "S3DataType ManifestFile",
    ),
    "an output over HTTP": (set_in("TransformOutput", "S3OutputPath", to="https://a/b"), "not an S3 URI"),
    "two instances": (set_in("TransformResources", "InstanceCount", to=2), "InstanceCount is 2"),
    "a machine image": (set_in("TransformResources", "TransformAmiVersion", to="a"), "TransformAmiVersion"),
    "payloads without a limit": (set_in("MaxPayloadInMB", to=0), "HTTP chunked encoding"),
    "a payload above the limit": (set_in("MaxPayloadInMB", to=101), "must not exceed 100 MB; it is 1 * 101"),
    "payloads above the limit": (set_in("MaxConcurrentTransforms", to=17), "must not exceed 100 MB; it is 17 * 6"),
    "a model that is not there": (set_in("ModelName", to="other"), "Could not find model"),
    "an input that is not there": (
        set_in("TransformInput", "DataSource", "S3DataSource", "S3Uri", to="s3://bucket/nothing/"),
        'No S3 objects found under S3 URL "s3://bucket/nothing/" given in input data source.',
    ),
}


@pytest.mark.parametrize(("change", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_request_against_the_rules_is_refused_by_name(team: Team, change: Change, words: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        team.start(change)

    assert words in refusal.value.message
    assert team.resources.all("transform-job") == []


def test_data_processing_that_changes_nothing_is_let_through(team: Team) -> None:
    nothing = {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}

    assert team.run(DataProcessing=nothing)["TransformJobStatus"] == "Completed"


def test_the_role_is_the_model_s_and_sagemaker_must_be_allowed_to_assume_it(team: Team) -> None:
    team.has_model("theirs", role="arn:aws:iam::123456789012:role/theirs")

    with pytest.raises(ValidationError, match="could not assume role arn:aws:iam::123456789012:role/theirs"):
        team.start(ModelName="theirs")


def test_nobody_needs_to_pass_the_role_again(team: Team) -> None:
    team.caller.denied = frozenset({"iam:PassRole"})

    assert team.run()["TransformJobStatus"] == "Completed"


@pytest.mark.parametrize("action", ["sagemaker:CreateTransformJob", "sagemaker:AddTags"])
def test_a_caller_needs_every_permission(team: Team, action: str) -> None:
    team.caller.denied = frozenset({action})

    with pytest.raises(AccessDenied, match=action):
        team.start(Tags=[{"Key": "project", "Value": "fraud"}])


def test_a_name_is_taken_for_ever(team: Team) -> None:
    job = team.has_job("nightly", "Completed")

    with pytest.raises(ResourceInUse, match=rf"a job with this name already exists \({job.arn}\)"):
        team.start()


def test_running_instances_count_against_the_quota(team: Team) -> None:
    team.has_job("running", instances=transform.INSTANCE_QUOTA - 1)
    team.has_job("stopping", "Stopping")
    team.has_job("old", "Completed", instances=transform.INSTANCE_QUOTA)

    with pytest.raises(ResourceLimitExceeded, match="'Number of instances across all transform jobs' is 20 Instances"):
        team.start()


# --- jobs that are there ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["DescribeTransformJob", "StopTransformJob"])
def test_a_job_that_is_not_there_is_said_to_be_missing(team: Team, operation: str) -> None:
    with pytest.raises(ValidationError, match="Could not find requested job with name: nightly"):
        team.call(operation, TransformJobName="nightly")


@pytest.mark.parametrize("status", [*transform.ENDED, "Stopping"])
def test_only_a_job_in_progress_can_be_stopped(team: Team, status: str) -> None:
    team.has_job("nightly", status)

    with pytest.raises(ValidationError, match=f"because the transform job is in status {status}"):
        team.call("StopTransformJob", TransformJobName="nightly")


def test_aws_has_no_operation_that_deletes_a_job(team: Team) -> None:
    with pytest.raises(ServiceError, match="SageMaker has no operation DeleteTransformJob"):
        team.call("DeleteTransformJob", TransformJobName="nightly")


def test_a_list_can_be_narrowed_to_a_status(team: Team) -> None:
    team.has_job("old", "Completed")
    team.has_job("new")

    jobs = team.call("ListTransformJobs", StatusEquals="InProgress")["TransformJobSummaries"]

    assert [job["TransformJobName"] for job in jobs] == ["new"]
    assert "TransformInput" not in jobs[0]


@pytest.mark.parametrize("unknown", [{"SortBy": "Status"}, {"LastModifiedTimeAfter": 1}])
def test_a_list_does_not_pretend_to_know_an_order_or_filter(team: Team, unknown: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="does not"):
        team.call("ListTransformJobs", **unknown)


@pytest.mark.parametrize(
    ("status", "history"), [("InProgress", False), ("Stopping", False), *((status, True) for status in transform.ENDED)]
)
def test_a_job_is_history_once_it_has_ended(team: Team, status: str, history: bool) -> None:
    assert transform.is_history(team.has_job("nightly", status)) == history
    assert not transform.is_history(Resource("model", "fraud", "arn", {}))


def test_an_event_tells_times_in_milliseconds_and_tags_as_a_map(team: Team) -> None:
    detail = transform.event_detail(team.has_job("nightly", "Completed"))

    assert detail["CreationTime"] == 1767225600000
    assert detail["Tags"] == {"project": "fraud"}
    assert (detail["TransformJobStatus"], detail["ModelName"]) == ("Completed", "fraud")


# --- processing jobs --------------------------------------------------------------------------------------------


def test_there_are_no_processing_jobs(team: Team) -> None:
    assert team.call("ListProcessingJobs", StatusEquals="InProgress") == {"ProcessingJobSummaries": []}


@pytest.mark.parametrize("operation", ["DescribeProcessingJob", "StopProcessingJob", "DeleteProcessingJob"])
def test_a_processing_job_is_said_to_be_missing(team: Team, operation: str) -> None:
    with pytest.raises(ValidationError, match="Could not find requested job with name: clean-1"):
        team.call(operation, ProcessingJobName="clean-1")


def test_a_processing_job_is_refused_by_name(team: Team) -> None:
    with pytest.raises(ValidationError, match="runs no processing containers yet"):
        team.call(
            "CreateProcessingJob",
            ProcessingJobName="clean-1",
            ProcessingResources={
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}
            },
            AppSpecification={"ImageUri": IMAGE},
            RoleArn=ROLE,
        )
