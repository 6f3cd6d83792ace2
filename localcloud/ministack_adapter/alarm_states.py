"""The state of a metric alarm, as it follows from the datapoints of its last periods."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Datapoint = float | None
"""The metric's statistic in one period; None if there was nothing to make it of."""

COMPARISONS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
"""By ComparisonOperator; those of anomaly detection compare with no fixed threshold."""

_FILLED_IN = {"breaching": True, "notBreaching": False}
"""What a missing datapoint counts as, by TreatMissingData; with the other two it counts as neither."""


class Outcome(NamedTuple):
    state: str
    reason: str


@dataclass(frozen=True)
class MetricAlarm:
    """What decides about an alarm's state; `configured`, when it was made or last changed, is in seconds since 1970."""

    comparison_operator: str
    threshold: float
    period: int
    evaluation_periods: int
    datapoints_to_alarm: int
    treat_missing_data: str
    configured: float

    def periods(self, now: float) -> list[int]:
        """The starts of the last EvaluationPeriods periods that are over, oldest first.

        AWS also looks at a number of earlier ones that it doesn't tell, and takes datapoints from there before it
        counts one as missing (CloudWatch User Guide, "How alarm state is evaluated when data is missing"). Here none
        are: so a metric that stops is noticed as early as AWS can.
        """
        end = int(now // self.period) * self.period
        return [end - age * self.period for age in range(self.evaluation_periods, 0, -1)]

    def evaluate(self, datapoints: Sequence[Datapoint], now: float, current: str) -> Outcome:
        """The state by the datapoints of `periods(now)`, given the one that the alarm is in.

        By the CloudWatch User Guide, "Evaluating an alarm" and "Configuring how alarms treat missing data": ALARM if
        at least DatapointsToAlarm are breaching; else OK if any is not. Of datapoints that are breaching but too few,
        with `missing`, ALARM if the oldest is as old as DatapointsToAlarm ("Avoiding premature transitions to alarm
        state"), and INSUFFICIENT_DATA if not, or if there are none; with the other treatments the state stays.

        Data from before an alarm was made counts, as AWS has it. AWS doesn't say what periods without data are then;
        here those that began before the alarm was made or changed aren't filled in, so that it isn't breaching for
        want of a past.
        """
        compare, _ = COMPARISONS[self.comparison_operator]
        filled = [self._filled_in(start) for start in self.periods(now)]
        breaching = [
            missing if value is None else compare(value, self.threshold)
            for value, missing in zip(datapoints, filled, strict=True)
        ]
        state = self._state(breaching, current)
        return Outcome(state, self._reason(state, datapoints, breaching))

    def _filled_in(self, start: int) -> bool | None:
        return _FILLED_IN.get(self.treat_missing_data) if start >= self.configured else None

    def _state(self, breaching: Sequence[bool | None], current: str) -> str:
        if breaching.count(True) >= self.datapoints_to_alarm:
            return "ALARM"
        if False in breaching:
            return "OK"
        if self.treat_missing_data != "missing":
            return current
        old_enough = breaching[: self.evaluation_periods - self.datapoints_to_alarm + 1]
        return "ALARM" if True in old_enough else "INSUFFICIENT_DATA"

    def _reason(self, state: str, datapoints: Sequence[Datapoint], breaching: Sequence[bool | None]) -> str:
        there = [value for value in datapoints if value is not None]
        missing = len(datapoints) - len(there)
        if state == "INSUFFICIENT_DATA":
            return f"Insufficient Data: {missing} datapoints were unknown."
        _, words = COMPARISONS[self.comparison_operator]
        return (
            f"Threshold Crossed: {breaching.count(True)} out of the last {len(datapoints)} datapoints {there} were "
            f"{words} the threshold ({self.threshold}), {missing} of them missing and treated as "
            f"{self.treat_missing_data} (minimum {self.datapoints_to_alarm} datapoints for ALARM)."
        )
