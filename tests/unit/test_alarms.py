"""The states of alarms: the examples that the CloudWatch User Guide gives, and what holds for all of them."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.core import responses
from ministack.services import cloudwatch

from localcloud.clock import CLOCK
from localcloud.ministack_adapter import alarms
from localcloud.ministack_adapter.alarm_states import COMPARISONS, Datapoint, MetricAlarm

NOW = 1_800_000_000.0
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")


def alarm(**members: Any) -> MetricAlarm:
    defaults = {
        "comparison_operator": "GreaterThanThreshold",
        "threshold": 0.0,
        "period": 60,
        "evaluation_periods": 3,
        "datapoints_to_alarm": 3,
        "treat_missing_data": "missing",
        "configured": 0.0,
    }
    return MetricAlarm(**{**defaults, **members})


def points(drawn: str) -> list[Datapoint]:
    """As the guide draws them, the latest last: 0 is not breaching, X is, - is missing."""
    return [{"0": 0.0, "X": 1.0, "-": None}[point] for point in drawn.split()]


# --- the guide's examples ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to_alarm", "drawn", "states"),
    [
        (3, "X X X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        (3, "X X 0", ("OK", "OK", "OK", "OK")),
        (3, "0 - -", ("OK", "OK", "OK", "OK")),
        (3, "- - 0", ("OK", "OK", "OK", "OK")),
        (3, "- - -", ("INSUFFICIENT_DATA", "stays", "ALARM", "OK")),
        (3, "X - -", ("ALARM", "stays", "ALARM", "OK")),
        (3, "- - X", ("INSUFFICIENT_DATA", "stays", "ALARM", "OK")),
        (2, "X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        (2, "X 0 X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        (2, "- - 0", ("OK", "OK", "ALARM", "OK")),
        (2, "- X -", ("ALARM", "stays", "ALARM", "OK")),
        (2, "- - X", ("INSUFFICIENT_DATA", "stays", "ALARM", "OK")),
    ],
)
@pytest.mark.parametrize("current", STATES)
def test_the_state_is_the_guides(to_alarm: int, drawn: str, states: tuple[str, ...], current: str) -> None:
    evaluated = [
        alarm(datapoints_to_alarm=to_alarm, treat_missing_data=treatment).evaluate(points(drawn), NOW, current).state
        for treatment in TREATMENTS
    ]

    assert evaluated == [current if state == "stays" else state for state in states]


@pytest.mark.parametrize(
    ("operator", "breaching"),
    [
        ("GreaterThanThreshold", {3.0}),
        ("GreaterThanOrEqualToThreshold", {2.0, 3.0}),
        ("LessThanThreshold", {1.0}),
        ("LessThanOrEqualToThreshold", {1.0, 2.0}),
    ],
)
def test_the_threshold_is_compared_as_the_operator_says(operator: str, breaching: set[float]) -> None:
    compared = alarm(comparison_operator=operator, threshold=2.0, evaluation_periods=1, datapoints_to_alarm=1)

    assert {v for v in (1.0, 2.0, 3.0) if compared.evaluate([v], NOW, "OK").state == "ALARM"} == breaching


def test_the_reason_has_the_numbers() -> None:
    outcome = alarm(datapoints_to_alarm=2, treat_missing_data="notBreaching").evaluate(points("X - X"), NOW, "OK")

    assert outcome.reason == (
        "Threshold Crossed: 2 out of the last 3 datapoints [1.0, 1.0] were greater than the threshold (0.0), "
        "1 of them missing and treated as notBreaching (minimum 2 datapoints for ALARM)."
    )


# --- periods ----------------------------------------------------------------------------------------------------


@given(
    now=st.floats(min_value=1e9, max_value=4e9),
    period=st.sampled_from([10, 30, 60, 300, 900, 86400]),
    evaluation_periods=st.integers(1, 20),
)
def test_periods_are_aligned_adjoin_and_are_just_over(now: float, period: int, evaluation_periods: int) -> None:
    starts = alarm(period=period, evaluation_periods=evaluation_periods).periods(now)

    assert len(starts) == evaluation_periods
    assert all(start % period == 0 for start in starts)
    assert all(later - earlier == period for earlier, later in pairwise(starts))
    assert starts[-1] + period <= now < starts[-1] + 2 * period


# --- all alarms -------------------------------------------------------------------------------------------------


@st.composite
def evaluations(draw: st.DrawFn) -> tuple[MetricAlarm, list[Datapoint]]:
    periods = draw(st.integers(1, 6))
    drawn = alarm(
        comparison_operator=draw(st.sampled_from(sorted(COMPARISONS))),
        evaluation_periods=periods,
        datapoints_to_alarm=draw(st.integers(1, periods)),
        treat_missing_data=draw(st.sampled_from(TREATMENTS)),
        configured=NOW - draw(st.integers(0, 8)) * 60,
    )
    return drawn, draw(st.lists(st.none() | st.sampled_from([-1.0, 0.0, 1.0]), min_size=periods, max_size=periods))


current_states = st.sampled_from(STATES)


@given(evaluations(), current_states)
def test_an_alarm_that_has_been_evaluated_stays_as_it_is(
    evaluation: tuple[MetricAlarm, list[Datapoint]], current: str
) -> None:
    drawn, datapoints = evaluation
    once = drawn.evaluate(datapoints, NOW, current)

    assert drawn.evaluate(datapoints, NOW, once.state) == once


@given(evaluations(), current_states)
def test_without_missing_data_only_the_count_of_breaching_datapoints_decides(
    evaluation: tuple[MetricAlarm, list[Datapoint]], current: str
) -> None:
    drawn, datapoints = evaluation
    values = [value or 0.0 for value in datapoints]
    compare, _ = COMPARISONS[drawn.comparison_operator]
    breaching = sum(compare(value, drawn.threshold) for value in values)

    assert drawn.evaluate(values, NOW, current).state == ("ALARM" if breaching >= drawn.datapoints_to_alarm else "OK")


@given(evaluations(), current_states, st.floats(0, 60, exclude_max=True))
def test_a_new_alarm_is_never_breaching_for_want_of_a_past(
    evaluation: tuple[MetricAlarm, list[Datapoint]], current: str, age: float
) -> None:
    drawn, datapoints = evaluation
    new = alarm(**{**vars(drawn), "configured": NOW - age})
    nothing: list[Datapoint] = [None] * len(datapoints)

    assert new.evaluate(nothing, NOW, current).state in (current, "INSUFFICIENT_DATA")


def test_missing_data_counts_from_the_first_whole_period_of_an_alarm() -> None:
    stopped = alarm(treat_missing_data="breaching", configured=NOW + 1)
    ages = [stopped.evaluate(points("- - -"), NOW + 60 * periods, "INSUFFICIENT_DATA").state for periods in range(6)]

    assert ages == ["INSUFFICIENT_DATA"] * 4 + ["ALARM"] * 2


# --- in ministack's tables --------------------------------------------------------------------------------------

METRIC: dict[str, Any] = {"Namespace": "Tests", "MetricName": "Errors"}


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """Alarms' names, and the states for which their actions were dispatched, in an account of the test's own."""
    dispatched: list[tuple[str, str]] = []

    def dispatch(of: dict[str, Any], old: str, new: str, reason: str) -> None:
        dispatched.append((of["AlarmName"], new))

    monkeypatch.setattr(cloudwatch, "_dispatch_alarm_actions", dispatch)
    monkeypatch.setattr(CLOCK, "time", lambda: NOW)
    with responses.request_scope("111122223333", "eu-west-1"):
        yield dispatched
    cloudwatch.reset()


def put_alarm(name: str = "failing", **members: Any) -> dict[str, Any]:
    entry = {
        "AlarmName": name,
        **METRIC,
        "Dimensions": [{"Name": "FunctionName", "Value": "janitor"}],
        "Statistic": "Sum",
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0.0,
        "Period": 60,
        "EvaluationPeriods": 1,
        "TreatMissingData": "notBreaching",
        "AlarmConfigurationUpdatedTimestamp": int(NOW) - 3600,
        "StateValue": "INSUFFICIENT_DATA",
        **members,
    }
    cloudwatch._alarms[name] = entry
    return entry


JANITOR = {"FunctionName": "janitor"}


def put_metric(value: float, age: int = 1, dimensions: Mapping[str, str] = JANITOR) -> None:
    cloudwatch._store_datum(
        METRIC["Namespace"], METRIC["MetricName"], dimensions, NOW - age, "Count", value, None, None, None
    )


Dispatched = list[tuple[str, str]]


def test_an_alarm_changes_its_state_once_in_its_own_account_and_region(reached: Dispatched) -> None:
    entry = put_alarm()
    put_metric(1.0)

    with responses.request_scope("444455556666", "us-east-1"):
        alarms.evaluate_alarms()
        alarms.evaluate_alarms()

    assert (entry["StateValue"], entry["StateUpdatedTimestamp"]) == ("ALARM", int(NOW))
    assert reached == [("failing", "ALARM")]
    assert [item["HistorySummary"] for item in cloudwatch._history_entries()] == [
        "Alarm updated from INSUFFICIENT_DATA to ALARM"
    ]


@pytest.mark.parametrize(
    "dimensions", [{"FunctionName": "purge"}, {"FunctionName": "janitor", "Resource": "janitor"}, {"Resource": "x"}]
)
def test_a_metric_of_other_dimensions_is_another_metric(dimensions: dict[str, str], reached: Dispatched) -> None:
    entry = put_alarm()
    put_metric(1.0, dimensions=dimensions)

    alarms.evaluate_alarms()

    assert entry["StateValue"] == "OK"


@pytest.mark.parametrize(
    ("statistic", "value"), [("Sum", 6.0), ("Average", 2.0), ("Minimum", 1.0), ("Maximum", 3.0), ("SampleCount", 3.0)]
)
def test_a_datapoint_is_the_periods_statistic(statistic: str, value: float, reached: Dispatched) -> None:
    met = put_alarm("met", Statistic=statistic, Threshold=value, ComparisonOperator="GreaterThanOrEqualToThreshold")
    exceeded = put_alarm("exceeded", Statistic=statistic, Threshold=value)
    for number in (1.0, 2.0, 3.0):
        put_metric(number)
    put_metric(100.0, age=61)

    alarms.evaluate_alarms()

    assert (met["StateValue"], exceeded["StateValue"]) == ("ALARM", "OK")


def test_a_period_that_is_not_over_is_not_looked_at(reached: Dispatched) -> None:
    entry = put_alarm()
    put_metric(1.0, age=0)

    alarms.evaluate_alarms()

    assert entry["StateValue"] == "OK"


@pytest.mark.parametrize("form", [{"ExtendedStatistic": "p99"}, {"MetricName": None}, {"ComparisonOperator": "x"}])
def test_alarms_of_other_forms_are_left_alone(form: dict[str, Any], reached: Dispatched) -> None:
    entry = put_alarm(**form)
    put_metric(1.0)

    alarms.evaluate_alarms()

    assert entry["StateValue"] == "INSUFFICIENT_DATA"
