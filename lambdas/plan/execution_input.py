"""The execution input: every field with its rule and its default."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lambdas.plan.rules import (
    OBJECT,
    TRUE_OR_FALSE,
    Rule,
    checked,
    is_finite,
    is_number,
    is_whole,
    number,
    one_of,
    text_like,
    whole_number,
)
from lambdas.plan.sagemaker_limits import sagemakers
from lambdas.plan.searches import SEARCHES
from training_code.hyperparameters import ObjectiveMetric, ParameterRange

LESSON_SOURCE = "https://s3-us-west-2.amazonaws.com/sagemaker-e2e-solutions/fraud-detection/creditcardfraud.zip"
MOST_TUNING_JOBS, MOST_PARALLEL_JOBS = 750, 10
"""AWS's default limits (aws-facts 4.6)."""
DEFAULT_PARALLEL_JOBS = 3
SHORTEST_MINUTES, LONGEST_IDLE_MINUTES = 10, 365 * 24 * 60
LONGEST_JOB_SECONDS = 28 * 24 * 3600

HTTPS_OR_S3 = text_like(
    r"https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?/[!-~]{1,8000}"
    r"|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/(?=[^\ud800-\udfff]{1,1024}$)\S(.*\S)?",
    'an address "https://host/…" without user name and password, of at most 8,000 characters, or "s3://bucket/key", '
    "the key of at most 1,024",
)
LONGEST_NAME = 1000
NOT_EMPTY = text_like(
    rf"[^\ud800-\udfff]{{1,{LONGEST_NAME}}}", f"a text that is not empty, of at most {LONGEST_NAME:,} characters"
)
INSTANCE_TYPE = Rule(
    "one of SageMaker's instance types, such as ml.m5.xlarge",
    lambda given: given in sagemakers("TrainingInstanceType"),
)
_GRAVITON = re.compile(r"ml\.[a-z]+\d+g[a-z]*\.")
"""Such as ml.m6g.large (aws-facts 2.1)."""
HOSTING_INSTANCE_TYPE = Rule(
    "one of SageMaker's instance types for hosting, such as ml.m5.xlarge (no ml.t3, and none with a Graviton "
    "processor, for which the image is not made)",
    lambda given: given in sagemakers("ProductionVariantInstanceType") and not _GRAVITON.match(given),
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
LARGEST_SEED = 2**31 - 1
"""The largest that AWS takes for a search."""
SPLITS = ("lesson", "stratified", "time")
FROM_TRAINING_ROWS = ("scale_pos_weight", "over_sampling", "under_sampling", "smote")
"""Ways of weighing or resampling that look at the training rows, so that only the training script can do them."""
SAMPLERS = FROM_TRAINING_ROWS[1:]
AT_A_MINIMUM = ("recall_at_precision", "precision_at_recall")
THRESHOLDS = ("best_f1", *AT_A_MINIMUM, "least_cost")
AMOUNT = "amount"
DEFAULT_AMOUNT_COLUMN = "Amount"

POSITIVE = Rule("a number above 0", lambda given: is_finite(given) and given > 0)
SHARE = Rule("a number above 0, and 1 at most", lambda given: is_number(given) and 0 < given <= 1)
COST = number(0, 1e12)
"""However many mistakes there are, what they cost together is finite."""
COST_OR_AMOUNT = Rule(
    f'{COST.allowed}, or "{AMOUNT}" for what the missed row itself is worth',
    lambda given: given == AMOUNT or COST.accepts(given),
)
RUN_IDS = Rule(
    "a list of 1 to 5 ids of earlier runs, such as 261123-164105-8f14e4",
    lambda given: (
        isinstance(given, list)
        and 1 <= len(given) <= 5  # noqa: PLR2004  AWS's limit (aws-facts 4.5)
        and len({str(each) for each in given}) == len(given)
        and all(isinstance(each, str) and re.fullmatch(r"[0-9]{6}-[0-9]{6}-[0-9a-f]{6}", each) for each in given)
    ),
)
AT_THE_THRESHOLD = ("recall", "precision", "f1")
OBJECTIVE = {
    **dict.fromkeys((*AT_THE_THRESHOLD, *(f"{metric}_at_0.5" for metric in AT_THE_THRESHOLD)), number(0, 1)),
    **dict.fromkeys(("roc_auc", "average_precision"), number(0, 1)),
    "money_saved": Rule("a number", is_finite),
}
"""What the business objective can ask for; the first three are at the threshold chosen on the validation rows."""


@dataclass(frozen=True)
class Data:
    source: str = checked(HTTPS_OR_S3, LESSON_SOURCE)
    label_column: str = checked(NOT_EMPTY, "Class")
    split: str = checked(one_of(*SPLITS), SPLITS[0])
    time_column: str | None = checked(NOT_EMPTY)
    seed: int = checked(whole_number(0, LARGEST_SEED), 1729)
    drop_duplicates: bool = checked(TRUE_OR_FALSE, default=False)
    amount_column: str | None = checked(NOT_EMPTY)


@dataclass(frozen=True)
class Imbalance:
    """`scale_pos_weight` is None for the negatives per positive of the training rows."""

    method: str = checked(one_of("none", *FROM_TRAINING_ROWS), "none")
    scale_pos_weight: float | None = checked(POSITIVE)
    sampling_ratio: float = checked(SHARE, 1)

    @property
    def samples(self) -> bool:
        return self.method in SAMPLERS

    @property
    def needs_the_script(self) -> bool:
        return self.method in FROM_TRAINING_ROWS and self.scale_pos_weight is None


@dataclass(frozen=True)
class Threshold:
    """`minimum` is the precision or the recall that the other one is maximised at."""

    objective: str = checked(one_of(*THRESHOLDS), THRESHOLDS[0])
    minimum: float | None = checked(SHARE)


@dataclass(frozen=True)
class Costs:
    """Of one mistake, in any currency."""

    missed_fraud: float | str | None = checked(COST_OR_AMOUNT)
    false_alarm: float | None = checked(COST)

    @property
    def given(self) -> bool:
        return self.missed_fraud is not None and self.false_alarm is not None

    def as_json(self) -> dict[str, float | str | None] | None:
        return {"missed_fraud": self.missed_fraud, "false_alarm": self.false_alarm} if self.given else None


@dataclass(frozen=True)
class Candidates:
    registered: bool = checked(TRUE_OR_FALSE, default=False)
    """Whether the last registered model competes with those that this run trains."""


@dataclass(frozen=True)
class Minimum:
    """Of a metric; with `lower_bound` of the lower end of its interval."""

    minimum: float
    lower_bound: bool = checked(TRUE_OR_FALSE, default=False)


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
    search: str = checked(one_of(*SEARCHES), "lesson")
    objective_metric: str | None = checked(NOT_EMPTY)
    strategy: str = checked(one_of("Bayesian", "Random"), "Bayesian")
    ranges: Mapping[str, object] | None = checked(OBJECT)
    early_stopping: str = checked(one_of("Off", "Auto"), "Off")
    warm_start_from: Sequence[str] = checked(RUN_IDS, ())


@dataclass(frozen=True)
class Tuning:
    """`warm_start_from` are ids of runs."""

    enabled: bool
    max_jobs: int
    max_parallel_jobs: int
    strategy: str
    objective: ObjectiveMetric
    ranges: tuple[ParameterRange, ...]
    early_stopping: str
    warm_start_from: tuple[str, ...]


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
    imbalance: Imbalance
    tuning: Tuning
    threshold: Threshold
    costs: Costs
    candidates: Candidates
    endpoint: Endpoint
    objective: Mapping[str, Minimum]
