"""What is allowed by itself, but not together."""

from collections.abc import Iterator, Mapping
from typing import Any

from lambdas.plan.errors import Problem
from lambdas.plan.execution_input import AMOUNT, AT_A_MINIMUM, Data, ExecutionInput


def contradictions(complete: ExecutionInput, given: Mapping[str, Any]) -> list[Problem]:
    """`given` is the input that `complete` was read from: whether a field was given matters here."""
    sections = {name: value for name, value in given.items() if isinstance(value, dict)}
    return [
        *_of_the_data(sections.get("data", {})),
        *_of_the_imbalance(complete, sections),
        *_of_the_tuning(complete),
        *_of_the_threshold(complete),
        *_of_the_costs(complete),
        *_of_the_endpoint(sections.get("endpoint", {})),
    ]


def _of_the_data(data: Mapping[str, Any]) -> Iterator[Problem]:
    by_time = data.get("split") == "time"
    if by_time and "time_column" not in data:
        yield Problem("data.time_column", 'a split by "time" needs it; give the name of the column')
    if by_time and "seed" in data:
        yield Problem("data.seed", 'a split by "time" draws nothing; leave it out')
    if "time_column" in data and not by_time:
        yield Problem("data.time_column", 'it is for a split by "time" alone; give data.split, too')
    label = data.get("label_column", Data().label_column)
    for name in ("time_column", "amount_column"):
        if data.get(name) == label:
            yield Problem(f"data.{name}", f"{label} is the label's column; give another")


def _of_the_imbalance(complete: ExecutionInput, sections: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    imbalance, method = sections.get("imbalance", {}), complete.imbalance.method
    if complete.imbalance.needs_the_script and complete.training.mode != "script":
        yield Problem(
            "imbalance.method",
            f'"{method}" from the training rows is done by the training script, not by the image\'s own algorithm; '
            'take training.mode "script", or a number as imbalance.scale_pos_weight',
        )
    if "scale_pos_weight" in imbalance and method != "scale_pos_weight":
        yield Problem("imbalance.scale_pos_weight", 'it is for the method "scale_pos_weight" alone')
    if "sampling_ratio" in imbalance and not complete.imbalance.samples:
        yield Problem("imbalance.sampling_ratio", "it is for the methods that resample alone")
    if method == "scale_pos_weight" and "scale_pos_weight" in sections.get("hyperparameters", {}):
        yield Problem("hyperparameters.scale_pos_weight", "the section imbalance sets it; give one of them")


def _of_the_tuning(complete: ExecutionInput) -> Iterator[Problem]:
    if complete.tuning.warm_start_from and not complete.tuning.enabled:
        yield Problem("tuning.warm_start_from", "tuning.enabled is false, so there is nothing to start; leave one out")


def _of_the_threshold(complete: ExecutionInput) -> Iterator[Problem]:
    objective, minimum = complete.threshold.objective, complete.threshold.minimum
    if objective in AT_A_MINIMUM and minimum is None:
        yield Problem("threshold.minimum", f'"{objective}" needs it; give a number above 0, and 1 at most')
    if objective not in AT_A_MINIMUM and minimum is not None:
        yield Problem("threshold.minimum", f"it is for {' and '.join(AT_A_MINIMUM)} alone")
    if objective == "least_cost" and not complete.costs.given:
        yield Problem("threshold.objective", '"least_cost" needs costs.missed_fraud and costs.false_alarm')


def _of_the_costs(complete: ExecutionInput) -> Iterator[Problem]:
    costs = complete.costs
    if not costs.given and costs != type(costs)():
        yield Problem("costs", f'missed_fraud (a number, or "{AMOUNT}") and false_alarm go together; give both')
    if complete.threshold.objective == "least_cost" and costs.missed_fraud == 0:
        yield Problem("costs.missed_fraud", 'with "least_cost" it must be above 0, or nothing would ever be an alarm')
    if "money_saved" in complete.objective and not costs.given:
        yield Problem("objective.money_saved", "it needs costs.missed_fraud and costs.false_alarm")


def _of_the_endpoint(endpoint: Mapping[str, Any]) -> Iterator[Problem]:
    if "serverless" in endpoint and "instance_type" in endpoint:
        yield Problem("endpoint", "serverless and instance_type are both given; allowed is one of them")
    if "initial_instance_count" in endpoint and "instance_type" not in endpoint:
        yield Problem("endpoint.initial_instance_count", "it is given without instance_type; give both")
