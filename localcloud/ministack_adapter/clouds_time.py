"""The cloud's clock, in the place of this machine's."""

import time
from datetime import timedelta
from types import ModuleType
from typing import Any

from jsonata import timebox  # type: ignore[import-untyped]
from ministack.services import cloudwatch, eventbridge, stepfunctions
from ministack.services.cloudformation import provisioners

from localcloud.clock import CLOCK
from localcloud.ministack_adapter.alarms import evaluate_alarms
from localcloud.ministack_adapter.internals import Used, replace

USED: Used = (
    (cloudwatch, ("time",)),
    (eventbridge, ("time", "_rules", "_tick_scheduled_rules")),
    (provisioners, ("time",)),
    (stepfunctions, ("now_iso",)),
    (timebox.Timebox, ("current_milli_time",)),
)


class _CloudTime(ModuleType):
    """Python's time module with the cloud's time in it."""

    time = staticmethod(CLOCK.time)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def keep_the_clouds_time() -> None:
    """Let schedules, metrics, alarms, executions and their expressions go by the cloud's clock."""
    for module in (eventbridge, cloudwatch, provisioners):
        replace(module, "time", _CloudTime("time"))
    replace(stepfunctions, "now_iso", now_iso)
    replace(timebox.Timebox, "current_milli_time", staticmethod(lambda: int(CLOCK.time() * 1000)))


def advance_clock(by: timedelta) -> None:
    """Move the cloud's time on; schedules that are due by then fire, once each, as they do after a pause, and
    alarms are evaluated as of then."""
    _begin_countdowns()
    CLOCK.advance(by)
    eventbridge._tick_scheduled_rules()
    evaluate_alarms()


def _begin_countdowns() -> None:
    """A rate begins to count when its rule is made (EventBridge User Guide, "Rate expressions"); ministack lets it
    begin at the first look at a rule that CloudFormation made."""
    for rule in list(eventbridge._rules._data.values()):
        rule.setdefault("CreationTime", CLOCK.time())


def now_iso() -> str:
    return CLOCK.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
