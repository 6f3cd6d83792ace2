"""The metrics and the curves' points, with scikit-learn as the judge."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    f1_score,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

from lambdas.evaluate.curves import MOST_POINTS, curves, thinned
from lambdas.evaluate.metrics import Curve, Labels, Ranking, Scores
from lambdas.evaluate.money import Costs, Money
from lambdas.evaluate.quality import Judge

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning"),
    pytest.mark.filterwarnings("ignore:No positive class found:UserWarning"),
]


@st.composite
def labels_and_scores(draw: st.DrawFn) -> tuple[Labels, Scores]:
    """One class or both; few distinct scores, so that many are equal, or any at all, or one for all rows."""
    size = draw(st.integers(1, 60))
    label = draw(st.sampled_from([st.integers(0, 1), st.integers(0, 1), st.just(0), st.just(1)]))
    value = draw(st.sampled_from([st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1, width=32), st.just(0.5)]))
    labels = np.array(draw(st.lists(label, min_size=size, max_size=size)), dtype=np.int64)
    return labels, np.array(draw(st.lists(value, min_size=size, max_size=size)), dtype=np.float64)


def curve_of(labels: Labels, scores: Scores) -> Curve:
    return Ranking.of(labels, scores).curve()


def assert_close(got: Any, expected: Any) -> None:
    """NaN is equal to NaN."""
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)


# --- scikit-learn's numbers -------------------------------------------------------------------------------------


@settings(deadline=None)
@given(labels_and_scores())
def test_the_areas_are_scikit_learns_with_none_where_it_has_nan(case: tuple[Labels, Scores]) -> None:
    labels, scores = case
    curve = curve_of(labels, scores)

    roc_auc = curve.roc_auc()
    assert_close(np.nan if roc_auc is None else roc_auc, roc_auc_score(labels, scores))
    assert_close(curve.average_precision(), average_precision_score(labels, scores))


@settings(deadline=None)
@given(labels_and_scores(), st.one_of(st.sampled_from([0.25, 0.5, 1.0]), st.floats(-0.5, 1.5)))
def test_the_confusion_matrix_and_its_ratios_are_scikit_learns(case: tuple[Labels, Scores], threshold: float) -> None:
    labels, scores = case
    called = scores >= threshold
    matrix = curve_of(labels, scores).confusion_matrix(threshold)

    assert [[matrix.tn, matrix.fp], [matrix.fn, matrix.tp]] == confusion_matrix(labels, called, labels=[0, 1]).tolist()
    assert_close(matrix.precision, precision_score(labels, called, zero_division=0))
    assert_close(matrix.recall, recall_score(labels, called, zero_division=0))
    assert_close(matrix.f1, f1_score(labels, called, zero_division=0))


@settings(deadline=None)
@given(labels_and_scores())
def test_the_precision_recall_curve_is_scikit_learns_but_for_its_point_without_threshold(
    case: tuple[Labels, Scores],
) -> None:
    precisions, recalls, thresholds = precision_recall_curve(*case, drop_intermediate=False)

    curve = curve_of(*case)

    assert_close(curve.thresholds[::-1], thresholds)
    assert_close(curve.precisions()[::-1], precisions[:-1])
    assert_close(curve.recalls()[::-1], recalls[:-1])


@settings(deadline=None)
@given(labels_and_scores())
def test_the_roc_curve_is_scikit_learns(case: tuple[Labels, Scores]) -> None:
    false_positive_rates, true_positive_rates, _ = roc_curve(*case, drop_intermediate=False)

    curve = curve_of(*case)

    assert_close(curve.false_positive_rates(), false_positive_rates)
    assert_close(curve.true_positive_rates(), true_positive_rates)


@settings(deadline=None, max_examples=20)
@given(labels_and_scores())
def test_each_scores_f1_is_scikit_learns(case: tuple[Labels, Scores]) -> None:
    labels, scores = case
    curve = curve_of(labels, scores)

    assert_close(curve.f1s(), [f1_score(labels, scores >= each, zero_division=0) for each in curve.thresholds])


@given(labels_and_scores(), st.floats(-0.5, 1.5))
def test_as_many_rows_are_called_as_reach_the_threshold(case: tuple[Labels, Scores], threshold: float) -> None:
    labels, scores = case
    ranking = Ranking.of(labels, scores)

    called = ranking.called(threshold)

    assert called == np.sum(scores >= threshold)
    assert set(ranking.order[:called].tolist()) == set(np.flatnonzero(scores >= threshold).tolist())


# --- the figures' points ----------------------------------------------------------------------------------------


def judge_of(rows: int, threshold: float = 0.7321, costs: Costs | None = None) -> Judge:
    """Of scores that are almost all distinct, and of one positive in eleven."""
    random = np.random.default_rng(rows)
    labels = (np.arange(rows) % 11 == 0).astype(np.int64)
    scores = np.clip(random.normal(0.3 + 0.3 * labels, 0.2), 0, 1)
    return Judge.of(labels, scores, threshold, Money.of(costs, labels, None) if costs else None)


MANY = judge_of(5000)


def test_no_line_has_more_points_than_a_figure_shows() -> None:
    drawn = curves(MANY)

    lines = {
        name: len(points)
        for line in ("precision_recall", "roc", "sweep")
        for name, points in drawn[line].items()
        if points is not None
    }
    assert all(100 < count <= MOST_POINTS for count in lines.values()), lines


def test_the_points_of_a_thinned_precision_recall_curve_are_the_whole_ones_with_both_ends() -> None:
    precisions, recalls, thresholds = precision_recall_curve(
        MANY.ranking.labels, MANY.ranking.scores, drop_intermediate=False
    )
    whole = list(zip(thresholds.tolist(), precisions.tolist()[:-1], recalls.tolist()[:-1], strict=True))

    drawn = curves(MANY)["precision_recall"]

    points = list(zip(drawn["threshold"], drawn["precision"], drawn["recall"], strict=True))
    assert set(points) <= set(whole)
    assert (points[0], points[-1]) == (whole[-1], whole[0])


def test_the_points_of_a_thinned_roc_curve_are_the_whole_ones_from_corner_to_corner() -> None:
    whole = roc_curve(MANY.ranking.labels, MANY.ranking.scores, drop_intermediate=False)[:2]

    drawn = curves(MANY)["roc"]

    points = list(zip(drawn["false_positive_rate"], drawn["true_positive_rate"], strict=True))
    assert set(points) <= set(zip(*(rates.tolist() for rates in whole), strict=True))
    assert (points[0], points[-1]) == ((0, 0), (1, 1))


def test_a_line_of_few_points_keeps_them_all() -> None:
    judge = judge_of(MOST_POINTS - 10)

    drawn = curves(judge)

    assert drawn["precision_recall"]["threshold"] == judge.ranking.curve().thresholds.tolist()
    assert len(drawn["roc"]["true_positive_rate"]) == len(judge.ranking.ends) + 1


def test_a_line_is_thinned_where_it_is_straight_and_kept_where_it_turns() -> None:
    """A hundred steps up, then ten thousand small ones to the right: half of the points belong to the steps."""
    up, right = np.append(np.linspace(0, 1, 100), np.ones(10_000)), np.append(np.zeros(100), np.linspace(0, 1, 10_000))

    kept = thinned(up, right)

    assert set(range(100)) <= set(kept.tolist())
    assert kept[-1] == 10_099
    assert np.max(np.diff(right[kept])) < 0.01


def test_a_line_that_stands_still_keeps_its_ends() -> None:
    assert thinned(np.ones(1000), np.ones(1000)).tolist() == [0, 999]


def test_the_sweep_has_each_thresholds_figures_and_the_chosen_threshold_and_a_half_among_them() -> None:
    labels, scores = MANY.ranking.labels, MANY.ranking.scores

    sweep = curves(MANY)["sweep"]

    assert {MANY.threshold, 0.5} <= set(sweep["threshold"])
    assert sweep["threshold"] == sorted(set(sweep["threshold"]))
    assert {scores.min(), scores.max()} <= set(sweep["threshold"])
    for metric, function in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        expected = [function(labels, scores >= each, zero_division=0) for each in sweep["threshold"][::10]]
        assert_close(sweep[metric][::10], expected)


def test_the_sweep_has_costs_only_where_they_are_given() -> None:
    judge = judge_of(1000, costs=Costs(missed_fraud=200, false_alarm=3.5))
    labels, scores = judge.ranking.labels, judge.ranking.scores

    sweep = curves(judge)["sweep"]

    missed = np.array([np.sum((scores < each) & (labels == 1)) for each in sweep["threshold"]])
    alarms = np.array([np.sum((scores >= each) & (labels == 0)) for each in sweep["threshold"]])
    assert_close(sweep["cost"], 200 * missed + 3.5 * alarms)
    assert curves(MANY)["sweep"]["cost"] is None


def test_the_histogram_counts_every_row_of_both_classes_in_fifty_bins_from_0_to_1() -> None:
    scores = np.array([0.0, 0.019, 0.02, 0.5, 0.98, 1.0])
    labels = np.array([0, 0, 1, 1, 0, 1])

    histogram = curves(Judge.of(labels, scores, 0.5, None))["scores"]

    assert len(histogram["edges"]) == 51
    assert histogram["edges"][:3] == [0, 0.02, 0.04]
    assert histogram["edges"][-1] == 1
    assert {place: count for place, count in enumerate(histogram["genuine"]) if count} == {0: 2, 49: 1}
    assert {place: count for place, count in enumerate(histogram["fraud"]) if count} == {1: 1, 25: 1, 49: 1}


@pytest.mark.parametrize("label", [0, 1])
def test_rows_of_one_class_have_no_roc_curve(label: int) -> None:
    judge = Judge.of(np.full(3, label), np.array([0.1, 0.5, 0.5]), 0.5, None)

    assert curves(judge)["roc"] == {"false_positive_rate": [], "true_positive_rate": []}
