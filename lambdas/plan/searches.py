"""Where a tuning job looks, if its input doesn't say.

The lesson's ranges reach eta 1 and single splits, where most draws are worse than its own values. The fine search takes
many small steps instead, and varies what the lesson holds fixed. Its ranges were found on validation rows of the
lesson's data; `make bench-model` measures them.
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
    "fine": Search(
        "validation:aucpr",
        {
            "eta": {"min": 0.03, "max": 0.12, "scaling": "Logarithmic"},
            "num_round": {"min": 300, "max": 500},
            "max_depth": {"min": 4, "max": 8},
            "gamma": {"min": 0, "max": 1},
            "lambda": {"min": 1, "max": 10, "scaling": "Logarithmic"},
            "colsample_bytree": {"min": 0.4, "max": 0.9},
        },
    ),
}
