"""How well scores tell the classes apart, number for number as scikit-learn says it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Scores = NDArray[np.float64]
Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Ranking:
    """Rows by score, from the highest down: `order` has the place that each had before.

    Rows with equal scores can't be told apart; `ends` are the last ones of each distinct score.
    """

    order: NDArray[np.intp]
    labels: Labels
    scores: Scores
    ends: NDArray[np.intp]

    @classmethod
    def of(cls, labels: Labels, scores: Scores) -> "Ranking":
        """`labels` are 0 and 1, one at least, and as many as `scores`."""
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        return cls(order, labels[order], ranked, ends)

    def called(self, threshold: float) -> int:
        """How many rows, from the first on, are called positive: those from `threshold` on, itself included."""
        return int(np.searchsorted(-self.scores, -threshold, side="right"))

    def curve(self, counts: Counts | None = None) -> "Curve":
        """`counts` are how often each ranked row is there; once, unless told otherwise."""
        if counts is None:
            counts = np.ones_like(self.labels)
        called = np.cumsum(counts)[self.ends]
        true_positives = np.cumsum(counts * self.labels)[self.ends]
        return Curve(self.scores[self.ends], true_positives, called - true_positives)


@dataclass(frozen=True)
class Curve:
    """The counts from the highest distinct score down to each."""

    thresholds: Scores
    true_positives: Counts
    false_positives: Counts

    @property
    def positives(self) -> int:
        return int(self.true_positives[-1])

    @property
    def negatives(self) -> int:
        return int(self.false_positives[-1])

    @property
    def has_both_classes(self) -> bool:
        return self.positives > 0 and self.negatives > 0

    def precisions(self) -> Numbers:
        return _ratios(self.true_positives, self.true_positives + self.false_positives, otherwise=0)

    def recalls(self) -> Numbers:
        """All 1 without positives, as scikit-learn's precision–recall curve has it."""
        return _ratios(self.true_positives, self.positives, otherwise=1)

    def f1s(self) -> Numbers:
        called = self.true_positives + self.false_positives
        return _ratios(2 * self.true_positives, self.positives + called, otherwise=0)

    def false_positive_rates(self) -> Numbers:
        """From (0, 0) on, thus one more than thresholds; NaN without negatives."""
        return _ratios(np.append(0, self.false_positives), self.negatives, otherwise=np.nan)

    def true_positive_rates(self) -> Numbers:
        """From (0, 0) on, thus one more than thresholds; NaN without positives."""
        return _ratios(np.append(0, self.true_positives), self.positives, otherwise=np.nan)

    def roc_auc(self) -> float | None:
        """The area under the line through (false, true positive rate), by trapezoids; undefined for one class."""
        if not self.has_both_classes:
            return None
        heights = np.append(0, self.true_positives)
        area = np.sum(np.diff(self.false_positives, prepend=0) * (heights[1:] + heights[:-1])) / 2
        return float(area / (self.positives * self.negatives))

    def average_precision(self) -> float:
        """Each threshold's precision, weighted by the recall that it adds; 0 without positives."""
        if not self.positives:
            return 0.0
        return float(np.sum(np.diff(self.true_positives, prepend=0) * self.precisions()) / self.positives)

    def confusion_matrix(self, threshold: float) -> "ConfusionMatrix":
        """A row is called positive from `threshold` on, itself included."""
        scores_called = int(np.searchsorted(-self.thresholds, -threshold, side="right"))
        tp = int(self.true_positives[scores_called - 1]) if scores_called else 0
        fp = int(self.false_positives[scores_called - 1]) if scores_called else 0
        return ConfusionMatrix(tn=self.negatives - fp, fp=fp, fn=self.positives - tp, tp=tp)


@dataclass(frozen=True)
class ConfusionMatrix:
    """Counts of rows; a ratio of nothing is 0, as scikit-learn's `zero_division=0`."""

    tn: int
    fp: int
    fn: int
    tp: int

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


def _ratios(parts: Counts, wholes: Counts | int, otherwise: float) -> Numbers:
    """`otherwise` where there is nothing to divide by."""
    result = np.full(len(parts), otherwise, dtype=np.float64)
    return np.divide(parts, wholes, out=result, where=np.asarray(wholes) > 0)
