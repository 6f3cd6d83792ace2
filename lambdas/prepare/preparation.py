"""The whole way from the data's address to the three parts in the bucket."""

import tempfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from lambdas.prepare import source
from lambdas.prepare.limits import Limits
from lambdas.prepare.source import Source
from lambdas.prepare.split import Parts, positives, split, write_csv
from lambdas.prepare.table import read_table
from lambdas.prepare.unpack import csv_file

LEFT_BEHIND = ("code/sourcedir.tar.gz", "train/train.csv", "validation/validation.csv", "test/test.csv")
"""All that a run may have in the bucket until its data is prepared."""


class Objects(source.Objects, Protocol):
    """The objects of S3, as much of them as is needed to read one and to leave others."""

    def upload(self, path: Path, bucket: str, key: str) -> None: ...

    def delete(self, bucket: str, key: str) -> None: ...


@dataclass(frozen=True)
class Request:
    """`prefix` ends with a slash, or is empty."""

    source: str
    label_column: str
    bucket: str
    prefix: str

    @classmethod
    def read(cls, event: Mapping[str, str]) -> "Request":
        return cls(event["source"], event["label_column"], event["bucket"], event["prefix"])


@dataclass(frozen=True)
class DataReport:
    """Counts by part, the features in the order of the columns after the label, and where values are missing."""

    rows: Mapping[str, int]
    positives: Mapping[str, int]
    features: tuple[str, ...]
    missing_values: Mapping[str, int]

    @classmethod
    def of(cls, parts: Parts) -> "DataReport":
        missing = pd.DataFrame([part.isna().sum() for part in parts.values()]).sum()
        return cls(
            rows={name: len(part) for name, part in parts.items()},
            positives={name: positives(part) for name, part in parts.items()},
            features=tuple(parts["train"].columns[1:]),
            missing_values={str(name): int(count) for name, count in missing.items() if count},
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": dict(self.rows),
            "positives": dict(self.positives),
            "features": list(self.features),
            "missing_values": dict(self.missing_values),
        }


@dataclass(frozen=True)
class Preparation:
    """`objects` and `web` are what it reads and writes through."""

    objects: Objects
    web: urllib.request.OpenerDirector
    limits: Limits

    def run(self, request: Request) -> DataReport:
        """Leave train/train.csv, validation/validation.csv and test/test.csv under the prefix, or nothing at all."""
        try:
            parts = self._prepare(request)
        except Exception:
            # Without data the run ends here: the code that its plan has left would stay for nothing.
            for key in LEFT_BEHIND:
                self.objects.delete(request.bucket, f"{request.prefix}{key}")
            raise
        return DataReport.of(parts)

    def _prepare(self, request: Request) -> Parts:
        with tempfile.TemporaryDirectory() as folder:
            parts = split(self._read(request, Path(folder)))
            for name, part in parts.items():
                path = Path(folder, f"{name}.csv")
                write_csv(part, path)
                self.objects.upload(path, request.bucket, f"{request.prefix}{name}/{name}.csv")
        return parts

    def _read(self, request: Request, folder: Path) -> pd.DataFrame:
        downloaded = folder / "source"
        Source(request.source).fetch(downloaded, self.objects, self.web, self.limits)
        csv = csv_file(downloaded, self.limits)
        table = read_table(csv, request.label_column, self.limits)
        csv.unlink()
        return table
