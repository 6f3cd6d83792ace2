"""Rows as the preparation leaves them: CSV, label first, no header."""

from dataclasses import dataclass

import numpy as np

from lambdas.evaluate.errors import UnusableRows
from lambdas.evaluate.metrics import Labels, Numbers


@dataclass(frozen=True)
class Rows:
    """`features` has a line of CSV text for each label: the very text that the model's like was trained on."""

    labels: Labels
    features: tuple[str, ...]

    @classmethod
    def parse(cls, csv: str, name: str) -> "Rows":
        """Raises UnusableRows, which calls them the `name` rows, if there are none or a label is neither 0 nor 1."""
        pairs = [line.partition(",") for line in csv.splitlines()]
        try:
            labels = np.array([float(label) for label, _, _ in pairs])
        except ValueError as error:
            raise UnusableRows(
                f"The {name} rows start with something that is no label. Prepare the data again."
            ) from error
        if not pairs or not set(labels.tolist()) <= {0, 1}:
            raise UnusableRows(
                f"The {len(pairs):,} {name} rows must be one at least and have the labels 0 and 1 only. Prepare the "
                "data again."
            )
        return cls(labels.astype(np.int64), tuple(features for _, _, features in pairs))

    @property
    def positives(self) -> int:
        return int(np.sum(self.labels))

    def feature(self, number: int) -> Numbers:
        """The values of a feature, counted from 0; NaN where one is missing. Raises UnusableRows."""
        try:
            texts = [line.split(",")[number] for line in self.features]
            return np.array([float(text) if text else np.nan for text in texts])
        except (IndexError, ValueError):
            raise UnusableRows(
                f"Feature {number + 1} is not a number in every row. The rows must have the columns that "
                "data_report.json names; prepare the data again."
            ) from None

    def batches(self, most_rows: int, most_bytes: int) -> list[list[str]]:
        """In their order, each with as many rows as fit; a row by itself may be larger."""
        batches: list[list[str]] = []
        size = 0
        for line in self.features:
            length = len(line.encode()) + 1
            if not batches or len(batches[-1]) == most_rows or size + length > most_bytes:
                batches.append([])
                size = 0
            batches[-1].append(line)
            size += length
        return batches
