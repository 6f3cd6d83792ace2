"""What the account finds: services, public parameters and layers that ministack lacks, and what it holds of all."""

import asyncio
import base64
import contextvars
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ministack import app
from ministack.core import responses, router
from ministack.services import lambda_svc, ssm, stepfunctions

from localcloud.ministack_adapter.internals import HttpHandler, HttpResponse, Used

USED: Used = (
    (app, ("SERVICE_HANDLERS", "_build_persistence_save_dict")),
    (router, ("SERVICE_PATTERNS",)),
    (responses, ("AccountRegionScopedDict", "AccountScopedDict", "set_request_account_id")),
    (lambda_svc, ("_layers", "_publish_layer_version")),
    (ssm, ("_PUBLIC_AMI_PARAMETERS",)),
    (stepfunctions, ("_state_machines",)),
)


def register_service(name: str, patterns: Mapping[str, Any], handler: HttpHandler) -> None:
    """Serve an AWS service; `handler` runs in a thread, with the request's caller and region in its context."""

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> HttpResponse:
        return await asyncio.to_thread(handler, method, path, headers, body, query)

    router.SERVICE_PATTERNS[name] = dict(patterns)
    app.SERVICE_HANDLERS[name] = handle


def register_public_parameter(name: str, value: str) -> None:
    """An SSM parameter under /aws/service, which every account can read and none can write."""
    ssm._PUBLIC_AMI_PARAMETERS[name] = value


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


def inventory() -> list[tuple[str, str, str]]:
    """(service, kind, name) of everything that the request's account holds in its region.

    It reads the tables that ministack would save to disk, so a service or kind that it learns is there by itself.
    """
    found = []
    for service, tables_of in app._build_persistence_save_dict().items():
        for kind, table in (_undisturbed(tables_of) or {}).items():
            if isinstance(table, responses.AccountScopedDict | responses.AccountRegionScopedDict):
                is_there = _IS_THERE.get((service, kind), lambda _: True)
                entries = _undisturbed(partial(_entries, table))
                found += [(service, kind, str(name)) for name, entry in entries if is_there(entry)]
    return found


def _entries(table: Any) -> list[tuple[Any, Any]]:
    return list(table.items())


def _undisturbed(read: Callable[[], Any]) -> Any:
    """What a table holds, read again if another thread has changed it meanwhile."""
    while True:
        try:
            return read()
        except RuntimeError:  # dictionary changed size during iteration
            continue


def _never(entry: Any) -> bool:
    return False


_IS_THERE: Mapping[tuple[str, str], Callable[[Any], bool]] = {
    # A deleted stack is listed for 90 days, and an execution is gone with its state machine.
    ("cloudformation", "stacks"): lambda stack: stack["StackStatus"] != "DELETE_COMPLETE",
    ("stepfunctions", "executions"): lambda run: run["stateMachineArn"] in stepfunctions._state_machines,
    # An account's default bus is there from the first.
    ("eventbridge", "buses"): lambda bus: bus["Name"] != "default",
    # What happened, not what is there: AWS keeps it too, and charges nothing for it.
    ("cloudformation", "stack_events"): _never,
    ("cloudformation", "change_sets"): _never,
    ("cloudwatch", "metrics"): _never,
    ("cloudwatch", "alarm_history"): _never,
    ("cloudwatch_logs", "queries"): _never,
    ("cloudwatch_logs", "log_records"): _never,
}
"""Whether an entry of ministack's tables is a resource; where nothing stands here, it is."""
