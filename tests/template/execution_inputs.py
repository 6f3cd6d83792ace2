"""What an execution of the machine may be started with, planned by the very code of lambdas/plan."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from hypothesis import strategies as st

from lambdas.plan.earlier_runs import RegisteredModel, TuningJob
from lambdas.plan.environment import Environment
from lambdas.plan.execution import Execution
from lambdas.plan.execution_input import (
    AMOUNT,
    AT_A_MINIMUM,
    FROM_TRAINING_ROWS,
    LARGEST_SEED,
    LONGEST_JOB_SECONDS,
    MOST_PARALLEL_JOBS,
    MOST_TUNING_JOBS,
    OBJECTIVE,
    SAMPLERS,
    SPLITS,
)
from lambdas.plan.handler import TRAINING_CODE
from lambdas.plan.planning import Planning
from lambdas.plan.run_plan import RunPlan
from lambdas.plan.searches import SEARCHES
from tests.template.deployment import ACCOUNT, REGION
from tests.template.machine import service_model
from training_code.hyperparameters import (
    HYPERPARAMETERS,
    OBJECTIVE_METRICS,
    Choice,
    CommaList,
    Domain,
    Hyperparameter,
    Number,
    Pattern,
)

Input = Mapping[str, Any]

LONGEST_TTL_MINUTES = 1440
LONGEST_PROJECT = "frauds08"
"""As long as stacks/settings.py lets a project's name be."""

INPUTS: dict[str, Input] = {
    "{}": {},
    "the image's own algorithm": {"training": {"mode": "builtin"}},
    "an endpoint on instances": {"endpoint": {"instance_type": "ml.m5.large", "initial_instance_count": 2}},
    "no tuning": {"tuning": {"enabled": False}},
    "a warm start": {"tuning": {"warm_start_from": ["261122-090000-8f14e4"], "early_stopping": "Auto"}},
    "costs": {
        "costs": {"missed_fraud": "amount", "false_alarm": 1},
        "threshold": {"objective": "least_cost"},
        "objective": {"recall": 0.8, "money_saved": {"minimum": 1, "lower_bound": True}},
    },
    "resampling": {"imbalance": {"method": "smote", "sampling_ratio": 0.1}},
    "a registered model that competes": {"candidates": {"registered": True}},
}
"""One for each thing that can be asked for and changes what the states send."""


@dataclass(frozen=True)
class Started:
    """An execution: how it is called, when it began, in a deployment of which project, and its input."""

    input: Any
    name: str = "monday"
    start_time: datetime = datetime(2026, 11, 23, 16, 41, 5, 123000, UTC)
    project: str = "fraud"

    @property
    def arn(self) -> str:
        return f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{self.project}-pipeline:{self.name}"

    @property
    def context(self) -> dict[str, Any]:
        """Step Functions' context object, but for the state."""
        begun = self.start_time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"Execution": {"Id": self.arn, "Name": self.name, "StartTime": begun, "Input": self.input}}

    @cached_property
    def plan(self) -> dict[str, Any]:
        """What lambdas/plan answers. Raises InvalidInput."""
        return self._planned(self.input).as_json()

    def _planned(self, execution_input: Any) -> RunPlan:
        environment = Environment(
            project=self.project,
            bucket=f"{self.project}-data-bucket",
            image_uri="141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0",
            default_ttl_minutes=60,
            model_package_group=f"{self.project}-models",
            max_ttl_minutes=LONGEST_TTL_MINUTES,
            default_idle_minutes=30,
        )
        before = Before(lambda: self._planned(_without_warm_start(execution_input)))
        return Planning(environment, Nowhere(), before, TRAINING_CODE).plan(
            execution_input, Execution(self.arn, self.start_time)
        )


def _without_warm_start(execution_input: Input) -> dict[str, Any]:
    tuning = {name: value for name, value in execution_input["tuning"].items() if name != "warm_start_from"}
    return {**execution_input, "tuning": tuning}


class Nowhere:
    """What is left in the bucket is of no interest here."""

    def write(self, bucket: str, key: str, content: bytes) -> None: ...

    def copy(self, source: str, bucket: str, key: str) -> None: ...


class Before:
    """An earlier run, which has tuned the same hyperparameters for the same objective, and registered a model."""

    def __init__(self, same: Callable[[], RunPlan]) -> None:
        self._same = same

    def tuning_job(self, run: str) -> TuningJob:
        same = self._same()
        return TuningJob(f"{run}-0", same.input.tuning.objective.name, frozenset(same.all_hyperparameters))

    def registered_model(self, group: str) -> RegisteredModel:
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{group}/3"
        return RegisteredModel(arn, "s3://b/runs/old/choice/c-0/output/model.tar.gz", "s3://b/runs/old/train/train.csv")


# --- any input --------------------------------------------------------------------------------------------------
#
# What the fields allow, and some of what only looks so: the plan's refusals are its own to make.

_HUGE = st.sampled_from([10**15, 10**30, 10**300])
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def _instance_types(shape: str) -> st.SearchStrategy[str]:
    return st.sampled_from(service_model("sagemaker").shape_for(shape).enum) | st.just("ml.m99.xlarge")


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def _numbers(domain: Number) -> st.SearchStrategy[Any]:
    low, high = max(domain.interval.low, -1e6), min(domain.interval.high, 1e6)
    usual = st.integers(int(low), int(high)) | (st.floats(low, high) if domain.type == "Continuous" else st.nothing())
    return usual | _HUGE if domain.interval.high > high else usual


def _values(domain: Domain) -> st.SearchStrategy[Any]:
    match domain:
        case Number():
            return _numbers(domain) | _numbers(domain).map(str) | _numbers(domain).map(" {}\n".format)
        case Choice():
            return st.sampled_from(domain.values)
        case CommaList():
            return st.lists(st.sampled_from(domain.values), min_size=1, max_size=4).map(",".join)
        case Pattern():
            return st.just(domain.example) | st.integers(1, 2000).map(lambda columns: f"({','.join('1' * columns)})")
    metrics = [metric.metric for metric in OBJECTIVE_METRICS.values()]
    return st.lists(st.sampled_from(metrics), min_size=1, max_size=4).map(",".join)


def _of(names: list[Hyperparameter], value: Callable[[Hyperparameter], st.SearchStrategy[Any]]) -> Any:
    some = st.lists(st.sampled_from(names), max_size=6, unique_by=lambda each: each.name)
    return some.flatmap(lambda chosen: st.fixed_dictionaries({each.name: value(each) for each in chosen}))


def _range(tuned: Hyperparameter) -> st.SearchStrategy[dict[str, Any]]:
    assert isinstance(tuned.domain, Number)
    ends = st.lists(_numbers(tuned.domain), min_size=2, max_size=2).map(sorted)
    scaling = st.sampled_from(["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"])
    return st.builds(
        lambda both, kind: {"min": both[0], "max": both[1], **kind},
        ends,
        _some(scaling=scaling),
    )


_USABLE = [each for each in HYPERPARAMETERS if not each.refused]
_TUNABLE = [each for each in HYPERPARAMETERS if each.tunable]

_DATA = st.one_of(
    _some(
        source=st.sampled_from(["s3://some-bucket/raw/data.csv", "https://host.example/data.zip?signed=x%20y"]),
        label_column=_TEXT,
        seed=st.integers(0, LARGEST_SEED),
        split=st.sampled_from([each for each in SPLITS if each != "time"]),
        drop_duplicates=st.booleans(),
        amount_column=_TEXT,
    ),
    st.fixed_dictionaries({"split": st.just("time"), "time_column": _TEXT}),
)
_TRAINING = _some(
    mode=st.sampled_from(["script", "builtin"]),
    instance_type=_instance_types("TrainingInstanceType"),
    instance_count=st.just(1),
    volume_size_in_gb=st.integers(1, 16_384),
    max_runtime_in_seconds=st.integers(60, LONGEST_JOB_SECONDS),
)
_IMBALANCE = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"method": st.sampled_from(FROM_TRAINING_ROWS)}),
    st.fixed_dictionaries({"method": st.just("scale_pos_weight"), "scale_pos_weight": st.floats(0.001, 1e6) | _HUGE}),
    st.fixed_dictionaries({"method": st.sampled_from(SAMPLERS), "sampling_ratio": st.floats(0.001, 1)}),
)
_RUN_ID = st.from_regex(r"[0-9]{6}-[0-9]{6}-[0-9a-f]{6}", fullmatch=True)
_TUNING = st.just({"enabled": False}) | _some(
    max_jobs=st.integers(1, MOST_TUNING_JOBS),
    max_parallel_jobs=st.integers(1, MOST_PARALLEL_JOBS),
    search=st.sampled_from(list(SEARCHES)),
    objective_metric=st.sampled_from(list(OBJECTIVE_METRICS)),
    strategy=st.sampled_from(["Bayesian", "Random"]),
    ranges=_of(_TUNABLE, _range),
    early_stopping=st.sampled_from(["Off", "Auto"]),
    warm_start_from=st.lists(_RUN_ID, min_size=1, max_size=5, unique=True),
)
_COST = st.floats(0, 1e9) | st.integers(0, 10**6) | _HUGE
_MONEY: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {
            "costs": st.fixed_dictionaries({"missed_fraud": _COST | st.just(AMOUNT), "false_alarm": _COST}),
            "threshold": st.just({}) | st.just({"objective": "least_cost"}),
        }
    ),
    st.fixed_dictionaries(
        {
            "threshold": st.fixed_dictionaries(
                {"objective": st.sampled_from(AT_A_MINIMUM), "minimum": st.floats(0.001, 1)}
            )
        }
    ),
)
_LIFETIME = _some(ttl_minutes=st.integers(10, LONGEST_TTL_MINUTES), idle_minutes=st.integers(10, 10**6) | _HUGE)
_HOSTING = st.one_of(
    _some(serverless=st.just(True)),
    st.fixed_dictionaries(
        {"serverless": _some(memory_size_in_mb=st.integers(1, 6).map(lambda n: n * 1024), max_concurrency=st.just(200))}
    ),
    st.fixed_dictionaries(
        {
            "instance_type": _instance_types("ProductionVariantInstanceType"),
            "initial_instance_count": st.integers(1, 100),
        }
    ),
)
_MINIMUM = st.floats(0, 1) | st.integers(0, 1)
_OBJECTIVE = st.dictionaries(
    st.sampled_from([metric for metric in OBJECTIVE if metric != "money_saved"]),
    _MINIMUM | st.fixed_dictionaries({"minimum": _MINIMUM}, optional={"lower_bound": st.booleans()}),
)

EXECUTION_INPUTS: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda sections, money: sections | money,
    _some(
        data=_DATA,
        training=_TRAINING,
        hyperparameters=_of(_USABLE, lambda each: _values(each.domain)),
        imbalance=_IMBALANCE,
        tuning=_TUNING,
        candidates=_some(registered=st.booleans()),
        endpoint=st.builds(lambda lifetime, hosting: lifetime | hosting, _LIFETIME, _HOSTING),
        objective=_OBJECTIVE,
    ),
    _MONEY,
)

_NO_NAME = ' <>{}[]?*"#%\\^|~`$&,;:/'
"""What no execution's name has, besides control characters (the Step Functions API's StartExecution)."""

EXECUTIONS = st.builds(
    Started,
    EXECUTION_INPUTS,
    st.from_regex(r"[A-Za-z0-9._-]{1,80}", fullmatch=True)
    | st.text(
        st.characters(exclude_categories=["Cc", "Cn", "Cs", "Z"], exclude_characters=_NO_NAME), min_size=1, max_size=80
    ),
    st.datetimes(datetime(2026, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(["fraud", LONGEST_PROJECT]),
)
