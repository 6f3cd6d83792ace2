"""The ways to deal rows out: which row goes where, and which data can't be split so."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.prepare.errors import InvalidData
from lambdas.prepare.split import LessonSplit, Parts, Rows, Split, StratifiedSplit, TimeSplit, deal, read_split

pytestmark = pytest.mark.slow

SHARES = {"train": 0.7, "validation": 0.2, "test": 0.1}


@dataclass(frozen=True)
class Sample:
    """A table, and those of its rows that are to be dealt out."""

    table: pd.DataFrame
    rows: Rows


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Of few different times, so that many are equal."""
    rows = draw(st.lists(st.tuples(st.integers(0, 1), st.integers(-9, 9), st.booleans()), min_size=1, max_size=120))
    table = pd.DataFrame([row[:2] for row in rows], columns=["Class", "Time"])
    return Sample(table, np.flatnonzero([kept for *_, kept in rows]))


seeds = st.integers(0, 2**32 - 1)
splits = seeds.map(LessonSplit) | seeds.map(StratifiedSplit) | st.just(TimeSplit("Time"))


def table_of(label: list[int], time: list[float] | None = None) -> pd.DataFrame:
    return pd.DataFrame({"Class": label, "Time": range(len(label)) if time is None else time})


def dealt(table: pd.DataFrame, split: Split) -> Parts:
    return deal(table, np.arange(len(table)), split)


def refusal(table: pd.DataFrame, split: Split) -> str:
    with pytest.raises(InvalidData) as refused:
        dealt(table, split)
    return str(refused.value)


@settings(deadline=None)
@given(samples(), splits)
def test_every_row_lands_in_exactly_one_part(sample: Sample, split: Split) -> None:
    parts = split.deal(sample.table, sample.rows)

    assert list(parts) == ["train", "validation", "test"]
    np.testing.assert_array_equal(np.sort(np.concatenate(list(parts.values()))), sample.rows)


@settings(deadline=None)
@given(samples(), splits)
def test_the_same_split_deals_the_same_rows_in_the_same_order(sample: Sample, split: Split) -> None:
    one, other = (split.deal(sample.table, sample.rows) for _ in range(2))

    for name, part in one.items():
        np.testing.assert_array_equal(part, other[name])


# --- The lesson's ---


@settings(deadline=None)
@given(samples(), seeds)
def test_the_lessons_split_is_its_own_line_of_code(sample: Sample, seed: int) -> None:
    table, n = sample.table, len(sample.table)

    parts = LessonSplit(seed).deal(table, np.arange(n))

    expected = np.split(table.reset_index().sample(frac=1, random_state=seed).to_numpy(), [int(0.7 * n), int(0.9 * n)])
    for part, rows in zip(parts.values(), expected, strict=True):
        np.testing.assert_array_equal(part, rows[:, 0])


@settings(deadline=None)
@given(samples(), seeds)
def test_the_lessons_split_of_some_rows_is_that_of_a_table_of_these_alone(sample: Sample, seed: int) -> None:
    alone = sample.table.iloc[sample.rows].reset_index(drop=True)

    parts = LessonSplit(seed).deal(sample.table, sample.rows)

    for name, part in LessonSplit(seed).deal(alone, np.arange(len(alone))).items():
        np.testing.assert_array_equal(parts[name], sample.rows[part])


# --- Stratified ---


@settings(deadline=None)
@given(samples(), seeds)
def test_a_stratified_split_gives_every_part_each_classs_share_to_within_a_row(sample: Sample, seed: int) -> None:
    label = sample.table["Class"].to_numpy()

    parts = StratifiedSplit(seed).deal(sample.table, sample.rows)

    for name, share in SHARES.items():
        for value in (0, 1):
            expected = share * (label[sample.rows] == value).sum()
            assert abs((label[parts[name]] == value).sum() - expected) < 1 + 1e-9


def test_another_seed_deals_other_rows() -> None:
    table = table_of([0] * 50 + [1] * 50)

    one, other = (dealt(table, StratifiedSplit(seed)) for seed in (1, 2))

    assert set(one["train"]) != set(other["train"])


def test_the_classes_of_a_stratified_part_are_mixed() -> None:
    table = table_of([0] * 500 + [1] * 500)

    for part in dealt(table, StratifiedSplit(1)).values():
        label = table["Class"].to_numpy()[part]
        first_half = label[: len(label) // 2].mean()
        assert 0.3 < first_half < 0.7


# --- By time ---


@settings(deadline=None)
@given(samples())
def test_the_past_is_trained_on_and_the_future_tested_on(sample: Sample) -> None:
    time = sample.table["Time"].to_numpy()

    parts = [part for part in TimeSplit("Time").deal(sample.table, sample.rows).values() if len(part)]

    for earlier, later in pairwise(parts):
        assert time[earlier].max() < time[later].min()


@settings(deadline=None)
@given(samples())
def test_a_part_is_longer_than_its_share_only_by_the_rows_of_its_last_time(sample: Sample) -> None:
    time, n = sample.table["Time"].to_numpy(), len(sample.rows)

    train, validation, _ = TimeSplit("Time").deal(sample.table, sample.rows).values()

    for cut, before in ((int(0.7 * n), train), (int(0.9 * n), np.concatenate([train, validation]))):
        assert len(before) >= cut
        assert not cut or (time[before] < time[before].max()).sum() < cut


def test_a_cut_moves_so_that_rows_of_the_same_time_stay_together_in_the_earlier_part() -> None:
    table = table_of([0, 1] * 5, [9, 8, 7, 6, 6, 4, 3, 2, 1, 0])

    parts = TimeSplit("Time").deal(table, np.arange(10))

    assert {name: part.tolist() for name, part in parts.items()} == {
        "train": [9, 8, 7, 6, 5, 3, 4],
        "validation": [2, 1],
        "test": [0],
    }
    parts = TimeSplit("Time").deal(table_of([0, 1] * 5, [9, 8, 6, 6, 6, 4, 3, 2, 1, 0]), np.arange(10))
    assert [len(part) for part in parts.values()] == [8, 1, 1]


@settings(deadline=None)
@given(samples())
def test_rows_of_the_same_time_keep_the_order_of_the_table(sample: Sample) -> None:
    parts = TimeSplit("Time").deal(sample.table, sample.rows)

    by_time = sample.table.iloc[sample.rows].sort_values("Time", kind="stable")
    np.testing.assert_array_equal(np.concatenate(list(parts.values())), by_time.index)


def test_a_missing_time_is_refused() -> None:
    said = refusal(table_of([0, 1] * 10, [float("nan"), *range(19)]), TimeSplit("Time"))

    assert "The time 'Time' is missing in 1 of 20 rows" in said


def test_a_time_column_that_is_not_there_is_refused_with_the_nearest_name() -> None:
    table = table_of([0, 1] * 10).assign(Timetable=0, Amount=0)

    said = refusal(table, TimeSplit("TIME"))

    assert "data.time_column names the column 'TIME', which the CSV file does not have" in said
    assert "allowed are the features Time, Timetable, Amount. The nearest name is 'Time'." in said


def test_the_label_is_no_time() -> None:
    assert "the column 'Class', which is the label" in refusal(table_of([0, 1] * 10), TimeSplit("Class"))


# --- Parts that no model could be trained or measured on ---


def test_a_part_of_one_class_is_refused_with_what_helps_a_lessons_split() -> None:
    said = refusal(table_of([1] + [0] * 199), LessonSplit(1729))

    assert "part would have 0 positives in its" in said
    assert 'Give more rows of the rarer class, or split with data.split "stratified"' in said


def test_a_part_of_one_class_is_refused_with_what_helps_a_split_by_time() -> None:
    said = refusal(table_of([0, 1] * 40 + [0] * 20), TimeSplit("Time"))

    assert "The test part would have 0 positives in its 10 rows" in said
    assert 'Give rows of a longer time, or split with data.split "stratified"' in said


def test_a_time_at_which_all_happened_leaves_the_later_parts_without_rows() -> None:
    assert "The validation part would have 0 positives in its 0 rows" in refusal(
        table_of([0, 1] * 50, [7.0] * 100), TimeSplit("Time")
    )


def test_three_rows_of_a_class_are_too_few_for_a_stratified_split() -> None:
    assert "Give 4 rows of either class or more" in refusal(table_of([1] * 3 + [0] * 200), StratifiedSplit(1))


@settings(deadline=None)
@given(st.integers(4, 60), st.integers(4, 60), seeds)
def test_four_rows_of_a_class_are_enough_for_a_stratified_split(zeros: int, ones: int, seed: int) -> None:
    table = table_of([0] * zeros + [1] * ones)

    for part in dealt(table, StratifiedSplit(seed)).values():
        assert set(table["Class"].to_numpy()[part]) == {0, 1}


# --- From the event ---


@pytest.mark.parametrize(
    ("method", "time_column", "split"),
    [
        ("lesson", None, LessonSplit(7)),
        ("stratified", None, StratifiedSplit(7)),
        ("time", "Time", TimeSplit("Time")),
    ],
)
def test_a_split_is_read_from_the_event(method: str, time_column: str | None, split: Split) -> None:
    assert read_split({"split": method, "time_column": time_column, "seed": 7}) == split


def test_another_split_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="split is 'random'; allowed are lesson, stratified and time"):
        read_split({"split": "random", "time_column": None, "seed": 7})
