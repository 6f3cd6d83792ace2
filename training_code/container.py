"""What a training job's container has for the scripts that run in it: folders, and channels of CSV files."""

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

MODEL_FILE = "xgboost-model"
# The image's pandas 2.2 may read a decimal as a neighbour of the nearest float; later ones read it right unasked.
_EXACT: Any = {"float_precision": "round_trip"} if pd.__version__.startswith("2.") else {}


class EnvironmentProblem(RuntimeError):
    """The script does not run the way a training job of this project runs it."""


class DataProblem(ValueError):
    """A channel's files are not what is needed; the message never quotes their values."""


def run(main: Callable[[Sequence[str]], None], *mistakes: type[Exception]) -> None:
    """Call a script's `main`; of the two problems above, and of `mistakes`, tell the class and the message alone.

    A failed job's reason is the beginning of what its script wrote to standard error (aws-facts 3.10), and a trace-back
    would fill it. So what the script does is logged to standard output.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    told: tuple[type[Exception], ...] = (EnvironmentProblem, DataProblem, *mistakes)
    try:
        main(sys.argv[1:])
    except told as error:
        sys.exit(f"{type(error).__name__}: {error}")


def folders(variables: Mapping[str, str], names: Sequence[str]) -> list[Path]:
    """Return the folders that the environment's variables name (aws-facts 3.3); raise EnvironmentProblem for one."""
    if missing := [name for name in names if name not in variables]:
        raise EnvironmentProblem(f"{', '.join(missing)} is not set; a job needs the channels train and validation")
    return [Path(variables[name]) for name in names]


@dataclass(frozen=True, eq=False)
class Rows:
    """Features as float32 (rows x features; NaN is a missing value), and a label of 0 or 1 a row."""

    features: np.ndarray
    labels: np.ndarray

    @property
    def positives(self) -> int:
        return int(np.count_nonzero(self.labels))

    @property
    def negatives(self) -> int:
        return len(self.labels) - self.positives

    def matrix(self) -> xgb.DMatrix:
        return xgb.DMatrix(self.features, label=self.labels)


def read_channel(folder: Path) -> Rows:
    """Read all CSV files of a channel: no header, the label (0 or 1) first; an empty field is a missing value.

    Files whose names start with a dot or an underscore are skipped, as the image does (aws-facts 2.12).
    """
    files = sorted(path for path in folder.glob("*") if path.is_file() and path.name[0] not in "._")
    if not files:
        raise DataProblem(f"the channel {folder.name} has no files; it needs at least one CSV file")
    tables = [read_csv(path) for path in files]
    widths = {table.shape[1] for table in tables}
    if len(widths) > 1:
        raise DataProblem(f"the files of the channel {folder.name} differ in their number of columns: {sorted(widths)}")
    rows = np.concatenate(tables)
    if set(np.unique(rows[:, 0])) != {0, 1}:
        raise DataProblem(f"the first column of the channel {folder.name} must be the label, with both 0 and 1 in it")
    return Rows(features=rows[:, 1:], labels=rows[:, 0])


def read_csv(path: Path) -> np.ndarray:
    """Return the file's rows as float32, each the nearest to the decimal number that is written."""
    try:
        table: pd.DataFrame = pd.read_csv(path, header=None, **_EXACT)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DataProblem(f"{path.name} is no CSV file: {error}") from error
    not_numbers = [column + 1 for column, kind in enumerate(table.dtypes) if kind.kind not in "iuf"]
    if not_numbers:
        raise DataProblem(
            f"{path.name} must hold numbers only, and no header; columns {not_numbers}, counted from 1, have others"
        )
    rows: np.ndarray = table.to_numpy(dtype=np.float32)
    return rows
