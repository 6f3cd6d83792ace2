"""What is used of ministack is watched, and what it leaves out of a function's error is found."""

import ast
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from ministack.core import lambda_runtime
from ministack.services import eventbridge

from localcloud.ministack_adapter import PARTS, MinistackChanged, check, event_targets, functions
from localcloud.sagemaker.errors import ValidationError

USED = list(dict.fromkeys((module, name) for part in PARTS for module, names in part.USED for name in names))


def test_the_installed_ministack_has_all_that_is_used() -> None:
    check()


@pytest.mark.parametrize(("module", "name"), USED, ids=[f"{module.__name__}.{name}" for module, name in USED])
def test_whatever_is_gone_is_named(module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(module, name)

    with pytest.raises(MinistackChanged, match=rf"no longer has {module.__name__}\.{name}: mend localcloud"):
        check()


def test_everything_that_is_gone_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    (first_module, first), *_, (last_module, last) = USED
    monkeypatch.delattr(first_module, first)
    monkeypatch.delattr(last_module, last)

    with pytest.raises(MinistackChanged) as changed:
        check()

    assert f"{first_module.__name__}.{first}, {last_module.__name__}.{last}:" in str(changed.value)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_a_part_watches_all_that_it_uses(part: ModuleType) -> None:
    """Of ministack's modules, each attribute that the part's source names."""
    modules = {
        name: module
        for name, module in vars(part).items()
        if isinstance(module, ModuleType) and module.__name__.startswith("ministack.")
    }
    used = {
        (modules[node.value.id].__name__, node.attr)
        for node in ast.walk(ast.parse(Path(str(part.__file__)).read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules
    }
    watched = {(module.__name__, name) for module, names in part.USED for name in names}

    assert used
    assert used - watched == set()


def test_every_module_that_imports_ministack_is_a_part() -> None:
    package = Path(str(functions.__file__)).parent
    importing = {path.stem for path in package.glob("*.py") if "\nfrom ministack" in path.read_text()}

    assert importing == {part.__name__.rpartition(".")[2] for part in PARTS}


def test_the_python_worker_is_told_to_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_runtime, "_PYTHON_WORKER_SCRIPT", lambda_runtime._PYTHON_WORKER_SCRIPT)

    functions.log_as_the_python_runtime_does()

    compile(lambda_runtime._PYTHON_WORKER_SCRIPT, "worker", "exec")


def test_a_python_worker_that_has_changed_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_runtime, "_PYTHON_WORKER_SCRIPT", "run()")

    with pytest.raises(MinistackChanged, match="worker"):
        functions.log_as_the_python_runtime_does()


# --- who starts an execution ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "principal"), [("aws.s3", "events.amazonaws.com"), ("aws.scheduler", "scheduler.amazonaws.com")]
)
def test_a_target_s_role_must_trust_the_service_that_starts_the_execution(
    source: str, principal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    delivered: list[str] = []

    def refuse(role_arn: str, service_principal: str, session_name: str) -> None:
        asked.append(service_principal)
        raise ValidationError("Could not assume role")

    monkeypatch.setattr(eventbridge, "_invoke_target", lambda target, *_: delivered.append(target["Arn"]))
    monkeypatch.setattr(event_targets, "role_credentials", refuse)
    event_targets.start_executions_as_the_targets_role()
    machine = {"Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:M", "RoleArn": "arn:aws:iam::1:role/r"}
    function = {"Arn": "arn:aws:lambda:us-east-1:123456789012:function:F"}

    for target in (machine, function):
        eventbridge._invoke_target(target, {"Source": source}, {"Name": "rule"})

    assert asked == [principal]
    assert delivered == [function["Arn"]]


# --- the class of a function's error ----------------------------------------------------------------------------


class InvalidData(Exception):
    pass


def fail_with(error: Exception) -> Callable[[], None]:
    def handler() -> None:
        raise error

    return handler


def from_another() -> None:
    try:
        fail_with(KeyError("label"))()
    except KeyError as error:
        raise InvalidData("no such column") from error


def in_place_of_another() -> None:
    try:
        fail_with(ValueError("ValueError: not this one"))()
    except ValueError:
        raise InvalidData("this one") from None


@pytest.mark.parametrize(
    ("handler", "name"),
    [
        pytest.param(fail_with(ValueError("bad")), "ValueError", id="a builtin"),
        pytest.param(fail_with(InvalidData("bad")), "InvalidData", id="a class in a module"),
        pytest.param(fail_with(InvalidData("two\nlines")), "InvalidData", id="a message of two lines"),
        pytest.param(fail_with(InvalidData("one\n\nthree:\n  - x: 1")), "InvalidData", id="a message of many lines"),
        pytest.param(fail_with(InvalidData("KeyError: inside")), "InvalidData", id="a message like an error"),
        pytest.param(fail_with(InvalidData("ends with a colon:")), "InvalidData", id="a colon at the end"),
        pytest.param(fail_with(InvalidData("ends with a line break\n")), "InvalidData", id="a line break at the end"),
        pytest.param(fail_with(InvalidData("Übergröße – “…”")), "InvalidData", id="letters of any kind"),
        pytest.param(fail_with(InvalidData()), "InvalidData", id="no message"),
        pytest.param(fail_with(KeyError("label")), "KeyError", id="a message in quotes"),
        pytest.param(from_another, "InvalidData", id="one error from another"),
        pytest.param(in_place_of_another, "InvalidData", id="one error in place of another"),
    ],
)
def test_an_errors_class_is_read_from_its_trace_back(handler: Callable[[], None], name: str) -> None:
    try:
        handler()
    except Exception as error:  # noqa: BLE001 - what ministack's worker does
        log, message = traceback.format_exc(), str(error)

    assert functions._exception_name(log, message) == name


def test_without_a_trace_back_there_is_no_class() -> None:
    assert functions._exception_name("", "Task timed out after 3.00 seconds") is None
