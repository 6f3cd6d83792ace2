"""What a tuning job may ask for: AWS's rules for its XGBoost image, and the limits of this machine, by name."""

import math
from collections.abc import Mapping
from typing import Any

from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.metrics import OBJECTIVES
from localcloud.sagemaker.search import parse_ranges
from localcloud.sagemaker.training_rules import check_job, limit_exceeded, refuse_unknown

_PARALLEL_QUOTA = 10
JOBS_QUOTA = 750
"""The default quotas of a tuning job (aws-facts 4.6)."""

_REQUEST_MEMBERS = (
    "HyperParameterTuningJobName",
    "HyperParameterTuningJobConfig",
    "TrainingJobDefinition",
    "WarmStartConfig",
    "Tags",
)
_CONFIG_MEMBERS = (
    "Strategy",
    "HyperParameterTuningJobObjective",
    "ResourceLimits",
    "ParameterRanges",
    "RandomSeed",
    "TrainingJobEarlyStoppingType",
)
_RANGE_MEMBERS = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges")


def check_tuning_job(request: Mapping[str, Any], region: str) -> None:
    """Raise ValidationError or ResourceLimitExceeded unless the tuning job may run in the region."""
    refuse_unknown(request, _REQUEST_MEMBERS, "")
    config, definition = request["HyperParameterTuningJobConfig"], request.get("TrainingJobDefinition")
    if not definition:
        raise ValidationError("A tuning job needs a TrainingJobDefinition.")
    refuse_unknown(config, _CONFIG_MEMBERS, "HyperParameterTuningJobConfig.")
    check_job(definition, ("StaticHyperParameters",), region)
    _check_strategy(config)
    _check_objective(config.get("HyperParameterTuningJobObjective"), definition["AlgorithmSpecification"])
    _check_limits(config["ResourceLimits"])
    _check_ranges(config, definition.get("StaticHyperParameters") or {})


def _check_strategy(config: Mapping[str, Any]) -> None:
    if config["Strategy"] not in ("Bayesian", "Random"):
        raise ValidationError(
            f"The local cloud does not know Strategy {config['Strategy']} yet; it knows Bayesian and Random."
        )


def _check_objective(objective: Mapping[str, Any] | None, algorithm: Mapping[str, Any]) -> None:
    """AWS knows the image's metrics, and the direction of each (aws-facts 2.9)."""
    if not objective:
        raise ValidationError(
            "A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric "
            "definitions."
        )
    name, image = objective["MetricName"], algorithm["TrainingImage"]
    if name not in OBJECTIVES:
        raise ValidationError(
            f"The objective metric for the hyperparameter tuning job, [{name}], isn't valid for the [{image}] "
            f"algorithm. Choose a valid objective metric: {', '.join(sorted(OBJECTIVES))}."
        )
    if objective["Type"] != OBJECTIVES[name]:
        raise ValidationError(
            f"The objective metric type, [{objective['Type']}], that you specified for objective metric, [{name}], "
            f"isn't valid for the [{image}] algorithm. Choose a valid objective metric type: {OBJECTIVES[name]}."
        )


def _check_limits(limits: Mapping[str, Any]) -> None:
    refuse_unknown(limits, ("MaxNumberOfTrainingJobs", "MaxParallelTrainingJobs"), "ResourceLimits.")
    jobs, parallel = limits.get("MaxNumberOfTrainingJobs"), limits["MaxParallelTrainingJobs"]
    if jobs is None:
        raise ValidationError(
            "The local cloud ends a tuning job by the number of its training jobs; give MaxNumberOfTrainingJobs."
        )
    if parallel > jobs:
        raise ValidationError(f"MaxParallelTrainingJobs ({parallel}) must not exceed MaxNumberOfTrainingJobs ({jobs}).")
    if parallel > _PARALLEL_QUOTA:
        limit = "Number of parallel training jobs per hyperparameter tuning job"
        raise limit_exceeded(limit, _PARALLEL_QUOTA, 0, parallel, "Jobs")
    if jobs > JOBS_QUOTA:
        limit = "Number of training jobs per hyperparameter tuning job"
        raise limit_exceeded(limit, JOBS_QUOTA, 0, jobs, "Jobs")


def _check_ranges(config: Mapping[str, Any], static: Mapping[str, str]) -> None:
    parameter_ranges = config.get("ParameterRanges") or {}
    refuse_unknown(parameter_ranges, _RANGE_MEMBERS, "ParameterRanges.")
    ranges = parse_ranges(parameter_ranges)
    twice = sorted({each.name for each in ranges} & set(static))
    if twice:
        raise ValidationError(
            f"A hyperparameter is either tuned or static; {', '.join(twice)} stand in ParameterRanges and in "
            "StaticHyperParameters."
        )
    combinations, jobs = math.prod(each.count for each in ranges), config["ResourceLimits"]["MaxNumberOfTrainingJobs"]
    if combinations < jobs:
        raise ValidationError(
            "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter "
            f"combinations for the provided ranges [{combinations}] must be equal or greater than the value of "
            f"MaxNumberOfJobs, [{jobs}]. Provide additional ranges."
        )
