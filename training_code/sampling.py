"""Training rows with another share of positives, drawn or made up by imbalanced-learn.

AWS's image lacks that library. Only a job that samples has it, from the requirements of its code archive, so nothing
else imports it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING or __package__:
    from training_code.container import DataProblem, Rows
else:
    from container import DataProblem, Rows

OVER_SAMPLING, UNDER_SAMPLING, SMOTE = "over_sampling", "under_sampling", "smote"
_NEIGHBORS = 5
_SEEDS = 2**32


@dataclass(frozen=True)
class Sampling:
    """One of the methods above, the positives per negative that it leaves, in (0, 1], and the seed of what it draws."""

    method: str
    ratio: float
    seed: int


def resample(rows: Rows, sampling: Sampling) -> Rows:
    """Return `rows` with more positives (repeated, or interpolated by SMOTE), or with fewer negatives.

    Raises DataProblem if the rows do not let the method do so.
    """
    _check_ratio(rows, sampling.ratio)
    if sampling.method == SMOTE:
        _check_for_smote(rows)
    features, labels = _sampler(rows, sampling).fit_resample(rows.features, rows.labels)
    return Rows(features, labels)


def _sampler(rows: Rows, sampling: Sampling) -> Any:
    # Not there unless a job samples.
    from imblearn import over_sampling, under_sampling  # noqa: PLC0415

    options = {"sampling_strategy": sampling.ratio, "random_state": sampling.seed % _SEEDS}
    if sampling.method == OVER_SAMPLING:
        return over_sampling.RandomOverSampler(**options)
    if sampling.method == UNDER_SAMPLING:
        return under_sampling.RandomUnderSampler(**options)
    return over_sampling.SMOTE(k_neighbors=min(_NEIGHBORS, rows.positives - 1), **options)


def _check_ratio(rows: Rows, ratio: float) -> None:
    if int(rows.negatives * ratio - rows.positives) < 1:
        raise DataProblem(
            f"sampling_ratio is {ratio}, but the channel train already has {rows.positives} positives to "
            f"{rows.negatives} negatives, a ratio of {rows.positives / rows.negatives:.4g}; "
            "give a higher one, at most 1, or leave imbalance out"
        )


def _check_for_smote(rows: Rows) -> None:
    if not np.isfinite(rows.features).all():
        raise DataProblem(
            "the channel train has missing or infinite values, between which smote cannot interpolate; "
            "use over_sampling, under_sampling or scale_pos_weight"
        )
    if rows.positives < 2:  # noqa: PLR2004  a row and a neighbour
        raise DataProblem(
            f"the channel train has {rows.positives} positive, and smote interpolates between at least 2; "
            "use over_sampling, under_sampling or scale_pos_weight"
        )
