"""What there is to know of the data before a model is trained on it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from lambdas.prepare.duplicates import Duplicates
from lambdas.prepare.registered import Verdict
from lambdas.prepare.split import Parts, Rows, Split, positives

Number = int | float
QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Column:
    """The values of a column that are not missing. All of it is None where there are none.

    `type` is "integer" if every value is a whole number, else "number". The quartiles are interpolated linearly. The
    standard deviation is a sample's, with n - 1 for n values: one value has none.
    """

    name: str
    type: str
    missing: int
    min: Number | None
    quartiles: tuple[Number | None, ...]
    max: Number | None
    mean: Number | None
    standard_deviation: Number | None

    @classmethod
    def of(cls, column: pd.Series) -> "Column":
        values = column.dropna()
        return cls(
            name=str(column.name),
            type="integer" if len(values) and bool((values % 1 == 0).all()) else "number",
            missing=len(column) - len(values),
            min=_number(values.min()),
            quartiles=tuple(_number(quartile) for quartile in values.quantile(list(QUARTILES))),
            max=_number(values.max()),
            mean=_number(values.mean()),
            standard_deviation=_number(values.std()),
        )


@dataclass(frozen=True)
class Part:
    rows: int
    positives: int

    @classmethod
    def of(cls, table: pd.DataFrame, rows: Rows) -> "Part":
        return cls(len(rows), positives(table, rows))


@dataclass(frozen=True)
class Origin:
    """Where the data is from: the address without its query, and the SHA-256 of the CSV file's bytes in hex."""

    source: str
    sha256: str


@dataclass(frozen=True)
class DataReport:
    """The table as it was read, how it was dealt out, and what is in each part.

    `columns` are in the order of the parts' CSV files: the label, then the features. `registered` is None where no
    registered model was to compete.
    """

    origin: Origin
    rows: int
    columns: tuple[Column, ...]
    positives: int
    duplicates: Duplicates
    split: Split
    parts: Mapping[str, Part]
    amount_column: str | None
    registered: Verdict | None = None

    @classmethod
    def of(
        cls,
        table: pd.DataFrame,
        *,
        origin: Origin,
        split: Split,
        parts: Parts,
        duplicates: Duplicates,
        amount_column: str | None,
    ) -> "DataReport":
        """The label is the table's first column."""
        return cls(
            origin=origin,
            rows=len(table),
            columns=tuple(Column.of(column) for _, column in table.items()),
            positives=positives(table, np.arange(len(table))),
            duplicates=duplicates,
            split=split,
            parts={name: Part.of(table, rows) for name, rows in parts.items()},
            amount_column=amount_column,
        )

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns[1:])

    def as_json(self) -> dict[str, Any]:
        """The whole of it, in numbers that JSON has: none is infinite, and null stands for one that there is not."""
        return {
            **asdict(self.origin),
            "rows": self.rows,
            "label_column": self.columns[0].name,
            "positives": self.positives,
            "positive_share": self.positives / self.rows,
            "missing_values": sum(column.missing for column in self.columns),
            "columns": [asdict(column) for column in self.columns],
            "duplicates": asdict(self.duplicates),
            "split": self.split.as_json(),
            "parts": {name: asdict(part) for name, part in self.parts.items()},
            "features": list(self.features),
            "amount_column": self.amount_column,
            "registered": self._registered(),
        }

    def summary(self) -> dict[str, Any]:
        """What later states need, small enough for a state's output however many columns there are.

        `amount_feature` is the position of `amount_column` among the features, from 0.
        """
        return {
            "sha256": self.origin.sha256,
            "rows": {name: part.rows for name, part in self.parts.items()},
            "positives": {name: part.positives for name, part in self.parts.items()},
            "features": len(self.features),
            "amount_column": self.amount_column,
            "amount_feature": None if self.amount_column is None else self.features.index(self.amount_column),
            "duplicates": self.duplicates.rows,
            "registered": self._registered(),
        }

    def _registered(self) -> dict[str, Any] | None:
        return None if self.registered is None else asdict(self.registered)


def _number(value: Any) -> Number | None:
    """Plain Python's number for NumPy's; None for NaN."""
    return None if pd.isna(value) else np.asarray(value).item()
