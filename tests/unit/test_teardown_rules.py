"""When an endpoint has to go: the rules, over plain facts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.teardown.announcement import to_announce
from lambdas.teardown.rules import Endpoint, Limits, Reason, Run, Verdict, expires_at, idle_time, judge, may_be_idle

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
LIMITS = Limits(
    project="fraud", default_lifetime=HOUR, longest_lifetime=DAY, default_idle=30 * MINUTE, warning=15 * MINUTE
)
LATER, EARLIER = "2026-11-24T20:00:00Z", "2026-11-24T16:59:59Z"
PASSED = "2026-11-24T12:00:00.000Z"


def endpoint(
    name: str = "fraud-1",
    *,
    status: str = "InService",
    age: timedelta = 2 * HOUR,
    settled: timedelta | None = None,
    run: Run = Run.SUCCEEDED,
    quiet: bool = False,
    **tags: str,
) -> Endpoint:
    """An endpoint in its prime, with hours to go, unless something else is said; `expires_at` is a tag."""
    named = {"expires-at": LATER, **{key.replace("_", "-"): value for key, value in tags.items()}}
    return Endpoint(
        name=name,
        arn=f"arn:aws:sagemaker:eu-west-1:123456789012:endpoint/{name}",
        status=status,
        created=NOW - age,
        settled=NOW - (age if settled is None else settled),
        tags=named,
        run=run,
        quiet=quiet,
    )


def undated(age: timedelta) -> Endpoint:
    return replace(endpoint(age=age), tags={})


def verdict(given: Endpoint, *others: Endpoint, limits: Limits = LIMITS) -> Verdict:
    return judge(given, [given, *others], NOW, limits)


# --- its date ---------------------------------------------------------------------------------------------------


def test_an_endpoint_stays_until_its_date() -> None:
    assert verdict(endpoint(expires_at=LATER)) == Verdict(datetime(2026, 11, 24, 20, tzinfo=UTC))


@pytest.mark.parametrize("date", [EARLIER, "2026-11-24T17:00:00Z"], ids=["past", "now"])
def test_an_endpoint_goes_on_its_date(date: str) -> None:
    assert verdict(endpoint(expires_at=date)).reason is Reason.EXPIRED


@pytest.mark.parametrize("run", Run)
@pytest.mark.parametrize("status", ["InService", "Failed", "Creating", "OutOfService"])
def test_past_its_date_nothing_keeps_an_endpoint(run: Run, status: str) -> None:
    assert verdict(endpoint(expires_at=EARLIER, run=run, status=status)).reason is not None


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-24T18:30:00Z",
        "2026-11-24T18:30:00+00:00",
        "2026-11-24T19:30:00+01:00",
        "2026-11-24T13:30:00-05:00",
        "2026-11-24T18:30:00",
        "2026-11-24 18:30",
        "20261124T183000Z",
        "2026-11-24T18:30:00.000Z",
        " 2026-11-24T18:30:00Z ",
    ],
)
def test_a_date_is_read_in_any_spelling_of_iso_8601(written: str) -> None:
    given = endpoint(expires_at=written)

    assert expires_at(given, NOW, LIMITS) == datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
    assert not verdict(given).redate


@pytest.mark.parametrize(
    "written", ["", " ", "tomorrow", "2026-13-01", "24.11.2026", "1795543200", "99999-01-01", "2026"]
)
def test_a_date_that_cannot_be_read_is_the_default_lifetime_after_the_creation(written: str) -> None:
    young = endpoint(expires_at=written, age=20 * MINUTE)

    assert verdict(young) == Verdict(NOW + 40 * MINUTE, redate=True)


def test_without_a_date_the_default_lifetime_counts_from_the_creation() -> None:
    assert verdict(undated(age=20 * MINUTE)) == Verdict(NOW + 40 * MINUTE, redate=True)
    assert verdict(undated(age=HOUR)).reason is Reason.EXPIRED


@pytest.mark.parametrize("written", ["2026-11-25T17:00:01Z", "2030-01-01", "9999-12-31T23:59:59Z"])
def test_a_date_beyond_the_longest_lifetime_is_put_right(written: str) -> None:
    assert verdict(endpoint(expires_at=written)) == Verdict(NOW + DAY, redate=True)


def test_a_default_date_lies_within_the_longest_lifetime_too() -> None:
    short = replace(LIMITS, longest_lifetime=10 * MINUTE, warning=MINUTE)

    assert verdict(undated(age=MINUTE), limits=short) == Verdict(NOW + 10 * MINUTE, redate=True)


def test_the_longest_lifetime_itself_is_allowed() -> None:
    assert not verdict(endpoint(expires_at="2026-11-25T17:00:00Z")).redate


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00Z", "1900-01-01", "1969-12-31T23:59:59+14:00"])
def test_a_date_long_past_is_past(written: str) -> None:
    assert verdict(endpoint(expires_at=written)).reason is Reason.EXPIRED


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_date_that_the_calendar_does_not_hold_is_within_the_longest_lifetime(written: str) -> None:
    assert expires_at(endpoint(expires_at=written), NOW, LIMITS) <= NOW + DAY


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(replace(undated(age=HOUR), created=NOW.astimezone(timezone(5 * HOUR))), id="the creation's"),
        pytest.param(endpoint(expires_at="2026-11-24T19:30:00+01:00"), id="the tag's"),
    ],
)
def test_a_date_is_in_utc_wherever_it_came_from(given: Endpoint) -> None:
    assert expires_at(given, NOW, LIMITS).tzinfo is UTC


# --- idle -------------------------------------------------------------------------------------------------------


def test_an_endpoint_that_nobody_calls_goes() -> None:
    assert verdict(endpoint(quiet=True)).reason is Reason.IDLE


def test_an_endpoint_that_somebody_calls_stays() -> None:
    assert verdict(endpoint(quiet=False)).reason is None


@pytest.mark.parametrize(("settled", "goes"), [(29 * MINUTE, False), (30 * MINUTE, True)])
def test_a_fresh_endpoint_gets_its_idle_time_as_grace(settled: timedelta, *, goes: bool) -> None:
    given = endpoint(quiet=True, settled=settled)

    assert may_be_idle(given, NOW, LIMITS) == goes
    assert (verdict(given).reason is Reason.IDLE) == goes


@pytest.mark.parametrize(("written", "counts"), [("5", 5), ("240", 240), (" 45 ", 45)])
def test_an_endpoints_own_idle_time_counts(written: str, counts: int) -> None:
    assert idle_time(endpoint(idle_minutes=written), LIMITS) == counts * MINUTE


@pytest.mark.parametrize("written", ["", "soon", "-5", "0", "1.5", "1e3", "9" * 256, "9" * 20, "5 minutes"])
def test_an_idle_time_that_makes_no_sense_is_the_settings(written: str) -> None:
    assert idle_time(endpoint(idle_minutes=written), LIMITS) == 30 * MINUTE


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating", "RollingBack", "OutOfService"])
def test_only_what_is_in_service_is_idle(status: str) -> None:
    assert verdict(endpoint(quiet=True, status=status)).reason is None


# --- the other reasons ------------------------------------------------------------------------------------------


def test_an_endpoint_that_failed_goes() -> None:
    assert verdict(endpoint(status="Failed")).reason is Reason.FAILED


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(endpoint(run=Run.FAILED), id="its run failed"),
        pytest.param(endpoint(run=Run.FAILED, passed_at=PASSED), id="its run failed after it had passed"),
        pytest.param(endpoint(run=Run.FORGOTTEN), id="nothing is known of its run"),
        pytest.param(endpoint(run=Run.FORGOTTEN, passed_at="perhaps"), id="nothing that can be read"),
    ],
)
def test_an_endpoint_whose_run_ended_without_passing_goes(given: Endpoint) -> None:
    assert verdict(given).reason is Reason.ABANDONED


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(endpoint(run=Run.FORGOTTEN, passed_at=PASSED), id="its run passed, long ago"),
        pytest.param(endpoint(run=Run.SUCCEEDED), id="its run came to its end"),
        pytest.param(endpoint(run=Run.NONE), id="a person made it"),
    ],
)
def test_no_other_endpoint_is_abandoned(given: Endpoint) -> None:
    assert verdict(given).reason is None


def test_a_later_run_that_passed_supersedes_an_earlier_one() -> None:
    earlier = endpoint("fraud-1", passed_at="2026-11-24T12:00:00.000Z")
    later = endpoint("fraud-2", passed_at="2026-11-24T12:00:00.001Z")

    assert verdict(earlier, later).reason is Reason.SUPERSEDED
    assert verdict(later, earlier).reason is None


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(endpoint("fraud-2"), id="has not passed"),
        pytest.param(endpoint("fraud-2", passed_at=PASSED), id="passed at the same time"),
        pytest.param(endpoint("fraud-2", passed_at="2026-11-24T11:00:00Z"), id="passed before"),
        pytest.param(endpoint("fraud-2", passed_at="in the afternoon"), id="passed who knows when"),
        pytest.param(endpoint("fraud-2", passed_at="2026-11-24T13:00:00Z", status="Failed"), id="does not serve"),
        pytest.param(endpoint("fraud-2", passed_at="2026-11-24T13:00:00Z", status="Creating"), id="does not serve yet"),
    ],
)
def test_no_other_endpoint_supersedes(later: Endpoint) -> None:
    assert verdict(endpoint("fraud-1", passed_at=PASSED), later).reason is None


def test_what_never_passed_is_not_superseded() -> None:
    """Such as what a person made, to look at it."""
    later = endpoint("fraud-2", passed_at="2026-11-24T13:00:00Z")

    assert verdict(endpoint("by-hand", run=Run.NONE), later).reason is None


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(endpoint(run=Run.RUNNING, quiet=True), id="idle"),
        pytest.param(endpoint(run=Run.RUNNING, status="Failed"), id="failed"),
        pytest.param(endpoint(run=Run.RUNNING, passed_at=PASSED), id="superseded"),
    ],
)
def test_while_its_run_is_at_work_only_the_date_counts(facts: Endpoint) -> None:
    later = endpoint("fraud-2", passed_at="2026-11-24T13:00:00Z")

    assert verdict(facts, later).reason is None
    assert not may_be_idle(facts, NOW, LIMITS)
    assert verdict(replace(facts, tags={"expires-at": EARLIER}), later).reason is Reason.EXPIRED


# --- the warning ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "warns"), [("2026-11-24T17:15:01Z", False), ("2026-11-24T17:15:00Z", True), ("2026-11-24T17:00:01Z", True)]
)
def test_the_warning_comes_shortly_before_the_date(date: str, *, warns: bool) -> None:
    assert verdict(endpoint(expires_at=date)).warn == warns


@pytest.mark.parametrize(
    "warned_for", ["2026-11-24T17:10:00Z", "2026-11-24T17:10:00+00:00", "2026-11-24T18:10:00+01:00"]
)
def test_one_warning_is_enough(warned_for: str) -> None:
    assert not verdict(endpoint(expires_at="2026-11-24T17:10:00Z", warned_for=warned_for)).warn


@pytest.mark.parametrize("warned_for", ["2026-11-24T17:00:00Z", "2026-11-24T17:20:00Z", "", "garbage"])
def test_another_date_is_warned_of_anew(warned_for: str) -> None:
    assert verdict(endpoint(expires_at="2026-11-24T17:10:00Z", warned_for=warned_for)).warn


def test_an_endpoint_without_a_date_gets_one_and_is_warned_of_it() -> None:
    assert verdict(undated(age=50 * MINUTE)) == Verdict(NOW + 10 * MINUTE, redate=True, warn=True)


# --- any endpoint at all ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """A tag's text and the time that it means; None if it means none."""

    text: str
    time: datetime | None


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(minutes * MINUTE))
AROUND_NOW = st.timedeltas(-3 * DAY, 3 * DAY).map(lambda distance: NOW + distance)
NEAR = st.sampled_from([-DAY, -HOUR, -15 * MINUTE, timedelta(0), 15 * MINUTE, HOUR, DAY]).flatmap(
    lambda near: st.integers(-2, 2).map(lambda seconds: NOW + near + timedelta(seconds=seconds))
)
ANY_YEAR = st.datetimes(NOW.replace(year=1, tzinfo=None), NOW.replace(year=9999, tzinfo=None), timezones=st.just(UTC))
TIMES = NEAR | AROUND_NOW | ANY_YEAR
READABLE = (
    st.tuples(TIMES, OFFSETS).map(lambda both: Written(both[0].astimezone(both[1]).isoformat(), both[0]))
    | TIMES.map(lambda time: Written(time.replace(tzinfo=None).isoformat(), time))
    | TIMES.map(lambda time: Written(f" {time.replace(tzinfo=None).isoformat()}Z", time))
)
WITHOUT_DIGITS = st.text(st.characters(exclude_categories=["N", "C"]), max_size=20)
UNREADABLE = (
    WITHOUT_DIGITS | st.sampled_from(["2026-02-30", "2026-11-24T25:61:00Z", "10000-01-01T00:00:00Z", "-1", "0", "1e9"])
).map(lambda text: Written(text, None))
DATES = st.none() | READABLE | UNREADABLE
IDLE_TIMES = st.none() | st.integers(-10, 10**30).map(str) | WITHOUT_DIGITS
STATUSES = [
    *("InService", "Failed", "Creating", "Updating", "SystemUpdating", "RollingBack", "OutOfService"),
    "UpdateRollbackFailed",
]


@dataclass(frozen=True)
class Case:
    """An endpoint with what its tags mean."""

    endpoint: Endpoint
    expires: datetime | None
    passed: datetime | None
    warned_for: datetime | None
    idle: str | None

    def idle_time(self) -> timedelta:
        minutes = int(self.idle) if self.idle and self.idle.strip("-").isdigit() else 0
        return minutes * MINUTE if 0 < minutes <= timedelta.max // MINUTE else LIMITS.default_idle

    def date(self) -> datetime:
        date = self.endpoint.created + LIMITS.default_lifetime if self.expires is None else self.expires
        return min(date, NOW + LIMITS.longest_lifetime)

    def early_reasons(self, others: list["Case"]) -> set[Reason]:
        """As README and settings promise them, each by itself."""
        facts = self.endpoint
        if facts.run is Run.RUNNING:
            return set()
        later = [
            other
            for other in others
            if other.endpoint.status == "InService" and other.passed and self.passed and other.passed > self.passed
        ]
        in_peace = facts.status == "InService" and facts.quiet and NOW - facts.settled >= self.idle_time()
        holds = {
            Reason.FAILED: facts.status == "Failed",
            Reason.ABANDONED: facts.run is Run.FAILED or (facts.run is Run.FORGOTTEN and self.passed is None),
            Reason.SUPERSEDED: later != [],
            Reason.IDLE: in_peace,
        }
        return {reason for reason, true in holds.items() if true}


def _text(written: Written | None) -> str | None:
    return None if written is None else written.text


def _time(written: Written | None) -> datetime | None:
    """No date lies before the first: what is long past is past."""
    return None if written is None or written.time is None else max(written.time, datetime(1970, 1, 2, tzinfo=UTC))


def _tags(texts: Mapping[str, str | None]) -> dict[str, str]:
    return {key: text for key, text in texts.items() if text is not None}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    expires, passed, warned_for = draw(DATES), draw(DATES), draw(DATES)
    idle = draw(IDLE_TIMES)
    created = NOW - draw(st.timedeltas(timedelta(0), 90 * DAY) | st.timedeltas(timedelta(0), 2 * HOUR))
    tags = {
        "expires-at": _text(expires),
        "passed-at": _text(passed),
        "warned-for": _text(warned_for),
        "idle-minutes": idle,
        "project": "fraud",
    }
    facts = Endpoint(
        name=draw(st.sampled_from(["fraud-1", "fraud-2"])),
        arn="arn",
        status=draw(st.sampled_from(STATUSES)),
        created=created,
        settled=draw(st.datetimes(created.replace(tzinfo=None), NOW.replace(tzinfo=None), timezones=st.just(UTC))),
        tags=_tags(tags),
        run=draw(st.sampled_from(list(Run))),
        quiet=draw(st.booleans()),
    )
    return Case(facts, _time(expires), _time(passed), _time(warned_for), idle)


WORLDS = st.lists(cases(), min_size=1, max_size=4)


def judged(world: list[Case]) -> Verdict:
    return judge(world[0].endpoint, [each.endpoint for each in world], NOW, LIMITS)


@given(WORLDS)
def test_no_endpoint_outlives_its_date_and_none_goes_before_without_a_reason(world: list[Case]) -> None:
    case, early = world[0], world[0].early_reasons(world)

    reason = judged(world).reason

    if case.date() <= NOW:
        assert reason is Reason.EXPIRED
    elif early:
        assert reason in early
    else:
        assert reason is None


@given(WORLDS)
def test_the_date_is_the_tags_or_the_default_and_never_beyond_the_longest_lifetime(world: list[Case]) -> None:
    verdict = judged(world)

    assert verdict.expires_at <= NOW + LIMITS.longest_lifetime
    assert verdict.expires_at == world[0].date()


@given(WORLDS)
def test_what_stays_is_dated_and_warned_when_its_tags_are_not_right(world: list[Case]) -> None:
    case, verdict = world[0], judged(world)

    stays = verdict.reason is None
    assert verdict.redate == (stays and case.expires != case.date())
    assert verdict.warn == (stays and case.date() - NOW <= LIMITS.warning and case.warned_for != case.date())


@given(WORLDS)
def test_once_the_tags_are_set_nothing_more_is_asked_for(world: list[Case]) -> None:
    first, facts = judged(world), world[0].endpoint
    date = first.expires_at.isoformat()
    tags = {**facts.tags, "expires-at": date, **({"warned-for": date} if first.warn else {})}

    again = judge(replace(facts, tags=tags), [each.endpoint for each in world], NOW, LIMITS)

    if first.reason is None:
        assert again == Verdict(first.expires_at)


@given(cases())
def test_the_idle_time_is_the_tags_if_it_makes_sense(case: Case) -> None:
    assert idle_time(case.endpoint, LIMITS) == case.idle_time()


# --- where clients are sent -------------------------------------------------------------------------------------


@given(st.lists(cases(), max_size=4), st.sampled_from(["fraud-1", "fraud-2", "others", "none"]))
def test_clients_are_sent_where_they_go_if_it_is_there_else_to_what_passed_last_of_what_serves(
    world: list[Case], announced: str
) -> None:
    project = [each.endpoint for each in world]

    due = to_announce(announced, project, {"others"})

    passed = [
        (each.passed, each.endpoint.name) for each in world if each.endpoint.status == "InService" and each.passed
    ]
    last = max((time for time, _ in passed), default=None)
    if announced in {"others", *(each.name for each in project)}:
        assert due == announced
    elif last is None:
        assert due == "none"
    else:
        assert (last, due) in passed
