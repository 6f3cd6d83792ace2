"""What a model answers: a probability a row."""

import re
from collections.abc import Iterator
from pathlib import Path

from predict.errors import PredictFailed


def scores(answer: str, rows: int, source: str) -> list[str]:
    """The probabilities in the model's own words, each a number from 0 to 1. Raises PredictFailed.

    They are separated by newlines or commas (aws-facts 2.19); `source` is whom an error names.
    """
    texts = [text.strip() for text in re.split(r"[,\n]", answer) if text.strip()]
    if len(texts) != rows:
        raise _unexpected(source, f"{len(texts):,} numbers for {rows:,} rows")
    for text in texts:
        _require_probability(text, source)
    return texts


def scores_in(path: Path, rows: int, source: str) -> Iterator[str]:
    """The same of a file that a batch transform job assembled, a line a row; blank lines are none."""
    with path.open(encoding="utf-8", errors="replace") as file:
        lines = sum(1 for line in file if line.strip())
    if lines != rows:
        raise _unexpected(source, f"{lines:,} numbers for {rows:,} rows")
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            text = line.strip()
            if text:
                _require_probability(text, source)
                yield text


def _require_probability(text: str, source: str) -> None:
    try:
        value = float(text)
    except ValueError as error:
        raise _unexpected(source, "text where a number belongs") from error
    if not 0 <= value <= 1:
        raise _unexpected(source, f"{value}, which is no probability from 0 to 1")


def _unexpected(source: str, got: str) -> PredictFailed:
    return PredictFailed(
        f"{source} answered with {got}. Expected is one probability a row, separated by newlines or commas. Look at "
        "its log and at the model's objective, which must be binary:logistic."
    )
