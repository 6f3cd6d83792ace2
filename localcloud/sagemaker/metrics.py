"""The metrics that AWS reads from the XGBoost image's log, and how (aws-facts 2.9)."""

import math
import re
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

_ROUND = re.compile(r"\[[0-9]+\]")
_VALUE = re.compile(r"#011(?P<data>train|validation)-(?P<metric>[\w-]+):(?P<value>[^\s#]+)")


def as_logged(line: str) -> str:
    """Control characters as AWS's log shows them: a tab is #011, and the metrics are found by that."""
    return "".join(character if character >= " " else f"#{ord(character):03o}" for character in line.rstrip("\r"))


class MetricLog:
    """The last value of each metric that a job has logged."""

    def __init__(self) -> None:
        self._data: dict[str, dict[str, Any]] = {}

    def read(self, lines: Iterable[str], at: datetime) -> None:
        """Take in lines as the log shows them, such as `[7]#011train-auc:0.99#011validation-auc:0.98`."""
        for line in lines:
            if _ROUND.search(line):
                for found in _VALUE.finditer(line):
                    self._put(found["data"], found["metric"], found["value"], at)

    def _put(self, data: str, metric: str, text: str, at: datetime) -> None:
        try:
            value = float(text)
        except ValueError:
            return
        if metric in _DIRECTIONS and math.isfinite(value):
            name = f"{data}:{metric}"
            self._data[name] = {"MetricName": name, "Value": value, "Timestamp": at}

    def final(self) -> list[dict[str, Any]]:
        """FinalMetricDataList, as DescribeTrainingJob gives it."""
        return list(self._data.values())
