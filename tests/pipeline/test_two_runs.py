"""Two runs in one account at a time, as different as the input allows: neither touches the other."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from tests.pipeline.models import answers, archive, booster, rows
from tests.pipeline.running import HOSTING, JOBS, Deployed, Run, arn

ROUNDS = 300


class Pair(NamedTuple):
    """`script` stops early, is tuned and serves serverless; `builtin` does none of that and serves on an instance."""

    script: Run
    builtin: Run


@pytest.fixture(scope="module")
def pair(deployed: Deployed, source: str, sample: Path) -> Iterator[Pair]:
    half = pd.read_csv(sample).iloc[::2].rename(columns={"Class": "Fraud"})
    other_source = deployed.upload("half.csv", half.to_csv(index=False).encode())
    script = deployed.start(
        {
            "data": {"source": source},
            "hyperparameters": {"num_round": ROUNDS, "early_stopping_rounds": 5},
            "tuning": {"max_jobs": 2, "max_parallel_jobs": 1, "strategy": "Random"},
            "endpoint": {"serverless": {"memory_size_in_mb": 1024, "max_concurrency": 4}, "ttl_minutes": 90},
        }
    )
    builtin = deployed.start(
        {
            "data": {"source": other_source, "label_column": "Fraud"},
            "training": {"mode": "builtin"},
            "tuning": {"enabled": False},
            "endpoint": {"instance_type": "ml.m5.large", "initial_instance_count": 1},
            "objective": {"roc_auc": 0.5, "recall": 0},
        }
    )
    runs = Pair(deployed.finish(script), deployed.finish(builtin))
    yield runs
    for run in runs:
        deployed.remove(run)


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
    for run, jobs in zip(pair, (4, 1), strict=True):  # trained, tuning, and two of the tuning job; trained alone
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
        predicted = booster(deployed, run.output["chosen"]["model_data"]).predict(part.matrix)
        assert np.allclose(answers(deployed, run.name, part.lines), predicted, rtol=1e-6), run.name


# --- what the inputs asked for ------------------------------------------------------------------------------------


def test_early_stopping_ends_the_training_before_its_last_round(deployed: Deployed, trained: Jobs) -> None:
    artifact = trained.script["ModelArtifacts"]["S3ModelArtifacts"]
    assert booster(deployed, artifact).num_boosted_rounds() < ROUNDS


def test_as_many_jobs_are_tuned_as_asked_one_at_a_time(deployed: Deployed, pair: Pair) -> None:
    listed = deployed.client("sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=f"{pair.script.name}-0"
    )
    jobs = sorted(listed["TrainingJobSummaries"], key=lambda job: job["TrainingStartTime"])
    assert len(jobs) == 2
    assert jobs[0]["TrainingEndTime"] <= jobs[1]["TrainingStartTime"]


def test_no_tuning_job_where_tuning_is_off(pair: Pair) -> None:
    assert "Keep the trained model" in pair.builtin.states
    assert "Tune the model" not in pair.builtin.states


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


# --- modes --------------------------------------------------------------------------------------------------------


def test_builtin_mode_leaves_a_model_and_nothing_else_in_the_archive(deployed: Deployed, trained: Jobs) -> None:
    assert set(archive(deployed, trained.builtin["ModelArtifacts"]["S3ModelArtifacts"])) == {"xgboost-model"}


def test_script_mode_leaves_the_same_archive(deployed: Deployed, trained: Jobs) -> None:
    assert set(archive(deployed, trained.script["ModelArtifacts"]["S3ModelArtifacts"])) == {"xgboost-model"}


def test_builtin_mode_uploads_no_code(deployed: Deployed, pair: Pair) -> None:
    assert deployed.objects(f"{pair.script.prefix}code/")
    assert not deployed.objects(f"{pair.builtin.prefix}code/")


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

    deployed.remove(pair.builtin)

    assert deployed.sagemaker() == others
    part = rows(deployed, pair.script, "test")
    assert len(answers(deployed, pair.script.name, part.lines)) == len(part.labels)


def _variant(deployed: Deployed, run: Run) -> dict[str, Any]:
    endpoint = deployed.client("sagemaker").describe_endpoint(EndpointName=run.name)
    variant: dict[str, Any] = endpoint["ProductionVariants"][0]
    return variant
