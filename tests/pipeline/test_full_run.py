"""A run with all the defaults, from the data's address to an endpoint that answers."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from tests.pipeline.models import (
    MODEL_FILE,
    Rows,
    answers,
    archive,
    artifact,
    booster,
    document,
    prepared,
    rows,
    tuned_jobs,
)
from tests.pipeline.running import Deployed, Run, arn

PHASES = (
    "Plan the run",
    "Prepare the data",
    "Train the model",
    "Tune the model",
    "Choose the model",
    "Create the model",
    "Create the endpoint configuration",
    "Create the endpoint",
    "Evaluate",
    "Write the report",
    "Objective met?",
    "Register the model",
    "Announce the endpoint",
    "Objective met",
)


@pytest.fixture(scope="module")
def children(deployed: Deployed, full_run: Run) -> list[dict[str, Any]]:
    """The tuning job's training jobs, described."""
    return tuned_jobs(deployed, full_run)


@pytest.fixture(scope="module")
def validation(deployed: Deployed, full_run: Run) -> Rows:
    return rows(deployed, full_run, "validation")


@pytest.fixture(scope="module")
def average_precisions(
    deployed: Deployed, full_run: Run, children: list[dict[str, Any]], validation: Rows
) -> dict[str, float]:
    """What scikit-learn says of each job's model, the trained one's first."""
    jobs = [f"{full_run.name}-0", *(job["TrainingJobName"] for job in children)]
    scores = {job: booster(deployed, artifact(deployed, job)).predict(validation.matrix) for job in jobs}
    return {job: float(metrics.average_precision_score(validation.labels, scores[job])) for job in jobs}


@pytest.fixture(scope="module")
def test_part(deployed: Deployed, full_run: Run) -> Rows:
    return rows(deployed, full_run, "test")


@pytest.fixture(scope="module")
def scores(deployed: Deployed, full_run: Run, test_part: Rows) -> np.ndarray:
    """The endpoint's answers to the test rows."""
    return answers(deployed, full_run.name, test_part.lines)


# --- the way through the machine ----------------------------------------------------------------------------------


def test_the_data_source_is_all_that_the_input_needs(full_run: Run) -> None:
    assert full_run.status == "SUCCEEDED", full_run.cause


def test_a_run_goes_through_every_phase_in_order(full_run: Run) -> None:
    assert tuple(state for state in full_run.states if state in PHASES) == PHASES


def test_the_prepared_rows_are_what_the_lessons_pandas_code_gives(
    deployed: Deployed, full_run: Run, sample: Path
) -> None:
    table = pd.read_csv(sample)
    table = pd.concat([table["Class"], table.drop(["Class"], axis=1)], axis=1)
    shuffled = table.sample(frac=1, random_state=1729)
    ends = [0, int(0.7 * len(table)), int(0.9 * len(table)), len(table)]
    for part, start, end in zip(("train", "validation", "test"), ends, ends[1:], strict=False):
        got = pd.read_csv(io.BytesIO(prepared(deployed, full_run, part)), header=None)
        assert np.array_equal(got.to_numpy(), shuffled[start:end].to_numpy()), part


# --- tuning -------------------------------------------------------------------------------------------------------


def test_the_tuning_job_ran_nine_training_jobs(children: list[dict[str, Any]]) -> None:
    assert [job["TrainingJobStatus"] for job in children] == ["Completed"] * 9


def test_three_of_them_at_a_time_and_never_more(children: list[dict[str, Any]]) -> None:
    running = [
        sum(job["TrainingStartTime"] <= other["TrainingStartTime"] < job["TrainingEndTime"] for job in children)
        for other in children
    ]
    assert max(running) == 3


def test_each_of_them_tried_other_hyperparameters(children: list[dict[str, Any]]) -> None:
    tried = {tuple(job["HyperParameters"][name] for name in ("eta", "max_depth", "alpha")) for job in children}
    assert len(tried) == 9


def test_the_best_tuned_model_is_the_one_with_the_best_objective(
    deployed: Deployed, full_run: Run, children: list[dict[str, Any]]
) -> None:
    def auc(job: dict[str, Any]) -> float:
        return next(float(m["Value"]) for m in job["FinalMetricDataList"] if m["MetricName"] == "validation:auc")

    tuning = deployed.client("sagemaker").describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=f"{full_run.name}-0"
    )
    best = next(job for job in children if job["TrainingJobName"] == tuning["BestTrainingJob"]["TrainingJobName"])
    assert auc(best) == max(auc(job) for job in children)


# --- the choice ---------------------------------------------------------------------------------------------------


def test_the_chosen_model_is_the_best_of_all_on_the_validation_rows(
    full_run: Run, average_precisions: dict[str, float]
) -> None:
    chosen = full_run.output["evaluation"]["chosen"]
    assert len(average_precisions) == chosen["candidates"] == 10
    assert chosen["job_name"] == max(average_precisions, key=lambda job: average_precisions[job])
    assert chosen["average_precision"] == pytest.approx(max(average_precisions.values()))


def test_it_is_told_how_good_the_trained_model_was(full_run: Run, average_precisions: dict[str, float]) -> None:
    chosen = full_run.output["evaluation"]["chosen"]
    assert chosen["trained_average_precision"] == pytest.approx(average_precisions[f"{full_run.name}-0"])
    assert chosen["average_precision"] >= chosen["trained_average_precision"]


def test_every_candidate_is_told_with_its_figure_the_best_first(
    deployed: Deployed, full_run: Run, average_precisions: dict[str, float]
) -> None:
    candidates = document(deployed, full_run, "choice.json")["candidates"]
    told = {each["job_name"]: each["average_precision"] for each in candidates}
    assert told == pytest.approx(average_precisions)
    assert list(told.values()) == sorted(told.values(), reverse=True)


def test_the_served_model_is_the_chosen_jobs_byte_for_byte(deployed: Deployed, full_run: Run) -> None:
    chosen = artifact(deployed, full_run.output["evaluation"]["chosen"]["job_name"])
    model = deployed.client("sagemaker").describe_model(ModelName=full_run.name)
    served = model["PrimaryContainer"]["ModelDataUrl"]
    assert served == full_run.output["model_data"]
    assert archive(deployed, served)[MODEL_FILE] == archive(deployed, chosen)[MODEL_FILE]


def test_the_threshold_goes_along_with_the_served_model(deployed: Deployed, full_run: Run) -> None:
    decision = json.loads(archive(deployed, full_run.output["model_data"])[".decision.json"])
    evaluation = document(deployed, full_run, "evaluation.json")
    assert decision["threshold"] == evaluation["threshold"] == evaluation["at_threshold"]["threshold"]


# --- what serves --------------------------------------------------------------------------------------------------


def test_the_endpoint_answers_what_its_artefact_predicts(
    deployed: Deployed, full_run: Run, test_part: Rows, scores: np.ndarray
) -> None:
    predicted = booster(deployed, full_run.output["model_data"]).predict(test_part.matrix)
    assert np.array_equal(scores.astype(np.float32), predicted)


def test_the_endpoint_is_serverless_by_default(deployed: Deployed, full_run: Run) -> None:
    endpoint = deployed.client("sagemaker").describe_endpoint(EndpointName=full_run.name)
    assert endpoint["ProductionVariants"][0]["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5}


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [
        ("training-job", "-0"),
        ("training-job", "-choice-0"),
        ("hyper-parameter-tuning-job", "-0"),
        ("model", ""),
        ("endpoint-config", ""),
        ("endpoint", ""),
    ],
)
def test_what_a_run_makes_bears_the_project_and_the_run(
    deployed: Deployed, full_run: Run, kind: str, suffix: str
) -> None:
    tags = deployed.tags(arn(kind, full_run.name + suffix))
    assert (tags["project"], tags["run-id"]) == ("fraud", full_run.run_id)


@pytest.mark.parametrize("kind", ["training-job", "hyper-parameter-tuning-job"])
def test_its_jobs_bear_the_tags_of_step_functions_too(deployed: Deployed, full_run: Run, kind: str) -> None:
    tags = deployed.tags(arn(kind, f"{full_run.name}-0"))
    assert tags["MANAGED_BY_AWS"] == "STARTED_BY_STEP_FUNCTIONS"
    assert tags["AWS_STEP_FUNCTIONS_EXECUTION_ARN"] == full_run.arn


def test_the_tuning_jobs_training_jobs_bear_them_too(
    deployed: Deployed, full_run: Run, children: list[dict[str, Any]]
) -> None:
    found = [deployed.tags(job["TrainingJobArn"]) for job in children]
    assert all(tags["project"] == "fraud" and tags["run-id"] == full_run.run_id for tags in found)


def test_the_endpoint_expires_an_hour_after_it_was_made(deployed: Deployed, full_run: Run) -> None:
    endpoint = deployed.client("sagemaker").describe_endpoint(EndpointName=full_run.name)
    expires_at = datetime.fromisoformat(deployed.tags(endpoint["EndpointArn"])["expires-at"])
    assert abs(expires_at - endpoint["CreationTime"] - timedelta(hours=1)) < timedelta(minutes=1)


def test_the_date_is_in_the_future_and_in_universal_time(deployed: Deployed, full_run: Run) -> None:
    expires_at = datetime.fromisoformat(full_run.output["expires_at"])
    assert expires_at.utcoffset() == timedelta(0)
    assert expires_at > datetime.now(UTC)


def test_the_result_names_the_endpoints_date(deployed: Deployed, full_run: Run) -> None:
    endpoint = deployed.client("sagemaker").describe_endpoint(EndpointName=full_run.name)
    assert full_run.output["expires_at"] == deployed.tags(endpoint["EndpointArn"])["expires-at"]


# --- the evaluation -----------------------------------------------------------------------------------------------


def test_the_evaluation_in_the_bucket_is_the_one_in_the_result(deployed: Deployed, full_run: Run) -> None:
    evaluation = document(deployed, full_run, "evaluation.json")
    del evaluation["curves"]  # too large for a state's output
    assert evaluation == full_run.output["evaluation"]


def test_all_test_rows_were_asked_five_hundred_at_a_time(full_run: Run, test_part: Rows) -> None:
    evaluation = full_run.output["evaluation"]
    expected = (len(test_part.labels), len(test_part.labels) // 500, int(test_part.labels.sum()))
    assert (evaluation["rows"], evaluation["batches"], evaluation["positives"]) == expected


def test_the_threshold_is_the_best_one_on_the_validation_rows(
    deployed: Deployed, full_run: Run, validation: Rows
) -> None:
    on_validation = answers(deployed, full_run.name, validation.lines)
    precision, recall, _ = metrics.precision_recall_curve(validation.labels, on_validation)
    f1 = 2 * precision[:-1] * recall[:-1] / np.maximum(precision[:-1] + recall[:-1], 1e-12)

    called = on_validation >= full_run.output["evaluation"]["threshold"]

    assert metrics.f1_score(validation.labels, called) == pytest.approx(f1.max())


@pytest.mark.parametrize("where", ["at_threshold", "at_0.5"])
def test_the_counts_and_ratios_are_scikit_learns_on_the_endpoints_answers(
    full_run: Run, test_part: Rows, scores: np.ndarray, where: str
) -> None:
    found = full_run.output["evaluation"][where]
    called = scores >= found["threshold"]

    tn, fp, fn, tp = metrics.confusion_matrix(test_part.labels, called).ravel().tolist()
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        test_part.labels, called, average="binary", zero_division=0
    )

    assert found["confusion_matrix"] == {"tn": tn, "fp": fp, "fn": fn, "tp": tp}
    assert (found["precision"], found["recall"], found["f1"]) == pytest.approx((precision, recall, f1))


def test_the_areas_are_scikit_learns_on_the_endpoints_answers(
    full_run: Run, test_part: Rows, scores: np.ndarray
) -> None:
    found = full_run.output["evaluation"]
    expected = (
        metrics.roc_auc_score(test_part.labels, scores),
        metrics.average_precision_score(test_part.labels, scores),
    )
    assert (found["roc_auc"], found["average_precision"]) == pytest.approx(expected)


def test_every_metric_lies_in_its_interval(full_run: Run) -> None:
    evaluation = full_run.output["evaluation"]
    at_threshold, at_half = evaluation["at_threshold"], evaluation["at_0.5"]
    values = {
        **{name: at_threshold[name] for name in ("recall", "precision", "f1")},
        **{f"{name}_at_0.5": at_half[name] for name in ("recall", "precision", "f1")},
        **{name: evaluation[name] for name in ("roc_auc", "average_precision")},
    }
    bounds = evaluation["intervals"]["bounds"]
    assert bounds.keys() == values.keys()
    assert [name for name, (low, high) in bounds.items() if not low <= values[name] <= high] == []


def test_every_test_row_is_in_the_slice_of_its_amount(deployed: Deployed, full_run: Run, test_part: Rows) -> None:
    amount = document(deployed, full_run, "data_report.json")["features"].index("Amount")
    amounts = pd.Series(test_part.features[:, amount].astype(float))
    quartiles = pd.qcut(amounts, 4, labels=False)
    expected = [(int(sum(quartiles == q)), int(test_part.labels[quartiles == q].sum())) for q in range(4)]
    assert [(each["rows"], each["positives"]) for each in full_run.output["evaluation"]["slices"]] == expected


def test_without_an_objective_every_model_passes(full_run: Run) -> None:
    evaluation = full_run.output["evaluation"]
    assert (evaluation["objective"], evaluation["passed"]) == ([], True)
