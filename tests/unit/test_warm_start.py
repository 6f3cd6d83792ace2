"""Tuning jobs that learn from earlier ones: which may be parents, what may change, and what is taken over."""

from typing import Any

import pytest

from localcloud.sagemaker.errors import ResourceLimitExceeded, ValidationError
from localcloud.sagemaker.search import Search, parse_ranges
from tests.unit.small_tuning import (
    CONFIG,
    DEFINITION,
    LIMITS,
    OBJECTIVE,
    RANGES,
    Change,
    Team,
    TrainingJobs,
    request_for,
    set_in,
    stand_in,
)

pytestmark = pytest.mark.slow

ETA, CHILD_WEIGHT, ALPHA = request_for()[CONFIG]["ParameterRanges"]["ContinuousParameterRanges"]
REVERSE = "ReverseLogarithmic"
STATIC = (DEFINITION, "StaticHyperParameters")


@pytest.fixture
def training_jobs(monkeypatch: pytest.MonkeyPatch) -> TrainingJobs:
    jobs = stand_in(monkeypatch)
    jobs.outcome = lambda number: ("Completed", number / 100)
    return jobs


def warm_start(*parents: str, kind: str = "TransferLearning", name: str = "second") -> dict[str, Any]:
    named = [{"HyperParameterTuningJobName": parent} for parent in parents]
    return {
        **request_for(name),
        "WarmStartConfig": {"ParentHyperParameterTuningJobs": named, "WarmStartType": kind},
    }


def team_with_parent(*changes: Change) -> Team:
    """A team whose tuning job `fraud-1` is done."""
    team, request = Team(), request_for()
    for change in changes:
        change(request)
    team.tunes(request)
    team.waits_for_the_end()
    return team


# --- parents --------------------------------------------------------------------------------------------------


def test_a_parent_must_exist(training_jobs: TrainingJobs) -> None:
    with pytest.raises(ValidationError, match="parent tuning job nowhere does not exist"):
        Team().tunes(warm_start("nowhere"))


@pytest.mark.parametrize(
    ("parents", "words"),
    [
        ([{}], "needs a HyperParameterTuningJobName"),
        ([{"HyperParameterTuningJobName": "fraud-1"}] * 2, "may be named once only; given are fraud-1, fraud-1"),
        ([], "greater than or equal to 1"),
        ([{"HyperParameterTuningJobName": f"fraud-{number}"} for number in range(6)], "less than or equal to 5"),
    ],
)
def test_parents_are_named_one_to_five_times(training_jobs: TrainingJobs, parents: Any, words: str) -> None:
    request = warm_start("fraud-1")
    request["WarmStartConfig"]["ParentHyperParameterTuningJobs"] = parents

    with pytest.raises(ValidationError, match=words):
        team_with_parent().tunes(request)


def test_a_parent_must_have_ended(training_jobs: TrainingJobs) -> None:
    training_jobs.outcome = None
    team = Team()
    team.tunes(request_for())

    with pytest.raises(ValidationError, match="fraud-1 is in status InProgress; parents must be Completed, Failed"):
        team.tunes(warm_start("fraud-1"))

    team.call("StopHyperParameterTuningJob", HyperParameterTuningJobName="fraud-1")
    team.waits_for_the_end()
    training_jobs.outcome = lambda _: ("Completed", 0.5)
    team.tunes(warm_start("fraud-1"))
    assert team.waits_for_the_end("second")["HyperParameterTuningJobStatus"] == "Completed"


def test_the_parents_training_jobs_count_against_the_quota(training_jobs: TrainingJobs) -> None:
    team, request = team_with_parent(), warm_start("fraud-1")
    request[CONFIG]["ResourceLimits"]["MaxNumberOfTrainingJobs"] = 742

    with pytest.raises(ResourceLimitExceeded, match="is 750 Jobs, with current utilization of 9 Jobs and a request"):
        team.tunes(request)


# --- what may change ------------------------------------------------------------------------------------------


REFUSED = {
    "another objective": (
        set_in(*OBJECTIVE, "MetricName", to="validation:aucpr"),
        "it is validation:auc in the parent tuning job fraud-1, and validation:aucpr here",
    ),
    "one more hyperparameter": (set_in(*STATIC, "gamma", to="1"), "it is 6 in the parent tuning job fraud-1, and 7"),
    "another hyperparameter": (
        set_in(*STATIC, to={"objective": "binary:logistic", "gamma": "1"}),
        "fraud-1 has no gamma",
    ),
    "another type": (
        set_in(
            *RANGES,
            to={
                "ContinuousParameterRanges": [ETA, CHILD_WEIGHT, ALPHA],
                "CategoricalParameterRanges": [{"Name": "max_depth", "Values": ["3", "5"]}],
            },
        ),
        "[max_depth] is Integer in the parent tuning job fraud-1, and Categorical here",
    ),
}


@pytest.mark.parametrize(("change", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_must_not_change_is_refused_by_name(training_jobs: TrainingJobs, change: Change, words: str) -> None:
    team, request = team_with_parent(), warm_start("fraud-1")
    change(request)

    with pytest.raises(ValidationError) as refusal:
        team.tunes(request)

    assert words in refusal.value.message


def test_ranges_limits_data_and_what_is_tuned_may_change(training_jobs: TrainingJobs) -> None:
    team, request = team_with_parent(), warm_start("fraud-1", kind="IdenticalDataAndAlgorithm")
    set_in(*RANGES, to={"ContinuousParameterRanges": [{**ETA, "MaxValue": "0.5"}, ALPHA]})(request)
    set_in(*STATIC, to={"num_round": "50", "max_depth": "5", "min_child_weight": "1", "objective": "binary:hinge"})(
        request
    )
    set_in(*LIMITS, to={"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1})(request)
    set_in(DEFINITION, "InputDataConfig", 0, "DataSource", "S3DataSource", "S3Uri", to="s3://bucket/other/")(request)

    team.tunes(request)

    assert team.waits_for_the_end("second")["HyperParameterTuningJobStatus"] == "Completed"


def categories(count: int) -> dict[str, Any]:
    return {"Name": "max_depth", "Values": [str(depth) for depth in range(count)]}


@pytest.mark.parametrize(
    ("count", "static", "changes"),
    [
        (10, {"max_depth": "3"}, 10),
        (9, {"max_depth": "9"}, 10),
        (9, {"max_depth": "3", "alpha": "1"}, 10),
        (10, {"max_depth": "3", "alpha": "1"}, 11),
        (11, {"max_depth": "3"}, 11),
    ],
)
def test_ten_changes_from_tunable_to_static_may_be_made_each_category_counted(
    training_jobs: TrainingJobs, count: int, static: dict[str, str], changes: int
) -> None:
    # Given a parent that has tuned a depth of so many categories, and numbers
    continuous, categorical = "ContinuousParameterRanges", "CategoricalParameterRanges"
    team = team_with_parent(set_in(*RANGES, to={continuous: [ETA, ALPHA], categorical: [categories(count)]}))

    # When some of it is static
    request = warm_start("fraud-1")
    set_in(*RANGES, to={continuous: [each for each in (ETA, ALPHA) if each["Name"] not in static]})(request)
    request[DEFINITION]["StaticHyperParameters"] |= static

    # Then each category is a change, and each range of numbers
    if changes > 10:
        with pytest.raises(ValidationError, match=f"may make 10 changes at most, .*; here they make {changes}"):
            team.tunes(request)
    else:
        team.tunes(request)
        assert team.waits_for_the_end("second")["HyperParameterTuningJobStatus"] == "Completed"


def test_each_value_of_a_static_text_is_a_change_and_each_new_number(training_jobs: TrainingJobs) -> None:
    """Six numbers that differ are six changes; two pairs of texts are four, and one pair more is too much."""
    numbers = {"num_round": "1", "gamma": "1", "lambda": "1", "max_bin": "1", "max_leaves": "1", "seed": "1"}
    texts = {"objective": "binary:logistic", "booster": "gbtree", "updater": "prune"}
    team, request = team_with_parent(set_in(*STATIC, to={**numbers, **texts})), warm_start("fraud-1")
    changed = {**dict.fromkeys(numbers, "2"), "objective": "binary:hinge", "booster": "dart"}

    set_in(*STATIC, to={**changed, "updater": "refresh"})(request)
    with pytest.raises(ValidationError, match="here they make 12"):
        team.tunes(request)

    set_in(*STATIC, to={**changed, "updater": "prune"})(request)
    team.tunes(request)
    assert team.waits_for_the_end("second")["HyperParameterTuningJobStatus"] == "Completed"


# --- what is taken over ---------------------------------------------------------------------------------------


def search(**bounds: tuple[str, str]) -> Search:
    ranges = [{"Name": name, "MinValue": low, "MaxValue": high} for name, (low, high) in bounds.items()]
    return Search(parse_ranges({"ContinuousParameterRanges": ranges}), "Bayesian", maximize=True, seed=1)


def mean_of_next(warm: Search) -> float:
    """Of the eta of the trials that follow, none of which is told of."""
    return sum(float(warm.ask()[1]["eta"]) for _ in range(10)) / 10


def taught(value_of: Any, **more: str) -> Search:
    warm = search(eta=("0", "1"))
    for step in range(21):
        warm.learn({"eta": repr(step / 20), **more}, value_of(step))
    return warm


def test_the_search_goes_where_the_parents_were_good() -> None:
    assert mean_of_next(taught(lambda step: step, gamma="1")) > 0.7
    assert mean_of_next(taught(lambda step: -step, gamma="1")) < 0.3


@pytest.mark.parametrize(
    "tried", [{"eta": "1.5"}, {"eta": "nan"}, {"eta": "much"}, {"gamma": "0.5"}], ids=lambda tried: next(iter(tried))
)
def test_a_trial_outside_of_the_ranges_is_left_out(tried: dict[str, str]) -> None:
    warm, cold = search(eta=("0", "1")), search(eta=("0", "1"))

    warm.learn(tried, 0.9)

    assert warm.ask() == cold.ask()


@pytest.mark.parametrize(
    "ranges",
    [
        {"IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "9"}]},
        {"CategoricalParameterRanges": [{"Name": "max_depth", "Values": ["3", "5"]}]},
        {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.9"}]},
        {"ContinuousParameterRanges": [{**ETA, "MinValue": "0.1", "MaxValue": "0.9", "ScalingType": "Logarithmic"}]},
        {"ContinuousParameterRanges": [{**ETA, "MinValue": "0.6", "MaxValue": "0.9", "ScalingType": REVERSE}]},
    ],
)
def test_a_trial_in_any_kind_of_range_is_taken_in(ranges: dict[str, Any]) -> None:
    first = Search(parse_ranges(ranges), "Random", maximize=True, seed=1)
    second = Search(parse_ranges(ranges), "Random", maximize=True, seed=2)
    number, tuned = first.ask()

    second.learn(tuned, 0.9)

    assert second.ask()[0] == 1
    assert number == 0


def test_trials_are_taken_over_with_static_hyperparameters_that_are_tuned_now(
    training_jobs: TrainingJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[tuple[dict[str, str], float]] = []
    monkeypatch.setattr(Search, "learn", lambda _, tried, value: learned.append((tried, value)))
    training_jobs.outcome = lambda number: ("Failed", None) if number == 2 else ("Completed", number / 100)
    team = team_with_parent()

    team.tunes(warm_start("fraud-1"))
    job = team.waits_for_the_end("second")

    assert [value for _, value in learned] == [0.01, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09]
    assert {"num_round", "eta", "max_depth"} < learned[0][0].keys()
    assert job["WarmStartConfig"] == warm_start("fraud-1")["WarmStartConfig"]


def test_a_parent_s_own_parents_are_not_asked(training_jobs: TrainingJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    learned: list[float] = []
    monkeypatch.setattr(Search, "learn", lambda _, tried, value: learned.append(value))
    team = team_with_parent()
    for parent, name in (("fraud-1", "second"), ("second", "third")):
        learned.clear()
        team.tunes(warm_start(parent, name=name))
        team.waits_for_the_end(name)

    assert learned == [number / 100 for number in range(10, 19)]


@pytest.mark.parametrize(("parents_best", "best"), [(0.5, "fraud-1"), (0.01, "second")])
def test_the_best_of_all_is_told_with_identical_data(
    training_jobs: TrainingJobs, parents_best: float, best: str
) -> None:
    training_jobs.outcome = lambda number: ("Completed", parents_best if number < 10 else 0.1)
    team = team_with_parent()

    team.tunes(warm_start("fraud-1", kind="IdenticalDataAndAlgorithm"))
    job = team.waits_for_the_end("second")

    overall = job["OverallBestTrainingJob"]
    assert overall == {**team.describe(best)["BestTrainingJob"], "TuningJobName": best}
    assert job["BestTrainingJob"]["TrainingJobName"].startswith("second-")


def test_the_best_of_all_is_not_told_otherwise(training_jobs: TrainingJobs) -> None:
    team = team_with_parent()
    team.tunes(warm_start("fraud-1"))

    assert "OverallBestTrainingJob" not in team.waits_for_the_end("second")
