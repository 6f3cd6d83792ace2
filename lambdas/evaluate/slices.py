"""The model on small and on large amounts."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lambdas.evaluate.metrics import Labels, Numbers, Ranking, Scores

QUARTILES = (0, 0.25, 0.5, 0.75, 1)


@dataclass(frozen=True)
class Slice:
    """Rows with amounts from `start` up to `end`, which itself belongs to the last slice only."""

    start: float
    end: float
    labels: Labels
    scores: Scores

    def as_json(self, threshold: float) -> dict[str, Any]:
        """A metric that has nothing to measure is None."""
        curve = Ranking.of(self.labels, self.scores).curve()
        matrix = curve.confusion_matrix(threshold)
        mistakes = matrix.fp + matrix.fn
        return {
            "from": self.start,
            "to": self.end,
            "rows": len(self.labels),
            "positives": curve.positives,
            "precision": matrix.precision if matrix.tp + matrix.fp else None,
            "recall": matrix.recall if curve.positives else None,
            "f1": matrix.f1 if matrix.tp + mistakes else None,
            "average_precision": curve.average_precision() if curve.positives else None,
            "roc_auc": curve.roc_auc(),
        }


def slices(labels: Labels, scores: Scores, amounts: Numbers | None) -> list[Slice]:
    """By the quartiles of `amounts`, without empty ones; equal quartiles are one, and rows without amount in none."""
    if amounts is None or np.all(np.isnan(amounts)):
        return []
    known = ~np.isnan(amounts)
    labels, scores, amounts = labels[known], scores[known], amounts[known]
    lowest, *inner, highest = np.quantile(amounts, QUARTILES).tolist()
    inner = [edge for edge in np.unique(inner).tolist() if lowest < edge < highest]
    places = np.searchsorted(inner, amounts, side="right")
    found = [
        Slice(start, end, labels[places == place], scores[places == place])
        for place, (start, end) in enumerate(zip([lowest, *inner], [*inner, highest], strict=True))
    ]
    return [each for each in found if len(each.labels)]
