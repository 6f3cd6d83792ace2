"""What the data report counts: duplicates, and the values of each column."""

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.prepare import duplicates
from lambdas.prepare.bounded import CHUNK
from lambdas.prepare.data_report import Column
from lambdas.prepare.duplicates import Duplicates, first_equal, is_first
from lambdas.prepare.lines import count_found, file_chunks, line_hashes
from lambdas.prepare.split import Parts
from lambdas.prepare.table import FLOAT32_MAX

pytestmark = pytest.mark.slow

NAN = float("nan")
FEW = st.sampled_from([NAN, 0.0, -0.0, 1.0, 0.5])
"""So that rows are often equal; 0.0 and -0.0 are, though their bits are not."""

rows_of_few_values = st.lists(st.tuples(st.integers(0, 1), FEW, st.integers(-1, 1)), min_size=1, max_size=60)
numbers = st.floats(min_value=-FLOAT32_MAX, max_value=FLOAT32_MAX)


def table_of(rows: list[tuple[int, float, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["Class", "V1", "V2"])


def key(row: tuple[float, ...]) -> tuple[float | None, ...]:
    """Equal for equal rows; NaN is not equal to itself."""
    return tuple(None if math.isnan(value) else value for value in row)


# --- Duplicates ---


@settings(deadline=None)
@given(rows_of_few_values)
def test_every_row_is_led_back_to_the_first_that_is_equal_to_it(rows: list[tuple[int, float, int]]) -> None:
    first: dict[tuple[float | None, ...], int] = {}

    expected = [first.setdefault(key(row), position) for position, row in enumerate(rows)]

    assert first_equal(table_of(rows)).tolist() == expected


@settings(deadline=None)
@given(rows_of_few_values)
def test_the_duplicates_are_those_that_pandas_finds(rows: list[tuple[int, float, int]]) -> None:
    table = table_of(rows)

    np.testing.assert_array_equal(~is_first(first_equal(table)), table.duplicated())


@settings(deadline=None)
@given(rows_of_few_values, st.data())
def test_duplicates_across_parts_are_the_rows_that_a_set_of_the_training_rows_has(
    rows: list[tuple[int, float, int]], data: st.DataObject
) -> None:
    order = np.array(data.draw(st.permutations(range(len(rows)))))
    cuts = sorted(data.draw(st.tuples(*[st.integers(0, len(rows))] * 2)))
    parts: Parts = dict(zip(("train", "validation", "test"), np.split(order, cuts), strict=True))

    counted = Duplicates.of(first_equal(table_of(rows)), parts, dropped=False)

    trained_on = {key(rows[position]) for position in parts["train"]}
    measured_on = [*parts["validation"], *parts["test"]]
    assert counted.across_parts == sum(key(rows[position]) in trained_on for position in measured_on)
    assert counted.rows == len(rows) - len({key(row) for row in rows})


def test_values_in_other_columns_make_no_equal_rows() -> None:
    assert first_equal(pd.DataFrame({"Class": [0, 1], "V1": [1, 0]})).tolist() == [0, 1]


def test_whole_numbers_that_differ_in_their_last_digit_alone_are_not_equal() -> None:
    table = pd.DataFrame({"Class": 0, "id": [2**53, 2**53 + 1, 2**53 + 1]})

    assert first_equal(table).tolist() == [0, 1, 1]


@settings(deadline=None)
@given(rows_of_few_values)
def test_rows_that_only_their_hash_makes_equal_are_not_taken_for_duplicates(rows: list[tuple[int, float, int]]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(duplicates, "_hashes", lambda table: np.zeros(len(table), dtype=np.uint64))
        first = first_equal(table_of(rows))

    assert [key(rows[position]) for position in first] == [key(row) for row in rows]


# --- Lines ---

FEW_LINES = st.lists(st.sampled_from([b"0,1", b"0,11", b"1,", b"1,2.5", b""]), min_size=1, max_size=30)


def chunks(text: bytes, size: int) -> list[bytes]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@settings(deadline=None)
@given(FEW_LINES, FEW_LINES, st.integers(1, 9), st.booleans())
def test_lines_are_found_in_another_text_however_it_comes_in_chunks(
    lines: list[bytes], others: list[bytes], size: int, ended: bool
) -> None:
    text = b"".join(line + b"\n" for line in lines)
    other = b"".join(line + b"\n" for line in [*others, b"7"]) + (b"" if ended else b"0,1")

    found = count_found(np.concatenate(list(line_hashes(chunks(text, size)))), line_hashes(chunks(other, size)))

    assert found == sum(line in other.splitlines() for line in lines)


def test_a_files_chunks_are_its_bytes_none_longer_than_agreed(tmp_path: Path) -> None:
    content = b"1,2\n" * 700_000
    (tmp_path / "part.csv").write_bytes(content)

    read = list(file_chunks(tmp_path / "part.csv"))

    assert b"".join(read) == content
    assert max(len(chunk) for chunk in read) == CHUNK


# --- Columns ---


@settings(deadline=None)
@given(st.lists(numbers, min_size=2, max_size=50), st.integers(0, 3))
def test_a_columns_figures_are_those_that_pandas_describes_it_with(values: list[float], missing: int) -> None:
    column = pd.Series(values + [NAN] * missing, name="V1")

    figures = Column.of(column)

    expected = column.describe()
    assert (figures.name, figures.missing) == ("V1", missing)
    assert (figures.min, *figures.quartiles, figures.max) == tuple(expected[["min", "25%", "50%", "75%", "max"]])
    rounding = 1e-12 * column.abs().max()
    assert figures.mean == pytest.approx(expected["mean"], abs=rounding)
    assert figures.standard_deviation == pytest.approx(expected["std"], abs=rounding)


@settings(deadline=None)
@given(st.lists(numbers | st.just(NAN), max_size=20) | st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_whatever_a_column_holds_its_figures_are_json(values: list[float] | list[int]) -> None:
    figures = asdict(Column.of(pd.Series(values, name="V1")))

    parsed = json.loads(json.dumps(figures, allow_nan=False))

    assert parsed == {**figures, "quartiles": list(figures["quartiles"])}


def test_a_column_without_values_has_no_figures() -> None:
    assert Column.of(pd.Series([NAN, NAN], name="V1")) == Column(
        name="V1",
        type="number",
        missing=2,
        min=None,
        quartiles=(None, None, None),
        max=None,
        mean=None,
        standard_deviation=None,
    )


def test_one_value_has_no_standard_deviation() -> None:
    assert Column.of(pd.Series([3, NAN], name="V1")).standard_deviation is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([0, 1, 2], "integer", id="whole numbers"),
        pytest.param([0, NAN, 2], "integer", id="whole numbers with one missing"),
        pytest.param([0.0, 1e5], "integer", id="whole numbers in another spelling"),
        pytest.param([0, 1.5], "number", id="a fraction among whole numbers"),
    ],
)
def test_a_columns_type_is_told_by_its_values(values: list[float], expected: str) -> None:
    assert Column.of(pd.Series(values, name="V1")).type == expected
