"""When a tuning job with TrainingJobEarlyStoppingType Auto stops a training job: AWS's median rule (aws-facts 4.10)."""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from statistics import median

Series = Mapping[int, float]
"""A job's objective by training round, AWS's "epoch"; a round that the job has not logged is not in it."""


class MedianRule:
    """Compares a job that trains with those that have completed before.

    AWS does not say how many there must be, nor how many rounds a job is given at first: here one, and none.
    """

    def __init__(self, *, maximize: bool) -> None:
        self._maximize = maximize
        self._averages: list[_RunningAverage] = []

    def learn(self, completed: Series) -> None:
        """Take in a job that has completed."""
        if completed:
            self._averages.append(_RunningAverage(completed))

    def is_beaten(self, series: Series, after: int) -> bool:
        """Whether the objective, in any round after the given one, was worse than the median of the completed jobs'
        running averages up to that round."""
        return any(self._is_worse(series[number], number) for number in series if number > after)

    def _is_worse(self, value: float, number: int) -> bool:
        averages = [average for each in self._averages if (average := each.up_to(number)) is not None]
        if not averages:
            return False
        return value < median(averages) if self._maximize else value > median(averages)


class _RunningAverage:
    """The means of a job's objective over its rounds up to each."""

    def __init__(self, series: Series) -> None:
        self._rounds = sorted(series)
        sums = accumulate(series[number] for number in self._rounds)
        self._means = [total / count for count, total in enumerate(sums, start=1)]

    def up_to(self, number: int) -> float | None:
        """None if the job logged its first round later; a job that ended before counts with all of its rounds."""
        count = bisect_right(self._rounds, number)
        return self._means[count - 1] if count else None
