"""Rows that are equal to other rows, found by their hashes: that takes some numbers a row, not a copy of the table."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.util import hash_array

from lambdas.prepare.split import Parts, Rows

FACTOR = np.uint64(1_000_003)
"""Odd, so that multiplying by it loses nothing of a hash; by it the order of the columns matters."""


@dataclass(frozen=True)
class Duplicates:
    """`rows` are those equal to an earlier row in all columns; `across_parts` those of validation and test that also
    stand in the training part, label and all: a model has seen them before it is measured on them.
    """

    rows: int
    dropped: bool
    across_parts: int

    @classmethod
    def of(cls, first: Rows, parts: Parts, *, dropped: bool) -> "Duplicates":
        """`first` is what `first_equal` gives for the table that `parts` are rows of."""
        measured_on = np.concatenate([parts["validation"], parts["test"]])
        return cls(
            rows=int((~is_first(first)).sum()),
            dropped=dropped,
            across_parts=int(np.isin(first[measured_on], first[parts["train"]]).sum()),
        )


def first_equal(table: pd.DataFrame) -> Rows:
    """For every row the position of the first row that is equal to it in all columns, which may be itself.

    Two missing values are equal, as they are to `pandas.DataFrame.duplicated`. Rows with the same hash are compared
    value by value: none is taken for another's duplicate that is not.
    """
    _, firsts, group = np.unique(_hashes(table), return_index=True, return_inverse=True)
    first: Rows = firsts[group]
    equal = np.ones(len(table), dtype=bool)
    for _, column in table.items():
        values, missing = column.to_numpy(), column.isna().to_numpy()
        equal &= (values == values[first]) | (missing & missing[first])
    return np.where(equal, first, np.arange(len(table)))


def is_first(first: Rows) -> npt.NDArray[np.bool_]:
    return np.equal(first, np.arange(len(first)))


def _hashes(table: pd.DataFrame) -> npt.NDArray[np.uint64]:
    hashes = np.zeros(len(table), dtype=np.uint64)
    for _, column in table.items():
        values = column.to_numpy()
        # Adding nothing turns -0.0 into 0.0: they are equal, but not their bits, which pandas 2 hashes.
        unsigned_zeros = values + values.dtype.type(0)
        hashes = hashes * FACTOR + hash_array(unsigned_zeros)  # type: ignore[operator]  # pandas.util is lazy
    return hashes
