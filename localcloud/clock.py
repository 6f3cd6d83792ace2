"""The local cloud's time: this machine's, and as much more as was asked for."""

import threading
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Goes on with this machine's clock, ahead of it by what `advance` has added up to."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._lock = threading.Lock()

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._ahead

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, by: timedelta) -> None:
        """Raises ValueError for a time that is past: what has happened stays so."""
        if by < timedelta(0):
            raise ValueError(f"The clock can't go back: {by.total_seconds():g} seconds were asked for.")
        with self._lock:
            self._ahead += by.total_seconds()


CLOCK = Clock()
"""The one of this process."""
