"""Where a tuning job looks, if its input doesn't say.

The lesson's ranges reach eta 1 and single splits, where most draws are worse than its own values. The wide search
leaves what seldom helps, and varies instead what the lesson holds fixed: `make bench-model` measures it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from training_code.hyperparameters import LESSON_RANGES


@dataclass(frozen=True)
class Search:
    """The tuning objective, and the ranges as in the execution input."""

    objective: str
    ranges: Mapping[str, Mapping[str, object]]


SEARCHES: Mapping[str, Search] = {
    "lesson": Search("validation:auc", LESSON_RANGES),
    "wide": Search(
        "validation:aucpr",
        {
            "eta": {"min": 0.05, "max": 0.3, "scaling": "Logarithmic"},
            "max_depth": {"min": 4, "max": 10},
            "gamma": {"min": 0, "max": 1},
            "colsample_bytree": {"min": 0.4, "max": 0.9},
            "lambda": {"min": 0.5, "max": 10, "scaling": "Logarithmic"},
            "num_round": {"min": 100, "max": 400},
        },
    ),
}
