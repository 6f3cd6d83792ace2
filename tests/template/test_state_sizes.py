"""What the states hand on, and how long a run's history grows, against the limits of Step Functions."""

import json
from typing import Any

import pytest

from lambdas.plan.errors import InvalidInput
from lambdas.plan.execution_input import AMOUNT, OBJECTIVE
from lambdas.plan.reading import LARGEST_INPUT_BYTES
from lambdas.plan.sagemaker_limits import LONGEST_HYPERPARAMETER
from tests.template.execution_inputs import Started
from tests.template.machine import Machine, State
from tests.template.walk import Answers, Journey, TaskFailed, walk
from training_code.hyperparameters import HYPERPARAMETERS, Number

LARGEST_STATE_BYTES = 262_144
"""Of input, output, a variable, and all that one state assigns (aws-facts 1.10; the guide's "Passing data between
states with variables")."""
LARGEST_VARIABLES_BYTES = 10 * 2**20
MOST_EVENTS = 25_000
"""aws-facts 1.10."""
LARGEST_PARAMETER_BYTES = 4096
"""aws-facts 11.5."""
LONGEST_CAUSE = 32_768
"""The Step Functions API's Cause."""


def size(value: Any) -> int:
    """As the JSON that Step Functions counts, in UTF-8; its own spacing is not known, so Python's wider one."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def largest_input() -> dict[str, Any]:
    """As much as the plan takes: everything that can be given, and hyperparameters as long as there is room for."""
    given: dict[str, Any] = {
        "data": {
            "source": f"s3://some-bucket/{'k' * 1000}",
            "label_column": "é" * 1000,
            "split": "time",
            "time_column": "è" * 1000,
            "amount_column": "à" * 1000,
            "drop_duplicates": True,
        },
        "hyperparameters": {},
        "imbalance": {"method": "smote", "sampling_ratio": 0.1234567890123},
        "tuning": {
            "max_jobs": 750,
            "max_parallel_jobs": 10,
            "ranges": {name: {"min": 0, "max": 10**255} for name in ("gamma", "lambda")},
            "warm_start_from": [f"26112{day}-090000-8f14e4" for day in range(5)],
        },
        "threshold": {"objective": "least_cost"},
        "costs": {"missed_fraud": AMOUNT, "false_alarm": 5},
        "candidates": {"registered": True},
        "endpoint": {"instance_type": "ml.m5.xlarge", "initial_instance_count": 100, "ttl_minutes": 1440},
        "objective": {metric: {"minimum": 0.1234567890123, "lower_bound": True} for metric in OBJECTIVE},
    }
    for each in HYPERPARAMETERS:
        if isinstance(each.domain, Number) and not each.refused:
            given["hyperparameters"][each.name] = ""
            room = LARGEST_INPUT_BYTES - len(json.dumps(given))
            if room < len("0.5"):
                del given["hyperparameters"][each.name]
                break
            given["hyperparameters"][each.name] = _digits(each.domain, min(room, LONGEST_HYPERPARAMETER))
    return given


def _digits(domain: Number, length: int) -> str:
    """One of the domain's numbers, in so many digits."""
    if domain.type == "Integer":
        return "1".zfill(length)
    return next(text for text in ("0.5", "1.5") if float(text) in domain.interval).ljust(length, "0")


@pytest.fixture(scope="module")
def largest(machine: Machine) -> Journey:
    """Of the largest input, by the longest name, with an endpoint that serves at the last moment."""
    started = Started(largest_input(), name="é" * 80)
    return walk(machine, started, Answers(started, statuses=["Creating"] * 119 + ["InService"]))


def test_more_than_the_largest_input_is_refused() -> None:
    more = largest_input()
    more["data"]["source"] += "k" * 10

    assert Started(largest_input()).plan
    with pytest.raises(InvalidInput, match=f"allowed are {LARGEST_INPUT_BYTES:,}"):
        _ = Started(more).plan


def test_the_largest_run_succeeds(largest: Journey) -> None:
    assert largest.failure is None
    assert "Tune the model" in largest.states


@pytest.mark.parametrize("part", ["input", "arguments", "assigned", "output"])
def test_the_largest_run_keeps_every_state_within_its_limit(largest: Journey, part: str) -> None:
    sizes = {step.state.name: size(getattr(step, part)) for step in largest.steps}

    assert max(sizes.values()) > LARGEST_STATE_BYTES / 100  # it is large
    assert {name: bytes_ for name, bytes_ in sizes.items() if bytes_ > LARGEST_STATE_BYTES} == {}


def test_the_largest_runs_variables_fit_all_together(largest: Journey) -> None:
    assert max(size(step.before) for step in largest.steps) < LARGEST_VARIABLES_BYTES


def test_the_largest_runs_result_fits(largest: Journey) -> None:
    assert size(largest.output) <= LARGEST_STATE_BYTES


def test_what_is_announced_fits_into_a_parameter(largest: Journey) -> None:
    announced = [step.arguments["Value"] for step in largest.tasks if step.state.operation == "PutParameter"]

    assert len(announced) == 1
    assert all(size(value) <= LARGEST_PARAMETER_BYTES for value in announced)


# --- the history ------------------------------------------------------------------------------------------------


def attempts(state: State) -> int:
    return 1 + sum(int(retry["MaxAttempts"]) for retry in state.body.get("Retry", []))


def most_events(state: State) -> int:
    """Entered and left, and each attempt of a task scheduled, started, submitted, and ended."""
    return 2 + 4 * attempts(state) if state.type == "Task" else 2


def test_the_longest_run_fits_into_its_history(largest: Journey) -> None:
    """A job is one event of submission however long it takes; the endpoint is looked at until the deadline."""
    begun_and_ended = 2
    of_the_parallel_state = 2

    events = sum(most_events(step.state) for step in largest.steps) + begun_and_ended + of_the_parallel_state

    assert largest.states.count("Look at the endpoint") == 120
    assert 1000 < events < MOST_EVENTS


# --- causes -----------------------------------------------------------------------------------------------------


def test_a_cause_that_step_functions_cut_short_is_told_as_it_is(machine: Machine) -> None:
    cut = ('{"errorMessage": "' + "x" * LONGEST_CAUSE)[:LONGEST_CAUSE]
    started = Started({})

    journey = walk(machine, started, Answers(started, failing={"Plan the run": TaskFailed("InvalidInput", cut)}))

    assert journey.failure == {"Error": "InvalidInput", "Cause": cut}
