"""Training jobs that a tuning job stops early: the median rule, and what becomes of those it stops."""

from statistics import fmean, median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.sagemaker.early_stopping import MedianRule, Series
from localcloud.sagemaker.search import Search
from tests.unit.small_tuning import CONFIG, Team, TrainingJobs, request_for, stand_in

SERIES = st.dictionaries(st.integers(0, 20), st.integers(0, 8).map(lambda eighths: eighths / 8), max_size=8)
"""Eighths, whose sums are exact."""


def rule(*completed: Series, maximize: bool = True) -> MedianRule:
    rule = MedianRule(maximize=maximize)
    for series in completed:
        rule.learn(series)
    return rule


# --- the rule -------------------------------------------------------------------------------------------------


def test_without_a_completed_job_none_is_beaten() -> None:
    assert not rule().is_beaten({0: 0.0}, after=-1)
    assert not rule({}).is_beaten({0: 0.0}, after=-1)


@pytest.mark.parametrize(("maximize", "value", "beaten"), [(True, 0.4, True), (True, 0.6, False), (True, 0.5, False)])
def test_a_job_is_beaten_when_it_is_worse_than_the_median(maximize: bool, value: float, beaten: bool) -> None:
    earlier = ({0: 0.1}, {0: 0.5}, {0: 0.9})

    assert rule(*earlier, maximize=maximize).is_beaten({0: value}, after=-1) is beaten
    assert rule(*earlier, maximize=not maximize).is_beaten({0: 1 - value}, after=-1) is beaten


def test_a_completed_job_counts_with_its_average_so_far() -> None:
    earlier = rule({0: 0.5, 1: 0.9, 2: 1.0})

    assert not earlier.is_beaten({1: 0.75}, after=-1)
    assert earlier.is_beaten({1: 0.65}, after=-1)


def test_a_round_is_judged_once() -> None:
    series = {0: 0.1, 1: 0.9}

    assert rule({0: 0.5}).is_beaten(series, after=-1)
    assert not rule({0: 0.5}).is_beaten(series, after=0)


def test_a_job_that_was_shorter_counts_with_all_of_its_rounds() -> None:
    assert rule({0: 0.5}).is_beaten({7: 0.4}, after=-1)


def test_a_job_that_logged_its_first_round_later_does_not_count() -> None:
    assert not rule({9: 0.9}).is_beaten({8: 0.1}, after=-1)
    assert rule({9: 0.9}).is_beaten({9: 0.1}, after=-1)


@settings(deadline=None)
@given(st.lists(SERIES, max_size=4), SERIES, st.integers(-1, 20), st.booleans())
def test_the_rule_is_the_documented_one(earlier: list[Series], current: Series, after: int, maximize: bool) -> None:
    def is_worse(number: int) -> bool:
        so_far = [[value for each, value in series.items() if each <= number] for series in earlier]
        averages = [fmean(values) for values in so_far if values]
        if not averages:
            return False
        return current[number] < median(averages) if maximize else current[number] > median(averages)

    expected = any(is_worse(number) for number in current if number > after)

    assert rule(*earlier, maximize=maximize).is_beaten(current, after) is expected


# --- the tuner ------------------------------------------------------------------------------------------------


@pytest.fixture
def training_jobs(monkeypatch: pytest.MonkeyPatch) -> TrainingJobs:
    return stand_in(monkeypatch)


def two_at_a_time(early_stopping: str) -> Team:
    """A team whose tuning job has started its first two training jobs."""
    team, request = Team(), request_for()
    request[CONFIG]["TrainingJobEarlyStoppingType"] = early_stopping
    request[CONFIG]["ResourceLimits"] = {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2}
    team.tunes(request)
    team.waits_for(lambda job: job["TrainingJobStatusCounters"]["InProgress"] == 2)
    return team


def complete(training_jobs: TrainingJobs, number: int, rounds: dict[int, float]) -> None:
    job = training_jobs.jobs[number]
    job.runtime.rounds |= rounds
    training_jobs.end(job, "Completed", list(rounds.values())[-1])


def test_a_job_that_does_worse_is_stopped_and_tells_its_last_objective(training_jobs: TrainingJobs) -> None:
    # Given a job that has completed
    team = two_at_a_time("Auto")
    complete(training_jobs, 0, {0: 0.8, 10: 0.9})

    # When another does worse
    beaten = training_jobs.jobs[1]
    beaten.runtime.rounds |= {0: 0.7, 10: 0.75}
    job = team.waits_for(lambda job: job["TrainingJobStatusCounters"]["Stopped"] == 1)

    # Then it is stopped, its objective counts, and the next one takes its place
    listed = team.call("ListTrainingJobsForHyperParameterTuningJob", HyperParameterTuningJobName="fraud-1")
    stopped = next(each for each in listed["TrainingJobSummaries"] if each["TrainingJobName"] == beaten.name)
    assert (stopped["TrainingJobStatus"], stopped["ObjectiveStatus"]) == ("Stopped", "Succeeded")
    assert stopped["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == 0.75
    assert job["ObjectiveStatusCounters"]["Succeeded"] == 2
    team.waits_for(lambda job: sum(job["TrainingJobStatusCounters"].values()) == 3)
    complete(training_jobs, 2, {0: 0.9})
    assert team.waits_for_the_end()["HyperParameterTuningJobStatus"] == "Completed"


def test_a_stopped_job_is_never_the_best(training_jobs: TrainingJobs) -> None:
    team = two_at_a_time("Auto")
    complete(training_jobs, 0, {0: 0.8, 10: 0.9})
    training_jobs.jobs[1].runtime.rounds |= {0: 0.7, 10: 0.99}
    team.waits_for(lambda job: job["TrainingJobStatusCounters"]["Stopped"] == 1)
    team.waits_for(lambda job: sum(job["TrainingJobStatusCounters"].values()) == 3)
    complete(training_jobs, 2, {0: 0.8})

    best = team.waits_for_the_end()["BestTrainingJob"]

    assert best["TrainingJobName"] == training_jobs.jobs[0].name


def test_the_search_learns_from_a_stopped_job(training_jobs: TrainingJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float | None] = []
    monkeypatch.setattr(Search, "tell", lambda _, number, value: told.append(value))
    team = two_at_a_time("Auto")
    complete(training_jobs, 0, {0: 0.8})

    training_jobs.jobs[1].runtime.rounds |= {0: 0.7}
    team.waits_for(lambda job: job["TrainingJobStatusCounters"]["Stopped"] == 1)

    assert told[:2] == [0.8, 0.7]
    team.waits_for(lambda job: sum(job["TrainingJobStatusCounters"].values()) == 3)
    complete(training_jobs, 2, {0: 0.8})
    team.waits_for_the_end()


@pytest.mark.parametrize(("early_stopping", "rounds"), [("Off", {0: 0.1}), ("Auto", {0: 0.9}), ("Auto", {})])
def test_other_jobs_are_left_alone(training_jobs: TrainingJobs, early_stopping: str, rounds: dict[int, float]) -> None:
    team = two_at_a_time(early_stopping)
    complete(training_jobs, 0, {0: 0.8})
    training_jobs.jobs[1].runtime.rounds |= rounds
    team.waits_for(lambda job: sum(job["TrainingJobStatusCounters"].values()) == 3)
    complete(training_jobs, 1, {1: 0.9})
    complete(training_jobs, 2, {0: 0.9})

    assert team.waits_for_the_end()["TrainingJobStatusCounters"]["Completed"] == 3


def test_a_job_whose_model_is_being_stored_is_left_alone(training_jobs: TrainingJobs) -> None:
    team = two_at_a_time("Auto")
    training_jobs.jobs[1].description["SecondaryStatus"] = "Uploading"
    training_jobs.jobs[1].runtime.rounds |= {0: 0.1}
    complete(training_jobs, 0, {0: 0.8})
    team.waits_for(lambda job: sum(job["TrainingJobStatusCounters"].values()) == 3)
    complete(training_jobs, 2, {0: 0.9})
    team.waits_for(lambda job: job["TrainingJobStatusCounters"]["Completed"] == 2)

    assert team.describe()["TrainingJobStatusCounters"]["InProgress"] == 1
    complete(training_jobs, 1, {1: 0.9})
    team.waits_for_the_end()
