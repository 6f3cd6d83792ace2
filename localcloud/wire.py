"""SageMaker over HTTP: the JSON 1.1 protocol of its API, and the runtime's invocations."""

import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from localcloud import ministack_adapter as ministack
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.runtime import invoke
from localcloud.sagemaker.service import SageMaker

_JSON = "application/x-amz-json-1.1"
_INVOCATION = re.compile(r"^/endpoints/([^/]+)/invocations$")


def serve(service: SageMaker) -> None:
    """Register the service with the emulator's front door, which has checked each request's signature."""

    def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> ministack.HttpResponse:
        caller = ministack.signed_caller(headers, query)
        invocation = _INVOCATION.match(path)
        try:
            if invocation:
                answer = invoke(service, caller, unquote(invocation.group(1)), body, headers)
                return answer.status, dict(answer.headers), answer.body
            operation = headers.get("x-amz-target", "").partition(".")[2]
            response = service.call(operation, json.loads(body or b"{}"), caller)
        except ServiceError as error:
            return _error(error)
        return 200, {"Content-Type": _JSON}, json.dumps(response, default=_encode).encode()

    ministack.register_service(
        "sagemaker", {"target_prefixes": ["SageMaker."], "host_patterns": [r"sagemaker\."]}, handle
    )


def serve_inventory(service: SageMaker) -> None:
    """Register the local cloud's own service, whose one operation lists what an account holds."""

    def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> ministack.HttpResponse:
        resources = service.resources(ministack.current_account(), ministack.current_region())
        there = [r for r in resources if r.description.get("Status") != "Deleted"]
        everything = ministack.inventory() + [("sagemaker", resource.kind, resource.name) for resource in there]
        return 200, {"Content-Type": _JSON}, json.dumps(sorted(everything)).encode()

    ministack.register_service("localcloud", {"target_prefixes": [INVENTORY_TARGET]}, handle)


INVENTORY_TARGET = "LocalCloud.Inventory"


def _error(error: ServiceError) -> ministack.HttpResponse:
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    return error.status, {"Content-Type": _JSON, "x-amzn-ErrorType": error.code}, body


def _encode(value: Any) -> Any:
    """Times travel as seconds since 1970."""
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} has no place in an answer of SageMaker.")
