"""Anything as a run's input is planned, or refused in words that fit where AWS shows them."""

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.plan.errors import LONGEST_PROBLEM, MOST_TOLD, InvalidInput
from lambdas.plan.execution_input import (
    OBJECTIVE,
    Candidates,
    Costs,
    Data,
    EndpointSection,
    Imbalance,
    Serverless,
    Threshold,
    Training,
    TuningSection,
)
from lambdas.plan.reading import SECTIONS
from tests.unit.test_plan import Bucket, plan, refusal
from training_code.hyperparameters import HYPERPARAMETERS

pytestmark = pytest.mark.slow

LONGEST_CAUSE = 32_768
"""Characters that Step Functions keeps of a cause."""
LARGEST_STATE = 256 * 1024
"""Bytes that a state may hand on (aws-facts 1.10)."""
KINDS = {
    "data": Data,
    "training": Training,
    "imbalance": Imbalance,
    "tuning": TuningSection,
    "threshold": Threshold,
    "costs": Costs,
    "candidates": Candidates,
    "endpoint": EndpointSection,
}


def paths() -> Iterator[tuple[str, ...]]:
    """Of every field that the input may have."""
    yield from ((section,) for section in SECTIONS)
    yield from ((section, item.name) for section, kind in KINDS.items() for item in fields(kind))
    yield from (("endpoint", "serverless", item.name) for item in fields(Serverless))
    yield from (("hyperparameters", each.name) for each in HYPERPARAMETERS)
    yield from (("tuning", "ranges", each.name) for each in HYPERPARAMETERS if each.tunable)
    yield from (("tuning", "ranges", "eta", name) for name in ("min", "max", "scaling"))
    yield from (("objective", metric) for metric in OBJECTIVE)
    yield from (("objective", "recall", name) for name in ("minimum", "lower_bound"))


PATHS = tuple(paths())


def at(path: tuple[str, ...], value: Any) -> Any:
    """An input that has the value there, and nothing else."""
    for name in reversed(path):
        value = {name: value}
    return value


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


WRONG: dict[str, Any] = {
    "null": None,
    "empty text": "",
    "a text": "?",
    "a text of many characters": "x" * 40_000,
    "half a surrogate pair": "\ud800",
    "a NUL byte": "\0",
    "a list": [1, "a", None],
    "a list of many": list(range(9000)),
    "a list in lists": nested(400),
    "an object": {"unknown": 1},
    "an object of many": {f"name{number}": 0 for number in range(4000)},
    "not a number": float("nan"),
    "infinite": float("inf"),
    "a negative number": -1,
    "a number of 4,000 digits": 10**4000,
    "a number beyond floats": 10**400,
    "a very large number": 1e308,
    "a very small number": 5e-324,
    "a number as text": "1",
    "a boolean": True,
}


def assert_planned_or_refused(execution_input: Any) -> InvalidInput | None:
    """The refusal, if it is one."""
    bucket = Bucket()
    try:
        planned = json.dumps(plan(execution_input, bucket), allow_nan=False, ensure_ascii=False)
    except InvalidInput as error:
        message = str(error)
        assert len(message.encode()) <= LONGEST_CAUSE
        assert message.startswith("The execution input has ")
        assert message.endswith(".")
        assert "Traceback" not in message
        assert bucket.objects == {}
        return error
    assert len(planned.encode()) <= LARGEST_STATE
    assert bucket.objects
    return None


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG)
def test_a_value_of_another_kind_is_planned_or_refused_by_its_field_wherever_it_stands(value: Any) -> None:
    for path in PATHS:
        error = assert_planned_or_refused(at(path, value))
        if error is not None:
            assert any(path[0] in problem.path for problem in error.problems), (path, str(error))
            assert any(path[-1] in str(problem) for problem in error.problems) or len(error.problems) == 1


@pytest.mark.parametrize("path", [("input",), ("data",), ("endpoint", "serverless"), ("objective",)], ids=".".join)
def test_many_unknown_fields_are_told_together(path: tuple[str, ...]) -> None:
    many = {f"name{number}": 0 for number in range(2000)}
    (problem,) = refusal(many if path == ("input",) else at(path, many)).problems

    assert problem.path == ".".join(path)
    assert "2,000 of its fields are not known; known are " in problem.what


@pytest.mark.parametrize("path", [("hyperparameters",), ("tuning", "ranges")], ids=".".join)
def test_more_hyperparameters_than_a_job_may_have_are_told_together(path: tuple[str, ...]) -> None:
    (problem,) = refusal(at(path, {f"name{number}": {} for number in range(2000)})).problems

    assert (problem.path, problem.what) == (".".join(path), "it has 2,000 fields; allowed are at most 100")


def test_of_many_problems_the_first_are_told_and_the_rest_counted() -> None:
    unknown = {f"name{number}": 0 for number in range(15)}
    error = refusal({"data": unknown, "training": unknown})

    assert len(error.problems) == 30
    assert f"({MOST_TOLD}) " in str(error)
    assert f"({MOST_TOLD + 1}) " not in str(error)
    assert "And 10 more." in str(error)


def test_of_a_long_value_the_refusal_has_the_beginning_and_still_says_what_is_allowed() -> None:
    message = str(refusal({"hyperparameters": {"tree_method": "x" * 10_000}}))

    assert "tree_method is 'xxx" in message
    assert "allowed is auto or exact" in message
    assert len(message) < 2 * LONGEST_PROBLEM


def test_of_a_long_name_the_refusal_has_the_beginning() -> None:
    (problem,) = refusal({"x" * 10_000: 1}).problems

    assert problem.path == f"input.{'x' * 80}…"


@pytest.mark.parametrize(
    ("execution_input", "path"),
    [
        ({"data": {"source": "https://host:65536000/x"}}, "data.source"),
        ({"data": {"source": "https://host:\u0663/x"}}, "data.source"),
        ({"data": {"source": f"https://host/{'x' * 8001}"}}, "data.source"),
        ({"data": {"source": f"s3://bucket/{'x' * 1025}"}}, "data.source"),
        ({"data": {"source": "s3://bucket/a\ud800b"}}, "data.source"),
        ({"data": {"source": "https://169.254.169.254\\@host/x"}}, "data.source"),
        ({"data": {"source": "https://host/x\nHost: other"}}, "data.source"),
        ({"data": {"label_column": "x" * 1001}}, "data.label_column"),
        ({"data": {"label_column": "\udfff"}}, "data.label_column"),
        ({"costs": {"missed_fraud": 1e308, "false_alarm": 1}}, "costs.missed_fraud"),
        ({"costs": {"missed_fraud": 1, "false_alarm": 10**400}}, "costs.false_alarm"),
        (
            {"tuning": {"warm_start_from": ["\u0662\u0666\u0661\u0661\u0662\u0662-090000-8f14e4"]}},
            "tuning.warm_start_from",
        ),
    ],
    ids=[
        *("port", "port in other digits", "long address", "long key", "half a pair in a key", "two hosts", "newline"),
        *("long name", "half a pair in a name", "cost beyond sums", "cost beyond floats", "run in other digits"),
    ],
)
def test_what_a_later_state_could_not_use_is_refused(execution_input: Any, path: str) -> None:
    assert [problem.path for problem in refusal(execution_input).problems] == [path]


@pytest.mark.parametrize(
    ("section", "misspelt", "meant"),
    [
        *((section, item.name[:-1], item.name) for section, kind in KINDS.items() for item in fields(kind)),
        *((section, item.name.upper(), item.name) for section, kind in KINDS.items() for item in fields(kind)),
    ],
)
def test_a_misspelt_field_is_told_with_the_known_ones(section: str, misspelt: str, meant: str) -> None:
    (problem,) = refusal({section: {misspelt: 1}}).problems

    assert problem.path == f"{section}.{misspelt}"
    assert meant in problem.what


# --- at random ------------------------------------------------------------------------------------------------------

TEXTS = st.text(max_size=8) | st.text(st.characters(categories=("Cs", "Cc", "Lo", "Nd")), max_size=4)
NUMBERS = (
    st.integers() | st.floats() | st.integers(1000, 4000).map(lambda digits: 10**digits) | st.sampled_from((0, 1, 5))
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXTS | st.sampled_from(("min", "max")), inner, max_size=4)
    ),
    max_leaves=8,
)


def merged(one: Any, other: Any) -> Any:
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return other
    return {name: merged(one.get(name, {}), other.get(name, one.get(name))) for name in {**one, **other}}


@st.composite
def inputs(draw: st.DrawFn) -> Any:
    """Some of the known fields, some that are spelt nearly so, each with any value."""
    found: Any = {}
    for path in draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=5)):
        *front, last = path
        name = draw(st.sampled_from((last, last, last, last[:-1], f"{last}s", last.upper())))
        found = merged(found, at((*front, name), draw(VALUES)))
    return found


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(inputs())
def test_any_fields_with_any_values_are_planned_or_refused(execution_input: Any) -> None:
    assert_planned_or_refused(execution_input)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PATHS), NUMBERS | TEXTS)
def test_a_single_value_of_any_field_is_planned_or_refused(path: tuple[str, ...], value: Any) -> None:
    assert_planned_or_refused(at(path, value))
