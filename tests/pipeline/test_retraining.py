"""Runs that follow others: they start by themselves, learn from earlier ones, and compete with the registered model."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.pipeline.models import MODEL_FILE, archive, document, tuned_jobs
from tests.pipeline.running import RETRAINING, Deployed, Run, arn, wait_until

# --- new data -----------------------------------------------------------------------------------------------------


class Landed(NamedTuple):
    """The addresses of a CSV file and a zip, and the inputs of all executions that began as they and others came."""

    sources: tuple[str, str]
    inputs: tuple[Any, ...]


@pytest.fixture(scope="module")
def landed(deployed: Deployed, sample: Path) -> Landed:
    before = deployed.executions()
    rows = sample.read_bytes()
    deployed.start_retraining()
    deployed.upload("notes.txt", b"Nothing to learn from")
    deployed.client("s3").put_object(Bucket=deployed.bucket, Key="elsewhere/rows.csv", Body=rows)
    sources = deployed.upload("today's rows.csv", rows), deployed.upload("today.zip", rows)
    wait_until(lambda: len(deployed.executions() - before) >= len(sources), "executions begin")
    deployed.stop_retraining()
    begun = deployed.executions() - before
    for execution in begun:
        deployed.client("stepfunctions").stop_execution(executionArn=execution)
        deployed.ended(execution)
    return Landed(sources, tuple(deployed.given(execution) for execution in begun))


def test_a_csv_file_or_zip_that_lands_starts_a_run_and_nothing_else_does(landed: Landed) -> None:
    assert sorted(given["data"]["source"] for given in landed.inputs) == sorted(landed.sources)


def test_its_input_is_the_settings_with_the_registered_model_as_a_rival(landed: Landed) -> None:
    for given in landed.inputs:
        source = given["data"]["source"]
        data = {**RETRAINING["data"], "source": source}
        assert given == {**RETRAINING, "data": data, "candidates": {"registered": True}}


# --- earlier runs -------------------------------------------------------------------------------------------------


class Follower(NamedTuple):
    """A run whose search begins with what another one's has learnt, and whose models compete with the `rival`, the
    version approved last. None of them learns anything, so the rival is better.
    """

    run: Run
    rival: dict[str, Any]
    announced: str
    """The endpoint that clients were sent to when it had ended."""


@pytest.fixture(scope="module")
def follower(deployed: Deployed, source: str, full_run: Run) -> Iterator[Follower]:
    rival = deployed.approve_only(full_run)
    run = deployed.run(
        {
            "data": {"source": source},
            "hyperparameters": {"eta": 0, "alpha": 1},
            "tuning": {
                "max_jobs": 2,
                "ranges": {"max_depth": {"min": 1, "max": 5}},
                "early_stopping": "Auto",
                "warm_start_from": [full_run.run_id],
            },
            "candidates": {"registered": True},
        }
    )
    yield Follower(run, rival, deployed.announced())
    deployed.remove(run.name)


@pytest.fixture(scope="module")
def search(deployed: Deployed, follower: Follower) -> dict[str, Any]:
    """Its tuning job, described."""
    described: dict[str, Any] = deployed.client("sagemaker").describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=f"{follower.run.name}-0"
    )
    return described


def test_a_run_may_follow_another_one(follower: Follower) -> None:
    assert follower.run.status == "SUCCEEDED", follower.run.cause


def test_its_search_begins_with_what_the_other_one_has_learnt(search: dict[str, Any], full_run: Run) -> None:
    assert search["WarmStartConfig"] == {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": f"{full_run.name}-0"}],
        "WarmStartType": "TransferLearning",
    }


def test_its_search_stops_jobs_that_lead_nowhere(
    deployed: Deployed, follower: Follower, search: dict[str, Any]
) -> None:
    assert search["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"] == "Auto"
    statuses = [job["TrainingJobStatus"] for job in tuned_jobs(deployed, follower.run)]
    assert len(statuses) == 2
    assert set(statuses) <= {"Completed", "Stopped"}


def test_the_registered_model_is_a_candidate(deployed: Deployed, follower: Follower) -> None:
    candidates = document(deployed, follower.run, "choice.json")["candidates"]
    assert sorted(each["source"] for each in candidates) == ["registered", "trained", "tuned", "tuned"]


def test_a_registered_model_that_is_better_serves_on(deployed: Deployed, follower: Follower) -> None:
    chosen = follower.run.output["evaluation"]["chosen"]
    (container,) = follower.rival["InferenceSpecification"]["Containers"]
    assert chosen["source"] == "registered"
    assert chosen["average_precision"] > chosen["trained_average_precision"]
    assert model(deployed, follower.run.output["model_data"]) == model(deployed, container["ModelDataUrl"])


def model(deployed: Deployed, model_data: str) -> bytes:
    return archive(deployed, model_data)[MODEL_FILE]


def test_its_new_version_tells_who_trained_it_and_on_what(deployed: Deployed, follower: Follower) -> None:
    rival = follower.rival["CustomerMetadataProperties"]
    (version,) = deployed.registered(follower.run)
    metadata = version["CustomerMetadataProperties"]
    assert (metadata["source"], metadata["trained_by"]) == ("registered", follower.rival["ModelPackageArn"])
    assert metadata["training_rows"] == rival["training_rows"]


def test_its_new_version_may_be_a_rival_in_its_turn(deployed: Deployed, follower: Follower, source: str) -> None:
    deployed.approve_only(follower.run)
    asked = {
        "input": {"data": {"source": source}, "candidates": {"registered": True}},
        "execution": {"id": f"{follower.run.arn}-again", "start_time": follower.run.stopped.isoformat()},
    }
    answer = deployed.client("lambda").invoke(
        FunctionName=deployed.resource("Pipeline", "Plan"), Payload=json.dumps(asked)
    )
    planned = json.loads(answer["Payload"].read())
    # Prepare looks there for what the model has seen; who has seen what isn't known is no rival.
    assert planned["registered"] == {"training_rows": follower.rival["CustomerMetadataProperties"]["training_rows"]}


# --- which endpoint clients are sent to ---------------------------------------------------------------------------


def test_clients_are_sent_to_the_endpoint_of_the_run_that_passed_last(follower: Follower) -> None:
    assert follower.announced == follower.run.name


def test_clients_are_sent_to_another_one_that_serves_once_the_janitor_has_removed_it(
    deployed: Deployed, follower: Follower, full_run: Run
) -> None:
    deployed.announce(follower.run.name)
    now = [{"Key": "passed-at", "Value": deployed.app.cloud.now().isoformat()}]
    deployed.client("sagemaker").add_tags(ResourceArn=arn("endpoint", full_run.name), Tags=now)  # which supersedes it

    deployed.sweep()

    left = {item.name for item in deployed.sagemaker()}
    assert follower.run.name not in left
    assert deployed.announced() == full_run.name


def test_clients_are_sent_nowhere_once_a_run_is_removed(deployed: Deployed) -> None:
    deployed.announce("fraud-nowhere")
    deployed.remove("fraud-nowhere")
    assert deployed.announced() == "none"
