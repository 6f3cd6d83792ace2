"""Warm start: which tuning jobs a new one may learn from (aws-facts 4.11)."""

from collections.abc import Iterable, Mapping
from typing import Any

from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.training_rules import limit_exceeded
from localcloud.sagemaker.tuning_rules import JOBS_QUOTA
from localcloud.sagemaker.tuning_run import OBJECTIVE_HYPERPARAMETER

_MOST_CHANGES = 10
_TERMINAL = ("Completed", "Failed", "Stopped")
_TYPES = ("Integer", "Continuous", "Categorical")

Members = Mapping[str, Any]


def parent_names(request: Members) -> list[str]:
    """The tuning jobs that a request names as parents. Raises ValidationError."""
    parents = (request.get("WarmStartConfig") or {}).get("ParentHyperParameterTuningJobs", [])
    names = [str(parent.get("HyperParameterTuningJobName") or "") for parent in parents]
    if "" in names:
        raise ValidationError("Each of ParentHyperParameterTuningJobs needs a HyperParameterTuningJobName.")
    if len(set(names)) < len(names):
        raise ValidationError(f"Each parent tuning job may be named once only; given are {', '.join(names)}.")
    return names


def check_warm_start(request: Members, parents: Iterable[Resource]) -> None:
    """Raise ValidationError or ResourceLimitExceeded unless the tuning job may start from these.

    Where the data lies is not compared for IdenticalDataAndAlgorithm, since AWS doesn't either; and there is one image
    only.
    """
    parents = list(parents)
    for parent in parents:
        _check_status(parent)
        _check_objective(request, parent)
        _check_names(request, parent)
        _check_types(request, parent)
    _check_changes(request, parents)
    _check_count(request, parents)


def _check_status(parent: Resource) -> None:
    status = parent.description["HyperParameterTuningJobStatus"]
    if status not in _TERMINAL:
        raise ValidationError(
            f"The parent tuning job {parent.name} is in status {status}; parents must be {', '.join(_TERMINAL)}. "
            "Start the tuning job when they have ended."
        )


def _check_objective(request: Members, parent: Resource) -> None:
    wanted, given = _metric(parent.description), _metric(request)
    if given != wanted:
        raise ValidationError(
            f"The objective metric must be the same as the parents': it is {wanted} in the parent tuning job "
            f"{parent.name}, and {given} here."
        )


def _check_names(request: Members, parent: Resource) -> None:
    own, parents = _names(request), _names(parent.description)
    if len(own) != len(parents):
        raise ValidationError(
            "The total number of static plus tunable hyperparameters must be the same as the parents': it is "
            f"{len(parents)} in the parent tuning job {parent.name}, and {len(own)} here."
        )
    if own != parents:
        raise ValidationError(
            "The local cloud does not know how a warm start takes hyperparameters that a parent does not have; the "
            f"parent tuning job {parent.name} has no {', '.join(sorted(own - parents))}."
        )


def _check_types(request: Members, parent: Resource) -> None:
    own, parents = _tuned(request), _tuned(parent.description)
    for name in own.keys() & parents.keys():
        (given, _), (wanted, _) = own[name], parents[name]
        if given != wanted:
            raise ValidationError(
                f"The type of a hyperparameter must not change: [{name}] is {wanted} in the parent tuning job "
                f"{parent.name}, and {given} here."
            )


def _check_changes(request: Members, parents: list[Resource]) -> None:
    changes = sum(_changes(name, value, parents) for name, value in _static(request).items())
    if changes > _MOST_CHANGES:
        raise ValidationError(
            f"Static hyperparameters that were tunable in a parent, or had another value, may make {_MOST_CHANGES} "
            f"changes at most, each value of a categorical one counted; here they make {changes}."
        )


def _changes(name: str, value: str, parents: Iterable[Resource]) -> int:
    """How many changes it is that a hyperparameter is static and has that value.

    One for a range of numbers; one for each other value; and one for the value itself if it is one of categories,
    which what is no number is taken for.
    """
    ranges = [tuned[name] for parent in parents if name in (tuned := _tuned(parent.description))]
    values = {static[name] for parent in parents if name in (static := _static(parent.description))}
    categories = {each for _, given in ranges for each in given.get("Values", ())}
    of_numbers = any(kind != "Categorical" for kind, _ in ranges)
    others = len((values | categories) - {value})
    if categories or not all(_is_number(each) for each in values | {value}):
        return others + 1 if others else 0
    return others + of_numbers


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_count(request: Members, parents: Iterable[Resource]) -> None:
    """The parents' training jobs count too."""
    launched = sum(len(parent.runtime.children()) for parent in parents)
    asked = request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"]
    if launched + asked > JOBS_QUOTA:
        limit = "Number of training jobs per hyperparameter tuning job"
        raise limit_exceeded(limit, JOBS_QUOTA, launched, asked, "Jobs")


def _metric(tuning_job: Members) -> str:
    return str(tuning_job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"])


def _names(tuning_job: Members) -> set[str]:
    return _tuned(tuning_job).keys() | _static(tuning_job).keys()


def _tuned(tuning_job: Members) -> dict[str, tuple[str, Members]]:
    """The type and the range of each tunable hyperparameter."""
    ranges = tuning_job["HyperParameterTuningJobConfig"]["ParameterRanges"]
    return {each["Name"]: (kind, each) for kind in _TYPES for each in ranges.get(f"{kind}ParameterRanges") or []}


def _static(tuning_job: Members) -> dict[str, str]:
    """The static hyperparameters, without the one that SageMaker adds."""
    static = tuning_job["TrainingJobDefinition"].get("StaticHyperParameters") or {}
    return {name: value for name, value in static.items() if name != OBJECTIVE_HYPERPARAMETER}
