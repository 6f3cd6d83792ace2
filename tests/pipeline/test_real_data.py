"""The lesson's own data: the rows that its pandas code gives, and the counts that plain XGBoost gives on them."""

import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from tests.pipeline.models import document, prepared
from tests.pipeline.running import Deployed, Run

DATA = os.environ.get("CREDITCARD_DATA", "")
pytestmark = pytest.mark.skipif(
    not DATA, reason="needs the lesson's creditcardfraud.zip: give its path as CREDITCARD_DATA"
)

PARTS = ("train", "validation", "test")
LESSON = {
    "max_depth": 5,
    "eta": 0.2,
    "gamma": 4,
    "min_child_weight": 6,
    "subsample": 0.8,
    "objective": "binary:logistic",
}
LESSON_ROUNDS = 100


@pytest.fixture(scope="module")
def execution(deployed: Deployed) -> str:
    """Of a run without tuning: what it serves is the model with the lesson's hyperparameters."""
    source = deployed.upload("creditcardfraud.zip", Path(DATA).read_bytes())
    return deployed.start({"data": {"source": source}, "tuning": {"enabled": False}})


@pytest.fixture(scope="module")
def lesson_parts(execution: str) -> dict[str, pd.DataFrame]:
    """The lesson's own lines, label first and split; done while the run is under way."""
    model_data = pd.read_csv(DATA)
    model_data = pd.concat([model_data["Class"], model_data.drop(["Class"], axis=1)], axis=1)
    shuffled = model_data.sample(frac=1, random_state=1729)
    train_end, validation_end = int(0.7 * len(model_data)), int(0.9 * len(model_data))
    parts = (shuffled[:train_end], shuffled[train_end:validation_end], shuffled[validation_end:])
    return dict(zip(PARTS, parts, strict=True))


@pytest.fixture(scope="module")
def lesson_run(deployed: Deployed, execution: str, lesson_parts: dict[str, pd.DataFrame]) -> Run:
    return deployed.finish(execution)


def matrix(part: pd.DataFrame) -> xgb.DMatrix:
    return xgb.DMatrix(part.iloc[:, 1:].to_numpy(), label=part.iloc[:, 0].to_numpy())


def test_the_run_reaches_its_end(lesson_run: Run) -> None:
    assert lesson_run.status == "SUCCEEDED", lesson_run.cause


def test_the_test_rows_batches_and_positives_are_the_lessons(lesson_run: Run) -> None:
    evaluation = lesson_run.output["evaluation"]
    assert (evaluation["rows"], evaluation["batches"], evaluation["positives"]) == (28_481, 57, 54)


def test_the_report_of_the_data_has_the_lessons_counts(deployed: Deployed, lesson_run: Run) -> None:
    report = document(deployed, lesson_run, "data_report.json")
    counts = {name: report[name] for name in ("rows", "positives", "missing_values")}
    assert counts == {"rows": 284_807, "positives": 492, "missing_values": 0}
    assert (len(report["features"]), report["amount_column"]) == (30, "Amount")


def test_rows_that_stand_in_several_parts_are_told(
    deployed: Deployed, lesson_run: Run, lesson_parts: dict[str, pd.DataFrame]
) -> None:
    duplicates = document(deployed, lesson_run, "data_report.json")["duplicates"]
    seen = lesson_parts["train"].drop_duplicates()
    measured_on = pd.concat([lesson_parts["validation"], lesson_parts["test"]])
    assert duplicates == {"rows": 1_081, "dropped": False, "across_parts": len(measured_on.merge(seen))}


def test_at_one_half_the_counts_are_those_of_plain_xgboost(
    lesson_run: Run, lesson_parts: dict[str, pd.DataFrame]
) -> None:
    parameters = {**LESSON, "nthread": 1}  # threads would wait for one another on a machine that has other work
    plain = xgb.train(parameters, matrix(lesson_parts["train"]), num_boost_round=LESSON_ROUNDS)
    called = plain.predict(matrix(lesson_parts["test"])) >= 0.5
    frauds = lesson_parts["test"]["Class"].to_numpy() == 1

    assert lesson_run.output["evaluation"]["at_0.5"]["confusion_matrix"] == {
        "tn": int(np.sum(~called & ~frauds)),
        "fp": int(np.sum(called & ~frauds)),
        "fn": int(np.sum(~called & frauds)),
        "tp": int(np.sum(called & frauds)),
    }


@pytest.mark.parametrize("name", PARTS)
def test_the_prepared_files_are_the_lessons_number_for_number_and_row_for_row(
    deployed: Deployed, lesson_run: Run, lesson_parts: dict[str, pd.DataFrame], name: str
) -> None:
    written = pd.read_csv(io.BytesIO(prepared(deployed, lesson_run, name)), header=None)
    assert np.array_equal(written.to_numpy(), lesson_parts[name].to_numpy())
