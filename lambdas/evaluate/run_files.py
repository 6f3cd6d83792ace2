"""What is read of a run, and left of it, in the bucket."""

import json
from dataclasses import dataclass
from typing import Protocol

from lambdas.evaluate.choice import Choice
from lambdas.evaluate.errors import UnusableRows
from lambdas.evaluate.metrics import Numbers
from lambdas.evaluate.rows import Rows


class Store(Protocol):
    def read(self, bucket: str, key: str) -> bytes:
        """Raises UnreadableFile."""
        ...

    def write(self, bucket: str, key: str, content: str, content_type: str) -> None: ...


@dataclass(frozen=True)
class RunFiles:
    """Those under `prefix`, which ends with a slash, or is empty."""

    store: Store
    bucket: str
    prefix: str

    def choice(self, job: str) -> Choice:
        """Raises UnreadableFile or UnusableChoice."""
        return Choice.unpack(self._read(f"choice/{job}/output/output.tar.gz"), job)

    def test_rows(self) -> Rows:
        """Raises UnreadableFile or UnusableRows."""
        # What is no text is no number either, and told by where it stands.
        return Rows.parse(self._read("test/test.csv").decode(errors="replace"), "test")

    def amounts(self, rows: Rows) -> Numbers | None:
        """The Amount of each of `rows`; None if the data has no such column. Raises UnreadableFile or UnusableRows."""
        try:
            report = json.loads(self._read("data_report.json"))
            column, features = report["amount_column"], report["features"]
        except (KeyError, TypeError, ValueError) as error:
            raise UnusableRows(
                f"data_report.json does not name the rows' columns ({type(error).__name__}: {error}). Prepare the data "
                "again."
            ) from error
        if column is None:
            return None
        if column not in features:
            raise UnusableRows(
                f"data_report.json has the amount column {column!r}, which is none of its features. Prepare the data "
                "again."
            )
        return rows.feature(features.index(column))

    def write_json(self, name: str, content: str) -> None:
        self.store.write(self.bucket, f"{self.prefix}{name}", content, "application/json")

    def _read(self, name: str) -> bytes:
        return self.store.read(self.bucket, f"{self.prefix}{name}")
