"""Intervals by the bootstrap: what a resample is, what is measured on it, and what comes of a thousand."""

import math
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from lambdas.evaluate.bootstrap import RESAMPLES, Intervals, resamples
from lambdas.evaluate.metrics import Counts, Labels, Numbers, Scores
from lambdas.evaluate.money import Costs, Money
from lambdas.evaluate.quality import Judge

pytestmark = pytest.mark.slow

Rows = tuple[Labels, Scores, Numbers]


@st.composite
def rows_and_counts(draw: st.DrawFn) -> tuple[Rows, Counts]:
    """Rows with many equal scores, and how often each is drawn: never, once or more, but some of each class."""
    size = draw(st.integers(2, 40))
    value = draw(st.sampled_from([st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1, width=32)]))
    labels = np.array([0, 1, *draw(st.lists(st.integers(0, 1), min_size=size - 2, max_size=size - 2))])
    scores = np.array(draw(st.lists(value, min_size=size, max_size=size)))
    amounts = np.array(draw(st.lists(st.integers(0, 1000), min_size=size, max_size=size))) / 4
    counts = np.array([1, 1, *draw(st.lists(st.integers(0, 4), min_size=size - 2, max_size=size - 2))])
    return (labels, scores, amounts), counts


@settings(deadline=None)
@given(rows_and_counts(), st.sampled_from([0.25, 0.3, 0.75, 1.0]))
def test_a_resamples_metrics_are_scikit_learns_on_the_literally_repeated_rows(
    case: tuple[Rows, Counts], threshold: float
) -> None:
    rows, counts = case
    judge = Judge.of(rows[0], rows[1], threshold, Money.of(Costs("amount", 7), rows[0], rows[2]))

    got = judge.quality(counts[judge.ranking.order]).metrics()

    labels, scores, amounts = (np.repeat(column, counts) for column in rows)
    called, called_at_half = scores >= threshold, scores >= 0.5
    assert got == pytest.approx(
        {
            "recall": recall_score(labels, called, zero_division=0),
            "precision": precision_score(labels, called, zero_division=0),
            "f1": f1_score(labels, called, zero_division=0),
            "recall_at_0.5": recall_score(labels, called_at_half, zero_division=0),
            "precision_at_0.5": precision_score(labels, called_at_half, zero_division=0),
            "f1_at_0.5": f1_score(labels, called_at_half, zero_division=0),
            "roc_auc": roc_auc_score(labels, scores),
            "average_precision": average_precision_score(labels, scores),
            "money_saved": np.sum(amounts[called & (labels == 1)]) - 7 * np.sum(called & (labels == 0)),
        },
        abs=1e-9,
    )


LABELS = (np.arange(50) % 5 == 0).astype(np.int64)


def test_a_resample_has_as_many_rows_as_there_are_drawn_with_replacement() -> None:
    drawn = list(resamples(LABELS))

    assert len(drawn) == RESAMPLES
    assert {int(counts.sum()) for counts in drawn} == {50}
    assert all(counts.max() > 1 for counts in drawn)
    assert np.mean(drawn, axis=0) == pytest.approx(np.ones(50), abs=0.15)


def test_the_resamples_are_the_same_at_every_call() -> None:
    first, again = (np.array(list(islice(resamples(LABELS), 20))) for _ in range(2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("labels", [[0, 1], [0, 0, 0, 1], [1, 1, 0], [0] * 99 + [1]])
def test_a_draw_without_both_classes_is_drawn_again(labels: list[int]) -> None:
    rows = np.array(labels)

    drawn = [int(counts @ rows) for counts in resamples(rows)]

    assert len(drawn) == RESAMPLES
    assert all(0 < positives < len(labels) for positives in drawn)


@pytest.mark.parametrize("label", [0, 1])
def test_rows_of_one_class_have_no_resamples_and_no_intervals(label: int) -> None:
    intervals = Intervals.of(Judge.of(np.full(4, label), np.array([0.1, 0.2, 0.2, 0.9]), 0.5, None))

    assert intervals.as_json() == {"confidence": 0.95, "resamples": 0, "bounds": {}}


def test_an_interval_reaches_from_the_2_5th_to_the_97_5th_percentile_of_the_resamples() -> None:
    scores = np.linspace(0, 1, 50)[::-1].copy()  # in the ranking's order already
    judge = Judge.of(LABELS, scores, 0.4, None)

    intervals = Intervals.of(judge)

    called = [np.repeat(scores, counts * LABELS) >= 0.4 for counts in resamples(LABELS)]
    literal = [np.mean(positives_called) for positives_called in called]
    assert intervals.bounds["recall"] == pytest.approx(tuple(np.percentile(literal, [2.5, 97.5])), abs=1e-9)


def test_a_recalls_interval_is_as_wide_as_a_share_of_as_many_positives_makes_it() -> None:
    """Of 400 positives 320 are found: 1.96 standard deviations of the share are 0.039."""
    labels = np.repeat([1, 0], [400, 1600])
    scores = np.repeat([0.9, 0.1, 0.2], [320, 80, 1600])

    low, high = Intervals.of(Judge.of(labels, scores, 0.5, None)).bounds["recall"]

    half_width = 1.96 * math.sqrt(0.8 * 0.2 / 400)
    assert (low, high) == pytest.approx((0.8 - half_width, 0.8 + half_width), abs=0.004)


def test_money_has_an_interval_where_costs_are_given() -> None:
    scores = np.linspace(0, 1, 50)
    money = Money.of(Costs(100, 2), LABELS, None)

    with_costs = Intervals.of(Judge.of(LABELS, scores, 0.4, money)).bounds
    without = Intervals.of(Judge.of(LABELS, scores, 0.4, None)).bounds

    assert set(with_costs) - set(without) == {"money_saved"}
    low, high = with_costs["money_saved"]
    assert low < money.ordered(np.argsort(-scores)).saved(30) < high


def test_a_single_positives_recall_has_an_interval_without_width() -> None:
    labels, scores = np.array([0, 0, 0, 0, 1]), np.array([0.1, 0.7, 0.3, 0.2, 0.9])

    bounds = Intervals.of(Judge.of(labels, scores, 0.5, None)).bounds

    assert bounds["recall"] == (1, 1)
    assert bounds["precision"][0] < 1
