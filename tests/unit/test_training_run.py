"""Training jobs and tuning jobs whose containers run here, between objects in a small S3."""

import io
import json
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.sagemaker import training
from localcloud.sagemaker.containers import unpack
from localcloud.sagemaker.errors import ResourceNotFound
from localcloud.sagemaker.service import SageMaker
from tests.unit.small_store import PlatformWithStore, SmallStore, archive
from tests.unit.small_tuning import CONFIG, DEFINITION, LONGEST_SECONDS, Team, channel, request_for

pytestmark = pytest.mark.enable_socket

SCRIPT = {"sagemaker_program": "script.py", "sagemaker_submit_directory": "s3://bucket/sourcedir.tar.gz"}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallStore]:
    monkeypatch.setenv("LOCALCLOUD_WORK", str(tmp_path))
    store = SmallStore()
    store.objects |= {"bucket/runs/1/train/train.csv": b"1,2\n", "bucket/runs/1/validation/validation.csv": b"0,1\n"}
    yield store
    store.shutdown()
    store.server_close()


def team_with(store: SmallStore, script: str) -> Team:
    store.objects["bucket/sourcedir.tar.gz"] = archive({"script.py": script.encode()})
    return Team(sagemaker=SageMaker(PlatformWithStore(store=store)))


def files(store: SmallStore, key: str) -> dict[str, bytes]:
    """What is in an archive in the bucket, by name."""
    with tarfile.open(fileobj=io.BytesIO(store.objects[key])) as tar:
        return {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]


def trains(team: Team, **members: Any) -> dict[str, Any]:
    """A training job's description when it has ended."""
    starts(team, **members)
    return waits_for_the_end(team)


def starts(team: Team, **members: Any) -> None:
    request = {**request_for()[DEFINITION], "TrainingJobName": "choice", "HyperParameters": SCRIPT, **members}
    del request["StaticHyperParameters"]
    request["OutputDataConfig"] = {"S3OutputPath": "s3://bucket/out/choice"}
    team.call("CreateTrainingJob", **request)


def waits_for_the_end(team: Team) -> dict[str, Any]:
    deadline = time.monotonic() + LONGEST_SECONDS
    while (job := team.call("DescribeTrainingJob", TrainingJobName="choice"))["TrainingJobStatus"] == "InProgress":
        assert time.monotonic() < deadline, job
        time.sleep(0.02)
    return job


CHOICE = """
import json, os, pathlib

channel = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
found = {str(path.relative_to(channel)): path.read_text() for path in channel.rglob("*") if path.is_file()}
(pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"]) / "choice.json").write_text(json.dumps(found))
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
(model / "xgboost-model").write_text("model")
(model / ".decision.json").write_text("0.5")
"""


def test_a_script_finds_the_objects_below_a_prefix_and_leaves_a_model_and_files(
    store: SmallStore, tmp_path: Path
) -> None:
    # Given the outputs of several jobs, below one prefix
    team = team_with(store, CHOICE)
    outputs = {"a/output/model.tar.gz": "a", "b/output/model.tar.gz": "b", "b/output/output.tar.gz": "more"}
    store.objects |= {f"bucket/runs/1/output/{key}": content.encode() for key, content in outputs.items()}

    # When a script trains on them
    job = trains(team, InputDataConfig=[channel("train") | source("s3://bucket/runs/1/output/")])

    # Then it has found them where they lay, and left a model, its hidden file included, and a file beside it
    assert job["TrainingJobStatus"] == "Completed", job
    assert json.loads(files(store, "bucket/out/choice/choice/output/output.tar.gz")["choice.json"]) == outputs
    model = files(store, "bucket/out/choice/choice/output/model.tar.gz")
    assert model == {".decision.json": b"0.5", "xgboost-model": b"model"}
    packed = tmp_path / "model.tar.gz"
    packed.write_bytes(store.objects["bucket/out/choice/choice/output/model.tar.gz"])
    unpack(packed, tmp_path / "model")
    assert (tmp_path / "model" / ".decision.json").read_text() == "0.5"


def source(uri: str) -> dict[str, Any]:
    return {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}


def test_an_event_tells_where_the_model_lies(store: SmallStore) -> None:
    team = team_with(store, CHOICE)
    trains(team)

    detail = training.event_detail(team.resources.require("training-job", "choice", ResourceNotFound()))

    assert detail["ModelArtifacts"] == {"S3ModelArtifacts": "s3://bucket/out/choice/choice/output/model.tar.gz"}


SAVED_AT_THE_LAST_MOMENT = """
import os, pathlib, signal, sys, time

def stop(*_):
    (pathlib.Path(os.environ["SM_MODEL_DIR"]) / "xgboost-model").write_text("saved")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
print("[0]\\tvalidation-auc:0.7", flush=True)
time.sleep(600)
"""


def test_a_job_whose_time_is_up_ends_as_stopped_and_keeps_its_model(store: SmallStore) -> None:
    # Given a job that trains longer than it may
    platform = PlatformWithStore(store=store)
    store.objects["bucket/sourcedir.tar.gz"] = archive({"script.py": SAVED_AT_THE_LAST_MOMENT.encode()})
    team = Team(sagemaker=SageMaker(platform))
    begins_to_train(team, StoppingCondition={"MaxRuntimeInSeconds": 600})

    # When its time is up
    platform.pass_time(seconds=601)
    job = waits_for_the_end(team)

    # Then it has not failed, and what it saved is there
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert "FailureReason" not in job
    assert files(store, "bucket/out/choice/choice/output/model.tar.gz") == {"xgboost-model": b"saved"}


def begins_to_train(team: Team, **members: Any) -> None:
    """A job whose script has logged its first round."""
    starts(team, **members)
    run = team.resources.require("training-job", "choice", ResourceNotFound()).runtime
    deadline = time.monotonic() + LONGEST_SECONDS
    while not run.series("validation:auc"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


FIRST_IS_BETTER = """
import os, pathlib, signal, sys, time

def stop(*_):
    (pathlib.Path(os.environ["SM_MODEL_DIR"]) / "xgboost-model").write_text("saved")
    sys.exit(0)

if "-001-" in os.environ["TRAINING_JOB_NAME"]:
    print("[0]\\tvalidation-auc:0.8\\n[10]\\tvalidation-auc:0.9")
else:
    signal.signal(signal.SIGTERM, stop)
    print("[0]\\tvalidation-auc:0.7")
    time.sleep(600)
"""


def test_a_training_job_that_does_worse_is_stopped_while_it_trains(store: SmallStore) -> None:
    # Given training jobs one after the other, of which the second begins worse than the first
    team, request = team_with(store, FIRST_IS_BETTER), request_for()
    request[CONFIG]["TrainingJobEarlyStoppingType"] = "Auto"
    request[CONFIG]["ResourceLimits"] = {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1}
    request[DEFINITION] |= {"StaticHyperParameters": SCRIPT}
    request[DEFINITION]["OutputDataConfig"] = {"S3OutputPath": "s3://bucket/out"}

    # When they are tuned
    team.tunes(request)
    job = team.waits_for_the_end()

    # Then the second is asked to end, as by StopTrainingJob, and keeps the model that it saves
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert "-001-" in job["BestTrainingJob"]["TrainingJobName"]
    (name,) = (each.job.name for each in team.job().runtime.children() if each.status == "Stopped")
    stopped = team.call("DescribeTrainingJob", TrainingJobName=name)
    assert "Stopping" in [each["Status"] for each in stopped["SecondaryStatusTransitions"]]
    assert files(store, f"bucket/out/{name}/output/model.tar.gz") == {"xgboost-model": b"saved"}
