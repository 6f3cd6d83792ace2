"""SageMaker over HTTP: the JSON 1.1 protocol of its API, and the runtime's invocations."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from localcloud import ministack_adapter as ministack
from localcloud.clock import CLOCK
from localcloud.faults import Fault, FaultKind, Faults
from localcloud.sagemaker.errors import AccessDenied, ServiceError, ValidationError
from localcloud.sagemaker.runtime import invoke, invoked_endpoint
from localcloud.sagemaker.service import SageMaker
from localcloud.sagemaker.transform import is_history

_JSON = "application/x-amz-json-1.1"


def serve(service: SageMaker) -> None:
    """Register the service with the emulator's front door, which has checked each request's signature."""

    def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> ministack.HttpResponse:
        caller = ministack.signed_caller(headers, query)
        try:
            endpoint = invoked_endpoint(path)
            if endpoint is not None:
                answer = invoke(service, caller, endpoint, body, headers)
                return answer.status, dict(answer.headers), answer.body
            operation = headers.get("x-amz-target", "").partition(".")[2]
            response = service.call(operation, json.loads(body or b"{}"), caller)
        except ServiceError as error:
            return _error(error)
        return 200, {"Content-Type": _JSON}, json.dumps(response, default=_encode).encode()

    ministack.register_service(
        "sagemaker", {"target_prefixes": ["SageMaker."], "host_patterns": [r"sagemaker\."]}, handle
    )


def serve_control(service: SageMaker, faults: Faults) -> None:
    """Register the local cloud's own service: what the account holds, its roles, the clock, and faults."""
    operations: dict[str, Callable[[dict[str, Any]], Any]] = {
        "Inventory": lambda request: inventory(service),
        "Assume": lambda request: dict(
            service.platform.assume(request["RoleArn"], "SageMaker", ministack.current_region())
        ),
        "Time": lambda request: CLOCK.time(),
        "AddFault": lambda request: faults.add(Fault(**{**request, "kind": FaultKind(request["kind"])})),
        "AdvanceClock": lambda request: ministack.advance_clock(timedelta(seconds=request["Seconds"])),
    }

    def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> ministack.HttpResponse:
        if not ministack.signed_caller(headers, query).is_administrator:
            return _error(AccessDenied("The local cloud's own operations are for the account's administrator."))
        operation = headers.get("x-amz-target", "").partition(".")[2]
        try:
            answer = operations[operation](json.loads(body))
        except ServiceError as error:
            return _error(error)
        except (KeyError, ValueError, TypeError) as error:
            return _error(ValidationError(f"LocalCloud.{operation}: {error}"))
        return 200, {"Content-Type": _JSON}, json.dumps(answer).encode()

    ministack.register_service("localcloud", {"target_prefixes": ["LocalCloud."]}, handle)


def inventory(service: SageMaker) -> list[tuple[str, str, str]]:
    """(service, kind, name) of everything that the request's account holds in its region."""
    resources = service.resources(ministack.current_account(), ministack.current_region())
    # AWS keeps a transform job that has ended for ever, at no cost, and has no operation to delete it.
    there = [r for r in resources if r.description.get("Status") != "Deleted" and not is_history(r)]
    return sorted(ministack.inventory() + [("sagemaker", resource.kind, resource.name) for resource in there])


def _error(error: ServiceError) -> ministack.HttpResponse:
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    return error.status, {"Content-Type": _JSON, "x-amzn-ErrorType": error.code}, body


def _encode(value: Any) -> Any:
    """Times travel as seconds since 1970."""
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} has no place in an answer of SageMaker.")
