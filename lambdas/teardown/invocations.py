"""Whether anybody calls an endpoint, from CloudWatch."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Answer:
    """The endpoints that had no invocation in their idle time, and those of which CloudWatch could not tell."""

    quiet: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()


def invocations(cloudwatch: Any, watched: Sequence[Watched], now: datetime) -> Answer:
    """Ask for all of them at once, as far as that can be."""
    if not watched:
        return Answer()
    longest = max(each.idle for each in watched)
    period = _period(longest)
    queries = list(_queries(watched, period))
    called, unknown = set(), set()
    for start in range(0, len(queries), _MOST_QUERIES):
        batch = queries[start : start + _MOST_QUERIES]
        results = _results(cloudwatch, [query for query, _ in batch], now - longest, now)
        for query, each in batch:
            result = results[query["Id"]]
            if result.any_since(now - each.idle, period):
                called.add(each.endpoint)
            elif result.status != "Complete":
                unknown.add(each.endpoint)
    serving = {each.endpoint for each in watched if each.variants}
    return Answer(frozenset(serving - called - unknown), frozenset(unknown - called))


@dataclass
class _Result:
    """The data points of a query, from all pages, and how the last of them said that it went."""

    status: str = ""
    points: list[tuple[datetime, float]] = field(default_factory=list)

    def any_since(self, start: datetime, period: int) -> bool:
        """A data point bears the time at which its period began, so one that began just before `start` counts."""
        earliest = start - timedelta(seconds=period)
        return any(value > 0 and time > earliest for time, value in self.points)


def _results(cloudwatch: Any, queries: list[Any], start: datetime, end: datetime) -> Mapping[str, _Result]:
    results: dict[str, _Result] = defaultdict(_Result)
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=start, EndTime=end
    )
    for answer in (answer for page in pages for answer in page["MetricDataResults"]):
        result = results[answer["Id"]]
        result.status = answer.get("StatusCode", "Complete")
        result.points += zip(answer["Timestamps"], answer["Values"], strict=True)
    return results


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
