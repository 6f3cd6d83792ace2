"""CloudWatch's metric alarms, evaluated by the cloud's clock; ministack does it when metric data is put, only."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.core import responses
from ministack.services import cloudwatch, sns

from localcloud.clock import CLOCK
from localcloud.ministack_adapter.alarm_states import COMPARISONS, Datapoint, MetricAlarm
from localcloud.ministack_adapter.internals import State, Used, replace

USED: Used = (
    (responses, ("get_account_id", "request_scope")),
    (cloudwatch, ("_alarms", "_metrics", "_dims_from_list", "_dims_key", "_calc_stats")),
    (cloudwatch, ("_evaluate_alarm", "_evaluate_parent_alarms", "_record_history", "_dispatch_alarm_actions")),
    (sns, ("topic_policy_allows",)),
)

logger = logging.getLogger(__name__)

_TICK_SECONDS = 1.0
_STATISTICS = {"SampleCount", "Average", "Sum", "Minimum", "Maximum"}
_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")

_transition = threading.Lock()


def evaluate_alarms_by_the_clock() -> None:
    """Let alarms on a statistic of one metric change state as time goes by. ministack goes on evaluating the others:
    those on percentiles and on anomalies."""
    original: Callable[[State], None] = cloudwatch._evaluate_alarm
    replace(cloudwatch, "_evaluate_alarm", lambda alarm: _evaluate(alarm) if _is_plain(alarm) else original(alarm))
    threading.Thread(target=_evaluate_for_ever, name="alarms", daemon=True).start()


def ask_topics_for_alarms() -> None:
    """Let an alarm's message reach only topics whose policy lets CloudWatch publish it."""
    original: Callable[..., None] = cloudwatch._dispatch_alarm_actions

    def dispatch(alarm: State, *change: str) -> None:
        account, arn = responses.get_account_id(), alarm["AlarmArn"]
        allowed = {
            kind: [
                action
                for action in alarm.get(kind) or []
                if sns.topic_policy_allows(action, "cloudwatch.amazonaws.com", arn, account)
            ]
            for kind in _ACTIONS
        }
        original({**alarm, **allowed}, *change)

    replace(cloudwatch, "_dispatch_alarm_actions", dispatch)


def evaluate_alarms() -> None:
    """Evaluate the alarms of all accounts and regions at the cloud's time."""
    for (account, region, _), alarm in cloudwatch._alarms.all_items():
        with responses.request_scope(account, region):
            if _is_plain(alarm):
                _evaluate(alarm)


def _evaluate_for_ever() -> None:
    while True:
        time.sleep(_TICK_SECONDS)
        try:
            evaluate_alarms()
        except Exception:
            logger.exception("The alarms could not be evaluated")


def _is_plain(alarm: State) -> bool:
    return (
        bool(alarm.get("MetricName"))
        and not alarm.get("ExtendedStatistic")
        and alarm.get("Statistic") in _STATISTICS
        and alarm.get("ComparisonOperator") in COMPARISONS
    )


def _evaluate(alarm: State) -> None:
    decided_by = MetricAlarm(
        comparison_operator=alarm["ComparisonOperator"],
        threshold=alarm["Threshold"],
        period=alarm["Period"],
        evaluation_periods=alarm["EvaluationPeriods"],
        datapoints_to_alarm=alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"],
        treat_missing_data=alarm["TreatMissingData"],
        configured=alarm["AlarmConfigurationUpdatedTimestamp"],
    )
    now = CLOCK.time()
    with _transition:
        datapoints = _datapoints(alarm, decided_by.periods(now))
        state, reason = decided_by.evaluate(datapoints, now, alarm["StateValue"])
        is_there = cloudwatch._alarms.get(alarm["AlarmName"]) is alarm
        if is_there and state != alarm["StateValue"]:
            _change(alarm, state, reason)


def _datapoints(alarm: State, starts: list[int]) -> list[Datapoint]:
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm["Dimensions"]))
    put = list(cloudwatch._metrics.get((alarm["Namespace"], alarm["MetricName"], dimensions), ()))
    points = [point for point in put if alarm.get("Unit") in (None, point["Unit"])]
    return [
        _statistic([point for point in points if start <= point["Timestamp"] < start + alarm["Period"]], alarm)
        for start in starts
    ]


def _statistic(points: list[Any], alarm: State) -> Datapoint:
    value: Datapoint = cloudwatch._calc_stats(points).get(alarm["Statistic"])
    return value


def _change(alarm: State, state: str, reason: str) -> None:
    old = alarm["StateValue"]
    alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(CLOCK.time()))
    cloudwatch._record_history(alarm["AlarmName"], old, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)
