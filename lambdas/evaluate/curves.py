"""The lines and bars of the report's figures, thinned to what a figure can show."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lambdas.evaluate.metrics import Curve, Numbers, Ranking
from lambdas.evaluate.quality import HALF, Judge

MOST_POINTS = 300
BINS = 50


def curves(judge: Judge) -> dict[str, Any]:
    curve = judge.ranking.curve()
    return {
        "precision_recall": precision_recall(curve),
        "roc": roc(curve),
        "sweep": sweep(judge),
        "scores": histogram(judge.ranking),
    }


def precision_recall(curve: Curve) -> dict[str, list[float]]:
    """From the highest threshold down. scikit-learn's last point, (0, 1), has no threshold and is left out."""
    points = {"threshold": curve.thresholds, "precision": curve.precisions(), "recall": curve.recalls()}
    kept = thinned(points["precision"], points["recall"])
    return {name: values[kept].tolist() for name, values in points.items()}


def roc(curve: Curve) -> dict[str, list[float]]:
    """From (0, 0) to (1, 1); without points if all rows are of one class."""
    points = {
        "false_positive_rate": curve.false_positive_rates(),
        "true_positive_rate": curve.true_positive_rates(),
    }
    if not curve.has_both_classes:
        return {name: [] for name in points}
    kept = thinned(*points.values())
    return {name: values[kept].tolist() for name, values in points.items()}


def sweep(judge: Judge) -> dict[str, list[float] | None]:
    """From the lowest threshold up; the chosen one and 0.5 are among them. `cost` is None without costs."""
    curve, money = judge.ranking.curve(), judge.money
    thresholds = _thresholds_to_sweep(judge, curve)
    matrices = [curve.confusion_matrix(threshold) for threshold in thresholds]
    return {
        "threshold": thresholds,
        "precision": [matrix.precision for matrix in matrices],
        "recall": [matrix.recall for matrix in matrices],
        "f1": [matrix.f1 for matrix in matrices],
        "cost": [money.cost(judge.ranking.called(threshold)) for threshold in thresholds] if money else None,
    }


def _thresholds_to_sweep(judge: Judge, curve: Curve) -> list[float]:
    lines = [curve.thresholds, curve.precisions(), curve.recalls(), curve.f1s()]
    if judge.money:
        lines.append(judge.money.without_model - np.cumsum(judge.money.gains)[judge.ranking.ends])
    wanted = (judge.threshold, HALF)
    kept = thinned(*lines, most=MOST_POINTS - len(wanted))
    thresholds: list[float] = np.union1d(curve.thresholds[kept], wanted).tolist()
    return thresholds


def histogram(ranking: Ranking) -> dict[str, list[float]]:
    """How many rows of each class have scores from one edge up to the next, and in the last bin up to 1, itself too."""
    edges = np.round(np.linspace(0, 1, BINS + 1), 2)
    genuine, fraud = (np.histogram(ranking.scores[ranking.labels == label], edges)[0] for label in (0, 1))
    return {"edges": edges.tolist(), "genuine": genuine.tolist(), "fraud": fraud.tolist()}


def thinned(*coordinates: Numbers, most: int = MOST_POINTS) -> NDArray[np.intp]:
    """The places of at most `most` points of a line, with both ends, spread evenly over its length.

    Length is the sum of the coordinates' steps, each as a share of its range, so that the points are where the line
    turns, and few where thousands of them lie close together.
    """
    size = len(coordinates[0])
    if size <= most:
        return np.arange(size)
    steps = np.sum([np.abs(np.diff(values)) / (np.ptp(values) or 1) for values in coordinates], axis=0)
    lengths = np.append(0, np.cumsum(steps))
    places = np.searchsorted(lengths, np.linspace(0, lengths[-1], most - 1))
    return np.union1d(places, size - 1)
