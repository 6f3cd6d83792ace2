"""The whole way from the data's address to the three parts in the bucket."""

import hashlib
import json
import tempfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from lambdas.prepare import source
from lambdas.prepare.columns import amount_column
from lambdas.prepare.data_report import DataReport, Origin
from lambdas.prepare.duplicates import Duplicates, first_equal, is_first
from lambdas.prepare.limits import Limits
from lambdas.prepare.source import Source
from lambdas.prepare.split import Parts, Split, deal, read_split, write_csv
from lambdas.prepare.table import read_table
from lambdas.prepare.unpack import csv_file

DATA_REPORT = "data_report.json"
LEFT_BEHIND = (
    *("code/sourcedir.tar.gz", "output/registered-model/output/model.tar.gz"),
    *("train/train.csv", "validation/validation.csv", "test/test.csv", DATA_REPORT),
)
"""All that a run may have in the bucket until its data is prepared: what its plan has left, and what is left here."""


class Objects(source.Objects, Protocol):
    """The objects of S3, as much of them as is needed to read one and to leave others."""

    def upload(self, path: Path, bucket: str, key: str) -> None: ...

    def write_json(self, content: str, bucket: str, key: str) -> None: ...

    def delete(self, bucket: str, key: str) -> None: ...


@dataclass(frozen=True)
class Request:
    """`prefix` ends with a slash, or is empty. Without `amount_column` it is the lesson's, if the data has it."""

    source: str
    label_column: str
    bucket: str
    prefix: str
    split: Split
    drop_duplicates: bool
    amount_column: str | None

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> "Request":
        """The event has every field of the plan's data, null for those that are not given, and the run's place."""
        return cls(
            source=event["source"],
            label_column=event["label_column"],
            bucket=event["bucket"],
            prefix=event["prefix"],
            split=read_split(event),
            drop_duplicates=event["drop_duplicates"],
            amount_column=event["amount_column"],
        )


@dataclass(frozen=True)
class Preparation:
    """`objects` and `web` are what it reads and writes through."""

    objects: Objects
    web: urllib.request.OpenerDirector
    limits: Limits

    def run(self, request: Request) -> DataReport:
        """Leave train/train.csv, validation/validation.csv, test/test.csv and data_report.json under the prefix.

        If that fails, nothing is left there at all.
        """
        try:
            with tempfile.TemporaryDirectory() as folder:
                return self._prepare(request, Path(folder))
        except Exception:
            # Without data the run ends here: what its plan has left would stay for nothing.
            for key in LEFT_BEHIND:
                self.objects.delete(request.bucket, f"{request.prefix}{key}")
            raise

    def _prepare(self, request: Request, folder: Path) -> DataReport:
        table, origin = self._read(request, folder)
        amount = amount_column(table, request.amount_column)
        first = first_equal(table)
        rows = np.flatnonzero(is_first(first)) if request.drop_duplicates else np.arange(len(table))
        parts = deal(table, rows, request.split)
        report = DataReport.of(
            table,
            origin=origin,
            split=request.split,
            parts=parts,
            duplicates=Duplicates.of(first, parts, dropped=request.drop_duplicates),
            amount_column=amount,
        )
        self._write(table, parts, report, request, folder)
        return report

    def _read(self, request: Request, folder: Path) -> tuple[pd.DataFrame, Origin]:
        downloaded = folder / "source"
        address = Source(request.source)
        address.fetch(downloaded, self.objects, self.web, self.limits)
        csv = csv_file(downloaded, self.limits)
        with csv.open("rb") as file:
            origin = Origin(str(address), hashlib.file_digest(file, "sha256").hexdigest())
        table = read_table(csv, request.label_column, self.limits)
        csv.unlink()
        return table, origin

    def _write(self, table: pd.DataFrame, parts: Parts, report: DataReport, request: Request, folder: Path) -> None:
        for name, rows in parts.items():
            path = folder / f"{name}.csv"
            write_csv(table.iloc[rows], path)
            self.objects.upload(path, request.bucket, f"{request.prefix}{name}/{name}.csv")
            path.unlink()
        content = json.dumps(report.as_json(), allow_nan=False)
        self.objects.write_json(content, request.bucket, f"{request.prefix}{DATA_REPORT}")
