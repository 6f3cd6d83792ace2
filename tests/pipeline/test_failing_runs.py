"""Runs that fail, or are stopped, on their way: the cause is told, and what they made is removed."""

from typing import Any, NamedTuple

import pytest

from localcloud.cloud import Item
from tests.pipeline.endless_jobs import start_job, start_search, status, status_of_search
from tests.pipeline.models import document
from tests.pipeline.policies import denied
from tests.pipeline.running import PROJECT, Deployed, Run, wait_until

MINIMUM = 0.99
UNREACHABLE = {
    "average_precision": MINIMUM,
    "recall": {"minimum": MINIMUM, "lower_bound": True},
    "roc_auc": 0.5,
}
UPDATE_OF_NOTHING = {"process_type": "update"}
"""XGBoost would change a model that is there already; the job has none."""


class Failed(NamedTuple):
    run: Run
    left: frozenset[Item]
    """Its endpoint, configuration and model, if they are still there."""


@pytest.fixture(scope="module")
def untuned(source: str) -> dict[str, Any]:
    """The input of a short run."""
    return {"data": {"source": source}, "tuning": {"enabled": False}}


class Together(NamedTuple):
    """Two runs at a time, for they need no permission taken away; an endpoint was announced before and after them."""

    missed: Failed
    broken_job: Failed
    announced: tuple[str, str]


@pytest.fixture(scope="module")
def together(deployed: Deployed, untuned: dict[str, Any], full_run: Run) -> Together:
    deployed.announce(full_run.name)
    missed = deployed.start({**untuned, "objective": UNREACHABLE})
    broken_job = deployed.start({**untuned, "hyperparameters": UPDATE_OF_NOTHING})
    failed = _failed(deployed, missed), _failed(deployed, broken_job)
    return Together(*failed, (full_run.name, deployed.announced()))


@pytest.fixture(scope="module")
def missed(together: Together) -> Failed:
    """A run whose model falls short of the objective."""
    return together.missed


@pytest.fixture(scope="module")
def broken_job(together: Together) -> Failed:
    """A run whose training script raises."""
    return together.broken_job


@pytest.fixture(scope="module")
def unreadable_rows(deployed: Deployed, untuned: dict[str, Any]) -> Failed:
    """A run whose training job may not read its rows."""
    rows = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{deployed.bucket}/runs/*/train/*"}
    with denied(deployed, deployed.resource("Data", "ExecutionRole"), rows):
        return _failed(deployed, deployed.start(untuned))


@pytest.fixture(scope="module")
def broken_endpoint(deployed: Deployed, untuned: dict[str, Any]) -> Failed:
    """A run whose endpoint's container can't fetch the code that serves, though the training job could fetch it."""
    code = {
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{deployed.bucket}/runs/*/code/*",
        "Condition": {"StringLike": {"aws:userid": "*:SageMaker"}},  # how the session of a model is called
    }
    with denied(deployed, deployed.resource("Data", "ExecutionRole"), code):
        return _failed(deployed, deployed.start(untuned))


def _failed(deployed: Deployed, execution: str) -> Failed:
    run = deployed.finish(execution)
    assert run.status == "FAILED"
    return Failed(run, frozenset(item for item in deployed.sagemaker() if item.name.startswith(run.name)))


# --- the objective ------------------------------------------------------------------------------------------------


def test_a_missed_objective_fails_the_run(missed: Failed) -> None:
    assert missed.run.error == "ObjectiveMissed"


def test_the_cause_names_each_metric_or_its_lower_bound_the_value_and_the_minimum(
    deployed: Deployed, missed: Failed
) -> None:
    evaluation = document(deployed, missed.run, "evaluation.json")
    values = {
        "average_precision": evaluation["average_precision"],
        "lower bound of recall": evaluation["intervals"]["bounds"]["recall"][0],
    }
    told = [f"{name} {int(value * 10_000) / 10_000} is below the minimum {MINIMUM}" for name, value in values.items()]
    assert missed.run.cause == "; ".join(told)


def test_a_model_that_missed_the_objective_does_not_serve(missed: Failed) -> None:
    assert "Create the endpoint" in missed.run.states
    assert not missed.left


def test_it_is_not_registered(deployed: Deployed, missed: Failed) -> None:
    assert not deployed.registered(missed.run)


def test_clients_are_sent_to_the_endpoint_that_they_were_sent_to_before(together: Together) -> None:
    before, after = together.announced
    assert after == before


def test_its_report_is_there_all_the_same(deployed: Deployed, missed: Failed) -> None:
    page = deployed.read(f"{missed.run.prefix}report.html").decode()
    assert missed.run.run_id in page
    assert "Objective missed" in page


# --- jobs and endpoints -------------------------------------------------------------------------------------------


def test_the_cause_of_a_failed_job_is_the_jobs_own_reason(deployed: Deployed, broken_job: Failed) -> None:
    job = deployed.client("sagemaker").describe_training_job(TrainingJobName=f"{broken_job.run.name}-0")
    assert job["TrainingJobStatus"] == "Failed"
    assert broken_job.run.cause == job["FailureReason"]
    assert broken_job.run.cause.startswith("AlgorithmError: ")


def test_a_job_that_failed_is_not_tried_again(deployed: Deployed, broken_job: Failed) -> None:
    jobs = deployed.client("sagemaker").list_training_jobs(NameContains=broken_job.run.name)["TrainingJobSummaries"]
    assert len(jobs) == 1


@pytest.mark.refuses("s3:GetObject")
def test_a_job_that_may_not_read_its_rows_names_them(unreadable_rows: Failed) -> None:
    assert f"{unreadable_rows.run.prefix}train/train.csv (403: Forbidden)" in unreadable_rows.run.cause


@pytest.mark.refuses("s3:GetObject")
@pytest.mark.parametrize("fixture", ["broken_job", "unreadable_rows"])
def test_after_a_failed_job_nothing_is_deployed(request: pytest.FixtureRequest, fixture: str) -> None:
    failed: Failed = request.getfixturevalue(fixture)
    assert failed.run.states[-2:] == ("Remove what the run made", "Run failed")
    assert not failed.left


@pytest.mark.refuses("s3:GetObject")
def test_an_endpoint_that_does_not_start_fails_the_run(broken_endpoint: Failed) -> None:
    run = broken_endpoint.run
    assert run.error == "EndpointFailed"
    assert run.cause.startswith(f"Endpoint {run.name} failed to start: ")
    assert "did not pass the ping health check" in run.cause


@pytest.mark.refuses("s3:GetObject")
def test_an_endpoint_that_does_not_start_is_removed_with_its_model(broken_endpoint: Failed) -> None:
    assert not broken_endpoint.left


# --- stopping -----------------------------------------------------------------------------------------------------


def test_stopping_an_execution_stops_its_job(deployed: Deployed, untuned: dict[str, Any]) -> None:
    execution = deployed.start(untuned)
    wait_until(lambda: _job_status(deployed, execution) == "InProgress", "the training job runs")

    deployed.client("stepfunctions").stop_execution(executionArn=execution)

    run = deployed.finish(execution)
    assert run.status == "ABORTED"
    wait_until(lambda: _job_status(deployed, execution) not in ("InProgress", "Stopping"), "the training job ends")
    assert _job_status(deployed, execution) == "Stopped"
    assert run.states[-1] == "Train the model"


def test_removing_a_run_stops_its_jobs(deployed: Deployed, full_run: Run) -> None:
    run, own = f"{PROJECT}-endless", {"project": PROJECT}
    start_search(deployed, full_run, f"{run}-0", own)
    start_job(deployed, full_run, f"{run}-1", own)

    deployed.remove(run)

    wait_until(lambda: status_of_search(deployed, f"{run}-0") == "Stopped", "the search has stopped")
    wait_until(lambda: status(deployed, f"{run}-1") == "Stopped", "the training job has stopped")


def _job_status(deployed: Deployed, execution: str) -> str:
    """Of the execution's training job; empty as long as there is none."""
    run_id = deployed.run_id(execution)
    jobs = (
        deployed.client("sagemaker").list_training_jobs(NameContains=run_id)["TrainingJobSummaries"] if run_id else []
    )
    return str(jobs[0]["TrainingJobStatus"]) if jobs else ""
