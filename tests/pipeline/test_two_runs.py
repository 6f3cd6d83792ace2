"""Two runs in one account at a time, as different as the input allows: neither touches the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from tests.pipeline.models import (
    answers,
    archive,
    booster,
    document,
    prepared,
    rows,
    tuned_jobs,
)
from tests.pipeline.running import HOSTING, JOBS, Deployed, Run, arn

ROUNDS = 300
RATIO = 0.1
FALSE_ALARM = 2


class Pair(NamedTuple):
    """`script` makes frauds up to learn from, stops early, is tuned and serves serverless; `builtin` does none of that,
    splits by time, counts in money and serves on an instance."""

    script: Run
    builtin: Run


@pytest.fixture(scope="module")
def pair(deployed: Deployed, source: str, sample: Path, full_run: Run) -> Iterator[Pair]:
    deployed.approve_only(full_run)
    half = pd.read_csv(sample).iloc[::2].rename(columns={"Class": "Fraud"})
    other_source = deployed.upload("half.csv", half.to_csv(index=False).encode())
    script = deployed.start(
        {
            "data": {"source": source},
            "hyperparameters": {"num_round": ROUNDS, "early_stopping_rounds": 5},
            "imbalance": {"method": "smote", "sampling_ratio": RATIO},
            "tuning": {"max_jobs": 2, "max_parallel_jobs": 1, "strategy": "Random"},
            "endpoint": {"serverless": {"memory_size_in_mb": 1024, "max_concurrency": 4}, "ttl_minutes": 90},
        }
    )
    builtin = deployed.start(
        {
            "data": {"source": other_source, "label_column": "Fraud", "split": "time", "time_column": "Time"},
            "training": {"mode": "builtin"},
            "tuning": {"enabled": False},
            "threshold": {"objective": "least_cost"},
            "costs": {"missed_fraud": "amount", "false_alarm": FALSE_ALARM},
            "candidates": {"registered": True},
            "endpoint": {"instance_type": "ml.m5.large", "initial_instance_count": 1},
            "objective": {"roc_auc": 0.5, "recall": 0},
        }
    )
    runs = Pair(deployed.finish(script), deployed.finish(builtin))
    yield runs
    for run in runs:
        deployed.remove(run.name)


class Jobs(NamedTuple):
    """The runs' training jobs, described."""

    script: dict[str, Any]
    builtin: dict[str, Any]


@pytest.fixture(scope="module")
def trained(deployed: Deployed, pair: Pair) -> Jobs:
    sagemaker = deployed.client("sagemaker")
    return Jobs(*(sagemaker.describe_training_job(TrainingJobName=f"{run.name}-0") for run in pair))


# --- side by side -------------------------------------------------------------------------------------------------


def test_both_reach_their_end(pair: Pair) -> None:
    assert [(run.status, run.cause) for run in pair] == [("SUCCEEDED", "")] * 2


def test_they_ran_at_the_same_time(pair: Pair) -> None:
    assert max(run.started for run in pair) < min(run.stopped for run in pair)


def test_what_each_made_bears_its_own_name_and_run_id(deployed: Deployed, pair: Pair) -> None:
    # Trained, tuning, two of the tuning job, choice; trained and choice.
    for run, jobs in zip(pair, (5, 2), strict=True):
        made = [item for item in deployed.sagemaker(HOSTING | JOBS) if item.name.startswith(run.name)]
        run_ids = {deployed.tags(arn(item.kind, item.name))["run-id"] for item in made}
        assert (len(made), run_ids) == (jobs + len(HOSTING), {run.run_id})


def test_each_evaluation_is_about_the_runs_own_rows(deployed: Deployed, pair: Pair) -> None:
    for run, count in zip(pair, (2000, 1000), strict=True):
        labels = rows(deployed, run, "test").labels
        evaluation = run.output["evaluation"]
        assert (evaluation["run_id"], evaluation["rows"], evaluation["positives"]) == (run.run_id, count, labels.sum())


def test_each_endpoint_serves_the_runs_own_model(deployed: Deployed, pair: Pair) -> None:
    for run in pair:
        part = rows(deployed, run, "test")
        predicted = booster(deployed, run.output["model_data"]).predict(part.matrix)
        assert np.allclose(answers(deployed, run.name, part.lines), predicted, rtol=1e-6), run.name


# --- what the inputs asked for ------------------------------------------------------------------------------------


def test_early_stopping_ends_the_training_before_its_last_round(deployed: Deployed, trained: Jobs) -> None:
    model_data = trained.script["ModelArtifacts"]["S3ModelArtifacts"]
    assert booster(deployed, model_data).num_boosted_rounds() < ROUNDS


def test_as_many_jobs_are_tuned_as_asked_one_at_a_time(deployed: Deployed, pair: Pair) -> None:
    listed = deployed.client("sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=f"{pair.script.name}-0"
    )
    jobs = sorted(listed["TrainingJobSummaries"], key=lambda job: job["TrainingStartTime"])
    assert len(jobs) == 2
    assert jobs[0]["TrainingEndTime"] <= jobs[1]["TrainingStartTime"]


def test_no_tuning_job_where_tuning_is_off(pair: Pair) -> None:
    assert "Choose the model" in pair.builtin.states
    assert "Tune the model" not in pair.builtin.states


def test_without_tuning_the_trained_model_is_the_only_candidate(pair: Pair) -> None:
    chosen = pair.builtin.output["evaluation"]["chosen"]
    assert (chosen["job_name"], chosen["source"], chosen["candidates"]) == (f"{pair.builtin.name}-0", "trained", 1)


def test_without_tuning_its_history_is_empty(deployed: Deployed, pair: Pair) -> None:
    assert document(deployed, pair.builtin, "tuning_history.json") == {"tuning_job": None, "jobs": []}


def test_the_endpoint_expires_when_the_input_says(deployed: Deployed, pair: Pair) -> None:
    endpoint = deployed.client("sagemaker").describe_endpoint(EndpointName=pair.script.name)
    expires_at = datetime.fromisoformat(deployed.tags(endpoint["EndpointArn"])["expires-at"])
    assert abs(expires_at - endpoint["CreationTime"] - timedelta(minutes=90)) < timedelta(minutes=1)


def test_serverless_memory_and_concurrency_are_the_inputs(deployed: Deployed, pair: Pair) -> None:
    variant = _variant(deployed, pair.script)
    assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 1024, "MaxConcurrency": 4}


def test_an_endpoint_may_be_an_instance(deployed: Deployed, pair: Pair) -> None:
    config = deployed.client("sagemaker").describe_endpoint_config(EndpointConfigName=pair.builtin.name)
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.m5.large"
    assert _variant(deployed, pair.builtin)["CurrentInstanceCount"] == 1


def test_an_objective_that_is_met_is_told_with_its_values(pair: Pair) -> None:
    evaluation = pair.builtin.output["evaluation"]
    told = [(each["metric"], each["minimum"], each["value"], each["passed"]) for each in evaluation["objective"]]
    assert told == [
        ("roc_auc", 0.5, evaluation["roc_auc"], True),
        ("recall", 0, evaluation["at_threshold"]["recall"], True),
    ]


# --- splits -------------------------------------------------------------------------------------------------------


def test_a_split_by_time_trains_on_the_oldest_rows_and_tests_on_the_newest(deployed: Deployed, pair: Pair) -> None:
    report = document(deployed, pair.builtin, "data_report.json")
    time = report["features"].index("Time")
    times = [rows(deployed, pair.builtin, part).features[:, time] for part in ("train", "validation", "test")]
    assert max(times[0]) < min(times[1])
    assert max(times[1]) < min(times[2])
    assert report["split"] == {"method": "time", "seed": None, "time_column": "Time"}


def test_a_registered_model_that_has_learnt_from_rows_to_be_judged_by_is_no_candidate(
    deployed: Deployed, pair: Pair
) -> None:
    verdict = document(deployed, pair.builtin, "data_report.json")["registered"]
    candidates = document(deployed, pair.builtin, "choice.json")["candidates"]
    assert verdict["rows_seen"] > 0
    assert not verdict["competes"]
    assert [each["source"] for each in candidates] == ["trained"]


# --- imbalance ----------------------------------------------------------------------------------------------------


def test_only_what_resamples_comes_with_the_requirements_of_that(deployed: Deployed, pair: Pair) -> None:
    sagemaker = deployed.client("sagemaker")
    code = {}
    for job in (f"{pair.script.name}-0", f"{pair.script.name}-choice-0", f"{pair.builtin.name}-choice-0"):
        given = sagemaker.describe_training_job(TrainingJobName=job)["HyperParameters"]
        code[job] = archive(deployed, given["sagemaker_submit_directory"])
    requirements = [files.get("requirements.txt") for files in code.values()]
    assert requirements == [b"imbalanced-learn==0.14.2\n", None, None]


def test_the_prepared_rows_are_the_same_with_resampling_and_without(
    deployed: Deployed, pair: Pair, full_run: Run
) -> None:
    for part in ("train", "validation", "test"):
        assert prepared(deployed, pair.script, part) == prepared(deployed, full_run, part), part
    with_it, without = (document(deployed, run, "data_report.json") for run in (pair.script, full_run))
    assert with_it["parts"] == without["parts"]


def test_every_job_learns_from_more_frauds_and_judges_by_the_given_rows(deployed: Deployed, pair: Pair) -> None:
    counts = document(deployed, pair.script, "data_report.json")["parts"]
    train, validation = counts["train"], counts["validation"]
    made = int(RATIO * (train["rows"] - train["positives"])) - train["positives"]
    lines = (
        f"train after smote: {train['rows'] + made} rows of 30 features, {train['positives'] + made} positive",
        f"validation: {validation['rows']} rows of 30 features, {validation['positives']} positive",
    )
    jobs = [f"{pair.script.name}-0", *(job["TrainingJobName"] for job in tuned_jobs(deployed, pair.script))]
    logs = {job: training_log(deployed, job) for job in jobs}
    assert len(jobs) == 3
    assert [job for job in jobs if not set(lines) <= set(logs[job])] == []


def training_log(deployed: Deployed, job: str) -> list[str]:
    logs, group = deployed.client("logs"), "/aws/sagemaker/TrainingJobs"
    (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
    found = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)
    return [event["message"].strip() for event in found["events"]]


# --- money --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scored:
    """Rows with the endpoint's answers to them."""

    frauds: np.ndarray
    amounts: np.ndarray
    scores: np.ndarray

    def cost(self, threshold: float) -> float:
        """Of the frauds that score less, and of the false alarms."""
        alarms = self.scores >= threshold
        return float(self.amounts[self.frauds & ~alarms].sum() + FALSE_ALARM * np.sum(alarms & ~self.frauds))


def scored(deployed: Deployed, run: Run, part: str) -> Scored:
    found = rows(deployed, run, part)
    amount = document(deployed, run, "data_report.json")["features"].index("Amount")
    amounts = np.array([float(line.split(",")[amount]) for line in found.lines])
    return Scored(found.labels == 1, amounts, answers(deployed, run.name, found.lines))


def test_what_the_model_saves_is_told_in_money(deployed: Deployed, pair: Pair) -> None:
    evaluation = pair.builtin.output["evaluation"]
    test = scored(deployed, pair.builtin, "test")
    without_model = test.amounts[test.frauds].sum()

    def told(threshold: float) -> dict[str, float]:
        return {"cost": test.cost(threshold), "saved": without_model - test.cost(threshold)}

    money = evaluation["money"]
    assert money["without_model"] == pytest.approx(without_model)
    assert money["at_threshold"] == pytest.approx(told(evaluation["threshold"]))
    assert money["at_0.5"] == pytest.approx(told(0.5))
    assert (money["missed_fraud"], money["false_alarm"]) == ("amount", FALSE_ALARM)


def test_the_threshold_of_least_cost_is_the_cheapest_on_the_validation_rows(deployed: Deployed, pair: Pair) -> None:
    evaluation = pair.builtin.output["evaluation"]
    validation = scored(deployed, pair.builtin, "validation")
    cheapest = min(validation.cost(threshold) for threshold in [*validation.scores, 2])
    assert evaluation["threshold_objective"] == "least_cost"
    assert validation.cost(evaluation["threshold"]) == pytest.approx(cheapest)


def test_without_costs_nothing_is_said_of_money(pair: Pair) -> None:
    assert pair.script.output["evaluation"]["money"] is None


# --- modes --------------------------------------------------------------------------------------------------------


def test_builtin_mode_leaves_a_model_and_nothing_else_in_the_archive(deployed: Deployed, trained: Jobs) -> None:
    assert set(archive(deployed, trained.builtin["ModelArtifacts"]["S3ModelArtifacts"])) == {"xgboost-model"}


def test_script_mode_leaves_the_same_archive(deployed: Deployed, trained: Jobs) -> None:
    assert set(archive(deployed, trained.script["ModelArtifacts"]["S3ModelArtifacts"])) == {"xgboost-model"}


def test_the_choice_is_the_scripts_in_both_modes(deployed: Deployed, pair: Pair) -> None:
    for run in pair:
        job = deployed.client("sagemaker").describe_training_job(TrainingJobName=f"{run.name}-choice-0")
        assert job["HyperParameters"]["sagemaker_program"] == "choose.py", run.name
        assert job["HyperParameters"]["sagemaker_submit_directory"].endswith(f"{run.prefix}code/sourcedir.tar.gz")


def test_builtin_mode_names_no_script_to_the_image(deployed: Deployed, pair: Pair, trained: Jobs) -> None:
    model = deployed.client("sagemaker").describe_model(ModelName=pair.builtin.name)
    assert not [name for name in trained.builtin["HyperParameters"] if name.startswith("sagemaker_")]
    assert not model["PrimaryContainer"].get("Environment")


def test_both_modes_report_the_same_metrics(trained: Jobs) -> None:
    reported = [{metric["MetricName"] for metric in job["FinalMetricDataList"]} for job in trained]
    assert reported[0] == reported[1]


# --- and apart ----------------------------------------------------------------------------------------------------


def test_removing_one_run_leaves_the_other(deployed: Deployed, pair: Pair) -> None:
    others = {item for item in deployed.sagemaker() if pair.builtin.name not in item.name}

    deployed.remove(pair.builtin.name)

    assert deployed.sagemaker() == others
    part = rows(deployed, pair.script, "test")
    assert len(answers(deployed, pair.script.name, part.lines)) == len(part.labels)


def _variant(deployed: Deployed, run: Run) -> dict[str, Any]:
    endpoint = deployed.client("sagemaker").describe_endpoint(EndpointName=run.name)
    variant: dict[str, Any] = endpoint["ProductionVariants"][0]
    return variant
