"""The ways to deal rows out to training, validation and test."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv as pa_csv  # type: ignore[import-untyped]

from lambdas.prepare.columns import feature
from lambdas.prepare.errors import InvalidData, cut

TRAIN_ENDS_AT = 0.7
VALIDATION_ENDS_AT = 0.9
ENOUGH_OF_A_CLASS = 4
"""So many rows of a class, cut by themselves, give each part one."""

Rows = npt.NDArray[np.intp]
"""Positions of rows in a table: a part in this form costs a fraction of a copy of its rows."""

Parts = Mapping[str, Rows]
"""By the names `train`, `validation` and `test`."""


class Split(Protocol):
    """A way to deal rows out. `advice` is what helps if a part would lack a class."""

    advice: ClassVar[str]

    def deal(self, table: pd.DataFrame, rows: Rows) -> Parts:
        """Every one of `rows`, which ascend, in exactly one part. May raise InvalidData."""
        ...

    def as_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class LessonSplit:
    """All rows shuffled, then 70 % `train`, 20 % `validation`, 10 % `test`, row for row as the lesson's

    `np.split(table.sample(frac=1, random_state=1729), [int(0.7 * n), int(0.9 * n)])`.
    """

    seed: int
    advice: ClassVar[str] = (
        'Give more rows of the rarer class, or split with data.split "stratified", where every part has its share.'
    )

    def deal(self, table: pd.DataFrame, rows: Rows) -> Parts:
        return _cut(pd.Series(rows).sample(frac=1, random_state=self.seed).to_numpy())

    def as_json(self) -> dict[str, Any]:
        return {"method": "lesson", "seed": self.seed, "time_column": None}


@dataclass(frozen=True)
class StratifiedSplit:
    """Each class shuffled and cut by itself at 70 % and 90 %, so that every part has each class's share to within a
    row; then the rows of each part shuffled.
    """

    seed: int
    advice: ClassVar[str] = f"Give {ENOUGH_OF_A_CLASS} rows of either class or more."

    def deal(self, table: pd.DataFrame, rows: Rows) -> Parts:
        # RandomState, unlike NumPy's newer generators, draws the same in all of NumPy's versions.
        random = np.random.RandomState(self.seed)
        label = table.iloc[:, 0].to_numpy()[rows]
        classes = [_cut(random.permutation(rows[label == value])) for value in (0, 1)]
        return {name: random.permutation(np.concatenate([each[name] for each in classes])) for name in classes[0]}

    def as_json(self) -> dict[str, Any]:
        return {"method": "stratified", "seed": self.seed, "time_column": None}


@dataclass(frozen=True)
class TimeSplit:
    """The oldest 70 % `train`, the next 20 % `validation`, the newest 10 % `test`, oldest first in each part.

    Rows of the same time are never on both sides of a cut: it moves so far that they stay together in the earlier
    part.
    """

    time_column: str
    advice: ClassVar[str] = (
        'Give rows of a longer time, or split with data.split "stratified", where every part has its share.'
    )

    def deal(self, table: pd.DataFrame, rows: Rows) -> Parts:
        column = table[feature(table, self.time_column, "data.time_column")]
        missing = int(column.isna().sum())
        if missing:
            raise InvalidData(
                f"The time {cut(self.time_column)!r} is missing in {missing:,} of {len(table):,} rows; a split by time "
                "needs it in each. Remove or complete these rows, or choose another data.split."
            )
        times = column.to_numpy()[rows]
        order = np.argsort(times, kind="stable")
        return _cut(rows[order], times[order])

    def as_json(self) -> dict[str, Any]:
        return {"method": "time", "seed": None, "time_column": self.time_column}


def read_split(event: Mapping[str, Any]) -> Split:
    """From the event's `split`, `seed` and `time_column`. Raises ValueError for another split than there is."""
    method = event["split"]
    if method == "time":
        return TimeSplit(event["time_column"])
    seeded: dict[str, type[LessonSplit | StratifiedSplit]] = {"lesson": LessonSplit, "stratified": StratifiedSplit}
    if method not in seeded:
        raise ValueError(f"split is {method!r}; allowed are {', '.join(seeded)} and time.")
    return seeded[method](event["seed"])


def deal(table: pd.DataFrame, rows: Rows, split: Split) -> Parts:
    """`rows` dealt out by `split`. Raises InvalidData if a part would lack one of the classes 0 and 1."""
    parts = split.deal(table, rows)
    for name, part in parts.items():
        ones = positives(table, part)
        if ones in (0, len(part)):
            raise InvalidData(
                f"The {name} part would have {ones:,} positives in its {len(part):,} rows; each of the parts (70 % "
                f"train, 20 % validation, 10 % test) needs rows of both classes. {split.advice}"
            )
    return parts


def positives(table: pd.DataFrame, rows: Rows) -> int:
    return int((table.iloc[:, 0].to_numpy()[rows] == 1).sum())


def write_csv(part: pd.DataFrame, path: Path) -> None:
    """The rows without header or index; a missing value is an empty field.

    Arrow writes a number's shortest text that reads back as the same number, as `DataFrame.to_csv` does, in a tenth
    of its time.
    """
    rows = pa.Table.from_pandas(part, preserve_index=False)
    pa_csv.write_csv(rows, path, pa_csv.WriteOptions(include_header=False))


def _cut(rows: Rows, times: npt.NDArray[Any] | None = None) -> Parts:
    """At 70 % and 90 %, or after the last row whose time is that of the row before the cut; `times` ascend."""
    cuts = [int(end * len(rows)) for end in (TRAIN_ENDS_AT, VALIDATION_ENDS_AT)]
    if times is not None:
        cuts = [int(np.searchsorted(times, times[cut - 1], side="right")) if cut else 0 for cut in cuts]
    train, validation, test = np.split(rows, cuts)
    return {"train": train, "validation": validation, "test": test}
