"""Whether anybody calls an endpoint, from CloudWatch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

_MOST_QUERIES = 500
"""In one call of GetMetricData."""

_PERIODS = ((timedelta(days=15), 60), (timedelta(days=63), 300))
_COARSEST_PERIOD = 3600
"""How long CloudWatch keeps data points of which period, in seconds (CloudWatch User Guide, "Metrics retention")."""


@dataclass(frozen=True)
class Watched:
    """An endpoint, the variants that it serves, and for how long nobody must have called it to be quiet."""

    endpoint: str
    variants: Sequence[str]
    idle: timedelta


def quiet_ones(cloudwatch: Any, watched: Sequence[Watched], now: datetime) -> set[str]:
    """The endpoints that had no invocation in their idle time."""
    if not watched:
        return set()
    longest = max(each.idle for each in watched)
    period = _period(longest)
    queries = list(_queries(watched, period))
    by_id = {query["Id"]: each for query, each in queries}
    called = set()
    for start in range(0, len(queries), _MOST_QUERIES):
        pages = cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[query for query, _ in queries[start : start + _MOST_QUERIES]],
            StartTime=now - longest,
            EndTime=now,
        )
        for result in (result for page in pages for result in page["MetricDataResults"]):
            each = by_id[result["Id"]]
            if _any_since(now - each.idle, period, result):
                called.add(each.endpoint)
    return {each.endpoint for each in watched} - called


def _queries(watched: Sequence[Watched], period: int) -> Iterator[tuple[dict[str, Any], Watched]]:
    """`AWS/SageMaker` has Invocations by endpoint and variant both, and nothing by endpoint alone (aws-facts 6.8)."""
    pairs = [(each, variant) for each in watched for variant in each.variants]
    for number, (each, variant) in enumerate(pairs):
        dimensions = {"EndpointName": each.endpoint, "VariantName": variant}
        metric = {
            "Namespace": "AWS/SageMaker",
            "MetricName": "Invocations",
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        }
        yield {"Id": f"q{number}", "MetricStat": {"Metric": metric, "Period": period, "Stat": "Sum"}}, each


def _period(longest: timedelta) -> int:
    return next((period for kept, period in _PERIODS if longest < kept), _COARSEST_PERIOD)


def _any_since(start: datetime, period: int, result: Mapping[str, Any]) -> bool:
    """A data point bears the time at which its period began, so one that began just before `start` counts."""
    earliest = start - timedelta(seconds=period)
    pairs = zip(result["Timestamps"], result["Values"], strict=True)
    return any(value > 0 and time > earliest for time, value in pairs)
