"""What SageMaker would refuse once the run has begun, so that it is told before anything is made."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from math import prod

import botocore.session

from lambdas.plan.errors import Problem
from training_code.hyperparameters import ParameterRange

LONGEST_HYPERPARAMETER, LONGEST_RANGE_END = 2500, 256
"""Characters, on one line (the SageMaker API's HyperParameterValue and ParameterValue)."""


@cache
def sagemakers(shape: str) -> Sequence[str]:
    """The values that the service model of the runtime's botocore has for an enumeration of SageMaker's."""
    model = botocore.session.get_session().get_service_model("sagemaker")
    return tuple(model.shape_for(shape).enum)


def of_a_tag(execution: str) -> Iterator[Problem]:
    """Everything that a run makes bears the execution's ARN as a tag.

    An execution's name may have characters that no tag may have (the SageMaker API's TagValue).
    """
    refused = {each for each in execution if unicodedata.category(each)[0] not in "LZN" and each not in "_.:/=+-@"}
    if refused:
        yield Problem(
            "the execution's name",
            f"it has {' '.join(sorted(refused))}, which no tag may have; allowed are letters, digits and _ . = + - @",
        )


def of_hyperparameters(values: Mapping[str, str]) -> Iterator[Problem]:
    for name, value in values.items():
        if not re.fullmatch(f".{{0,{LONGEST_HYPERPARAMETER}}}", value):
            allowed = f"one line of at most {LONGEST_HYPERPARAMETER:,} characters"
            yield Problem.of(f"hyperparameters.{name}", value, allowed)


def of_a_range(tuned: ParameterRange) -> Iterator[Problem]:
    for name, end in (("min", tuned.min), ("max", tuned.max)):
        if len(str(end)) > LONGEST_RANGE_END:
            yield Problem.of(f"tuning.ranges.{tuned.name}.{name}", end, f"at most {LONGEST_RANGE_END} digits")


def of_combinations(ranges: Sequence[ParameterRange], jobs: int) -> Iterator[Problem]:
    """Integers alone have so many combinations, which AWS wants to be no fewer than the jobs.

    Source: aws/amazon-sagemaker-operator-for-k8s#123.
    """
    if all(tuned.type == "Integer" for tuned in ranges):
        combinations = prod(int(tuned.max) - int(tuned.min) + 1 for tuned in ranges)
        if combinations < jobs:
            yield Problem.of("tuning.max_jobs", jobs, f"at most {combinations}, the combinations of tuning.ranges")
