"""Made-up inputs of the report, as large and as shaped as the lesson's data give them."""

import io
import json
import tarfile
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from lambdas.evaluate.evaluation import evaluate
from lambdas.evaluate.request import Request
from lambdas.report import request as report_request
from lambdas.report.jobs import TrainingJob, TunedJob, Tuning
from lambdas.report.report import write_report
from lambdas.report.steps import Event

Json = dict[str, Any]

RUN = "261123-164105-37a062"
NAME = f"fraud-{RUN}"
EVENT: Json = {
    "run_id": RUN,
    "name": NAME,
    "bucket": "fraud-bucket",
    "prefix": f"runs/{RUN}/",
    "execution_arn": f"arn:aws:states:eu-west-1:123456789012:execution:fraud-pipeline:{RUN}",
    "tuning_job": f"{NAME}-0",
    "choose_job": f"{NAME}-choose-0",
    "training_usd_per_hour": 0.23,
    "hosting": "serverless, 2048 MB of memory, at most 5 requests at a time; it bills only while it answers",
}
ROWS, FRAUDS = 28_481, 54
THRESHOLD = 0.3712
BEGIN = datetime(2026, 11, 23, 16, 41, 5, tzinfo=UTC)


# --- evaluation.json --------------------------------------------------------------------------------------------

_OBJECTIVE = {
    "recall": {"minimum": 0.75, "lower_bound": False},
    "average_precision": {"minimum": 0.7, "lower_bound": True},
}
_COSTS = {"missed_fraud": "amount", "false_alarm": 5}


def evaluation(objective: Json = _OBJECTIVE, costs: Json | None = _COSTS, amount_column: str | None = "amount") -> Json:
    """What the evaluation itself says of made-up rows: their score and their amount."""
    return deepcopy(_evaluation(json.dumps([objective, costs, amount_column])))


@cache
def _evaluation(asked: str) -> Json:
    objective, costs, amount_column = json.loads(asked)
    report = {"features": ["score", "amount"], "amount_column": amount_column}
    request = {name: EVENT[name] for name in ("run_id", "bucket", "prefix", "choose_job")}
    run = Evaluated(_test_rows(), json.dumps(report).encode())
    evaluate(Request.read({**request, "endpoint_name": NAME, "objective": objective, "costs": costs}), run, run)
    found: Json = json.loads(run.written["evaluation.json"])
    return {**found, "latency": {**found["latency"], "seconds": {"median": 0.061, "p95": 0.184, "longest": 2.731}}}


class Evaluated:
    """A run's files, and an endpoint that gives each row the score that is its first feature."""

    name = NAME

    def __init__(self, test: bytes, data_report: bytes) -> None:
        self.files = {"test.csv": test, "data_report.json": data_report, "output.tar.gz": _packed(choice())}
        self.written: dict[str, str] = {}

    def read(self, bucket: str, key: str) -> bytes:
        return self.files[key.rpartition("/")[2]]

    def write(self, bucket: str, key: str, content: str, content_type: str) -> None:
        self.written[key.rpartition("/")[2]] = content

    def invoke(self, csv: str) -> str:
        return "\n".join(row.partition(",")[0] for row in csv.split("\n"))


def _test_rows() -> bytes:
    random = np.random.default_rng(1729)
    labels = np.arange(ROWS) < FRAUDS
    scores = np.where(labels, random.beta(2.2, 0.5, ROWS), random.beta(0.25, 60, ROWS))
    scores[: FRAUDS // 6] = random.beta(0.4, 12, FRAUDS // 6)
    scores[FRAUDS : FRAUDS + 4] = [0.92, 0.34, 0.31, 0.27]
    amounts = random.lognormal(3, 1.6, ROWS)
    rows = zip(labels.astype(int), scores, amounts, strict=True)
    return "".join(f"{label},{score:.6f},{amount:.2f}\n" for label, score, amount in rows).encode()


def _packed(document: Json) -> bytes:
    content, archive = json.dumps(document).encode(), io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as members:
        member = tarfile.TarInfo("choice.json")
        member.size = len(content)
        members.addfile(member, io.BytesIO(content))
    return archive.getvalue()


# --- choice.json and data_report.json ---------------------------------------------------------------------------


def choice() -> Json:
    tuned = [
        (f"{NAME}-0-{number:03}-1f0c44b{number}", 0.8616 - 0.0071 * place)
        for place, number in enumerate((4, 7, 9, 6, 3, 1, 2, 8))
    ]
    candidates = [
        *({"job_name": name, "source": "tuned", "average_precision": ap, "roc_auc": 0.98} for name, ap in tuned[:5]),
        {"job_name": f"{NAME}-train-0", "source": "trained", "average_precision": 0.8273, "roc_auc": 0.9791},
        *({"job_name": name, "source": "tuned", "average_precision": ap, "roc_auc": 0.97} for name, ap in tuned[5:]),
    ]
    importance = np.exp(-0.28 * np.arange(27))
    order = [14, 4, 10, 12, 17, 11, 3, 16, 7, 29, 2, 9, 21, 8, 19, 20, 0, 1, 5, 6, 13, 15, 18, 22, 23, 24, 26]
    return {
        "candidates": candidates,
        "skipped": [{"job_name": f"{NAME}-0-005-1f0c44b5", "reason": "it has no model"}],
        "chosen": {name: candidates[0][name] for name in ("job_name", "source", "average_precision")},
        "trained": {"job_name": f"{NAME}-train-0", "average_precision": 0.8273},
        "threshold": {
            "objective": "best_f1",
            "minimum": None,
            "value": THRESHOLD,
            "reached": True,
            "precision": 0.93,
            "recall": 0.82,
            "f1": 0.87,
            "cost": None,
        },
        "validation": {"rows": 56_962, "positives": 90},
        "feature_importance": [
            {"feature": feature, "gain": float(gain)}
            for feature, gain in zip(order, importance / importance.sum(), strict=True)
        ],
    }


def data_report() -> Json:
    features = ["Time", *(f"V{number}" for number in range(1, 29)), "Amount"]
    return {
        "source": "https://example.com/creditcardfraud.zip",
        "sha256": "76274b691b16a6c49d3f159c883398e03ccd6d1ee12d9d8ee38f4b4b98551a89",
        "rows": 284_807,
        "label_column": "Class",
        "positives": 492,
        "positive_share": 492 / 284_807,
        "missing_values": 0,
        "columns": [
            {
                "name": name,
                "type": "integer" if name == "Class" else "number",
                "missing": 0,
                "min": -56.40751,
                "quartiles": [-0.92037, 0.01810, 1.31564],
                "max": 2.45493,
                "mean": 1.16837e-15,
                "standard_deviation": 1.95869,
            }
            for name in ["Class", *features]
        ],
        "duplicates": {"rows": 1081, "dropped": False, "across_parts": 414},
        "split": {"method": "lesson", "seed": 1729, "time_column": None},
        "parts": {
            "train": {"rows": 199_364, "positives": 348},
            "validation": {"rows": 56_962, "positives": 90},
            "test": {"rows": ROWS, "positives": FRAUDS},
        },
        "features": features,
        "amount_column": "Amount",
        "registered": None,
    }


# --- what AWS's services know -----------------------------------------------------------------------------------


def training_job(name: str, seconds: int | None = 212, **metrics: float) -> TrainingJob:
    named = {f"validation:{metric}": value for metric, value in metrics.items()}
    return TrainingJob(name, "Completed", named, seconds, seconds, 1)


def tuning() -> Tuning:
    values = [0.9741, 0.9688, 0.9802, 0.9853, None, 0.9791, 0.9861, 0.9612, 0.9847]
    jobs = []
    for number, value in enumerate(values, start=1):
        name = f"{NAME}-0-{number:03}-1f0c44b{number}"
        measured = {} if value is None else {"auc": value, "aucpr": value - 0.13}
        job = training_job(name, 180 + 7 * number, **measured)
        if value is None:
            job = TrainingJob(name, "Failed", {}, None, None, 1)
        tried = {
            "eta": f"{0.07 * number:.16f}",
            "alpha": f"{1.9 - 0.17 * number:.16f}",
            "min_child_weight": f"{10 / number:.15f}",
            "max_depth": str(number % 8 + 1),
        }
        jobs.append(TunedJob(job, value, tried))
    return Tuning(EVENT["tuning_job"], "Bayesian", "validation:auc", "Maximize", tuple(jobs))


class Jobs:
    """SageMaker with this run's jobs alone."""

    def __init__(self, tuned: Tuning | None = None) -> None:
        self.tuned = tuned or tuning()

    def training_job(self, name: str) -> TrainingJob:
        known = {
            f"{NAME}-train-0": training_job(f"{NAME}-train-0", 205, auc=0.9779, aucpr=0.8273),
            EVENT["choose_job"]: training_job(EVENT["choose_job"], 171),
        }
        return known[name]

    def tuning(self, name: str) -> Tuning:
        assert name == self.tuned.name
        return self.tuned


def entered(name: str, second: float, kind: str = "Task") -> Event:
    at = BEGIN + timedelta(seconds=second)
    return {"type": f"{kind}StateEntered", "timestamp": at, "stateEnteredEventDetails": {"name": name}}


def left(name: str, second: float, kind: str = "Task") -> Event:
    at = BEGIN + timedelta(seconds=second)
    return {"type": f"{kind}StateExited", "timestamp": at, "stateExitedEventDetails": {"name": name}}


def history() -> list[Event]:
    """Of an execution that has come to its report, and had to look at its endpoint more than once."""
    events: list[Event] = [{"type": "ExecutionStarted", "timestamp": BEGIN}]
    clock = 0.0

    def stay(name: str, seconds: float, kind: str = "Task") -> None:
        nonlocal clock
        events.extend((entered(name, clock, kind), left(name, clock + seconds, kind)))
        clock += seconds

    stay("Plan the run", 1.9)
    events.append(entered("Run", clock, "Parallel"))
    stay("Prepare the data", 41.3)
    stay("Train the model", 268)
    stay("Tuning wanted?", 0, "Choice")
    stay("Tune the model", 902)
    stay("Choose the model", 231)
    stay("Create the model", 0.6)
    stay("Create the endpoint configuration", 0.5)
    stay("Create the endpoint", 0.7)
    for _ in range(9):
        stay("Wait for the endpoint", 15, "Wait")
        stay("Look at the endpoint", 0.3)
    stay("Evaluate", 22.4)
    events.append(entered("Write the report", clock))
    return events


class Executions:
    def __init__(self, events: list[Event] | None = None) -> None:
        self.events = history() if events is None else events

    def history(self, execution_arn: str) -> list[Event]:
        assert execution_arn == EVENT["execution_arn"]
        return self.events


# --- the report -------------------------------------------------------------------------------------------------


class Store:
    """The bucket's objects in memory, each with its content type."""

    def __init__(self, **files: Json) -> None:
        given = {"evaluation": evaluation(), "choice": choice(), "data_report": data_report(), **files}
        self.objects = {f"{EVENT['prefix']}{name}.json": json.dumps(content) for name, content in given.items()}
        self.types: dict[str, str] = {}

    def read(self, bucket: str, key: str) -> str:
        assert bucket == EVENT["bucket"]
        return self.objects[key]

    def write(self, bucket: str, key: str, content: str, content_type: str) -> None:
        assert bucket == EVENT["bucket"]
        self.objects[key], self.types[key] = content, content_type

    def link(self, bucket: str, key: str) -> str:
        assert key in self.objects
        return f"https://{bucket}.example.com/{key}?signed"

    def written(self, name: str) -> str:
        return self.objects[f"{EVENT['prefix']}{name}"]


def report(
    *, event: Json | None = None, jobs: Jobs | None = None, executions: Executions | None = None, **files: Json
) -> str:
    """The page; `files` replace those of the run by name, such as `evaluation`."""
    store = Store(**files)
    request = report_request.Request.read(EVENT | (event or {}))
    write_report(request, store, jobs or Jobs(), executions or Executions())
    return store.written("report.html")
