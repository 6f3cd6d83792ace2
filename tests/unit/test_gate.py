"""The gate: metrics, or their lower bounds, against the minimums of the business objective."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.evaluate.gate import Gate, Minimum

VALUES: dict[str, float | None] = {"recall": 0.8, "precision": 0.9, "roc_auc": None, "money_saved": 1234.56789}
BOUNDS = {"recall": (0.7, 0.88), "precision": (0.85, 0.97), "money_saved": (-20.5, 2000.0)}


def gate(**objective: Minimum) -> Gate:
    return Gate.of(objective, VALUES, BOUNDS)


def at_least(minimum: float) -> Minimum:
    return Minimum(minimum, lower_bound=False)


def surely(minimum: float) -> Minimum:
    return Minimum(minimum, lower_bound=True)


def test_without_an_objective_everything_passes() -> None:
    assert gate().as_json() == {"objective": [], "passed": True, "reason": ""}


def test_a_metric_below_its_minimum_fails_and_the_reason_names_metric_value_and_minimum() -> None:
    judged = gate(recall=at_least(0.85), precision=at_least(0.9))

    assert judged.as_json() == {
        "objective": [
            {"metric": "recall", "minimum": 0.85, "lower_bound": False, "value": 0.8, "passed": False},
            {"metric": "precision", "minimum": 0.9, "lower_bound": False, "value": 0.9, "passed": True},
        ],
        "passed": False,
        "reason": "recall 0.8 is below the minimum 0.85",
    }


def test_every_metric_that_falls_short_is_in_the_reason() -> None:
    judged = gate(recall=at_least(0.85), precision=at_least(0.95))

    assert judged.reason == "recall 0.8 is below the minimum 0.85; precision 0.9 is below the minimum 0.95"


def test_a_metric_whose_lower_bound_is_asked_for_fails_by_it_though_it_reaches_the_minimum_itself() -> None:
    judged = gate(recall=surely(0.75))

    assert judged.as_json() == {
        "objective": [{"metric": "recall", "minimum": 0.75, "lower_bound": True, "value": 0.7, "passed": False}],
        "passed": False,
        "reason": "lower bound of recall 0.7 is below the minimum 0.75",
    }


def test_a_lower_bound_that_reaches_the_minimum_passes() -> None:
    assert gate(recall=surely(0.7)).passed is True


@pytest.mark.parametrize(
    ("objective", "name"),
    [
        ({"roc_auc": at_least(0)}, "roc_auc"),
        ({"roc_auc": surely(0)}, "lower bound of roc_auc"),
        ({"average_precision": at_least(0)}, "average_precision"),
    ],
)
def test_an_undefined_value_does_not_pass_and_says_so(objective: dict[str, Minimum], name: str) -> None:
    judged = gate(**objective)

    assert judged.reason == f"{name} is undefined for these test rows, and does not reach the minimum 0"
    assert judged.as_json()["objective"][0]["value"] is None


def test_money_is_held_against_its_minimum_as_any_metric_is() -> None:
    assert gate(money_saved=surely(0)).reason == "lower bound of money_saved -20.5 is below the minimum 0"
    assert gate(money_saved=at_least(1000)).passed is True


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_value_below_the_minimum_never_reads_as_the_minimum(value: float, share: float) -> None:
    minimum = round(share, 4)
    judged = Gate.of({"recall": at_least(minimum)}, {"recall": value}, {})

    if not judged.passed:
        shown = float(judged.reason.split()[1])
        assert shown <= value
        assert shown < minimum
