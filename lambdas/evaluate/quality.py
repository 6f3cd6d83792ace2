"""What the test rows say of a model, at a threshold that they had no part in choosing, and at 0.5."""

from dataclasses import dataclass
from typing import Any

from lambdas.evaluate.metrics import ConfusionMatrix, Counts, Labels, Ranking, Scores
from lambdas.evaluate.money import Money

HALF = 0.5


@dataclass(frozen=True)
class Quality:
    """`roc_auc` is None if all rows are of one class, `money_saved`, at the threshold, if no costs are given."""

    threshold: float
    at_threshold: ConfusionMatrix
    at_half: ConfusionMatrix
    roc_auc: float | None
    average_precision: float
    money_saved: float | None

    def metrics(self) -> dict[str, float | None]:
        """By the names that an objective has for them; `money_saved` only where costs are given."""
        return {
            "recall": self.at_threshold.recall,
            "precision": self.at_threshold.precision,
            "f1": self.at_threshold.f1,
            "recall_at_0.5": self.at_half.recall,
            "precision_at_0.5": self.at_half.precision,
            "f1_at_0.5": self.at_half.f1,
            "roc_auc": self.roc_auc,
            "average_precision": self.average_precision,
            **({} if self.money_saved is None else {"money_saved": self.money_saved}),
        }

    def as_json(self) -> dict[str, Any]:
        return {
            "at_threshold": self.at_threshold.as_json(self.threshold),
            "at_0.5": self.at_half.as_json(HALF),
            "roc_auc": self.roc_auc,
            "average_precision": self.average_precision,
        }


@dataclass(frozen=True)
class Judge:
    """Judges the ranked rows as they are, or any resample of them."""

    ranking: Ranking
    threshold: float
    money: Money | None

    @classmethod
    def of(cls, labels: Labels, scores: Scores, threshold: float, money: Money | None) -> "Judge":
        """All of them in one order, whichever; the judge puts them into the scores'."""
        ranking = Ranking.of(labels, scores)
        return cls(ranking, threshold, money.ordered(ranking.order) if money else None)

    def quality(self, counts: Counts | None = None) -> Quality:
        """`counts` are how often each ranked row is there; once, unless told otherwise."""
        curve = self.ranking.curve(counts)
        return Quality(
            threshold=self.threshold,
            at_threshold=curve.confusion_matrix(self.threshold),
            at_half=curve.confusion_matrix(HALF),
            roc_auc=curve.roc_auc(),
            average_precision=curve.average_precision(),
            money_saved=self.money.saved(self.ranking.called(self.threshold), counts) if self.money else None,
        )

    def money_as_json(self) -> dict[str, Any] | None:
        called = {"at_threshold": self.ranking.called(self.threshold), "at_0.5": self.ranking.called(HALF)}
        return self.money.as_json(called) if self.money else None
