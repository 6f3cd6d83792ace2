"""The rules of tuning jobs, their search, and how the tuner runs its training jobs (which do not train here)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.sagemaker import training, tuning
from localcloud.sagemaker.errors import (
    AccessDenied,
    ResourceInUse,
    ResourceLimitExceeded,
    ResourceNotFound,
    ValidationError,
)
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.search import TUNABLE, Search, parse_ranges
from tests.unit.small_cloud import ROLE
from tests.unit.small_tuning import (
    CONFIG,
    DEFINITION,
    LIMITS,
    NOW,
    OBJECTIVE,
    RANGES,
    WARY_SAGEMAKER,
    Change,
    Team,
    TrainingJobs,
    request_for,
    set_in,
    stand_in,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def training_jobs(monkeypatch: pytest.MonkeyPatch) -> TrainingJobs:
    return stand_in(monkeypatch)


# --- what a request may hold ----------------------------------------------------------------------------------


def eta(low: str, high: str, scaling: str = "Auto") -> Change:
    """Tune eta alone, from `low` to `high`."""
    only = {"Name": "eta", "MinValue": low, "MaxValue": high, "ScalingType": scaling}
    return set_in(*RANGES, to={"ContinuousParameterRanges": [only]})


def depth(low: str, high: str, scaling: str = "Auto", name: str = "max_depth") -> Change:
    """Tune one integer alone."""
    only = {"Name": name, "MinValue": low, "MaxValue": high, "ScalingType": scaling}
    return set_in(*RANGES, to={"IntegerParameterRanges": [only]})


AMERICAN_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"

REFUSED = {
    "metric definitions": (
        set_in(DEFINITION, "AlgorithmSpecification", "MetricDefinitions", to=[{"Name": "a", "Regex": "b"}]),
        "You can't override the metric definitions",
    ),
    "a training job against its rules": (set_in(DEFINITION, "ResourceConfig", "InstanceCount", to=2), "is 2"),
    "no training job": (set_in(DEFINITION, to=None), "needs a TrainingJobDefinition"),
    "several training jobs": (
        set_in("TrainingJobDefinitions", to=[request_for()[DEFINITION]]),
        "does not know TrainingJobDefinitions",
    ),
    "autotune": (set_in("Autotune", to={"Mode": "Enabled"}), "does not know Autotune"),
    "hyperband": (set_in(CONFIG, "Strategy", to="Hyperband"), "Strategy Hyperband"),
    "a grid": (set_in(CONFIG, "Strategy", to="Grid"), "Strategy Grid"),
    "a completion criterion": (
        set_in(CONFIG, "TuningJobCompletionCriteria", to={"TargetObjectiveMetricValue": 0.9}),
        "TuningJobCompletionCriteria",
    ),
    "early stopping that there is not": (set_in(CONFIG, "TrainingJobEarlyStoppingType", to="On"), "enum value set"),
    "a negative seed": (set_in(CONFIG, "RandomSeed", to=-1), "greater than or equal to 0"),
    "bounds that are no text": (eta(0, 1), "Member must be of type string"),  # type: ignore[arg-type]
    "a scaling that there is not": (eta("0", "1", "Exponential"), "enum value set"),
    "31 values of a category": (
        set_in(*RANGES, to={"CategoricalParameterRanges": [{"Name": "max_depth", "Values": [*map(str, range(31))]}]}),
        "length less than or equal to 30",
    ),
    "31 ranges of a kind": (
        set_in(*RANGES, "IntegerParameterRanges", to=[{"Name": "a", "MinValue": "1", "MaxValue": "2"}] * 31),
        "length less than or equal to 30",
    ),
    "101 static hyperparameters": (
        set_in(DEFINITION, "StaticHyperParameters", to={f"p{number}": "1" for number in range(101)}),
        "length less than or equal to 100",
    ),
    "31 attempts": (set_in(DEFINITION, "RetryStrategy", to={"MaximumRetryAttempts": 31}), "less than or equal to 30"),
    "no limit of what runs at a time": (
        set_in(*LIMITS, to={"MaxNumberOfTrainingJobs": 9}),
        "ResourceLimits.MaxParallelTrainingJobs' failed to satisfy constraint: Member must not be null",
    ),
    "an image of another region": (
        set_in(DEFINITION, "AlgorithmSpecification", "TrainingImage", to=AMERICAN_IMAGE),
        "Cross region ECR image pulls are not allowed",
    ),
    "no objective": (set_in(*OBJECTIVE, to=None), "A metric is required for this hyperparameter tuning job objective"),
    "a metric that the image has not": (
        set_in(*OBJECTIVE, "MetricName", to="validation:mine"),
        "[validation:mine], isn't valid",
    ),
    "a metric of the training data": (set_in(*OBJECTIVE, "MetricName", to="train:auc"), "[train:auc], isn't valid"),
    "a metric the wrong way round": (set_in(*OBJECTIVE, "Type", to="Minimize"), "[Minimize], that you specified"),
    "no end": (set_in(*LIMITS, "MaxNumberOfTrainingJobs", to=None), "give MaxNumberOfTrainingJobs"),
    "a time limit": (set_in(*LIMITS, "MaxRuntimeInSeconds", to=600), "ResourceLimits.MaxRuntimeInSeconds"),
    "more at a time than in all": (set_in(*LIMITS, "MaxParallelTrainingJobs", to=10), "must not exceed"),
    "nothing to tune": (set_in(*RANGES, to={}), "nothing to tune"),
    "a hyperparameter that is not tunable": (depth("1", "9", name="num_parallel_tree"), "[num_parallel_tree] isn't"),
    "a hyperparameter of one's own": (depth("1", "9", name="my_feature"), "[my_feature] isn't tunable"),
    "an integer among the continuous": (
        set_in(*RANGES, to={"ContinuousParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "9"}]}),
        "put its range among the IntegerParameterRanges",
    ),
    "a continuous one among the integers": (depth("0", "9", name="gamma"), "among the ContinuousParameterRanges"),
    "a range that is no number": (eta("low", "high"), "must be numbers"),
    "a range that is infinite": (eta("0", "inf"), "must be less than"),
    "a range upside down": (eta("1", "0"), "must be less than"),
    "a range of one value": (eta("1", "1"), "must be less than"),
    "a logarithmic range from 0": (eta("0", "1", "Logarithmic"), "needs values above 0"),
    "a logarithmic range of integers from 0": (depth("0", "9", "Logarithmic"), "needs values above 0"),
    "a reverse logarithmic range up to 1": (eta("0", "1", "ReverseLogarithmic"), "0 <= MinValue < MaxValue < 1"),
    "a reverse logarithmic range of integers": (depth("1", "9", "ReverseLogarithmic"), "for continuous ranges only"),
    "fewer combinations than jobs": (
        depth("1", "3"),
        "combinations for the provided ranges [3.0] must be equal or greater than the value of MaxNumberOfJobs, [9]",
    ),
    "a hyperparameter tuned and static": (
        set_in(DEFINITION, "StaticHyperParameters", "eta", to="0.2"),
        "either tuned or static",
    ),
}


@pytest.mark.parametrize(("change", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_request_against_the_rules_is_refused_by_name(change: Change, words: str) -> None:
    request = request_for()
    change(request)

    with pytest.raises(ValidationError) as refusal:
        Team().call("CreateHyperParameterTuningJob", **request)

    assert words in refusal.value.message


def test_a_range_given_twice_is_refused() -> None:
    request = request_for()
    request[CONFIG]["ParameterRanges"]["IntegerParameterRanges"] *= 2

    with pytest.raises(ValidationError, match="one range only"):
        Team().call("CreateHyperParameterTuningJob", **request)


def test_a_request_within_the_rules_gets_as_far_as_its_role() -> None:
    with pytest.raises(ValidationError, match=f"could not assume role {ROLE}"):
        Team(sagemaker=WARY_SAGEMAKER).call("CreateHyperParameterTuningJob", **request_for())


def test_a_name_may_have_32_characters_and_no_more() -> None:
    with pytest.raises(ValidationError, match="could not assume role"):
        Team(sagemaker=WARY_SAGEMAKER).call("CreateHyperParameterTuningJob", **request_for("a" * 32))
    with pytest.raises(ValidationError, match="length less than or equal to 32"):
        Team(sagemaker=WARY_SAGEMAKER).call("CreateHyperParameterTuningJob", **request_for("a" * 33))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_in(*LIMITS, to={"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 11}), "is 10 Jobs"),
        (set_in(*LIMITS, to={"MaxNumberOfTrainingJobs": 751, "MaxParallelTrainingJobs": 3}), "is 750 Jobs"),
    ],
)
def test_the_limits_of_a_tuning_job_are_aws_s_defaults(change: Change, words: str) -> None:
    request = request_for()
    change(request)

    with pytest.raises(ResourceLimitExceeded, match=words):
        Team().call("CreateHyperParameterTuningJob", **request)


def test_100_tuning_jobs_run_at_a_time_and_no_more() -> None:
    team = Team()
    for number in range(100):
        description = {"HyperParameterTuningJobStatus": "InProgress"}
        team.resources.add(Resource(tuning.KIND, f"fraud-{number}", f"arn-{number}", description))

    with pytest.raises(ResourceLimitExceeded, match="'Number of concurrent hyperparameter tuning jobs' is 100 Jobs"):
        team.call("CreateHyperParameterTuningJob", **request_for("one-more"))


def test_there_must_be_room_for_all_that_may_run_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "INSTANCE_QUOTA", 2)

    with pytest.raises(ResourceLimitExceeded, match=r"is 2 Instances, .* request delta of 3 Instances"):
        Team().call("CreateHyperParameterTuningJob", **request_for())


@pytest.mark.parametrize("action", ["sagemaker:CreateHyperParameterTuningJob", "iam:PassRole", "sagemaker:AddTags"])
def test_a_caller_needs_every_permission(action: str) -> None:
    with pytest.raises(AccessDenied, match=action):
        Team(action).call("CreateHyperParameterTuningJob", **request_for())


# --- the search -----------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    name=st.sampled_from(sorted(TUNABLE)),
    bounds=st.tuples(st.integers(1, 900), st.integers(1, 900)).filter(lambda pair: pair[0] < pair[1]),
    scaling=st.sampled_from(["Auto", "Linear", "Logarithmic"]),
    strategy=st.sampled_from(["Bayesian", "Random"]),
)
def test_every_trial_lies_in_its_range(name: str, bounds: tuple[int, int], scaling: str, strategy: str) -> None:
    low, high = bounds
    given_range = {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": scaling}
    ranges = parse_ranges({f"{TUNABLE[name]}ParameterRanges": [given_range]})
    search = Search(ranges, strategy, maximize=True, seed=1)

    for _ in range(3):
        number, tuned = search.ask()
        search.tell(number, 0.5)

        assert low <= float(tuned[name]) <= high
        assert TUNABLE[name] == "Continuous" or tuned[name].isdigit()


@settings(deadline=None)
@given(st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)).filter(lambda pair: pair[0] + 1e-6 < pair[1]))
def test_a_reverse_logarithmic_range_is_kept_too(bounds: tuple[float, float]) -> None:
    low, high = bounds
    given_range = {"Name": "eta", "MinValue": repr(low), "MaxValue": repr(high), "ScalingType": "ReverseLogarithmic"}
    search = Search(parse_ranges({"ContinuousParameterRanges": [given_range]}), "Random", maximize=True, seed=1)

    assert low <= float(search.ask()[1]["eta"]) <= high


def test_categories_are_tried_as_they_are_written() -> None:
    given_range = {"Name": "max_depth", "Values": ["3", "5"]}
    search = Search(parse_ranges({"CategoricalParameterRanges": [given_range]}), "Random", maximize=True, seed=1)

    assert {search.ask()[1]["max_depth"] for _ in range(20)} == {"3", "5"}


def trials(strategy: str, seed: int, *, maximize: bool = True, count: int = 12) -> list[float]:
    """The values of eta that a search tries when the objective is eta itself."""
    given_range = {"Name": "eta", "MinValue": "0", "MaxValue": "1"}
    search = Search(parse_ranges({"ContinuousParameterRanges": [given_range]}), strategy, maximize=maximize, seed=seed)
    tried = []
    for _ in range(count):
        number, tuned = search.ask()
        tried.append(float(tuned["eta"]))
        search.tell(number, tried[-1])
    return tried


@pytest.mark.parametrize("strategy", ["Bayesian", "Random"])
def test_the_same_seed_gives_the_same_trials(strategy: str) -> None:
    assert trials(strategy, seed=7) == trials(strategy, seed=7)
    assert trials(strategy, seed=7) != trials(strategy, seed=8)


def test_the_bayesian_search_goes_where_it_was_good() -> None:
    upwards, downwards = trials("Bayesian", seed=1, count=30), trials("Bayesian", seed=1, maximize=False, count=30)

    assert sum(upwards[10:]) > sum(downwards[10:]) + 5


def test_a_trial_that_failed_does_not_stop_the_search() -> None:
    given_range = {"Name": "eta", "MinValue": "0", "MaxValue": "1"}
    search = Search(parse_ranges({"ContinuousParameterRanges": [given_range]}), "Bayesian", maximize=True, seed=1)

    for _ in range(6):
        search.tell(search.ask()[0], None)

    assert 0 <= float(search.ask()[1]["eta"]) <= 1


# --- the tuner ------------------------------------------------------------------------------------------------


def test_the_best_training_job_is_told_with_all_about_it(training_jobs: TrainingJobs) -> None:
    # Given training jobs of which the fourth is the best
    training_jobs.outcome = lambda number: ("Completed", 0.95 if number == 4 else 0.9)
    team = Team()

    # When they are tuned
    team.call("CreateHyperParameterTuningJob", **request_for())
    job = team.waits_for_the_end()

    # Then it is the one
    request = training_jobs.requests[3]
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["BestTrainingJob"]["TrainingJobName"] == request["TrainingJobName"]
    assert job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"] == {
        "Type": "Maximize",
        "MetricName": "validation:auc",
        "Value": 0.95,
    }
    assert job["BestTrainingJob"]["TunedHyperParameters"].items() <= request["HyperParameters"].items()
    assert set(job["BestTrainingJob"]["TunedHyperParameters"]) == {"eta", "min_child_weight", "alpha", "max_depth"}
    assert job["TrainingJobStatusCounters"]["Completed"] == job["ObjectiveStatusCounters"]["Succeeded"] == 9


def test_a_smaller_value_is_the_better_one_when_minimising(
    training_jobs: TrainingJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    training_jobs.outcome = lambda number: ("Completed", float(number))
    request = request_for()
    request[CONFIG]["HyperParameterTuningJobObjective"] = {"Type": "Minimize", "MetricName": "validation:logloss"}
    monkeypatch.setattr(training_jobs, "end", as_logloss)
    team = Team()

    team.call("CreateHyperParameterTuningJob", **request)

    best = team.waits_for_the_end()["BestTrainingJob"]
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == 1.0


def as_logloss(job: Resource, status: str, value: float | None) -> None:
    metric = {"MetricName": "validation:logloss", "Value": value, "Timestamp": NOW}
    job.description["FinalMetricDataList"] = [metric]
    job.description["TrainingJobStatus"] = status


def test_training_jobs_bear_the_tuning_job_s_name_tags_and_objective(training_jobs: TrainingJobs) -> None:
    training_jobs.outcome = lambda _: ("Completed", 0.9)
    team = Team()

    team.call("CreateHyperParameterTuningJob", **request_for())
    team.waits_for_the_end()

    names = [request["TrainingJobName"] for request in training_jobs.requests]
    assert [name[:12] for name in names] == [f"fraud-1-{number:03d}-" for number in range(1, 10)]
    assert {len(name) for name in names} == {len("fraud-1") + 13}
    assert len(set(names)) == 9
    for request in training_jobs.requests:
        assert request["Tags"] == [{"Key": "project", "Value": "fraud"}]
        assert request["HyperParameters"]["_tuning_objective_metric"] == "validation:auc"
        assert request["HyperParameters"]["num_round"] == "100"
        assert "StaticHyperParameters" not in request


def test_no_more_run_at_a_time_than_may(training_jobs: TrainingJobs) -> None:
    # Given training jobs that go on until they are told to end
    team = Team()
    team.call("CreateHyperParameterTuningJob", **request_for())

    # When they end one by one
    for number in range(9):
        due = min(number + 3, 9)
        team.waits_for(lambda job, due=due: sum(job["TrainingJobStatusCounters"].values()) == due)  # type: ignore[misc]
        assert len(training_jobs.jobs) == due
        training_jobs.end(training_jobs.jobs[number], "Completed", 0.9)

    # Then there were never more than three, and nine in all
    assert team.waits_for_the_end()["TrainingJobStatusCounters"]["Completed"] == 9


def test_a_training_job_that_the_quota_refuses_is_tried_again(training_jobs: TrainingJobs) -> None:
    training_jobs.refusals = 2
    training_jobs.outcome = lambda _: ("Completed", 0.9)
    team = Team()

    team.call("CreateHyperParameterTuningJob", **request_for())

    assert team.waits_for_the_end()["TrainingJobStatusCounters"]["Completed"] == 9


def test_some_failures_do_no_harm(training_jobs: TrainingJobs) -> None:
    training_jobs.outcome = lambda number: ("Failed", None) if number % 2 else ("Completed", number / 10)
    team = Team()

    team.call("CreateHyperParameterTuningJob", **request_for())

    job = team.waits_for_the_end()
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["BestTrainingJob"]["TrainingJobName"] == training_jobs.requests[7]["TrainingJobName"]
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] == job["ObjectiveStatusCounters"]["Failed"] == 5


@pytest.mark.parametrize(
    ("most", "outcome", "reason"),
    [
        (9, ("Failed", None), "No training job succeeded after"),
        (2, ("Failed", None), "All training jobs failed."),
        (2, ("Completed", None), "No objective metrics found after running 2 training jobs."),
    ],
)
def test_a_tuning_job_with_nothing_to_go_by_fails(
    training_jobs: TrainingJobs, most: int, outcome: tuple[str, None], reason: str
) -> None:
    training_jobs.outcome = lambda _: outcome
    request, team = request_for(), Team()
    request[CONFIG]["ResourceLimits"] = {"MaxNumberOfTrainingJobs": most, "MaxParallelTrainingJobs": 2}

    team.call("CreateHyperParameterTuningJob", **request)

    job = team.waits_for_the_end()
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(reason)
    assert "BestTrainingJob" not in job


def test_stopping_a_tuning_job_stops_its_training_jobs(training_jobs: TrainingJobs) -> None:
    team = Team()
    team.call("CreateHyperParameterTuningJob", **request_for())
    team.waits_for(lambda job: job["TrainingJobStatusCounters"]["InProgress"] == 3)

    team.call("StopHyperParameterTuningJob", HyperParameterTuningJobName="fraud-1")

    job = team.waits_for_the_end()
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert job["TrainingJobStatusCounters"]["Stopped"] == len(training_jobs.jobs) == 3
    with pytest.raises(ValidationError, match="is in status Stopped"):
        team.call("StopHyperParameterTuningJob", HyperParameterTuningJobName="fraud-1")


# --- tuning jobs that are there -------------------------------------------------------------------------------


@pytest.fixture
def tuned(training_jobs: TrainingJobs) -> Team:
    """A team with a tuning job that is done."""
    training_jobs.outcome = lambda number: ("Completed", number / 10)
    team = Team()
    team.call("CreateHyperParameterTuningJob", **request_for())
    team.waits_for_the_end()
    return team


def test_its_training_jobs_are_listed_by_name(tuned: Team, training_jobs: TrainingJobs) -> None:
    listed = tuned.call(
        "ListTrainingJobsForHyperParameterTuningJob", HyperParameterTuningJobName="fraud-1", MaxResults=100
    )["TrainingJobSummaries"]

    assert [each["TrainingJobName"] for each in listed] == [each["TrainingJobName"] for each in training_jobs.requests]
    assert [each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for each in listed][:2] == [0.1, 0.2]
    assert {each["ObjectiveStatus"] for each in listed} == {"Succeeded"}


def test_an_order_that_is_not_known_is_refused(tuned: Team) -> None:
    with pytest.raises(ValidationError, match="does not sort by FinalObjectiveMetricValue"):
        tuned.call(
            "ListTrainingJobsForHyperParameterTuningJob",
            HyperParameterTuningJobName="fraud-1",
            SortBy="FinalObjectiveMetricValue",
        )


def test_a_list_of_tuning_jobs_says_how_they_do(tuned: Team) -> None:
    (listed,) = tuned.call("ListHyperParameterTuningJobs")["HyperParameterTuningJobSummaries"]

    assert listed["HyperParameterTuningJobStatus"] == "Completed"
    assert listed["Strategy"] == "Bayesian"
    assert listed["ObjectiveStatusCounters"]["Succeeded"] == 9


def test_the_description_shows_what_sagemaker_added(tuned: Team) -> None:
    definition = tuned.describe()["TrainingJobDefinition"]

    assert definition["StaticHyperParameters"]["_tuning_objective_metric"] == "validation:auc"
    assert "validation:auc" in [each["Name"] for each in definition["AlgorithmSpecification"]["MetricDefinitions"]]


def test_an_event_tells_of_the_best_training_job_only_its_name(tuned: Team, training_jobs: TrainingJobs) -> None:
    detail = tuning.event_detail(tuned.job())

    assert detail["BestTrainingJob"] == {"TrainingJobName": training_jobs.requests[-1]["TrainingJobName"]}
    assert detail["HyperParameterTuningJobStatus"] == "Completed"
    assert detail["CreationTime"] == 1767225600000
    assert detail["Tags"] == {"project": "fraud"}


def test_a_name_is_taken_until_its_tuning_job_is_deleted(tuned: Team) -> None:
    with pytest.raises(ResourceInUse, match="A hyperparameter tuning job with the name, fraud-1, already exists"):
        tuned.call("CreateHyperParameterTuningJob", **request_for())

    tuned.call("DeleteHyperParameterTuningJob", HyperParameterTuningJobName="fraud-1")

    assert tuned.call("CreateHyperParameterTuningJob", **request_for())["HyperParameterTuningJobArn"]
    tuned.waits_for_the_end()


def test_a_tuning_job_that_runs_cannot_be_deleted(training_jobs: TrainingJobs) -> None:
    team = Team()
    team.call("CreateHyperParameterTuningJob", **request_for())

    with pytest.raises(ResourceInUse, match="InProgress"):
        team.call("DeleteHyperParameterTuningJob", HyperParameterTuningJobName="fraud-1")

    team.call("StopHyperParameterTuningJob", HyperParameterTuningJobName="fraud-1")
    team.waits_for_the_end()


@pytest.mark.parametrize(
    "operation",
    [
        "DescribeHyperParameterTuningJob",
        "StopHyperParameterTuningJob",
        "DeleteHyperParameterTuningJob",
        "ListTrainingJobsForHyperParameterTuningJob",
    ],
)
def test_a_tuning_job_that_is_not_there_is_not_found(operation: str) -> None:
    with pytest.raises(ResourceNotFound, match="nowhere"):
        Team().call(operation, HyperParameterTuningJobName="nowhere")
