"""The evaluate function: rows through the endpoint, metrics as scikit-learn's, the gate."""

import io
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import boto3
import numpy as np
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from lambdas.evaluate.endpoint import COLD_START_PAUSES, SageMakerEndpoint
from lambdas.evaluate.errors import EndpointFailed, ModelAnswerError, UnusableRows
from lambdas.evaluate.evaluation import Request, evaluate
from lambdas.evaluate.gate import Gate
from lambdas.evaluate.metrics import ConfusionMatrix, Curve, Labels, Scores
from lambdas.evaluate.rows import Rows
from lambdas.evaluate.scoring import score
from lambdas.evaluate.storage import S3Store

EVENT: dict[str, Any] = {
    "run_id": "261123-164105-37a062",
    "bucket": "team",
    "prefix": "runs/r/",
    "endpoint_name": "fraud-261123-164105-37a062",
    "objective": {},
    "chosen": {"training_job": "fraud-1", "validation": 0.98},
}


class Bucket:
    """Objects in memory."""

    def __init__(self, **parts: str) -> None:
        self.objects = {f"team/runs/r/{name}/{name}.csv": text for name, text in parts.items()}

    def read(self, bucket: str, key: str) -> str:
        return self.objects[f"{bucket}/{key}"]

    def write(self, bucket: str, key: str, content: str) -> None:
        self.objects[f"{bucket}/{key}"] = content


class FirstFeature:
    """An endpoint whose answer to a row is the row's first feature."""

    name = "fraud-endpoint"

    def __init__(self, separator: str = "\n", end: str = "\n") -> None:
        self.separator, self.end = separator, end
        self.requests: list[str] = []
        self.lock = threading.Lock()

    def invoke(self, csv: str) -> str:
        with self.lock:
            self.requests.append(csv)
        return self.separator.join(line.partition(",")[0] for line in csv.split("\n")) + self.end


class Saying:
    """An endpoint that answers everything with the same words."""

    name = "fraud-endpoint"

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def invoke(self, csv: str) -> str:
        return self.answer


def rows_csv(labels_and_scores: Sequence[tuple[int, float]]) -> str:
    return "".join(f"{label},{value},7.5\n" for label, value in labels_and_scores)


VALIDATION = rows_csv([(0, 0.1), (0, 0.2), (1, 0.3), (1, 0.9)])
TEST = rows_csv([(0, 0.05), (0, 0.35), (1, 0.25), (1, 0.6), (0, 0.1)])


def evaluated(objective: dict[str, float] | None = None, test: str = TEST) -> dict[str, Any]:
    request = Request.read(EVENT | {"objective": objective or {}})
    return evaluate(request, Bucket(validation=VALIDATION, test=test), FirstFeature())


# --- The evaluation ---


def test_the_threshold_is_chosen_on_the_validation_rows_and_judged_on_the_test_rows() -> None:
    evaluation = evaluated()

    assert evaluation["threshold"] == 0.3
    assert evaluation["at_threshold"] == {
        "threshold": 0.3,
        "confusion_matrix": {"tn": 2, "fp": 1, "fn": 1, "tp": 1},
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
    }
    assert evaluation["at_0.5"]["confusion_matrix"] == {"tn": 3, "fp": 0, "fn": 1, "tp": 1}


def test_rows_batches_and_positives_are_the_test_rows() -> None:
    test = rows_csv([(int(row % 100 == 0), 0.5) for row in range(1001)])

    evaluation = evaluated(test=test)

    assert (evaluation["rows"], evaluation["batches"], evaluation["positives"]) == (1001, 3, 11)


def test_the_evaluation_is_left_in_the_bucket_as_it_is_returned() -> None:
    bucket = Bucket(validation=VALIDATION, test=TEST)

    evaluation = evaluate(Request.read(EVENT), bucket, FirstFeature())

    assert json.loads(bucket.objects["team/runs/r/evaluation.json"]) == evaluation


def test_the_evaluation_tells_which_run_endpoint_and_model_it_judges() -> None:
    evaluation = evaluated()

    assert evaluation["run_id"] == EVENT["run_id"]
    assert evaluation["endpoint_name"] == EVENT["endpoint_name"]
    assert evaluation["chosen"] == EVENT["chosen"]


# --- The gate ---


def test_without_an_objective_everything_passes() -> None:
    evaluation = evaluated()

    assert (evaluation["objective"], evaluation["passed"], evaluation["reason"]) == ([], True, "")


def test_a_metric_below_its_minimum_fails_the_run_with_the_reason() -> None:
    evaluation = evaluated({"recall": 0.8, "precision": 0.5})

    assert evaluation["passed"] is False
    assert evaluation["reason"] == "recall 0.5 is below the minimum 0.8"
    assert evaluation["objective"] == [
        {"metric": "recall", "minimum": 0.8, "value": 0.5, "passed": False},
        {"metric": "precision", "minimum": 0.5, "value": 0.5, "passed": True},
    ]


def test_every_metric_can_be_asked_for() -> None:
    minimums = {"recall": 0.5, "precision": 0.5, "f1": 0.5, "roc_auc": 0.5, "average_precision": 0.5}

    assert evaluated(minimums)["passed"] is True


def test_a_value_just_below_the_minimum_does_not_read_as_the_minimum() -> None:
    gate = Gate.of({"recall": 0.8}, {"recall": 0.79999})

    assert gate.reason == "recall 0.7999 is below the minimum 0.8"


# --- Requests and answers ---


def scored(csv: str, endpoint: Any) -> Scores:
    rows = Rows.parse(csv, "test")
    return score(rows.batches(500), "test", endpoint)


def test_a_request_has_500_rows_at_most_without_labels_and_no_newline_at_its_end() -> None:
    endpoint = FirstFeature()

    scored("".join(f"{row % 2},0.{row:04},\n" for row in range(1200)), endpoint)

    sent = sorted(endpoint.requests)
    assert [len(request.split("\n")) for request in sent] == [500, 500, 200]
    assert sent[0].startswith("0.0000,\n0.0001,\n")
    assert sent[2].endswith("0.1199,")


@pytest.mark.parametrize(("separator", "end"), [("\n", "\n"), ("\n", ""), (",", ""), (",", "\n"), (", ", "")])
def test_scores_come_in_the_order_of_the_rows_however_the_container_separates_them(separator: str, end: str) -> None:
    values = [round(row / 3000, 6) for row in range(3000)]

    scores = scored(rows_csv([(row % 2, value) for row, value in enumerate(values)]), FirstFeature(separator, end))

    assert scores.tolist() == values


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        ("0.1\n0.2\n0.3\n", "3 numbers for its 2 rows"),
        ("0.1\n", "1 numbers for its 2 rows"),
        ("", "0 numbers for its 2 rows"),
        ("0.1\nfraud\n", "'fraud' where a number belongs"),
        ("0.1\nnan\n", "nan, which is no probability"),
        ("0.1\n1.5\n", "1.5, which is no probability"),
        ("-0.1\n1\n", "-0.1, which is no probability"),
    ],
)
def test_an_answer_that_is_not_a_probability_a_row_is_refused(answer: str, got: str) -> None:
    with pytest.raises(ModelAnswerError, match="fraud-endpoint answered request 1 of 1 with test rows") as refused:
        scored("0,1\n1,2\n", Saying(answer))

    assert got in str(refused.value)


@pytest.mark.parametrize("csv", ["", "0,1\n0,2\n", "1,1\n", "0,1\n1,1\n2,1\n", "Class,V1\n0,1\n1,2\n", "nan,1\n1,1\n"])
def test_rows_without_both_labels_and_no_others_are_refused(csv: str) -> None:
    with pytest.raises(UnusableRows, match="test rows"):
        Rows.parse(csv, "test")


# --- Metrics ---


@st.composite
def labels_and_scores(draw: st.DrawFn) -> tuple[Labels, Scores]:
    """Few distinct scores, so that many are equal, or any at all."""
    size = draw(st.integers(2, 60))
    value = draw(st.sampled_from([st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1, width=32), st.just(0.5)]))
    labels = np.array(draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)), dtype=np.int64)
    assume(0 < labels.sum() < size)
    return labels, np.array(draw(st.lists(value, min_size=size, max_size=size)), dtype=np.float64)


@settings(deadline=None)
@given(labels_and_scores())
def test_the_areas_are_scikit_learns(case: tuple[Labels, Scores]) -> None:
    labels, scores = case
    curve = Curve.of(labels, scores)

    assert curve.roc_auc() == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)
    assert curve.average_precision() == pytest.approx(average_precision_score(labels, scores), abs=1e-9)


@settings(deadline=None)
@given(labels_and_scores(), st.floats(0, 1))
def test_the_confusion_matrix_and_its_ratios_are_scikit_learns(case: tuple[Labels, Scores], threshold: float) -> None:
    labels, scores = case
    called = scores >= threshold
    matrix = ConfusionMatrix.at(threshold, labels, scores)

    assert [[matrix.tn, matrix.fp], [matrix.fn, matrix.tp]] == confusion_matrix(labels, called, labels=[0, 1]).tolist()
    assert matrix.precision == pytest.approx(precision_score(labels, called, zero_division=0), abs=1e-9)
    assert matrix.recall == pytest.approx(recall_score(labels, called, zero_division=0), abs=1e-9)
    assert matrix.f1 == pytest.approx(f1_score(labels, called, zero_division=0), abs=1e-9)


@settings(deadline=None)
@given(labels_and_scores())
def test_no_other_threshold_has_a_better_f1_and_no_higher_one_an_equal(case: tuple[Labels, Scores]) -> None:
    labels, scores = case

    chosen = Curve.of(labels, scores).best_f1_threshold()

    best = ConfusionMatrix.at(chosen, labels, scores).f1
    for threshold in np.unique(scores):
        other = ConfusionMatrix.at(float(threshold), labels, scores).f1
        assert other < best or (other == best and threshold <= chosen)


# --- The endpoint and the bucket, as boto3 reaches them ---


@pytest.fixture
def runtime() -> Iterator[Stubber]:
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    with Stubber(boto3.client("sagemaker-runtime", region_name="us-east-1", config=config)) as stubber:
        yield stubber


def body(text: str) -> dict[str, Any]:
    return {"Body": StreamingBody(io.BytesIO(text.encode()), len(text))}


def model_error(runtime: Stubber, status: int) -> None:
    runtime.add_client_error(
        "invoke_endpoint", "ModelError", "the container's words", 424, modeled_fields={"OriginalStatusCode": status}
    )


def no_pause(seconds: float) -> None:
    raise AssertionError("nothing to wait for")


def endpoint_with(runtime: Stubber, sleep: Callable[[float], None]) -> SageMakerEndpoint:
    return SageMakerEndpoint("fraud-endpoint", runtime.client, sleep)


def test_rows_are_sent_and_answered_as_csv(runtime: Stubber) -> None:
    sent = {"EndpointName": "fraud-endpoint", "Body": b"1,2", "ContentType": "text/csv", "Accept": "text/csv"}
    runtime.add_response("invoke_endpoint", body("0.5\n"), sent)

    assert endpoint_with(runtime, no_pause).invoke("1,2") == "0.5\n"


def test_a_container_that_is_still_starting_is_asked_again(runtime: Stubber) -> None:
    pauses: list[float] = []
    model_error(runtime, 503)
    model_error(runtime, 500)
    runtime.add_response("invoke_endpoint", body("0.5\n"))

    assert endpoint_with(runtime, pauses.append).invoke("1,2") == "0.5\n"
    assert pauses == list(COLD_START_PAUSES[:2])


def test_a_container_that_keeps_failing_fails_the_evaluation_with_its_own_words(runtime: Stubber) -> None:
    pauses: list[float] = []
    for _ in range(len(COLD_START_PAUSES) + 1):
        model_error(runtime, 500)

    with pytest.raises(EndpointFailed, match=r"fraud-endpoint did not answer.*the container's words"):
        endpoint_with(runtime, pauses.append).invoke("1,2")

    assert len(pauses) == len(COLD_START_PAUSES)


def test_a_request_that_the_container_refuses_is_not_repeated(runtime: Stubber) -> None:
    model_error(runtime, 415)

    with pytest.raises(EndpointFailed):
        endpoint_with(runtime, no_pause).invoke("1,2")


def test_an_endpoint_that_is_not_there_fails_the_evaluation(runtime: Stubber) -> None:
    runtime.add_client_error("invoke_endpoint", "ValidationError", "Endpoint fraud-endpoint not found.")

    with pytest.raises(EndpointFailed, match="not found"):
        endpoint_with(runtime, no_pause).invoke("1,2")


def test_an_endpoint_that_falls_silent_fails_the_evaluation() -> None:
    class Silent:
        def invoke_endpoint(self, **request: object) -> object:
            raise ReadTimeoutError(endpoint_url="https://runtime.sagemaker")

    with pytest.raises(EndpointFailed, match="Read timeout"):
        SageMakerEndpoint("fraud-endpoint", Silent(), no_pause).invoke("1,2")


def test_the_store_reads_and_writes_text() -> None:
    client = boto3.client("s3", region_name="us-east-1", config=Config(signature_version=UNSIGNED))
    with Stubber(client) as s3:
        s3.add_response("get_object", body("0,1\n"), {"Bucket": "b", "Key": "k"})
        s3.add_response("put_object", {}, {"Bucket": "b", "Key": "k", "Body": b"{}", "ContentType": "application/json"})
        store = S3Store(client)

        assert store.read("b", "k") == "0,1\n"
        store.write("b", "k", "{}")
