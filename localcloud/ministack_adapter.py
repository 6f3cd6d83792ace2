"""Every touch of ministack's internals, in one place.

ministack is pinned to the exact version; when an upgrade moves what is used here, `check` says so by name.
"""

import asyncio
import base64
import contextvars
import copy
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator, responses, router
from ministack.core.iam_actions import identity_denial_message
from ministack.services import cloudformation, cloudwatch, iam, lambda_svc, ssm, stepfunctions, sts
from ministack.services.cloudformation import engine, provisioners, stacks

from localcloud.sagemaker.errors import AccessDenied, ValidationError
from localcloud.sagemaker.platform import Conditions

State = dict[str, Any]
HttpResponse = tuple[int, dict[str, str], bytes]
HttpHandler = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], HttpResponse]

_USED: tuple[tuple[ModuleType, tuple[str, ...]], ...] = (
    (app, ("SERVICE_HANDLERS", "_build_persistence_save_dict", "_port_is_bindable", "main")),
    (router, ("SERVICE_PATTERNS", "extract_access_key_id", "extract_region")),
    (responses, ("get_account_id", "get_region", "now_iso", "set_request_account_id", "set_request_region")),
    (responses, ("AccountScopedDict", "AccountRegionScopedDict")),
    (iam_evaluator, ("enforce", "EvalResult")),
    (iam, ("_roles",)),
    (iam_actions, ("_safe_json_field", "extract_resource_arn")),
    (sts, ("register_session",)),
    (cloudwatch, ("record_metric",)),
    (lambda_svc, ("_execute_function_warm", "_layers", "_publish_layer_version")),
    (ssm, ("_PUBLIC_AMI_PARAMETERS",)),
    (
        stepfunctions,
        ("_run_execution", "_invoke_resource", "_invoke_resource_with_timeout", "_executions", "_state_machines"),
    ),
    (
        stepfunctions,
        ("_ExecutionError", "_add_event", "_apply_jsonata_output", "_fail_state_error", "_run_parallel_branches"),
    ),
    (stepfunctions, ("_run_sub_machine", "_state_query_language", "_execute_task", "_execute_choice", "_execute_wait")),
    (stepfunctions, ("_execute_pass", "_execute_parallel", "_execute_map")),
    (cloudformation, ("_stacks",)),
    (engine, ("_topological_sort",)),
    (provisioners, ("_RESOURCE_HANDLERS", "_cfn_nested_stack_delete", "_delete_resource", "_nested_stack_lookup_name")),
    (stacks, ("_delete_resource", "_runs_on_worker_thread", "_with_dependencies")),
)


def main() -> None:
    """Serve until the process is told to end; configured by environment variables."""
    serve: Callable[[], None] = app.main
    serve()


class MinistackChanged(Exception):
    """The installed ministack is not the one that this module was written against."""


def _replace(module: ModuleType, name: str, value: Any) -> None:
    """Put something else in the place of what ministack has there; `check` has seen that it is there."""
    setattr(module, name, value)


def serve_on_one_port() -> None:
    """Leave port 443 alone: other clouds, and other programs, run on this machine too."""

    _replace(app, "_port_is_bindable", lambda host, port: False)


def check() -> None:
    """Raise MinistackChanged, naming what is gone, unless everything used here is still there."""
    gone = [f"{module.__name__}.{name}" for module, names in _USED for name in names if not hasattr(module, name)]
    if gone:
        raise MinistackChanged(f"ministack no longer has {', '.join(gone)}: mend {__name__} before upgrading it.")


# --- who calls, and what roles may do ---------------------------------------------------------------------------


@dataclass(frozen=True)
class SignedCaller:
    """The principal whose signature ministack has checked on the request at hand."""

    access_key_id: str
    account: str
    region: str

    def authorize(self, action: str, resource: str, conditions: Conditions) -> None:
        service = action.partition(":")[0]
        denied = iam_evaluator.enforce(
            self.access_key_id, action, service, self.region, resource_arn=resource, service_context=dict(conditions)
        )
        if isinstance(denied, iam_evaluator.EvalResult):
            explicit = denied.decision == "Deny"
            raise AccessDenied(identity_denial_message(action, denied.principal_arn, resource, explicit))
        if denied is not None:
            raise AccessDenied(denied.message)


@dataclass(frozen=True)
class ServiceCaller:
    """AWS itself (CloudFormation with its administrator role): may do everything."""

    account: str
    region: str

    def authorize(self, action: str, resource: str, conditions: Conditions) -> None:
        return


def current_account() -> str:
    return str(responses.get_account_id())


def current_region() -> str:
    return str(responses.get_region())


def ask_for_log_streams() -> None:
    """Ask for the permission on the log stream where a request names one; ministack asks for its group's."""
    original: Callable[..., str] = iam_actions.extract_resource_arn

    def extract_resource_arn(service: str, method: str, path: str, headers: State, body: bytes, *rest: Any) -> str:
        arn = original(service, method, path, headers, body, *rest)
        stream = iam_actions._safe_json_field(body, "logStreamName") if service == "logs" else ""
        return f"{arn}:log-stream:{stream}" if stream else arn

    _replace(iam_actions, "extract_resource_arn", extract_resource_arn)


def role_credentials(role_arn: str, service_principal: str, session_name: str) -> dict[str, str]:
    """Temporary credentials of a role, as environment variables, for a service that its trust policy names."""
    account, role_name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, role_name)
    if role is None or service_principal not in str(role["AssumeRolePolicyDocument"]):
        raise ValidationError(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{service_principal}' to assume the role."
        )
    access_key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32)
    session_name = re.sub(r"[^\w+=,.@-]", "-", session_name)[:64]
    sts.register_session(
        access_key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}",
            "UserId": f"{hashlib.sha256(role_arn.encode()).hexdigest()[:20].upper()}:{session_name}",
            "SecretAccessKey": secret,
            "SessionToken": token,
        },
    )
    return {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


class MinistackPlatform:
    """The services around SageMaker, as ministack has them."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), UTC)

    def assume(self, role_arn: str, session_name: str, region: str) -> Mapping[str, str]:
        return {
            **role_credentials(role_arn, "sagemaker.amazonaws.com", session_name),
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
            "AWS_CA_BUNDLE": os.environ["AWS_CA_BUNDLE"],
        }

    def put_metric(
        self, region: str, account: str, namespace: str, name: str, dimensions: Mapping[str, str], value: float
    ) -> None:
        def record() -> None:
            responses.set_request_account_id(account)
            responses.set_request_region(region)
            cloudwatch.record_metric(namespace, name, value, dimensions=dict(dimensions))

        contextvars.copy_context().run(record)


# --- services -------------------------------------------------------------------------------------------------


def register_service(name: str, patterns: Mapping[str, Any], handler: HttpHandler) -> None:
    """Serve an AWS service; `handler` runs in a thread, with the request's caller and region in its context."""

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> HttpResponse:
        return await asyncio.to_thread(handler, method, path, headers, body, query)

    router.SERVICE_PATTERNS[name] = dict(patterns)
    app.SERVICE_HANDLERS[name] = handle


def signed_caller(headers: dict[str, str], query: dict[str, list[str]]) -> SignedCaller:
    return SignedCaller(
        router.extract_access_key_id(headers, query) or "", current_account(), router.extract_region(headers, query)
    )


def register_public_parameter(name: str, value: str) -> None:
    """An SSM parameter under /aws/service, which every account can read and none can write."""
    ssm._PUBLIC_AMI_PARAMETERS[name] = value


def inventory() -> list[tuple[str, str, str]]:
    """(service, kind, name) of everything that the request's account holds in its region.

    It reads the tables that ministack would save to disk, so a service or kind that it learns is there by itself.
    """
    found = []
    for service, tables_of in app._build_persistence_save_dict().items():
        for kind, table in (tables_of() or {}).items():
            if isinstance(table, responses.AccountScopedDict | responses.AccountRegionScopedDict):
                is_there = _IS_THERE.get((service, kind), lambda _: True)
                found += [(service, kind, str(name)) for name in table if is_there(table[name])]
    return found


def _never(entry: Any) -> bool:
    return False


_IS_THERE: Mapping[tuple[str, str], Callable[[Any], bool]] = {
    # A deleted stack is listed for 90 days, and an execution is gone with its state machine.
    ("cloudformation", "stacks"): lambda stack: stack["StackStatus"] != "DELETE_COMPLETE",
    ("stepfunctions", "executions"): lambda run: run["stateMachineArn"] in stepfunctions._state_machines,
    # What happened, not what is there: AWS keeps it too, and charges nothing for it.
    ("cloudformation", "stack_events"): _never,
    ("cloudformation", "change_sets"): _never,
    ("cloudwatch", "metrics"): _never,
    ("cloudwatch", "alarm_history"): _never,
    ("cloudwatch_logs", "queries"): _never,
    ("cloudwatch_logs", "log_records"): _never,
}
"""Whether an entry of ministack's tables is a resource; where nothing stands here, it is."""


# --- CloudFormation -------------------------------------------------------------------------------------------

Create = Callable[[str, dict[str, Any], str], tuple[str, dict[str, Any]]]
Update = Callable[[str, dict[str, Any], dict[str, Any], str], tuple[str, dict[str, Any]]]
Delete = Callable[[str, dict[str, Any]], None]


def register_resource_type(name: str, create: Create, update: Update, delete: Delete) -> None:
    """Let CloudFormation make a type of resource; its functions may block, and so run on a thread of their own."""
    original = stacks._runs_on_worker_thread
    _replace(stacks, "_runs_on_worker_thread", lambda resource_type: resource_type == name or original(resource_type))
    provisioners._RESOURCE_HANDLERS[name] = {"create": create, "update": update, "delete": delete}


def delete_stacks_as_cloudformation_does() -> None:
    """Let a nested stack's failed deletion fail its parent's, and keep what a resource that stays depends on."""
    delete: Any = provisioners._delete_resource

    def delete_resource(kind: str, physical_id: str, properties: State, stack: str, logical_id: str) -> None:
        resources = cloudformation._stacks[stack]["_resources"]
        definitions = cloudformation._stacks[stack]["_template"]["Resources"]
        others = [name for name in resources if name != logical_id]
        dependents = [n for n in others if logical_id in stacks._with_dependencies([n], definitions, set(resources))]
        if dependents:
            raise DeletionFailed(f"{', '.join(dependents)} could not be deleted, and {logical_id} is needed by it.")
        delete(kind, physical_id, properties, stack, logical_id)

    def delete_nested_stack(physical_id: str, properties: State) -> None:
        name = provisioners._nested_stack_lookup_name(physical_id)
        child = cloudformation._stacks.get(name)
        if child is not None:
            _delete_in_order(name, child, delete_resource)
            finish(physical_id, properties)

    finish: Any = provisioners._cfn_nested_stack_delete
    handlers: Any = provisioners._RESOURCE_HANDLERS
    handlers["AWS::CloudFormation::Stack"]["delete"] = delete_nested_stack
    _replace(stacks, "_delete_resource", delete_resource)


class DeletionFailed(Exception):
    """CloudFormation could not delete a resource."""


def _delete_in_order(name: str, stack: State, delete: Callable[[str, str, State, str, str], None]) -> None:
    """Delete a nested stack's resources, dependents first; those that fail stay, and are named in DeletionFailed."""
    resources, failures = stack["_resources"], []
    for logical_id in reversed(engine._topological_sort(stack["_template"]["Resources"], stack.get("_conditions", {}))):
        resource = resources.get(logical_id)
        if resource is None:
            continue
        try:
            kind, physical_id = resource["ResourceType"], resource["PhysicalResourceId"]
            delete(kind, physical_id, resource.get("Properties", {}), name, logical_id)
            del resources[logical_id]
        except Exception as error:  # noqa: BLE001 - whatever stops a deletion is the stack's reason
            failures.append(f"{logical_id}: {error}")
    if failures:
        stack["StackStatus"] = "DELETE_FAILED"
        raise DeletionFailed("; ".join(failures))


# --- Step Functions -------------------------------------------------------------------------------------------

TaskError = stepfunctions._ExecutionError
"""What a failed task raises: TaskError(error name, cause)."""

_execution_arn: contextvars.ContextVar[str] = contextvars.ContextVar("execution_arn")


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


Task = Callable[[str, dict[str, Any], float | None], Any]


def register_tasks(run: Task) -> None:
    """Let `run(resource, arguments, timeout in seconds or None)` carry out every Task state."""
    original: Any = stepfunctions._run_execution

    def run_execution(execution_arn: str) -> None:
        _execution_arn.set(execution_arn)
        original(execution_arn)

    _replace(stepfunctions, "_run_execution", run_execution)
    _replace(stepfunctions, "_invoke_resource", lambda resource, arguments: run(resource, arguments, None))
    _replace(stepfunctions, "_invoke_resource_with_timeout", run)


def record_states_of_branches() -> None:
    """Fill in what ministack's Parallel and Map states leave out: Step Functions records the entry and exit of every
    state, gives each branch variables of its own, and applies a Parallel state's Output."""
    original: Any = stepfunctions._run_parallel_branches

    def run_branches(state: State, raw_input: Any, execution: State, context: State) -> tuple[Any, str | None]:
        output, following = original(state, raw_input, execution, context)
        if stepfunctions._state_query_language(state, context) == "JSONata":
            output = stepfunctions._apply_jsonata_output(state, raw_input, context, result=output, default=output)
        return output, following

    _replace(stepfunctions, "_run_parallel_branches", run_branches)
    _replace(stepfunctions, "_run_sub_machine", _run_branch)


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


# --- Lambda ---------------------------------------------------------------------------------------------------


def name_errors_as_lambda_does() -> None:
    """Answer with the exception's class name as errorType; ministack's worker says Runtime.HandlerError for all."""
    original = lambda_svc._execute_function_warm

    def execute(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        result: dict[str, Any] = original(func, event, request_id)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) and body.get("errorType") == "Runtime.HandlerError":
            body["errorType"] = _exception_name(result.get("log", ""), body["errorMessage"]) or body["errorType"]
        return result

    _replace(lambda_svc, "_execute_function_warm", execute)


def publish_public_layer(account: str, name: str, version: int, content: bytes) -> str:
    """Publish a layer version that every account may use, with the given number; return its ARN."""

    def publish() -> str:
        responses.set_request_account_id(account)
        lambda_svc._layers[name] = {"versions": [], "next_version": version}
        lambda_svc._publish_layer_version(name, {"Content": {"ZipFile": base64.b64encode(content).decode()}})
        published = lambda_svc._layers[name]["versions"][0]
        arn = str(published["LayerVersionArn"])
        published["_policy"]["Statement"].append(
            {"Sid": "public", "Effect": "Allow", "Principal": "*", "Action": "lambda:GetLayerVersion", "Resource": arn}
        )
        return arn

    return contextvars.copy_context().run(publish)


def _exception_name(log: str, message: str) -> str | None:
    """The class in a trace-back's last entry, `package.module.Class: message`."""
    head = log.rstrip().removesuffix(message.rstrip()).rstrip().removesuffix(":")
    match = re.search(r"([A-Za-z_][\w.]*)$", head)
    return match.group(1).rsplit(".", 1)[-1] if match else None
