"""How long the endpoint takes to answer."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lambdas.evaluate.scoring import ROWS_A_REQUEST, Endpoint


class Timed:
    """An endpoint of which each request's wall time is kept, in seconds."""

    def __init__(self, endpoint: Endpoint, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds: list[float] = []
        self._endpoint = endpoint
        self._clock = clock

    @property
    def name(self) -> str:
        return self._endpoint.name

    def invoke(self, csv: str) -> str:
        start = self._clock()
        answer = self._endpoint.invoke(csv)
        self.seconds.append(self._clock() - start)
        return answer


def latency(seconds: Sequence[float]) -> dict[str, Any]:
    """In seconds, to the millisecond. A wait for a container that is still starting is in its request's time."""
    median, p95, longest = np.round(np.quantile(seconds, [0.5, 0.95, 1]), 3).tolist()
    return {
        "requests": len(seconds),
        "rows_a_request": ROWS_A_REQUEST,
        "seconds": {"median": median, "p95": p95, "longest": longest},
    }
