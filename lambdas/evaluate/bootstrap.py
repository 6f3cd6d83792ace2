"""How sure the metrics are: percentile intervals by the bootstrap (Efron and Tibshirani, 1993, chapter 13)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from lambdas.evaluate.metrics import Counts, Labels
from lambdas.evaluate.quality import Judge

CONFIDENCE = 0.95
RESAMPLES = 1000
MOST_DRAWS = 10 * RESAMPLES
SEED = 1729


def resamples(labels: Labels) -> Iterator[Counts]:
    """How often each row is in a sample of as many rows, drawn with replacement; the same ones at every call.

    A draw without both classes is drawn again. Two rows, one of each class, need two draws in the mean, and more rows
    fewer, so that `MOST_DRAWS` is enough. Rows of one class only have no resamples.
    """
    size, positives = len(labels), int(np.sum(labels))
    if positives in (0, size):
        return
    random = np.random.default_rng(SEED)
    draws = (np.bincount(random.integers(size, size=size), minlength=size) for _ in range(MOST_DRAWS))
    yield from islice((counts for counts in draws if 0 < counts @ labels < size), RESAMPLES)


@dataclass(frozen=True)
class Intervals:
    """The lower and the upper bound of each metric; none if all rows are of one class.

    With a single positive every resample has that very row, so that recall, 0 or 1 for all of them, has an interval
    without width, which is no sign of being sure.
    """

    resamples: int
    bounds: Mapping[str, tuple[float, float]]

    @classmethod
    def of(cls, judge: Judge) -> "Intervals":
        drawn = [judge.quality(counts).metrics() for counts in resamples(judge.ranking.labels)]
        if not drawn:
            return cls(0, {})
        values = np.array([list(metrics.values()) for metrics in drawn], dtype=np.float64)
        tail = (1 - CONFIDENCE) / 2
        lows, highs = np.quantile(values, [tail, 1 - tail], axis=0).tolist()
        return cls(len(drawn), dict(zip(drawn[0], zip(lows, highs, strict=True), strict=True)))

    def as_json(self) -> dict[str, Any]:
        return {
            "confidence": CONFIDENCE,
            "resamples": self.resamples,
            "bounds": {metric: list(bounds) for metric, bounds in self.bounds.items()},
        }
