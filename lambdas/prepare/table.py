"""From a CSV file to a table that a model can be trained on, or the reason why not."""

import difflib
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from lambdas.prepare.columns import listed
from lambdas.prepare.errors import InvalidData, TooMuchData, cut
from lambdas.prepare.limits import Limits
from lambdas.prepare.shape import Shape

VALUES_SHOWN = 5
ZERO_AND_ONE = ("0", "1", "0.0", "1.0")
FLOAT32_MAX = float(np.finfo(np.float32).max)


def read_table(path: Path, label_column: str, limits: Limits) -> pd.DataFrame:
    """The rows as `pandas.read_csv` reads them, the label's column moved to the front.

    Missing values are allowed in features (XGBoost learns which way they go), not in the label, nor in a feature that
    is the only one. Raises InvalidData or TooMuchData.
    """
    shape = Shape.of(path)
    try:
        columns = _column_names(path)
        _check_columns(columns, label_column)
        _check_size(shape.lines, len(columns), limits)
        table = pd.read_csv(path)
    except pd.errors.EmptyDataError as error:
        raise InvalidData("The CSV file is empty. Expected are a line of column names and then the rows.") from error
    except pd.errors.ParserError as error:
        raise _ragged(str(error).removeprefix("Error tokenizing data. C error: ").strip()) from error
    except UnicodeDecodeError as error:
        raise InvalidData(f"The CSV file is not UTF-8 text: {error}. Save it as UTF-8.") from error
    if table.empty:
        raise InvalidData("The CSV file has a header but no rows.")
    _check_commas(path, shape.commas, columns, len(table))
    _check_label(table[label_column])
    features = table.drop(columns=[label_column])
    _check_features(features)
    return pd.concat([table[label_column], features], axis=1)


def _column_names(path: Path) -> list[str]:
    """The header's own names: read as data, since `read_csv` would rename the repeated and fill in the empty ones.

    The row after it is read too, so that one longer than the header is an error: otherwise `read_csv` would take the
    first column for the rows' index, and every number for its neighbour's.
    """
    start = pd.read_csv(path, header=None, nrows=2, dtype=str, keep_default_na=False)
    return [str(name) for name in start.iloc[0]]


def _check_commas(path: Path, commas: int, columns: list[str], rows: int) -> None:
    """`read_csv` fills a row that is too short with missing values, as if a file that was cut off were whole."""
    in_names = sum(name.count(",") for name in columns)
    if commas < (len(columns) - 1) * (rows + 1) + in_names:
        raise _ragged(_short_row(path, len(columns)))


def _short_row(path: Path, columns: int) -> str:
    """In words, where the first one is and how many fields it has."""
    with path.open(encoding="utf-8-sig") as file:
        lines = ((number, line) for number, line in enumerate(file, start=1) if line.strip(" \t\n"))
        quotes = 0
        for _, line in lines:  # the header's, of which there are several if a name has a newline
            quotes += line.count('"')
            if quotes % 2 == 0:
                break
        short = ((number, line.count(",") + 1) for number, line in lines if line.count(",") < columns - 1)
        return next(
            (f"line {number:,} has {fields:,} of {columns:,} fields" for number, fields in short), "one has fewer"
        )


def _ragged(why: str) -> InvalidData:
    return InvalidData(f"The CSV file can't be read: {why}. Every row must have as many fields as the header.")


def _check_columns(columns: list[str], label_column: str) -> None:
    if all(_is_number(name) for name in columns):
        raise InvalidData(
            "The CSV file's first line holds numbers only. Expected are the columns' names: add a header."
        )
    repeated = sorted(repr(cut(name)) for name, times in Counter(columns).items() if times > 1 or not name)
    if repeated:
        raise InvalidData(f"The CSV file's column names must be unique and not empty; see {listed(repeated)}.")
    if label_column not in columns:
        raise InvalidData(
            f"The CSV file has no column {cut(label_column)!r} for the label. {_columns_instead(columns, label_column)}"
        )
    if len(columns) == 1:
        raise InvalidData(
            f"The CSV file has no column but the label {cut(label_column)!r}; a model needs at least one feature."
        )


def _columns_instead(columns: list[str], label_column: str) -> str:
    if len(columns) == 1:
        return (
            f"Its only column is {cut(columns[0])!r}: are the fields separated by something other than a comma? "
            "Allowed are commas."
        )
    close = difflib.get_close_matches(label_column, columns, n=1)
    hint = f" Did you mean {cut(close[0])!r}?" if close else ""
    return f"Its columns are {listed(columns)}.{hint} Give the name as data.label_column."


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_size(lines: int, columns: int, limits: Limits) -> None:
    """Before reading: running out of memory or of time would leave no message."""
    if columns > limits.columns:
        raise TooMuchData(
            f"The CSV file has {columns:,} columns; this function takes {limits.columns:,}. Leave some of them out."
        )
    if lines * columns > limits.values:
        raise TooMuchData(
            f"The CSV file has {lines:,} lines of {columns:,} columns; this function takes {limits.values:,} values in "
            "all. Give a sample of its rows."
        )


def _check_label(label: pd.Series) -> None:
    missing = int(label.isna().sum())
    if missing:
        raise InvalidData(
            f"The label {_name(label)} is missing in {missing:,} of {len(label):,} rows. Remove or complete them."
        )
    values = sorted(label.unique().tolist(), key=str)
    others = [value for value in values if str(value) not in ZERO_AND_ONE]
    if others:
        raise InvalidData(
            f"The label {_name(label)} holds {_values(others)}; allowed are 0 and 1 only. Encode the label so."
        )
    if len(values) == 1:
        raise InvalidData(
            f"The label {_name(label)} is {values[0]} in every row; a model needs rows of both classes, 0 and 1."
        )


def _check_features(features: pd.DataFrame) -> None:
    text = [name for name in features if not _is_numeric(features[name])]
    if text:
        raise InvalidData(
            f"Every feature must be numeric; not so {listed(text)}. Encode these as numbers, or leave them out."
        )
    outside = [name for name in features if features[name].abs().max() > FLOAT32_MAX]
    if outside:
        raise InvalidData(
            f"Features must be finite and within ±{FLOAT32_MAX:.2g}, which is what XGBoost's 32-bit numbers hold; not "
            f"so {listed(outside)}. Replace these values, or leave them empty."
        )
    if len(features.columns) == 1:
        _check_only_feature(features.iloc[:, 0])


def _check_only_feature(feature: pd.Series) -> None:
    """Where its value is missing, the row would be an empty line of CSV, and no endpoint answers one."""
    missing = int(feature.isna().sum())
    if missing:
        raise InvalidData(
            f"The only feature, {_name(feature)}, is missing in {missing:,} of {len(feature):,} rows: that leaves "
            "nothing of them to score. Remove or complete these rows, or add another feature."
        )


def _is_numeric(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _values(values: list[object]) -> str:
    """The values, if they are few enough to be codes of a label; else it is another column, and they are data."""
    if len(values) > VALUES_SHOWN:
        return f"{len(values):,} other values"
    return ", ".join(repr(cut(value) if isinstance(value, str) else value) for value in values)


def _name(column: pd.Series) -> str:
    return repr(cut(str(column.name)))
