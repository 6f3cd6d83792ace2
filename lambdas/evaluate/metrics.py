"""How well scores tell the classes apart, number for number as scikit-learn says it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """The counts above each distinct score, from the highest score down: rows with equal scores can't be told apart."""

    thresholds: Scores
    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]

    @classmethod
    def of(cls, labels: Labels, scores: Scores) -> "Curve":
        """`labels` are 0 and 1, at least one of each, and as many as `scores`."""
        order = np.argsort(-scores, kind="stable")
        sorted_scores = scores[order]
        last_of_equals = np.append(np.flatnonzero(np.diff(sorted_scores)), len(scores) - 1)
        true_positives = np.cumsum(labels[order])[last_of_equals]
        return cls(sorted_scores[last_of_equals], true_positives, 1 + last_of_equals - true_positives)

    @property
    def positives(self) -> int:
        return int(self.true_positives[-1])

    @property
    def negatives(self) -> int:
        return int(self.false_positives[-1])

    def roc_auc(self) -> float:
        """The area under the line through (false, true positive rate), by trapezoids from (0, 0)."""
        heights = np.append(0, self.true_positives)
        area = np.sum(np.diff(self.false_positives, prepend=0) * (heights[1:] + heights[:-1])) / 2
        return float(area / (self.positives * self.negatives))

    def average_precision(self) -> float:
        """Each threshold's precision, weighted by the recall that it adds."""
        precisions = self.true_positives / (self.true_positives + self.false_positives)
        return float(np.sum(np.diff(self.true_positives, prepend=0) * precisions) / self.positives)

    def best_f1_threshold(self) -> float:
        """The threshold of the best F1; among equals the highest, which raises the fewest alarms."""
        f1 = 2 * self.true_positives / (self.positives + self.true_positives + self.false_positives)
        return float(self.thresholds[np.argmax(f1)])


@dataclass(frozen=True)
class ConfusionMatrix:
    """Counts of rows; a ratio of nothing is 0, as scikit-learn's `zero_division=0`."""

    tn: int
    fp: int
    fn: int
    tp: int

    @classmethod
    def at(cls, threshold: float, labels: Labels, scores: Scores) -> "ConfusionMatrix":
        """A row is called positive from `threshold` on, itself included."""
        called, positive = scores >= threshold, labels == 1
        return cls(
            tn=int(np.sum(~called & ~positive)),
            fp=int(np.sum(called & ~positive)),
            fn=int(np.sum(~called & positive)),
            tp=int(np.sum(called & positive)),
        )

    @property
    def precision(self) -> float:
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    def as_json(self, threshold: float) -> dict[str, Any]:
        return {
            "threshold": threshold,
            "confusion_matrix": {"tn": self.tn, "fp": self.fp, "fn": self.fn, "tp": self.tp},
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
        }


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
