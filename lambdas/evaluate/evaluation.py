"""A model judged by what its endpoint answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lambdas.evaluate.gate import Gate
from lambdas.evaluate.metrics import ConfusionMatrix, Curve, Labels, Scores
from lambdas.evaluate.rows import Rows
from lambdas.evaluate.scoring import ROWS_A_REQUEST, Endpoint, score


class Store(Protocol):
    def read(self, bucket: str, key: str) -> str: ...

    def write(self, bucket: str, key: str, content: str) -> None: ...


@dataclass(frozen=True)
class Request:
    """`prefix` ends with a slash, or is empty; `chosen` tells which model it is and is passed on as it came."""

    run_id: str
    bucket: str
    prefix: str
    endpoint_name: str
    objective: Mapping[str, float]
    chosen: Any

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> "Request":
        return cls(
            run_id=event["run_id"],
            bucket=event["bucket"],
            prefix=event["prefix"],
            endpoint_name=event["endpoint_name"],
            objective=event["objective"],
            chosen=event["chosen"],
        )


@dataclass(frozen=True)
class Quality:
    """What the test rows say of a model, at a threshold that they had no part in choosing."""

    threshold: float
    at_threshold: ConfusionMatrix
    at_half: ConfusionMatrix
    roc_auc: float
    average_precision: float

    @classmethod
    def of(cls, threshold: float, labels: Labels, scores: Scores) -> "Quality":
        curve = Curve.of(labels, scores)
        return cls(
            threshold=threshold,
            at_threshold=ConfusionMatrix.at(threshold, labels, scores),
            at_half=ConfusionMatrix.at(0.5, labels, scores),
            roc_auc=curve.roc_auc(),
            average_precision=curve.average_precision(),
        )

    def metrics(self) -> dict[str, float]:
        """Those that an objective can ask for."""
        return {
            "recall": self.at_threshold.recall,
            "precision": self.at_threshold.precision,
            "f1": self.at_threshold.f1,
            "roc_auc": self.roc_auc,
            "average_precision": self.average_precision,
        }

    def as_json(self) -> dict[str, Any]:
        return {
            "threshold": self.threshold,
            "at_threshold": self.at_threshold.as_json(self.threshold),
            "at_0.5": self.at_half.as_json(0.5),
            "roc_auc": self.roc_auc,
            "average_precision": self.average_precision,
        }


def evaluate(request: Request, store: Store, endpoint: Endpoint) -> dict[str, Any]:
    """Score the validation and test rows, leave `evaluation.json` under the prefix and return what it holds.

    `rows`, `batches` and `positives` are the test rows'. Raises UnusableRows, EndpointFailed or ModelAnswerError.
    """
    validation, test = (_rows(name, request, store) for name in ("validation", "test"))
    validation_scores = score(validation.batches(ROWS_A_REQUEST), "validation", endpoint)
    threshold = Curve.of(validation.labels, validation_scores).best_f1_threshold()
    batches = test.batches(ROWS_A_REQUEST)
    quality = Quality.of(threshold, test.labels, score(batches, "test", endpoint))
    gate = Gate.of(request.objective, quality.metrics())
    evaluation = {
        "run_id": request.run_id,
        "endpoint_name": request.endpoint_name,
        "chosen": request.chosen,
        "rows": len(test.labels),
        "batches": len(batches),
        "positives": test.positives,
        **quality.as_json(),
        "objective": [requirement.as_json() for requirement in gate.requirements],
        "passed": gate.passed,
        "reason": gate.reason,
    }
    store.write(request.bucket, f"{request.prefix}evaluation.json", json.dumps(evaluation, indent=2))
    return evaluation


def _rows(name: str, request: Request, store: Store) -> Rows:
    return Rows.parse(store.read(request.bucket, f"{request.prefix}{name}/{name}.csv"), name)
