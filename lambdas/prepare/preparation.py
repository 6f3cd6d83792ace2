"""The whole way from the data's address to the three parts in the bucket."""

import hashlib
import json
import tempfile
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from lambdas.prepare import registered, source
from lambdas.prepare.columns import amount_column, require_amounts
from lambdas.prepare.data_report import DataReport, Origin
from lambdas.prepare.duplicates import Duplicates, first_equal, is_first
from lambdas.prepare.errors import UnwritableFile
from lambdas.prepare.limits import Limits
from lambdas.prepare.lines import Hashes, file_chunks, line_hashes
from lambdas.prepare.registered import RegisteredModel, Verdict, judge
from lambdas.prepare.source import Source
from lambdas.prepare.split import Parts, Split, deal, read_split, write_csv
from lambdas.prepare.table import read_table
from lambdas.prepare.unpack import csv_file

DATA_REPORT = "data_report.json"
REGISTERED_MODEL = "output/registered-model/output/model.tar.gz"
MEASURED_ON = ("validation", "test")
LEFT_BEHIND = (
    *("code/sourcedir.tar.gz", "code/sampling/sourcedir.tar.gz", REGISTERED_MODEL),
    *("train/train.csv", "validation/validation.csv", "test/test.csv", DATA_REPORT),
)
"""All that a run may have in the bucket until its data is prepared: what its plan has left, and what is left here."""


class Objects(source.Objects, registered.Objects, Protocol):
    """The objects of S3, as much of them as is needed to read some and to leave others."""

    def upload(self, path: Path, bucket: str, key: str) -> None: ...

    def write_json(self, content: str, bucket: str, key: str) -> None: ...

    def delete(self, bucket: str, key: str) -> None: ...


@dataclass(frozen=True)
class Request:
    """`prefix` ends with a slash, or is empty. Without `amount_column` it is the lesson's, if the data has it; if
    `amount_required`, every positive row must have an amount. `registered` is the model whose archive the plan has
    copied under the prefix, None if it has not.
    """

    source: str
    label_column: str
    bucket: str
    prefix: str
    split: Split
    drop_duplicates: bool
    amount_column: str | None
    amount_required: bool
    registered: RegisteredModel | None

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
            amount_required=event["amount_required"],
            registered=RegisteredModel.read(event["registered"]),
        )


@dataclass(frozen=True)
class Preparation:
    """`objects` and `web` are what it reads and writes through."""

    objects: Objects
    web: urllib.request.OpenerDirector
    limits: Limits

    def run(self, request: Request) -> DataReport:
        """Leave train/train.csv, validation/validation.csv, test/test.csv and data_report.json under the prefix.

        A registered model that may not compete is removed from there. If that fails, nothing is left there at all.
        """
        try:
            with tempfile.TemporaryDirectory() as folder:
                return self._prepare(request, Path(folder))
        except Exception:
            # Without data the run ends here: what its plan has left would stay for nothing.
            for key in LEFT_BEHIND:
                with suppress(UnwritableFile):  # what has gone wrong is told, not what goes wrong after it
                    self.objects.delete(request.bucket, f"{request.prefix}{key}")
            raise

    def _prepare(self, request: Request, folder: Path) -> DataReport:
        table, origin = self._read(request, folder)
        amount = amount_column(table, request.amount_column)
        if request.amount_required:
            require_amounts(table, amount)
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
        measured_on = self._write_parts(table, parts, request, folder)
        verdict = self._judge(request, measured_on, report.duplicates.across_parts)
        report = replace(report, registered=verdict)
        content = json.dumps(report.as_json(), allow_nan=False)
        self.objects.write_json(content, request.bucket, f"{request.prefix}{DATA_REPORT}")
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

    def _write_parts(self, table: pd.DataFrame, parts: Parts, request: Request, folder: Path) -> list[Hashes]:
        """Return the lines of the rows that models are measured on, if a registered model is to be judged by them."""
        measured_on: list[Hashes] = []
        for name, rows in parts.items():
            path = folder / f"{name}.csv"
            write_csv(table.iloc[rows], path)
            self.objects.upload(path, request.bucket, f"{request.prefix}{name}/{name}.csv")
            if request.registered is not None and name in MEASURED_ON:
                measured_on.extend(line_hashes(file_chunks(path)))
            path.unlink()
        return measured_on

    def _judge(self, request: Request, measured_on: list[Hashes], seen_by_others: int) -> Verdict | None:
        """The archive of a model that may not compete is deleted: what does not lie there is no candidate."""
        if request.registered is None:
            return None
        verdict = judge(request.registered, self.objects, np.concatenate(measured_on), seen_by_others)
        if not verdict.competes:
            self.objects.delete(request.bucket, f"{request.prefix}{REGISTERED_MODEL}")
        return verdict
