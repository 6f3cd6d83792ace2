"""The errors that states retry and catch: names that are really sent, and none left out that pass by themselves."""

import ast
import builtins
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.ministack_adapter import TaskError
from localcloud.task_errors import task_error
from tests.template.machine import Machine, State, service_model
from tests.template.states_language import RESERVED

ROOT = Path(__file__).parents[2]
LAMBDAS = ROOT / "lambdas"

OF_LAMBDA = {"AWSLambdaException", "ClientExecutionTimeoutException", "SdkClientException", "ServiceException"}
"""Besides what its model names: those of the SDK by which Step Functions calls it (the developer guide's "Handle
transient Lambda service exceptions")."""
THROTTLED = {
    "lambda": ("TooManyRequestsException", 429),
    "sagemaker": ("ThrottlingException", 400),
    "ssm": ("ThrottlingException", 400),
}
FAILING = {
    "lambda": ("ServiceException", 500),
    "sagemaker": ("InternalFailure", 500),
    "ssm": ("InternalServerError", 500),
}
OF_NO_MODEL = ("UnrecognizedClientException", 400)
"""AWS's common errors are in no service's model."""
QUOTA = ("ResourceLimitExceeded", 400)


def modelled(service: str, operation: str) -> frozenset[str]:
    """The codes of the operation's own errors, as AWS's model has them."""
    return frozenset(shape.error_code for shape in service_model(service).operation_model(operation).error_shapes)


def tasks(machine: Machine) -> list[State]:
    return [state for state in machine.states.values() if state.type == "Task"]


def handled(state: State, field: str) -> set[str]:
    return {error for each in state.body.get(field, []) for error in each["ErrorEquals"]}


def sent_by(state: State) -> set[str]:
    """What a state's service sends: the general name of the SDK's, and the model's.

    An optimised integration speaks by version 1 of the Java SDK, whose general error is AmazonSageMakerException; the
    other ones by version 2, where it is SageMakerException (aws-facts 1.9).
    """
    prefix = {"sagemaker": "SageMaker", "lambda": "Lambda", "ssm": "Ssm"}[state.service]
    general = f"{prefix}Exception" if ":aws-sdk:" in state.body["Resource"] else f"Amazon{prefix}Exception"
    names = {f"{code.removesuffix('Exception')}Exception" for code in modelled(state.service, state.operation)}
    if state.service == "lambda":
        return {f"Lambda.{name}" for name in names | OF_LAMBDA}
    return {f"{prefix}.{name}" for name in {*names, general}}


def as_told(state: State, code: str, status: int) -> str:
    """The name under which Step Functions tells of an answer, by localcloud's reckoning."""
    answer: Any = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error = task_error(state.service, ClientError(answer, state.operation), sdk=":aws-sdk:" in state.body["Resource"])
    assert isinstance(error, TaskError)
    return str(error.error)


def is_retried(state: State, name: str) -> bool:
    """States.TaskFailed stands for all but time-outs, States.ALL for those, too."""
    return bool(handled(state, "Retry") & {name, "States.TaskFailed", "States.ALL"})


# --- what is named is sent --------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["Retry", "Catch"])
def test_an_error_that_is_retried_or_caught_is_one_that_the_service_sends(machine: Machine, field: str) -> None:
    named = {(state.name, error) for state in machine.states.values() for error in handled(state, field)}
    sent = {(state.name, error) for state in tasks(machine) for error in sent_by(state)}

    assert named != set()
    assert [pair for pair in sorted(named - sent) if pair[1] not in RESERVED] == []


def test_localcloud_tells_the_models_errors_by_the_names_that_are_sent(machine: Machine) -> None:
    told = {
        (state.name, as_told(state, code, 400))
        for state in tasks(machine)
        for code in modelled(state.service, state.operation)
    } | {(state.name, as_told(state, *OF_NO_MODEL)) for state in tasks(machine) if state.service != "lambda"}

    assert len(told) > 40
    assert told <= {(state.name, error) for state in tasks(machine) for error in sent_by(state)}


@pytest.mark.parametrize("answers", [THROTTLED, FAILING], ids=["throttled", "failing"])
def test_what_passes_by_itself_is_tried_again(machine: Machine, answers: dict[str, tuple[str, int]]) -> None:
    given_up = [
        (state.name, name)
        for state in tasks(machine)
        if not is_retried(state, name := as_told(state, *answers[state.service]))
    ]

    assert given_up == []


def test_a_job_for_which_the_quota_leaves_no_room_is_tried_again(machine: Machine) -> None:
    jobs = [state for state in tasks(machine) if state.is_waited_for]

    assert len(jobs) == 3
    assert [state.name for state in jobs if not is_retried(state, as_told(state, *QUOTA))] == []


def test_a_retry_waits_longer_each_time(machine: Machine) -> None:
    retries = [retry for state in tasks(machine) for retry in state.body["Retry"]]

    assert [each for each in retries if not (each["IntervalSeconds"] >= 1 and each["BackoffRate"] > 1)] == []
    assert [each for each in retries if each["MaxAttempts"] < 1] == []


# --- the project's own ------------------------------------------------------------------------------------------


def exceptions(path: Path) -> set[str]:
    """The module's classes that have a base."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.name for node in nodes if isinstance(node, ast.ClassDef) and node.bases}


def own_errors() -> dict[str, set[str]]:
    """By function."""
    return {path.parent.name: exceptions(path) for path in sorted(LAMBDAS.glob("*/errors.py"))}


def made(folder: Path) -> set[str]:
    """The names of all that is called anywhere in the folder: an error is made before it is raised."""
    calls = (node for path in folder.rglob("*.py") for node in ast.walk(ast.parse(path.read_text())))
    return {node.func.id for node in calls if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


@pytest.mark.parametrize("function", own_errors())
def test_every_error_of_a_functions_own_is_raised(function: str) -> None:
    own = own_errors()[function]

    assert own != set()
    assert own - made(LAMBDAS / function) == set()


def test_no_state_names_an_error_of_a_function_that_the_function_has_not(machine: Machine) -> None:
    """A function's error is told by the bare name of its class."""
    bare = {
        error
        for state in machine.states.values()
        for field in ("Retry", "Catch")
        for error in handled(state, field)
        if "." not in error
    }

    assert bare <= set[str]().union(*own_errors().values())


def test_an_error_of_the_projects_own_is_taken_for_nobody_elses(machine: Machine) -> None:
    """Neither for one of Python's, which functions tell by their bare names, too, nor for one of AWS's."""
    failing = {state.body["Error"] for state in machine.states.values() if state.type == "Fail"}
    own = set[str]().union(*own_errors().values(), (error for error in failing if not error.startswith("{%")))

    assert {name for name in own if hasattr(builtins, name) or "." in name} == set()
