"""The result: the file's own rows, each with its score and its decision."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from predict.transactions import ADDED, Row, Transactions


class ScoredFile:
    """Written to a folder beside the result, which goes when the context is left, and moved into place from there."""

    def __init__(self, transactions: Transactions, threshold: float, out: Path) -> None:
        self._transactions = transactions
        self._threshold = threshold
        self._out = out
        self._folder = tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent)
        self.folder = Path(self._folder.name)
        """For whatever else is needed until the result is complete."""
        self._path = self.folder / "scored.csv"
        self._file = self._path.open("w", encoding=transactions.encoding, newline="")
        self._write(transactions.header, *ADDED)
        self.rows = 0
        self.flagged = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._folder.cleanup()

    def add(self, rows: Iterable[Row], scores: Iterable[str]) -> None:
        """Further rows with their scores, of which there are as many."""
        for row, score in zip(rows, scores, strict=False):  # rows that came or went meanwhile: see `complete`
            flagged = float(score) >= self._threshold
            self._write(row.text, score, "1" if flagged else "0")
            self.rows += 1
            self.flagged += flagged

    def complete(self) -> None:
        """Let the result be there. Raises PredictFailed if the file with the rows has changed meanwhile."""
        self._transactions.require_unchanged()
        self._file.close()
        self._path.replace(self._out)

    def _write(self, *texts: str) -> None:
        self._file.write(f"{','.join(texts)}{self._transactions.line_end}")
