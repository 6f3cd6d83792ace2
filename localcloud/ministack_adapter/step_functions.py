"""Step Functions: tasks that the local cloud carries out, and states that are recorded as AWS records them."""

import contextvars
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.core import responses
from ministack.services import stepfunctions

from localcloud.ministack_adapter.clouds_time import now_iso
from localcloud.ministack_adapter.internals import State, Used, replace

USED: Used = (
    (responses, ("now_iso",)),
    (stepfunctions, ("_executions", "_state_machines", "_ExecutionError", "_fail_state_error")),
    (stepfunctions, ("_run_execution", "_invoke_resource", "_invoke_resource_with_timeout")),
    (stepfunctions, ("_add_event", "_apply_jsonata_output", "_run_parallel_branches", "_run_sub_machine")),
    (stepfunctions, ("_state_query_language", "_execute_task", "_execute_choice", "_execute_wait", "_execute_pass")),
    (stepfunctions, ("_execute_parallel", "_execute_map")),
)

TaskError = stepfunctions._ExecutionError
"""What a failed task raises: TaskError(error name, cause)."""

_execution_arn: contextvars.ContextVar[str] = contextvars.ContextVar("execution_arn")
_state: contextvars.ContextVar[str] = contextvars.ContextVar("state")


@dataclass(frozen=True)
class Execution:
    """The running execution that a task belongs to."""

    arn: str
    name: str
    role_arn: str

    @property
    def running(self) -> bool:
        execution = stepfunctions._executions.get(self.arn)
        return execution is not None and execution["status"] == "RUNNING"


def current_execution() -> Execution:
    arn = _execution_arn.get()
    execution = stepfunctions._executions[arn]
    machine = stepfunctions._state_machines[execution["stateMachineArn"]]
    return Execution(arn, execution["name"], machine["roleArn"])


def current_state() -> str:
    """The name of the state whose task is carried out."""
    return _state.get()


def end_execution(execution: Execution, status: str) -> None:
    """End a running execution as ABORTED or TIMED_OUT, at once; what it has under way goes on."""
    described = stepfunctions._executions[execution.arn]
    if described["status"] == "RUNNING":
        described.update(status=status, stopDate=now_iso())


Task = Callable[[str, dict[str, Any], float | None], Any]


def register_tasks(run: Task) -> None:
    """Let `run(resource, arguments, timeout in seconds or None)` carry out every Task state."""
    original: Any = stepfunctions._run_execution

    def run_execution(execution_arn: str) -> None:
        _execution_arn.set(execution_arn)
        original(execution_arn)

    execute: Any = stepfunctions._execute_task

    def execute_task(definition: State, state_input: Any, execution: State, context: State) -> Any:
        _state.set(context["State"]["Name"])
        return execute(definition, state_input, execution, context)

    replace(stepfunctions, "_run_execution", run_execution)
    replace(stepfunctions, "_execute_task", execute_task)
    replace(stepfunctions, "_invoke_resource", lambda resource, arguments: run(resource, arguments, None))
    replace(stepfunctions, "_invoke_resource_with_timeout", run)


def record_states_of_branches() -> None:
    """Fill in what ministack's Parallel and Map states leave out: Step Functions records the entry and exit of every
    state, gives each branch variables of its own, and applies a Parallel state's Output."""
    original: Any = stepfunctions._run_parallel_branches

    def run_branches(state: State, raw_input: Any, execution: State, context: State) -> tuple[Any, str | None]:
        output, following = original(state, raw_input, execution, context)
        if stepfunctions._state_query_language(state, context) == "JSONata":
            output = stepfunctions._apply_jsonata_output(state, raw_input, context, result=output, default=output)
        return output, following

    replace(stepfunctions, "_run_parallel_branches", run_branches)
    replace(stepfunctions, "_run_sub_machine", _run_branch)


def _run_branch(states: State, start_at: str, branch_input: Any, execution: State, context: State) -> Any:
    context = {**context, "variables": dict(context.get("variables", {}))}
    name: str | None = start_at
    output = copy.deepcopy(branch_input)
    while name is not None and execution["status"] == "RUNNING":
        state = states[name]
        kind = state["Type"]
        context["State"] = {"Name": name, "EnteredTime": responses.now_iso(), "RetryCount": 0}
        entered = {"name": name, "input": json.dumps(output)}
        stepfunctions._add_event(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": entered})
        left, (output, name) = name, _run_state(kind, state, output, execution, context)
        exited = {"name": left, "output": json.dumps(output)}
        stepfunctions._add_event(execution, f"{kind}StateExited", {"stateExitedEventDetails": exited})
    return output


def _run_state(kind: str, state: State, state_input: Any, execution: State, context: State) -> tuple[Any, str | None]:
    """Carry out one state: its output, and the next state's name or None."""
    if kind == "Succeed":
        return state_input, None
    if kind == "Fail":
        raise TaskError(*stepfunctions._fail_state_error(state, state_input, context))
    run = getattr(stepfunctions, f"_execute_{kind.lower()}")
    in_execution = (execution,) if kind in ("Task", "Parallel", "Map") else ()
    result: tuple[Any, str | None] = run(state, state_input, *in_execution, context)
    return result
