"""The metrics that AWS reads from the XGBoost image's log, and how (aws-facts 2.9)."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

_MAXIMIZED = (
    "accuracy auc aucpr balanced_accuracy f1 f1_binary f1_macro map ndcg precision precision_macro precision_micro "
    "r2 recall recall_macro recall_micro"
)
_MINIMIZED = (
    "aft-nloglik cox-nloglik error gamma-deviance gamma-nloglik interval-regression-accuracy logloss mae mape merror "
    "mlogloss mphe mse poisson-nloglik rmse rmsle tweedie-nloglik"
)
_DIRECTIONS = dict.fromkeys(_MAXIMIZED.split(), "Maximize") | dict.fromkeys(_MINIMIZED.split(), "Minimize")

OBJECTIVES = {f"validation:{metric}": direction for metric, direction in _DIRECTIONS.items()}
"""The metrics that a tuning job may aim at, each with its only sensible direction."""

DEFINITIONS = [
    {"Name": name, "Regex": rf".*\[[0-9]+\].*#011{name.replace(':', '-')}:(\S+)"} for name in sorted(OBJECTIVES)
]
"""What Describe shows as MetricDefinitions of the image, though no request may bring them (aws-facts 1.7, 3.6)."""

_ROUND = re.compile(r"\[([0-9]+)\]")
_VALUE = re.compile(r"#011(?P<data>train|validation)-(?P<metric>[\w-]+):(?P<value>[^\s#]+)")


def as_logged(line: str) -> str:
    """Control characters as AWS's log shows them: a tab is #011, and the metrics are found by that."""
    return "".join(character if character >= " " else f"#{ord(character):03o}" for character in line.rstrip("\r"))


class MetricLog:
    """The metrics that a job has logged so far."""

    def __init__(self) -> None:
        self._data: dict[str, dict[str, Any]] = {}
        self._rounds: defaultdict[str, dict[int, float]] = defaultdict(dict)

    def read(self, lines: Iterable[str], at: datetime) -> None:
        """Take in lines as the log shows them, such as `[7]#011train-auc:0.99#011validation-auc:0.98`."""
        for line in lines:
            if number := _ROUND.search(line):
                for found in _VALUE.finditer(line):
                    self._put(int(number[1]), found, at)

    def _put(self, number: int, found: re.Match[str], at: datetime) -> None:
        try:
            value = float(found["value"])
        except ValueError:
            return
        if found["metric"] in _DIRECTIONS and math.isfinite(value):
            name = f"{found['data']}:{found['metric']}"
            self._data[name] = {"MetricName": name, "Value": value, "Timestamp": at}
            self._rounds[name][number] = value

    def series(self, name: str) -> dict[int, float]:
        """A metric's values by training round: those rounds that the log has it of."""
        return dict(self._rounds.get(name, {}))

    def final(self) -> list[dict[str, Any]]:
        """FinalMetricDataList, as DescribeTrainingJob gives it: the last value of each metric."""
        return list(self._data.values())
