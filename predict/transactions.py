"""The CSV file with the rows to score: read row by row, checked, and never held whole."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from predict.errors import Misuse, PredictFailed

ADDED = ("score", "decision")
"""The columns that the result has besides."""

FLOAT32_MAX = (2 - 2**-23) * 2.0**127
"""The largest number that XGBoost takes."""

_PLAIN = r"(?:[+-]?(?:\d{1,20}(?:\.\d*)?|\.\d+)(?:[eE](?:-\d+|\+?\d))?)?"
"""What most cells are: nothing, or a number that is written plainly and far below the largest. A file has millions of
them; so those of a row are looked at in one go."""

_NAMES_SHOWN = 10


class Row(NamedTuple):
    """A record of the file. `number` counts from 1, without the header."""

    number: int
    text: str
    """As it stands in the file, without its line's end."""
    features: str
    """What the model gets: the features' numbers in its order, ASCII; missing values are empty."""


class Transactions:
    """The file, for a model with these features: its header is checked now, its rows whenever they are read."""

    def __init__(self, path: Path, features: Sequence[str]) -> None:
        """Raises Misuse."""
        self.path = path
        self._state = _state(path)
        with path.open("rb") as file:
            marked = file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8
        self.encoding = "utf-8-sig" if marked else "utf-8"
        """With the mark that the file begins with, if it does."""
        with self._open() as file:
            _, text, names = next(_records(file, path), (0, "", []))
        _check_header(names, features, path)
        self.header = text.rstrip("\r\n")
        self.line_end = text[len(self.header) :] or "\n"
        self._width = len(names)
        self._names = features
        self._places = [names.index(name) for name in features]
        self._plain = re.compile(f"{_PLAIN}(?:,{_PLAIN}){{{len(features) - 1}}}", re.ASCII)

    def rows(self) -> Iterator[Row]:
        """All rows in their order; blank lines are none. Raises Misuse, also when there are none."""
        number = 0
        with self._open() as file:
            records = _records(file, self.path)
            next(records)
            for number, (line, text, fields) in enumerate(records, start=1):
                yield Row(number, text.rstrip("\r\n"), self._features(number, line, fields))
        if not number:
            raise Misuse(f"{self.path} has a header but no rows.")

    def require_unchanged(self) -> None:
        """Raises PredictFailed if somebody has written to the file since it was opened first."""
        if _state(self.path) != self._state:
            raise PredictFailed(f"{self.path} changed while it was being scored. Run it again when it is complete.")

    def _open(self) -> TextIO:
        return self.path.open(encoding=self.encoding, newline="")

    def _features(self, number: int, line: int, fields: list[str]) -> str:
        if len(fields) != self._width:
            where = self._where(number, line)
            raise Misuse(f"{where} has {len(fields):,} fields, but the header has {self._width:,}.")
        cells = [fields[place] for place in self._places]
        joined = ",".join(cells)
        if not self._plain.fullmatch(joined):
            joined = ",".join(self._numbers(number, line, cells))
        # A row of one missing value would be an empty line, and so none.
        return joined or "nan"

    def _numbers(self, number: int, line: int, cells: list[str]) -> Iterator[str]:
        for name, cell in zip(self._names, cells, strict=True):
            try:
                yield _number(cell)
            except ValueError as error:
                raise Misuse(f"{self._where(number, line)}, column {name}: {error}") from error

    def _where(self, number: int, line: int) -> str:
        return f"{self.path}, row {number:,} (line {line:,})"


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _number(text: str) -> str:
    """The number as it is written, without spaces around it; nothing for a missing value. Raises ValueError."""
    text = text.strip()
    if not text:
        return ""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(
            "not a number. Allowed are digits with a decimal point, such as -1234.5 or 1e-3, and nothing at all if the "
            "value is missing."
        ) from None
    if not text.isascii() or "_" in text:  # which Python would read, and others not
        raise ValueError("not a number in plain digits, such as 1234.5.")
    if not abs(value) <= FLOAT32_MAX:
        raise ValueError(
            f"not a finite number within ±{FLOAT32_MAX:.2g}, which is what the model takes. Leave the cell empty if "
            "the value is missing."
        )
    return text


# --- records ----------------------------------------------------------------------------------------------------


class _Lines:
    """The lines of a file, kept until they are taken: a record in quotes may have several."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._kept: list[str] = []
        self._taken = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self._kept.append(line)
            yield line

    def take(self) -> tuple[int, str]:
        """The number of the first line that was read since the last call, and the text of them all."""
        first, text = self._taken + 1, "".join(self._kept)
        self._taken += len(self._kept)
        self._kept.clear()
        return first, text


def _records(file: TextIO, path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Of each record the number of its first line, its text, and its fields. Raises Misuse."""
    lines = _Lines(file)
    try:
        for fields in csv.reader(lines, strict=True):
            line, text = lines.take()
            if fields:
                yield line, text, fields
    except csv.Error as error:
        line, _ = lines.take()
        raise Misuse(f"{path}, line {line:,}: this is not CSV: {error}.") from error
    except UnicodeDecodeError as error:
        raise Misuse(f"{path} is not UTF-8 text. Save it as UTF-8.") from error


# --- the header -------------------------------------------------------------------------------------------------


def _check_header(names: list[str], features: Sequence[str], path: Path) -> None:
    """Names of the file's own are told only where they are the model's too: without a header they would be values."""
    if not names:
        raise Misuse(f"{path} is empty. Expected are a line of column names and then the rows.")
    if all(_is_number(name) for name in names):
        raise Misuse(f"{path} begins with a line of numbers. Expected are the columns' names: add a header.")
    missing = [name for name in features if name not in names]
    if missing:
        raise Misuse(_missing(missing, names, features, path))
    repeated = [name for name, count in Counter(names).items() if name and count > 1]
    if repeated:
        raise Misuse(f"{path} has more than one column {_named(repeated)}. Column names must differ.")
    taken = [name for name in ADDED if name in names]
    if taken:
        raise Misuse(f"{path} has a column {_named(taken)} already, which the result would have twice. Rename it.")


def _missing(missing: list[str], names: list[str], features: Sequence[str], path: Path) -> str:
    told = f"{path} lacks {len(missing):,} of the {len(features):,} columns that the model takes: {_named(missing)}."
    if len(names) == 1:
        return f"{told} It has one column: are the fields separated by something other than a comma?"
    alike = {name.strip().lower() for name in names}
    otherwise = [name for name in missing if name.strip().lower() in alike]
    if otherwise:
        return f"{told} Names must be the same to the letter: {_named(otherwise)} is there in another spelling."
    return f"{told} The first line must hold the columns' names."


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
