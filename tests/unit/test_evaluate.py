"""The evaluate function: what the run left read, rows through the endpoint, and what is told of the answers."""

import io
import json
import tarfile
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
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from lambdas.evaluate.choice import Choice
from lambdas.evaluate.endpoint import COLD_START_PAUSES, SageMakerEndpoint
from lambdas.evaluate.errors import EndpointFailed, ModelAnswerError, UnreadableFile, UnusableChoice, UnusableRows
from lambdas.evaluate.evaluation import evaluate
from lambdas.evaluate.latency import Timed, latency
from lambdas.evaluate.metrics import Scores
from lambdas.evaluate.request import Request
from lambdas.evaluate.rows import Rows
from lambdas.evaluate.scoring import BYTES_A_REQUEST, ROWS_A_REQUEST, score
from lambdas.evaluate.slices import slices
from lambdas.evaluate.storage import S3Store

EVENT: dict[str, Any] = {
    "run_id": "261123-164105-37a062",
    "bucket": "team",
    "prefix": "runs/r/",
    "endpoint_name": "fraud-261123-164105-37a062",
    "choose_job": "fraud-choose",
    "objective": {},
    "costs": None,
}

CHOICE: dict[str, Any] = {
    "candidates": [
        {"job_name": "fraud-t-2", "source": "tuned", "average_precision": 0.87, "roc_auc": 0.98},
        {"job_name": "fraud-1", "source": "trained", "average_precision": 0.86, "roc_auc": 0.97},
    ],
    "skipped": [],
    "chosen": {"job_name": "fraud-t-2", "source": "tuned", "average_precision": 0.87},
    "trained": {"job_name": "fraud-1", "average_precision": 0.86},
    "threshold": {"objective": "best_f1", "minimum": None, "value": 0.3, "reached": True, "precision": 1, "recall": 1},
    "validation": {"rows": 400, "positives": 8},
}

DATA_REPORT = {"features": ["Score", "Amount"], "amount_column": "Amount"}


def archive(members: dict[str, str]) -> bytes:
    """A job's output.tar.gz with the texts of `members` by path."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as files:
        for path, text in members.items():
            member = tarfile.TarInfo(path)
            member.size = len(text)
            files.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def choice_with(**threshold: Any) -> str:
    return json.dumps(CHOICE | {"threshold": CHOICE["threshold"] | threshold})


class Bucket:
    """Objects in memory: what the earlier steps of a run leave."""

    def __init__(self, test: str, choice: str = json.dumps(CHOICE), report: dict[str, Any] = DATA_REPORT) -> None:
        self.types: dict[str, str] = {}
        self.objects = {
            "team/runs/r/test/test.csv": test.encode(),
            "team/runs/r/choice/fraud-choose/output/output.tar.gz": archive({"choice.json": choice}),
            "team/runs/r/data_report.json": json.dumps(report).encode(),
        }

    def read(self, bucket: str, key: str) -> bytes:
        return self.objects[f"{bucket}/{key}"]

    def write(self, bucket: str, key: str, content: str, content_type: str) -> None:
        self.objects[f"{bucket}/{key}"] = content.encode()
        self.types[f"{bucket}/{key}"] = content_type

    def json(self, name: str) -> Any:
        return json.loads(self.objects[f"team/runs/r/{name}"], parse_constant=self._no_json)

    def _no_json(self, constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")


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


def rows_csv(labels_and_scores: Sequence[tuple[int, float]], amount: str = "7.5") -> str:
    return "".join(f"{label},{value},{amount}\n" for label, value in labels_and_scores)


TEST = rows_csv([(0, 0.05), (0, 0.35), (1, 0.25), (1, 0.6), (0, 0.1)])


def evaluated(bucket: Bucket | None = None, endpoint: Any = None, **event: Any) -> dict[str, Any]:
    return evaluate(Request.read(EVENT | event), bucket or Bucket(TEST), endpoint or FirstFeature())


# --- The evaluation ---


def test_the_test_rows_are_judged_at_the_chosen_threshold_and_at_a_half() -> None:
    evaluation = evaluated()

    assert evaluation["at_threshold"] == {
        "threshold": 0.3,
        "confusion_matrix": {"tn": 2, "fp": 1, "fn": 1, "tp": 1},
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
    }
    assert evaluation["at_0.5"]["confusion_matrix"] == {"tn": 3, "fp": 0, "fn": 1, "tp": 1}
    assert evaluation["roc_auc"] == pytest.approx(roc_auc_score([0, 0, 1, 1, 0], [0.05, 0.35, 0.25, 0.6, 0.1]))


def test_only_the_test_rows_are_sent() -> None:
    endpoint = FirstFeature()

    evaluated(endpoint=endpoint)

    assert endpoint.requests == ["0.05,7.5\n0.35,7.5\n0.25,7.5\n0.6,7.5\n0.1,7.5"]


def test_rows_batches_and_positives_are_counted() -> None:
    test = rows_csv([(int(row % 100 == 0), 0.5) for row in range(1001)])

    evaluation = evaluated(Bucket(test))

    assert (evaluation["rows"], evaluation["batches"], evaluation["positives"]) == (1001, 3, 11)
    assert evaluation["latency"]["requests"] == 3


def test_the_evaluation_is_left_in_the_bucket_and_returned_without_its_curves() -> None:
    bucket = Bucket(TEST)

    returned = evaluated(bucket)

    left = bucket.json("evaluation.json")
    assert set(left.pop("curves")) == {"precision_recall", "roc", "sweep", "scores"}
    assert left == returned
    assert bucket.types["team/runs/r/evaluation.json"] == "application/json"


def test_the_evaluation_tells_which_run_endpoint_and_model_it_judges() -> None:
    evaluation = evaluated(Bucket(TEST, choice_with(objective="recall_at_precision", reached=False)))

    assert evaluation["run_id"] == EVENT["run_id"]
    assert evaluation["endpoint_name"] == EVENT["endpoint_name"]
    assert evaluation["chosen"] == {
        "source": "tuned",
        "job_name": "fraud-t-2",
        "average_precision": 0.87,
        "trained_average_precision": 0.86,
        "candidates": 2,
    }
    assert evaluation["threshold"] == 0.3
    assert (evaluation["threshold_objective"], evaluation["threshold_reached"]) == ("recall_at_precision", False)


def test_every_metric_but_money_has_its_interval_around_it() -> None:
    random = np.random.default_rng(7)
    labels = (np.arange(600) % 10 == 0).astype(int)
    scores = np.round(np.clip(random.normal(0.3 + 0.2 * labels, 0.2), 0, 1), 2)

    evaluation = evaluated(Bucket(rows_csv(list(zip(labels.tolist(), scores.tolist(), strict=True)))))

    intervals = evaluation["intervals"]
    assert (intervals["confidence"], intervals["resamples"]) == (0.95, 1000)
    values = {
        **{metric: evaluation["at_threshold"][metric] for metric in ("recall", "precision", "f1")},
        **{f"{metric}_at_0.5": evaluation["at_0.5"][metric] for metric in ("recall", "precision", "f1")},
        **{metric: evaluation[metric] for metric in ("roc_auc", "average_precision")},
    }
    assert set(intervals["bounds"]) == set(values)
    assert all(low < values[metric] < high for metric, (low, high) in intervals["bounds"].items())


def test_every_metric_can_be_asked_for_and_so_can_its_lower_bound() -> None:
    metrics = ("recall", "precision", "f1", "recall_at_0.5", "precision_at_0.5", "f1_at_0.5", "roc_auc")
    costs = {"missed_fraud": 10, "false_alarm": 1}
    for lower_bound in (False, True):
        asked = {"minimum": 0, "lower_bound": lower_bound}
        objective = dict.fromkeys((*metrics, "average_precision"), asked)
        money = {"money_saved": {"minimum": -1000, "lower_bound": lower_bound}}

        evaluation = evaluated(objective=objective | money, costs=costs)

        assert evaluation["passed"] is True
        assert [each["metric"] for each in evaluation["objective"]] == [*objective, "money_saved"]


def test_a_missed_objective_is_told_with_metric_value_and_minimum() -> None:
    evaluation = evaluated(objective={"recall": {"minimum": 0.8, "lower_bound": False}})

    assert evaluation["passed"] is False
    assert evaluation["reason"] == "recall 0.5 is below the minimum 0.8"


def test_what_rows_of_one_class_leave_undefined_is_null_and_passes_no_gate() -> None:
    bucket = Bucket(rows_csv([(0, 0.1), (0, 0.4)]))

    evaluated(bucket, objective={"roc_auc": {"minimum": 0, "lower_bound": False}})

    left = bucket.json("evaluation.json")
    assert left["roc_auc"] is None
    assert left["intervals"]["bounds"] == {}
    assert left["passed"] is False
    assert left["reason"] == "roc_auc is undefined for these test rows, and does not reach the minimum 0"


# --- The choice ---


def test_the_choice_is_left_as_the_job_wrote_it_beside_the_evaluation() -> None:
    text = json.dumps(CHOICE, indent=3)
    bucket = Bucket(TEST, text)

    evaluated(bucket)

    assert bucket.objects["team/runs/r/choice.json"].decode() == text


def test_the_choice_is_found_by_its_path_in_the_archive() -> None:
    text = json.dumps(CHOICE)

    assert Choice.unpack(archive({"other.json": "{}", "./choice.json": text}), "fraud-choose").text == text
    with pytest.raises(UnusableChoice):
        Choice.unpack(archive({"other/choice.json": text}), "fraud-choose")


@pytest.mark.parametrize(
    ("packed", "why"),
    [
        (archive({}), "KeyError: 'choice.json'"),
        (archive({"other.json": "{}"}), "KeyError: 'choice.json'"),
        (archive({"choice.json": "{"}), "JSONDecodeError"),
        (archive({"choice.json": "[]"}), "TypeError"),
        (archive({"choice.json": "{}"}), "KeyError: 'chosen'"),
        (archive({"choice.json": choice_with(value=None)}), "TypeError"),
        (archive({"choice.json": choice_with(value=float("inf"))}), "the threshold is not finite"),
        (archive({"choice.json": json.dumps(CHOICE)})[:-30], "EOFError|ReadError"),
        (b"no archive", "ReadError"),
    ],
    # Names of their own: an archive's bytes hold the second of its making, on which two workers needn't agree.
    ids=["empty", "other", "cut", "list", "bare", "none", "infinite", "torn", "text"],
)
def test_an_archive_without_a_usable_choice_is_refused_with_the_jobs_name(packed: bytes, why: str) -> None:
    with pytest.raises(UnusableChoice, match=f"of the job fraud-choose has no choice.json .*({why})"):
        Choice.unpack(packed, "fraud-choose")


# --- Money ---

# At the threshold 0.3 a fraud of 40 is missed and another of 250 found, and there is a false alarm.
AMOUNTS = "0,0.05,10\n0,0.35,3\n1,0.25,40\n1,0.6,250\n0,0.1,\n"


def test_money_is_what_the_mistakes_cost_with_and_without_the_model() -> None:
    evaluation = evaluated(Bucket(AMOUNTS), costs={"missed_fraud": 100, "false_alarm": 2.5})

    assert evaluation["money"] == {
        "missed_fraud": 100,
        "false_alarm": 2.5,
        "without_model": 200,
        "at_threshold": {"cost": 102.5, "saved": 97.5},
        "at_0.5": {"cost": 100, "saved": 100},
    }


def test_a_missed_fraud_can_cost_its_own_amount() -> None:
    evaluation = evaluated(Bucket(AMOUNTS), costs={"missed_fraud": "amount", "false_alarm": 2.5})

    assert evaluation["money"] == {
        "missed_fraud": "amount",
        "false_alarm": 2.5,
        "without_model": 290,
        "at_threshold": {"cost": 42.5, "saved": 247.5},
        "at_0.5": {"cost": 40, "saved": 250},
    }


def test_the_amount_is_the_column_that_the_data_report_names() -> None:
    report = {"features": ["Score", "Other", "Value"], "amount_column": "Value"}
    test = "0,0.1,1,2\n1,0.2,1,30\n1,0.9,1,400\n"

    evaluation = evaluated(Bucket(test, report=report), costs={"missed_fraud": "amount", "false_alarm": 0})

    assert evaluation["money"]["without_model"] == 430


def test_without_costs_there_is_no_money() -> None:
    bucket = Bucket(TEST)

    evaluated(bucket)

    left = bucket.json("evaluation.json")
    assert left["money"] is None
    assert left["curves"]["sweep"]["cost"] is None


@pytest.mark.parametrize(
    ("test", "report", "why"),
    [
        (TEST, DATA_REPORT | {"amount_column": None}, 'is "amount", but the data has no amount column'),
        (TEST, DATA_REPORT | {"amount_column": "Value"}, "'Value', which is none of its features"),
        ("0,0.1,1\n1,0.2,\n1,0.9,3\n", DATA_REPORT, "1 of the 2 fraudulent test rows have none"),
        ("0,0.1,1\n1,0.2\n", DATA_REPORT, "Feature 2 is not a number in every row"),
        ("0,0.1,1\n1,0.2,secret\n", DATA_REPORT, "Feature 2 is not a number in every row"),
    ],
)
def test_amounts_that_are_asked_for_and_missing_are_told_before_the_endpoint_is_asked(
    test: str, report: dict[str, Any], why: str
) -> None:
    endpoint = FirstFeature()

    with pytest.raises(UnusableRows, match=why) as refused:
        evaluated(Bucket(test, report=report), endpoint, costs={"missed_fraud": "amount", "false_alarm": 1})

    assert endpoint.requests == []
    assert "secret" not in str(refused.value)


# --- Slices ---


def judged_slices(labels: list[int], scores: list[float], amounts: list[float] | None) -> list[dict[str, Any]]:
    found = slices(np.array(labels), np.array(scores), None if amounts is None else np.array(amounts))
    return [each.as_json(0.5) for each in found]


def ranges(labels: list[int], amounts: list[float]) -> list[tuple[float, float, int, int]]:
    found = judged_slices(labels, [0.5] * len(labels), amounts)
    return [(each["from"], each["to"], each["rows"], each["positives"]) for each in found]


def test_slices_reach_from_quartile_to_quartile_of_the_amounts_and_the_last_has_the_highest() -> None:
    assert ranges([0, 1, 0, 0, 1, 0, 0, 0, 1], [8, 7, 6, 5, 4, 3, 2, 1, 0]) == [
        (0, 2, 2, 1),
        (2, 4, 2, 0),
        (4, 6, 2, 1),
        (6, 8, 3, 1),
    ]


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ([1, 1, 1, 1, 1, 1, 5, 9], [(1, 2, 6, 0), (2, 9, 2, 0)]),
        ([1, 5, 9, 9, 9, 9, 9, 9], [(1, 8, 2, 0), (8, 9, 6, 0)]),
        ([1, 2, 5, 5, 5, 5, 8, 9], [(1, 4.25, 2, 0), (5, 5.75, 4, 0), (5.75, 9, 2, 0)]),
        ([3, 3, 3], [(3, 3, 3, 0)]),
        ([3], [(3, 3, 1, 0)]),
    ],
)
def test_equal_quartiles_make_one_edge(amounts: list[float], expected: list[tuple[float, float, int, int]]) -> None:
    assert ranges([0] * len(amounts), amounts) == expected


def test_empty_slices_are_left_out_and_rows_without_amount_are_in_none() -> None:
    assert ranges([0, 1, 1], [1, 101, np.nan]) == [(1, 26, 1, 0), (76, 101, 1, 1)]


def test_without_amounts_there_are_no_slices() -> None:
    assert judged_slices([0, 1], [0.1, 0.2], None) == []
    assert judged_slices([0, 1], [0.1, 0.2], [np.nan, np.nan]) == []


def test_a_slices_metrics_are_scikit_learns_on_its_rows() -> None:
    random = np.random.default_rng(3)
    labels, amounts = random.integers(0, 2, 200), random.permutation(200).astype(float)
    scores = np.round(random.random(200), 1)

    found = judged_slices(labels.tolist(), scores.tolist(), amounts.tolist())

    for quarter, each in enumerate(found):
        inside = amounts // 50 == quarter
        of_slice, called = (labels[inside], scores[inside]), scores[inside] >= 0.5
        assert {name: each[name] for name in each if name not in ("from", "to")} == pytest.approx(
            {
                "rows": 50,
                "positives": of_slice[0].sum(),
                "precision": precision_score(of_slice[0], called),
                "recall": recall_score(of_slice[0], called),
                "f1": f1_score(of_slice[0], called),
                "average_precision": average_precision_score(*of_slice),
                "roc_auc": roc_auc_score(*of_slice),
            },
            abs=1e-9,
        )


@pytest.mark.parametrize(
    ("label", "score_of_all", "undefined"),
    [
        (0, 0.1, {"precision", "recall", "f1", "average_precision", "roc_auc"}),
        (0, 0.9, {"recall", "average_precision", "roc_auc"}),
        (1, 0.1, {"precision", "roc_auc"}),
        (1, 0.9, {"roc_auc"}),
    ],
)
def test_what_is_undefined_in_a_slice_is_none(label: int, score_of_all: float, undefined: set[str]) -> None:
    (found,) = judged_slices([label, label], [score_of_all, score_of_all], [5, 5])

    assert {name for name, value in found.items() if value is None} == undefined


def test_the_evaluation_has_slices_by_the_data_reports_amounts() -> None:
    found = evaluated(Bucket("0,0.05,10\n0,0.35,30\n1,0.25,40\n1,0.6,20\n0,0.1,50\n"))["slices"]

    assert [(each["from"], each["to"], each["rows"], each["recall"]) for each in found] == [
        (10, 20, 1, None),
        (20, 30, 1, 1),
        (30, 40, 1, None),
        (40, 50, 2, 0),
    ]


# --- Latency ---


class OwnClock(threading.local):
    """A clock for each thread, so that requests at the same time don't move one another's."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_requests_time_is_what_passes_from_its_sending_to_its_answer() -> None:
    clock = OwnClock()

    class Slow(FirstFeature):
        def invoke(self, csv: str) -> str:
            clock.now += csv.count("\n") + 1
            return super().invoke(csv)

    timed = Timed(Slow(), clock)
    rows = Rows.parse("".join(f"{row % 2},0.5\n" for row in range(1100)), "test")

    score(rows.batches(500, 4_000_000), "test", timed)

    assert sorted(timed.seconds) == [100, 500, 500]


def test_latency_is_told_in_seconds_to_the_millisecond() -> None:
    assert latency([0.0101, 0.0204, 0.0306, 4.1236]) == {
        "requests": 4,
        "rows_a_request": 500,
        "seconds": {"median": 0.026, "p95": 3.51, "longest": 4.124},
    }


# --- Requests and answers ---


def scored(csv: str, endpoint: Any) -> Scores:
    rows = Rows.parse(csv, "test")
    return score(rows.batches(500, 4_000_000), "test", endpoint)


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

    assert scores.tolist() == np.array(values, dtype=np.float32).tolist()


@pytest.mark.parametrize("written", ["0.3", "0.30000001", "0.30000001192092896"])
def test_a_score_of_single_precision_is_the_same_however_many_digits_it_is_written_with(written: str) -> None:
    """Else a row whose score is the threshold would not reach it."""
    threshold = float(np.float32(0.3))

    assert scored(f"1,{written}\n", FirstFeature()).tolist() == [threshold]


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


@pytest.mark.parametrize("csv", ["", "0,1\n1,1\n2,1\n", "Class,V1\n0,1\n1,2\n", "nan,1\n1,1\n"])
def test_no_rows_and_rows_with_other_labels_than_0_and_1_are_refused(csv: str) -> None:
    with pytest.raises(UnusableRows, match="test rows"):
        Rows.parse(csv, "test")


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


@pytest.fixture
def s3() -> Iterator[Stubber]:
    with Stubber(boto3.client("s3", region_name="us-east-1", config=Config(signature_version=UNSIGNED))) as stubber:
        yield stubber


def test_the_store_reads_bytes_and_writes_text(s3: Stubber) -> None:
    sent = {"Bucket": "b", "Key": "k", "Body": '{"€": 1}'.encode(), "ContentType": "application/json"}
    s3.add_response("get_object", body("0,1\n"), {"Bucket": "b", "Key": "k"})
    s3.add_response("put_object", {}, sent)
    store = S3Store(s3.client)

    assert store.read("b", "k") == b"0,1\n"
    store.write("b", "k", '{"€": 1}', "application/json")


def test_a_file_that_an_earlier_step_did_not_leave_is_named(s3: Stubber) -> None:
    s3.add_client_error("get_object", "NoSuchKey", "The specified key does not exist.")

    with pytest.raises(UnreadableFile, match=r"s3://b/runs/r/data_report.json can't be read: .*does not exist"):
        S3Store(s3.client).read("b", "runs/r/data_report.json")


# --- requests ---------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 8), st.integers(1, 120))
def test_rows_are_sent_in_their_order_in_requests_of_no_more_rows_and_bytes_than_allowed(
    widths: list[int], most_rows: int, most_bytes: int
) -> None:
    rows = Rows.parse("\n".join(f"{place % 2},{'1' * width}" for place, width in enumerate([*widths, 1])), "test")

    batches = rows.batches(most_rows, most_bytes)

    assert [line for batch in batches for line in batch] == list(rows.features)
    assert max(len(batch) for batch in batches) <= most_rows
    assert all(len("\n".join(batch)) <= most_bytes for batch in batches if len(batch) > 1)


def test_rows_of_a_thousand_columns_are_sent_in_requests_that_a_serverless_endpoint_takes() -> None:
    """4 MB (aws-facts 6.6)."""
    line = ",".join(["-0.12345678901234567"] * 1000)
    rows = Rows.parse("\n".join(f"{place % 2},{line}" for place in range(500)), "test")

    batches = rows.batches(ROWS_A_REQUEST, BYTES_A_REQUEST)

    assert len(batches) > 1
    assert max(len("\n".join(batch).encode()) for batch in batches) <= 4_000_000
