import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.xgboost_image import hyperparameters as image
from training_code.hyperparameters import (
    HYPERPARAMETERS,
    LESSON_RANGES,
    SCRIPT_HYPERPARAMETERS,
    HyperparameterError,
    ObjectiveMetric,
    objective_metric,
    to_parameter_ranges,
    to_xgboost,
    validate,
    validate_ranges,
)

NAMES = [each.name for each in HYPERPARAMETERS]
TUNABLE = [each.name for each in HYPERPARAMETERS if each.tunable]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 10),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["auc", "hist", "gbtree", "(1,0)", "[[1,2]]", "binary:logistic", "uniform"]),
)
KNOWN_OR_NOT = st.one_of(st.sampled_from(NAMES), st.text(max_size=12))


def test_nothing_given_becomes_the_lessons_hyperparameters() -> None:
    assert validate({}) == {
        "objective": "binary:logistic",
        "num_round": "100",
        "max_depth": "5",
        "eta": "0.2",
        "gamma": "4",
        "min_child_weight": "6",
        "subsample": "0.8",
        "eval_metric": "auc,aucpr",
    }


def test_what_is_given_replaces_the_lessons_value() -> None:
    assert validate({"max_depth": 3, "alpha": 0.5}) == validate({}) | {"max_depth": "3", "alpha": "0.5"}


def test_the_table_has_exactly_what_the_image_accepts() -> None:
    """A name missing here could not be used; a name that the image does not know would fail the job after minutes."""
    assert set(NAMES) == set(image.RULES)


@given(st.dictionaries(KNOWN_OR_NOT, SCALARS, max_size=4))
def test_whatever_is_given_is_either_refused_or_fit_for_the_image(chosen: dict[str, object]) -> None:
    try:
        values = validate(chosen)
    except HyperparameterError:
        return
    assert validate(values) == values
    assert image.check(values)["num_round"] == to_xgboost(values).num_boost_round


@given(st.floats())
def test_a_share_is_above_0_and_at_most_1(share: float) -> None:
    try:
        accepted = float(validate({"subsample": share})["subsample"])
    except HyperparameterError:
        assert not 0 < share <= 1
    else:
        assert accepted == share
        assert 0 < share <= 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("eta", 0), ("eta", 1), ("max_depth", 0), ("num_round", 1), ("num_round", 7.0), ("eval_metric", "auc,error@0.3")],
)
def test_the_ends_of_a_range_are_allowed(name: str, value: object) -> None:
    assert name in validate({name: value})


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("eta", 1.01, "a number in [0, 1]"),
        ("max_depth", 2.5, "an integer in [0, inf)"),
        ("num_round", 0, "an integer in [1, inf)"),
        ("subsample", 0, "a number in (0, 1]"),
        ("gamma", float("nan"), "a number in [0, inf)"),
        ("gamma", float("inf"), "a number in [0, inf)"),
        ("booster", "gbtrees", "gbtree or gblinear or dart"),
        ("monotone_constraints", "1,0", "a text such as (1,0,-1)"),
        ("tree_method", "gpu_hist", "auto or exact or approx or hist"),
        ("max_depth", None, "an integer in [0, inf)"),
        ("eval_metric", "auc,error@x", "a comma-separated list of auc"),
    ],
)
def test_a_value_out_of_range_is_refused_with_what_is_allowed(name: str, value: object, allowed: str) -> None:
    with pytest.raises(HyperparameterError, match=f"^{name} is .*{re.escape(allowed)}"):
        validate({name: value})


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(HyperparameterError) as caught:
        validate({"eta": 2, "max_dept": 5, "num_round": 0})

    assert [problem.split()[0] for problem in caught.value.problems] == ["unknown", "eta", "num_round"]


def test_an_unknown_name_gets_the_nearest_known_one() -> None:
    with pytest.raises(
        HyperparameterError, match="unknown hyperparameter 'max_dept'; the nearest known is 'max_depth'"
    ):
        validate({"max_dept": 5})


def test_silent_of_the_lesson_points_to_verbosity() -> None:
    with pytest.raises(HyperparameterError, match=r"'silent': it left with the image's version 0\.72; use verbosity"):
        validate({"silent": 0})


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [("imbalance", "smote", "imbalance.method"), ("sampling_ratio", 0.5, "imbalance.sampling_ratio")],
)
def test_what_the_script_alone_knows_is_no_hyperparameter_and_has_another_place(
    name: str, value: object, place: str
) -> None:
    with pytest.raises(HyperparameterError, match=f"unknown hyperparameter '{name}': .*; use {place}$"):
        validate({name: value})


def test_the_script_knows_the_images_hyperparameters_and_its_own() -> None:
    values = validate({"max_depth": 3, "imbalance": "smote", "sampling_ratio": 0.5}, SCRIPT_HYPERPARAMETERS)

    assert values == validate({"max_depth": 3}) | {"imbalance": "smote", "sampling_ratio": "0.5"}


def test_an_objective_whose_answers_are_no_probabilities_is_refused() -> None:
    with pytest.raises(
        HyperparameterError, match="binary:logistic, since the endpoint's answers must be probabilities"
    ):
        validate({"objective": "binary:hinge"})


@pytest.mark.parametrize("name", ["_kfold", "csv_weights", "_tuning_objective_metric", "num_class"])
def test_what_only_the_image_can_honour_is_refused(name: str) -> None:
    with pytest.raises(HyperparameterError, match=f"{name} cannot be set: "):
        validate({name: "2"})


def test_an_alias_comes_back_under_the_images_name() -> None:
    values = validate({"learning_rate": 0.3})

    assert values["eta"] == "0.3"
    assert "learning_rate" not in values


def test_a_hyperparameter_and_its_alias_cannot_both_be_given() -> None:
    with pytest.raises(HyperparameterError, match="eta and its alias learning_rate are both given"):
        validate({"learning_rate": 0.3, "eta": 0.3})


def test_a_metric_that_the_image_computes_wrongly_is_refused_with_the_reason() -> None:
    with pytest.raises(HyperparameterError, match=r"f1 is of no use, since AWS's 3\.x images count every probability"):
        validate({"eval_metric": "auc,f1"})


def test_xgboost_gets_typed_values() -> None:
    params, num_boost_round, early_stopping_rounds = to_xgboost(validate({"early_stopping_rounds": 10}))

    assert params == {
        "objective": "binary:logistic",
        "max_depth": 5,
        "eta": 0.2,
        "gamma": 4.0,
        "min_child_weight": 6.0,
        "subsample": 0.8,
        "eval_metric": ["auc", "aucpr"],
    }
    assert (num_boost_round, early_stopping_rounds) == (100, 10)


def test_without_early_stopping_there_are_no_rounds_for_it() -> None:
    assert to_xgboost(validate({})).early_stopping_rounds is None


def test_the_lessons_ranges_become_aws_parameter_ranges() -> None:
    def rendered(name: str, low: str, high: str) -> dict[str, str]:
        return {"Name": name, "MinValue": low, "MaxValue": high, "ScalingType": "Auto"}

    assert to_parameter_ranges(validate_ranges(LESSON_RANGES)) == {
        "ContinuousParameterRanges": [
            rendered("eta", "0", "1"),
            rendered("min_child_weight", "0", "10"),
            rendered("alpha", "0", "2"),
        ],
        "IntegerParameterRanges": [rendered("max_depth", "1", "10")],
    }


@given(st.sampled_from(TUNABLE), st.integers(1, 100), st.integers(1, 100), st.booleans())
def test_every_value_of_an_accepted_range_is_an_accepted_hyperparameter(
    name: str, low: int, high: int, is_share: bool
) -> None:
    scale = 100 if is_share else 1
    try:
        (found,) = validate_ranges({name: {"min": low / scale, "max": high / scale}})
    except HyperparameterError:
        return
    assert found.min < found.max
    assert validate({name: found.min})
    assert validate({name: found.max})


@pytest.mark.parametrize(
    ("ranges", "problem"),
    [
        ({}, "no range to tune is given; tunable are num_round"),
        ({"etta": {"min": 0, "max": 1}}, "unknown hyperparameter 'etta'; the nearest known is 'eta'"),
        ({"booster": {"min": 0, "max": 1}}, "booster cannot be tuned"),
        ({"num_parallel_tree": {"min": 1, "max": 3}}, "num_parallel_tree cannot be tuned"),
        ({"eta": {"min": 0}}, "the range of eta is .*allowed are min, max and, if wanted, scaling"),
        ({"eta": {"min": 0, "max": 1, "step": 2}}, "the range of eta is .*allowed are min, max"),
        ({"eta": [0, 1]}, "the range of eta is .*allowed are min, max"),
        ({"eta": {"min": "0", "max": "1"}}, "the range of eta is .*must be numbers"),
        ({"max_depth": {"min": 1, "max": 2.5}}, "the range of max_depth is .*must be integers"),
        ({"eta": {"min": 0.5, "max": 0.5}}, "from 0.5 to 0.5; its min must be below its max"),
        ({"eta": {"min": 0, "max": 1.5}}, "the range of eta reaches 1.5; the hyperparameter must be a number in"),
        ({"subsample": {"min": 0, "max": 1}}, "the range of subsample reaches 0"),
        ({"eta": {"min": 0, "max": 1, "scaling": "Log"}}, "the scaling of eta is 'Log'; allowed are Auto, Linear"),
        ({"eta": {"min": 0, "max": 1, "scaling": "Logarithmic"}}, "Logarithmic, which needs a min above 0, not 0"),
        ({"eta": {"min": 0, "max": 1, "scaling": "ReverseLogarithmic"}}, "which needs a continuous range in"),
        ({"max_depth": {"min": 0, "max": 1, "scaling": "ReverseLogarithmic"}}, "not Integer from 0 to 1"),
    ],
)
def test_a_range_that_tuning_could_not_use_is_refused(ranges: dict[str, object], problem: str) -> None:
    with pytest.raises(HyperparameterError, match=problem):
        validate_ranges(ranges)


def test_a_scaling_that_fits_is_kept() -> None:
    (found,) = validate_ranges({"eta": {"min": 0.01, "max": 0.5, "scaling": "Logarithmic"}})

    assert found.scaling == "Logarithmic"


@pytest.mark.parametrize(("name", "direction"), [("validation:auc", "Maximize"), ("validation:logloss", "Minimize")])
def test_an_objective_metric_has_a_direction(name: str, direction: str) -> None:
    found = objective_metric(name)

    assert (found.name, found.type) == (name, direction)


@pytest.mark.parametrize("metric", ["f1", "f1_binary", "accuracy", "balanced_accuracy", "precision_macro", "recall"])
def test_an_objective_metric_that_thresholds_wrongly_is_refused(metric: str) -> None:
    with pytest.raises(HyperparameterError, match=r"count every probability above 0 .* allowed are validation:auc"):
        objective_metric(f"validation:{metric}")


def test_a_metric_of_the_training_rows_is_no_objective() -> None:
    with pytest.raises(HyperparameterError, match="'train:auc' is of no use, since the image does not report it"):
        objective_metric("train:auc")


def test_the_name_of_an_objective_metric_is_the_one_in_the_log() -> None:
    assert ObjectiveMetric("auc", "Maximize").name == "validation:auc"
