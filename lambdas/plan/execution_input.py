"""The execution input: every field with its rule and its default."""

from collections.abc import Mapping
from dataclasses import dataclass

from lambdas.plan.rules import (
    OBJECT,
    TRUE_OR_FALSE,
    Rule,
    checked,
    is_whole,
    number,
    one_of,
    text_like,
    whole_number,
)
from training_code.hyperparameters import ObjectiveMetric, ParameterRange

LESSON_SOURCE = "https://s3-us-west-2.amazonaws.com/sagemaker-e2e-solutions/fraud-detection/creditcardfraud.zip"
LESSON_OBJECTIVE = "validation:auc"
MOST_TUNING_JOBS, MOST_PARALLEL_JOBS = 750, 10
"""AWS's default limits (aws-facts 4.6)."""
SHORTEST_MINUTES = 10
LONGEST_JOB_SECONDS = 28 * 24 * 3600

HTTPS_OR_S3 = text_like(
    r"https://[A-Za-z0-9.-]+(:\d+)?/[!-~]+|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/\S(.*\S)?",
    'an address "https://host/…" without user name and password, or "s3://bucket/key"',
)
NOT_EMPTY = text_like(r"(?s).+", "a text that is not empty")
INSTANCE_TYPE = text_like(r"ml\.[a-z0-9-]+\.[a-z0-9]+", "one of SageMaker's instance types, such as ml.m5.xlarge")
HOSTING_INSTANCE_TYPE = text_like(
    r"ml\.(?!t3\.)[a-z0-9-]+\.[a-z0-9]+",
    "one of SageMaker's instance types for hosting, such as ml.m5.xlarge (there is no ml.t3 among them)",
)
SERVERLESS = Rule(
    'true or an object such as {"memory_size_in_mb": 2048, "max_concurrency": 5}',
    lambda given: given is True or isinstance(given, dict),
)
MEMORY_SIZE = Rule(
    "1024, 2048, 3072, 4096, 5120 or 6144",
    lambda given: is_whole(given) and given in range(1024, 6145, 1024),
)
ONE_INSTANCE = Rule(
    # A host for which there is no file is left out of the training (aws-facts 2.14).
    "1, since the prepared data is one file a channel, which several instances can't share",
    lambda given: is_whole(given) and given == 1,
)
MINUTES = Rule(
    f"a whole number of minutes, {SHORTEST_MINUTES} or more",
    lambda given: is_whole(given) and given >= SHORTEST_MINUTES,
)
OBJECTIVE = dict.fromkeys(("recall", "precision", "f1", "roc_auc", "average_precision"), number(0, 1))
"""What the business objective can ask for; the first three are at the threshold chosen on the validation rows."""


@dataclass(frozen=True)
class Data:
    source: str = checked(HTTPS_OR_S3, LESSON_SOURCE)
    label_column: str = checked(NOT_EMPTY, "Class")


@dataclass(frozen=True)
class Training:
    mode: str = checked(one_of("script", "builtin"), "script")
    instance_type: str = checked(INSTANCE_TYPE, "ml.m5.xlarge")
    instance_count: int = checked(ONE_INSTANCE, 1)
    volume_size_in_gb: int = checked(whole_number(1, 16_384), 10)
    max_runtime_in_seconds: int = checked(whole_number(60, LONGEST_JOB_SECONDS, "28 days"), 3600)


@dataclass(frozen=True)
class TuningSection:
    """As given; `Tuning` is what it comes to."""

    enabled: bool = checked(TRUE_OR_FALSE, default=True)
    max_jobs: int = checked(whole_number(1, MOST_TUNING_JOBS, "AWS's limit"), 9)
    max_parallel_jobs: int | None = checked(whole_number(1, MOST_PARALLEL_JOBS, "AWS's limit"))
    objective_metric: str = checked(NOT_EMPTY, LESSON_OBJECTIVE)
    strategy: str = checked(one_of("Bayesian", "Random"), "Bayesian")
    ranges: Mapping[str, object] | None = checked(OBJECT)


@dataclass(frozen=True)
class Tuning:
    enabled: bool
    max_jobs: int
    max_parallel_jobs: int
    strategy: str
    objective: ObjectiveMetric
    ranges: tuple[ParameterRange, ...]


@dataclass(frozen=True)
class Serverless:
    memory_size_in_mb: int = checked(MEMORY_SIZE, 2048)
    max_concurrency: int = checked(whole_number(1, 200), 5)


@dataclass(frozen=True)
class Instances:
    instance_type: str
    initial_instance_count: int


@dataclass(frozen=True)
class EndpointSection:
    """As given; `Endpoint` is what it comes to."""

    serverless: bool | Mapping[str, object] | None = checked(SERVERLESS)
    instance_type: str | None = checked(HOSTING_INSTANCE_TYPE)
    initial_instance_count: int | None = checked(whole_number(1, 100))
    ttl_minutes: int | None = checked(MINUTES)
    idle_minutes: int | None = checked(MINUTES)


@dataclass(frozen=True)
class Endpoint:
    hosting: Serverless | Instances
    ttl_minutes: int
    idle_minutes: int


@dataclass(frozen=True)
class ExecutionInput:
    """Complete: `hyperparameters` are strings, as SageMaker takes them, `objective` has minimums by metric."""

    data: Data
    training: Training
    hyperparameters: Mapping[str, str]
    tuning: Tuning
    endpoint: Endpoint
    objective: Mapping[str, float]
