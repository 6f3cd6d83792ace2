"""What a model saves, given what a mistake costs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lambdas.evaluate.errors import UnusableRows
from lambdas.evaluate.metrics import Counts, Labels, Numbers

AMOUNT = "amount"


@dataclass(frozen=True)
class Costs:
    """Of one mistake, in any currency; a missed fraud's is a number or "amount", which is each row's own Amount."""

    missed_fraud: float | str
    false_alarm: float


@dataclass(frozen=True)
class Money:
    """`gains` is what it is worth to call each row positive: a fraud's cost, or less than nothing for a genuine one.

    Without a model nothing alarms, and the costs of all frauds are to be paid: `without_model`.
    """

    costs: Costs
    gains: Numbers
    without_model: float

    @classmethod
    def of(cls, costs: Costs, labels: Labels, amounts: Numbers | None) -> "Money":
        """Raises UnusableRows if the frauds' own amounts are asked for, and missing."""
        frauds = labels == 1
        missed = _amounts(frauds, amounts) if costs.missed_fraud == AMOUNT else float(costs.missed_fraud)
        gains = np.where(frauds, missed, -float(costs.false_alarm))
        return cls(costs, gains, float(np.sum(gains[frauds])))

    def ordered(self, order: NDArray[np.intp]) -> "Money":
        return replace(self, gains=self.gains[order])

    def saved(self, called: int, counts: Counts | None = None) -> float:
        """By calling the first `called` rows positive; each is there as often as `counts` says, or once."""
        gains = self.gains[:called]
        return float(np.sum(gains) if counts is None else gains @ counts[:called])

    def cost(self, called: int) -> float:
        """Of the frauds missed and the alarms raised by calling the first `called` rows positive."""
        return self.without_model - self.saved(called)

    def as_json(self, called: Mapping[str, int]) -> dict[str, Any]:
        """`called` has, by name, how many rows are called positive."""
        return {
            "missed_fraud": self.costs.missed_fraud,
            "false_alarm": self.costs.false_alarm,
            "without_model": self.without_model,
            **{name: {"cost": self.cost(rows), "saved": self.saved(rows)} for name, rows in called.items()},
        }


def _amounts(frauds: NDArray[np.bool_], amounts: Numbers | None) -> Numbers:
    if amounts is None:
        raise UnusableRows(
            f'costs.missed_fraud is "{AMOUNT}", but the data has no amount column. Name one as data.amount_column, or '
            "give a number."
        )
    missing = int(np.sum(np.isnan(amounts[frauds])))
    if missing:
        raise UnusableRows(
            f'costs.missed_fraud is "{AMOUNT}", but {missing:,} of the {np.sum(frauds):,} fraudulent test rows have '
            "none. Complete the amounts, or give a number."
        )
    return amounts
