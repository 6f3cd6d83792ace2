"""The score from which on a row is called positive, chosen by what the business wants.

A row is positive if its score is the threshold or higher. All thresholds that tell scores apart are looked at, from
"nothing is positive" down to "everything is", and among equally good ones the highest is taken.
"""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal

import numpy as np

_TWELVE_DIGITS = Context(prec=12, rounding=ROUND_DOWN)

BEST_F1, RECALL_AT_PRECISION = "best_f1", "recall_at_precision"
PRECISION_AT_RECALL, LEAST_COST = "precision_at_recall", "least_cost"
OBJECTIVES = (BEST_F1, RECALL_AT_PRECISION, PRECISION_AT_RECALL, LEAST_COST)
OBJECTIVES_WITH_MINIMUM = (RECALL_AT_PRECISION, PRECISION_AT_RECALL)


@dataclass(frozen=True)
class Objective:
    """One of `OBJECTIVES`; `minimum`, in (0, 1], belongs to `OBJECTIVES_WITH_MINIMUM`. Raises ValueError else."""

    name: str
    minimum: float | None = None

    def __post_init__(self) -> None:
        if self.name not in OBJECTIVES:
            raise ValueError(f"the threshold's objective is {self.name!r}; allowed is {' or '.join(OBJECTIVES)}")
        if self.name not in OBJECTIVES_WITH_MINIMUM:
            if self.minimum is not None:
                raise ValueError(f"{self.name} has no minimum, but {self.minimum} is given; leave it out")
        elif self.minimum is None or not 0 < self.minimum <= 1:
            raise ValueError(f"the minimum of {self.name} is {self.minimum}; allowed is a number in (0, 1]")


@dataclass(frozen=True, eq=False)
class Costs:
    """What it costs to miss each row if it is a positive (used of positives only), and what a false alarm costs."""

    missed: np.ndarray
    false_alarm: float


@dataclass(frozen=True)
class Threshold:
    """A threshold with its figures on the rows that it was chosen on; 0 where a figure would be 0/0.

    `reached` is False if no threshold had the objective's minimum; `cost` is None if no costs were given.
    """

    objective: str
    minimum: float | None
    value: float
    reached: bool
    precision: float
    recall: float
    f1: float
    cost: float | None


@dataclass(frozen=True, eq=False)
class _Curve:
    """Each array has a number a threshold, from the highest, which makes nothing positive, to the lowest."""

    scores: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    cost: np.ndarray | None


def choose_threshold(
    labels: np.ndarray, scores: np.ndarray, objective: Objective, costs: Costs | None = None
) -> Threshold:
    """Return the best threshold for rows with these labels (0 and 1, at least one of them 1) and float32 scores.

    best_f1: the highest F1.
    recall_at_precision: the highest recall of those with at least the minimum of precision; if none has it, the
    highest precision, and `reached` is False.
    precision_at_recall: the highest precision of those with at least the minimum of recall.
    least_cost: the least sum of the missed positives' costs and of false_alarm a false positive. Raises ValueError
    without `costs`.
    """
    curve = _curve(labels, scores, costs)
    best, reached = _best(curve, objective)
    return Threshold(
        objective=objective.name,
        minimum=objective.minimum,
        value=readable(curve.scores[best]),
        reached=reached,
        precision=float(curve.precision[best]),
        recall=float(curve.recall[best]),
        f1=float(curve.f1[best]),
        cost=None if curve.cost is None else float(curve.cost[best]),
    )


def readable(score: np.float32) -> float:
    """Return the threshold that lets `score` through, and no lower score, however an endpoint writes its answers.

    A float32 is written either with the fewest digits that tell it from its neighbours (0.7), as `str` does, or with
    all of its value (0.699999988079071), as an f-string does; read back as a double, the one may be above the other.
    Both lie within half the way to the neighbouring float32, so the lower of the two parts them in either writing. It
    is cut to 12 digits, which still does, so that who writes it with 15, as JSONata does, does not round it up.
    """
    lower = Decimal(min(float(score), float(str(score))))
    return float(_TWELVE_DIGITS.create_decimal(lower))


def _curve(labels: np.ndarray, scores: np.ndarray, costs: Costs | None) -> _Curve:
    order = np.argsort(-scores, kind="stable")
    descending = scores[order]
    hits = labels[order] == 1
    # How many rows are positive at each threshold: none, then all up to the last row of each distinct score.
    flagged = np.concatenate(([0], np.flatnonzero(np.diff(descending)) + 1, [len(scores)]))
    caught = _sums(hits)[flagged]
    above_all = np.nextafter(descending[0], np.float32(np.inf))
    return _Curve(
        scores=np.concatenate(([above_all], descending[flagged[1:] - 1])),
        precision=caught / np.maximum(flagged, 1),
        recall=caught / caught[-1],
        f1=2 * caught / (flagged + caught[-1]),
        cost=None if costs is None else _cost(costs, order, hits, flagged),
    )


def _cost(costs: Costs, order: np.ndarray, hits: np.ndarray, flagged: np.ndarray) -> np.ndarray:
    of_missing = np.where(hits, costs.missed[order], 0.0)
    missed = _sums(of_missing[::-1])[::-1]  # from each row on to the last
    cost: np.ndarray = missed[flagged] + costs.false_alarm * _sums(~hits)[flagged]
    return cost


def _sums(values: np.ndarray) -> np.ndarray:
    """Of the first 0, 1, 2 … values."""
    return np.concatenate(([0], np.cumsum(values)))


def _best(curve: _Curve, objective: Objective) -> tuple[int, bool]:
    """The place on the curve, and whether the minimum is reached; of equals, `argmax` and `argmin` take the first."""
    if objective.name == BEST_F1:
        return int(np.argmax(curve.f1)), True
    if objective.name == LEAST_COST:
        if curve.cost is None:
            raise ValueError(f"the threshold's objective is {LEAST_COST}, which needs costs; give them")
        return int(np.argmin(curve.cost)), True
    bounded, wanted = curve.precision, curve.recall
    if objective.name == PRECISION_AT_RECALL:
        bounded, wanted = wanted, bounded
    reached = bounded >= objective.minimum
    if not reached.any():
        return int(np.argmax(bounded)), False
    return int(np.argmax(np.where(reached, wanted, -1))), True
