"""What a run leaves for people to read: its report, how the tuning went, and what the data is like."""

import hashlib
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.pipeline.models import document, rows, tuned_jobs
from tests.pipeline.running import Deployed, Run

PARTS = ("train", "validation", "test")


# --- the report ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(deployed: Deployed, full_run: Run) -> bytes:
    """The report in the bucket."""
    assert full_run.output["report"] == f"s3://{deployed.bucket}/{full_run.prefix}report.html"
    return deployed.read(f"{full_run.prefix}report.html")


def test_the_report_is_about_the_run(full_run: Run, page: bytes) -> None:
    text = page.decode()
    assert text.lower().startswith("<!doctype html>")
    assert full_run.run_id in text
    assert full_run.output["evaluation"]["chosen"]["job_name"] in text


@pytest.fixture(scope="module")
def browser(deployed: Deployed) -> urllib.request.OpenerDirector:
    """Has no credentials, and trusts the cloud's certificate."""
    tls = ssl.create_default_context(cafile=deployed.app.cloud.environment["AWS_CA_BUNDLE"])
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=tls))


def test_its_link_opens_for_anyone(full_run: Run, page: bytes, browser: urllib.request.OpenerDirector) -> None:
    with browser.open(full_run.output["report_url"]) as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.read() == page


def test_without_the_links_signature_it_does_not(full_run: Run, browser: urllib.request.OpenerDirector) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        browser.open(full_run.output["report_url"].partition("?")[0])


# --- the tuning ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def history(deployed: Deployed, full_run: Run) -> dict[str, Any]:
    return document(deployed, full_run, "tuning_history.json")


@pytest.fixture(scope="module")
def children(deployed: Deployed, full_run: Run) -> dict[str, dict[str, Any]]:
    """The tuning job's training jobs, described, by name."""
    return {job["TrainingJobName"]: job for job in tuned_jobs(deployed, full_run)}


def test_the_tuning_history_names_every_job_in_the_order_of_their_start(
    full_run: Run, history: dict[str, Any], children: dict[str, dict[str, Any]]
) -> None:
    started = sorted(children.values(), key=lambda job: (job["TrainingStartTime"], job["TrainingJobName"]))
    assert history["tuning_job"] == f"{full_run.name}-0"
    assert history["objective"] == {"name": "validation:auc", "type": "Maximize"}
    assert [job["job_name"] for job in history["jobs"]] == [job["TrainingJobName"] for job in started]


def test_it_has_what_each_of_them_reached(history: dict[str, Any], children: dict[str, dict[str, Any]]) -> None:
    for job in history["jobs"]:
        reached = {m["MetricName"]: m["Value"] for m in children[job["job_name"]]["FinalMetricDataList"]}
        assert (job["status"], job["metrics"]) == ("Completed", pytest.approx(reached))
        assert job["value"] == pytest.approx(reached["validation:auc"])


def test_it_has_the_hyperparameters_that_each_of_them_tried(
    history: dict[str, Any], children: dict[str, dict[str, Any]]
) -> None:
    for job in history["jobs"]:
        given = children[job["job_name"]]["HyperParameters"]
        assert job["hyperparameters"].keys() == {"alpha", "eta", "max_depth", "min_child_weight"}
        assert job["hyperparameters"].items() <= given.items()


# --- the data -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data_report(deployed: Deployed, full_run: Run) -> dict[str, Any]:
    return document(deployed, full_run, "data_report.json")


@pytest.fixture(scope="module")
def table(sample: Path) -> pd.DataFrame:
    return pd.read_csv(sample)


def test_the_data_report_counts_what_is_in_the_file(data_report: dict[str, Any], table: pd.DataFrame) -> None:
    counted = {
        "rows": len(table),
        "positives": int(table["Class"].sum()),
        "missing_values": int(table.isna().to_numpy().sum()),
    }
    assert {name: data_report[name] for name in counted} == counted
    assert data_report["duplicates"] == {"rows": int(table.duplicated().sum()), "dropped": False, "across_parts": 0}


def test_it_has_the_fingerprint_of_the_file(source: str, data_report: dict[str, Any], sample: Path) -> None:
    fingerprint = hashlib.sha256(sample.read_bytes()).hexdigest()
    assert (data_report["source"], data_report["sha256"]) == (source, fingerprint)


def test_its_parts_are_those_in_the_bucket(deployed: Deployed, full_run: Run, data_report: dict[str, Any]) -> None:
    labels = {part: rows(deployed, full_run, part).labels for part in PARTS}
    counted = {part: {"rows": len(labels[part]), "positives": int(labels[part].sum())} for part in PARTS}
    assert data_report["parts"] == counted


def test_its_features_are_the_columns_of_the_file_but_for_the_label(
    data_report: dict[str, Any], table: pd.DataFrame
) -> None:
    assert data_report["features"] == [name for name in table.columns if name != "Class"]
    assert data_report["amount_column"] == "Amount"
