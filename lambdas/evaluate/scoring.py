"""Asking the endpoint for the rows' probabilities."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np

from lambdas.evaluate.errors import ModelAnswerError
from lambdas.evaluate.metrics import Scores

ROWS_A_REQUEST = 500
BYTES_A_REQUEST = 4_000_000
"""A serverless endpoint takes 4 MB (aws-facts 6.6)."""
REQUESTS_AT_A_TIME = 4


class Endpoint(Protocol):
    @property
    def name(self) -> str: ...

    def invoke(self, csv: str) -> str:
        """The answer to rows of CSV. Called from several threads. Raises EndpointFailed."""
        ...


@dataclass(frozen=True)
class Batch:
    """Some rows of `name`, the `number`-th of `count` requests."""

    name: str
    number: int
    count: int
    rows: Sequence[str]

    def __str__(self) -> str:
        return f"request {self.number} of {self.count} with {self.name} rows"


def score(batches: Sequence[Sequence[str]], name: str, endpoint: Endpoint) -> Scores:
    """The rows' probabilities, in the rows' order. Raises ModelAnswerError or EndpointFailed.

    XGBoost's are of single precision. A container may write one as 0.3 that another writes as 0.30000001192092896, as
    a threshold is written; both are read as the latter, so that a score at the threshold reaches it.
    """
    numbered = [Batch(name, number, len(batches), rows) for number, rows in enumerate(batches, start=1)]
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as pool:
        answers = pool.map(lambda batch: _score_batch(batch, endpoint), numbered)
        return np.array(list(chain.from_iterable(answers)), dtype=np.float32).astype(np.float64)


def _score_batch(batch: Batch, endpoint: Endpoint) -> list[float]:
    """A request has no newline at its end: AWS's container would take what follows it for a row (aws-facts 2.12)."""
    answer = endpoint.invoke("\n".join(batch.rows))
    texts = [text for text in re.split(r"[,\n]", answer) if text.strip()]
    if len(texts) != len(batch.rows):
        raise _unexpected(batch, endpoint, f"{len(texts):,} numbers for its {len(batch.rows):,} rows")
    return [_probability(text.strip(), batch, endpoint) for text in texts]


def _probability(text: str, batch: Batch, endpoint: Endpoint) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise _unexpected(batch, endpoint, f"{text[:40]!r} where a number belongs") from error
    if not 0 <= value <= 1:
        raise _unexpected(batch, endpoint, f"{value}, which is no probability from 0 to 1")
    return value


def _unexpected(batch: Batch, endpoint: Endpoint, got: str) -> ModelAnswerError:
    return ModelAnswerError(
        f"The endpoint {endpoint.name} answered {batch} with {got}. Expected is one probability a row, separated by "
        "newlines or commas. Look at the endpoint's log and at the model's objective, which must be binary:logistic."
    )
