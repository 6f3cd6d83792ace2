"""Rows scored by an endpoint: several requests at a time, results in the rows' order."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.pool import AsyncResult, ThreadPool
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from predict.answers import scores
from predict.aws import code_and_message, is_missing, sentence
from predict.batches import body
from predict.errors import PredictFailed
from predict.transactions import Row

COLD_START_PAUSES = (2.0, 4.0, 8.0)
_CONTAINER_FAULT = 500
_REQUESTS_HELD = 2
"""For each that is on its way: so that one slow answer does not hold up the others."""


class Endpoint(Protocol):
    @property
    def name(self) -> str: ...

    def invoke(self, csv: str) -> str:
        """The answer to rows of CSV. Called from several threads. Raises PredictFailed."""
        ...


class SageMakerEndpoint:
    """An endpoint as boto3 reaches it, with a client that repeats by itself what was throttled or timed out."""

    def __init__(self, name: str, runtime: Any, sleep: Callable[[float], None] = time.sleep) -> None:
        self.name = name
        self._runtime = runtime
        self._sleep = sleep

    def invoke(self, csv: str) -> str:
        """A container that is still starting is asked again. Raises PredictFailed."""
        pauses = iter(COLD_START_PAUSES)
        while True:
            try:
                return self._invoke_once(csv)
            except (BotoCoreError, ClientError) as error:
                pause = next(pauses, None)
                if pause is None or not _may_pass(error):
                    raise self._failed(error) from error
            self._sleep(pause)

    def _invoke_once(self, csv: str) -> str:
        answer = self._runtime.invoke_endpoint(
            EndpointName=self.name, Body=csv.encode(), ContentType="text/csv", Accept="text/csv"
        )
        content: bytes = answer["Body"].read()
        return content.decode(errors="replace")

    def _failed(self, error: BotoCoreError | ClientError) -> PredictFailed:
        if isinstance(error, ClientError) and is_missing(error):
            return PredictFailed(
                f"The endpoint {self.name} is gone; it may have been removed at its date. Run this again: without an "
                "endpoint, a batch transform job scores the rows."
            )
        return PredictFailed(
            f"The endpoint {self.name} did not answer: {sentence(error)} Its log has the container's own words."
        )


def _may_pass(error: BotoCoreError | ClientError) -> bool:
    """The container's own 5xx comes as a ModelError, which botocore does not repeat, nor a model's not being ready."""
    if not isinstance(error, ClientError):
        return False
    code, _ = code_and_message(error)
    fault = int(error.response.get("OriginalStatusCode", 0)) >= _CONTAINER_FAULT
    return code == "ModelNotReadyException" or (code == "ModelError" and fault)


def score(
    batches: Iterable[list[Row]], endpoint: Endpoint, requests_at_a_time: int
) -> Iterator[tuple[list[Row], list[str]]]:
    """Each batch with its rows' probabilities, in the order of the batches, of which few are held at a time.

    Raises PredictFailed.
    """

    def ask(batch: list[Row]) -> list[str]:
        source = f"The endpoint {endpoint.name}, asked for rows {batch[0].number:,} to {batch[-1].number:,},"
        return scores(endpoint.invoke(body(batch)), len(batch), source)

    held: deque[tuple[list[Row], AsyncResult[list[str]]]] = deque()
    with ThreadPool(requests_at_a_time) as pool:  # unlike an executor's, its threads don't outlive an interrupt
        for batch in batches:
            held.append((batch, pool.apply_async(ask, (batch,))))
            if len(held) == requests_at_a_time * _REQUESTS_HELD:
                first, answer = held.popleft()
                yield first, answer.get()
        for batch, answer in held:
            yield batch, answer.get()
