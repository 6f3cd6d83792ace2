"""When an endpoint has to go: the janitor's rules, over plain facts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum, auto

PROJECT_TAG = "project"
EXPIRES_AT_TAG = "expires-at"
"""Until when an endpoint lives, in ISO 8601; without an offset it is UTC. Moving the tag moves the date."""
IDLE_MINUTES_TAG = "idle-minutes"
PASSED_AT_TAG = "passed-at"
"""When the endpoint's run met its objective: the state machine sets it, last of all."""
WARNED_FOR_TAG = "warned-for"
"""The date of which the janitor has warned already."""
EXECUTION_TAG = "execution"
"""The ARN of the execution that made it."""
DUE_TAG = "removal-due"
"""Why a configuration or a model has to go that AWS has refused to remove with its endpoint."""

_FIRST_DATE = datetime(1970, 1, 2, tzinfo=UTC)
_IN_SERVICE = "InService"
_FAILED = "Failed"


class Reason(StrEnum):
    """Why something is removed."""

    EXPIRED = "its date is past"
    IDLE = "idle"
    FAILED = "it failed"
    SUPERSEDED = "a later run passed"
    ABANDONED = "its run ended without passing"


class Run(Enum):
    """What is known of the execution that made a thing."""

    NONE = auto()
    """No execution made it: a person did."""
    RUNNING = auto()
    SUCCEEDED = auto()
    FAILED = auto()
    """Or it was stopped, or timed out."""
    FORGOTTEN = auto()
    """Step Functions no longer knows it: it forgets an execution 90 days after its end."""


@dataclass(frozen=True)
class Limits:
    """The settings that the rules go by."""

    project: str
    default_lifetime: timedelta
    longest_lifetime: timedelta
    default_idle: timedelta
    warning: timedelta


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as the rules see it; times are aware."""

    name: str
    arn: str
    status: str
    created: datetime
    settled: datetime
    """When it last changed: since then it has been in service, if it is."""
    tags: Mapping[str, str]
    run: Run = Run.NONE
    quiet: bool = False
    """Whether CloudWatch knows of no invocation in the idle time."""

    @property
    def serves(self) -> bool:
        return self.status == _IN_SERVICE

    @property
    def passed_at(self) -> datetime | None:
        return read_time(self.tags.get(PASSED_AT_TAG))


@dataclass(frozen=True)
class Verdict:
    """What to do with an endpoint: remove it for a reason, or set the tag `expires-at`, or warn, or nothing."""

    expires_at: datetime
    reason: Reason | None = None
    redate: bool = False
    warn: bool = False


def read_time(text: str | None) -> datetime | None:
    """The time that a tag names, in UTC; None if there is none, or it can't be read."""
    try:
        time = datetime.fromisoformat((text or "").strip())
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return max(time, _FIRST_DATE)


def expires_at(endpoint: Endpoint, now: datetime, limits: Limits) -> datetime:
    """Its date: what the tag says, yet never further off than the longest lifetime from now.

    Without a tag that can be read, the default lifetime counts from its creation.
    """
    tagged = read_time(endpoint.tags.get(EXPIRES_AT_TAG))
    date = endpoint.created + limits.default_lifetime if tagged is None else tagged
    return min(date, now + limits.longest_lifetime).astimezone(UTC)


def idle_time(endpoint: Endpoint, limits: Limits) -> timedelta:
    """For how long nobody has to call it to be idle."""
    try:
        minutes = int(endpoint.tags[IDLE_MINUTES_TAG])
        return timedelta(minutes=minutes) if minutes > 0 else limits.default_idle
    except (KeyError, ValueError, OverflowError):
        return limits.default_idle


def may_be_idle(endpoint: Endpoint, now: datetime, limits: Limits) -> bool:
    """Whether it has been in service for its idle time, and no run is at work with it."""
    return endpoint.serves and endpoint.run is not Run.RUNNING and now - endpoint.settled >= idle_time(endpoint, limits)


def judge(endpoint: Endpoint, project: Iterable[Endpoint], now: datetime, limits: Limits) -> Verdict:
    """The verdict on an endpoint of the project, given all of the project's endpoints.

    While a run is at work with its endpoint, only the date counts: the run removes what fails by itself.
    """
    date = expires_at(endpoint, now, limits)
    reason = Reason.EXPIRED if date <= now else _early_reason(endpoint, project, now, limits)
    if reason is not None:
        return Verdict(date, reason)
    return Verdict(
        date,
        redate=read_time(endpoint.tags.get(EXPIRES_AT_TAG)) != date,
        warn=date - now <= limits.warning and read_time(endpoint.tags.get(WARNED_FOR_TAG)) != date,
    )


def _early_reason(endpoint: Endpoint, project: Iterable[Endpoint], now: datetime, limits: Limits) -> Reason | None:
    """Why it goes before its date, if it does."""
    if endpoint.run is Run.RUNNING:
        return None
    if endpoint.run is Run.FAILED or (endpoint.run is Run.FORGOTTEN and endpoint.passed_at is None):
        return Reason.ABANDONED
    if endpoint.status == _FAILED:
        return Reason.FAILED
    if _is_superseded(endpoint, project):
        return Reason.SUPERSEDED
    return Reason.IDLE if endpoint.quiet and may_be_idle(endpoint, now, limits) else None


def _is_superseded(endpoint: Endpoint, project: Iterable[Endpoint]) -> bool:
    """Only what a run made is, and only by an endpoint that serves."""
    passed = endpoint.passed_at
    others = [other.passed_at for other in project if other.serves]
    return passed is not None and any(other is not None and other > passed for other in others)
