"""Rows as the preparation leaves them: CSV, label first, no header."""

from dataclasses import dataclass

import numpy as np

from lambdas.evaluate.errors import UnusableRows
from lambdas.evaluate.metrics import Labels


@dataclass(frozen=True)
class Rows:
    """`features` has a line of CSV text for each label: the very text that the model's like was trained on."""

    labels: Labels
    features: tuple[str, ...]

    @classmethod
    def parse(cls, csv: str, name: str) -> "Rows":
        """Raises UnusableRows, which calls them the `name` rows, if their labels are not 0 and 1 with both present."""
        pairs = [line.partition(",") for line in csv.splitlines()]
        try:
            labels = np.array([float(label) for label, _, _ in pairs])
        except ValueError as error:
            raise UnusableRows(
                f"The {name} rows start with something that is no label. Prepare the data again."
            ) from error
        if set(labels.tolist()) != {0, 1}:
            raise UnusableRows(
                f"The {len(pairs):,} {name} rows must have both of the labels 0 and 1 only. Prepare the data again."
            )
        return cls(labels.astype(np.int64), tuple(features for _, _, features in pairs))

    @property
    def positives(self) -> int:
        return int(np.sum(self.labels))

    def batches(self, size: int) -> list[list[str]]:
        return [list(self.features[start : start + size]) for start in range(0, len(self.features), size)]
