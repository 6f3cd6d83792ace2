"""InvokeEndpoint: from an HTTP request to the model's answer."""

import functools
import http.client
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

import botocore.session
from botocore.model import ServiceModel

from localcloud.sagemaker.endpoints import Hosted
from localcloud.sagemaker.errors import ServiceError, ValidationError
from localcloud.sagemaker.hosting import Answer, Server
from localcloud.sagemaker.platform import Caller
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call, SageMaker, request_conditions
from localcloud.sagemaker.validation import validate

REAL_TIME_BYTES = 6 * 1024 * 1024
"""Of a request's body (the Runtime API's InvokeEndpoint; aws-facts 2.19)."""

SERVERLESS_BYTES = 4 * 1024 * 1024
"""aws-facts 6.6"""

_SERVING = ("InService", "Updating")
_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_VARIANT = "x-Amzn-Invoked-Production-Variant"
_TARGET_VARIANT = "x-amzn-sagemaker-target-variant"
_TO_CONTAINER = ("content-type", "accept", _ATTRIBUTES)
_FROM_CONTAINER = ("content-type", _ATTRIBUTES)
_PARAMETER = "x-amzn-sagemaker-"
_KNOWN = (_ATTRIBUTES, _TARGET_VARIANT, "x-amzn-sagemaker-inference-id")
"""The last one says nothing without data capture, which no endpoint has here."""

_MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class InvokeResponse:
    """What goes back over the wire: the model's answer, or AWS's ModelError about it (status 424)."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class InvocationRefused(ServiceError):
    """A ValidationError, as the runtime spells it."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationError", message)


def invoked_endpoint(path: str) -> str | None:
    """The endpoint that a request of the Runtime API is for; None if the path is none of that API's.

    Raises InvocationRefused, with the operation's name, for any but InvokeEndpoint.
    """
    for operation, pattern in _paths().items():
        found = pattern.fullmatch(path)
        if found and operation != "InvokeEndpoint":
            raise InvocationRefused(
                f"The local cloud does not know sagemaker:{operation} yet; it knows InvokeEndpoint."
            )
        if found:
            return unquote(found[1])
    return None


@functools.cache
def _model() -> ServiceModel:
    model: ServiceModel = botocore.session.get_session().get_service_model("sagemaker-runtime")
    return model


@functools.cache
def _paths() -> Mapping[str, re.Pattern[str]]:
    """The paths of AWS's Runtime API by operation; what is in braces is the endpoint's name."""
    model = _model()
    paths = {name: str(model.operation_model(name).http["requestUri"]) for name in model.operation_names}
    return {name: re.compile(re.sub(r"\{\w+\}", "([^/]+)", path)) for name, path in paths.items()}


def invoke(
    service: SageMaker, caller: Caller, endpoint_name: str, body: bytes, headers: Mapping[str, str]
) -> InvokeResponse:
    """Let the endpoint's model answer; `headers` are the request's, in any case.

    Raises AccessDenied; ServiceError `ValidationError` if nothing of that very name is in service or the body is too
    large; `413` for a body too large on instances; `ThrottlingException` beyond a serverless MaxConcurrency.
    """
    endpoint = _authorized_endpoint(service, caller, endpoint_name)
    lowered = {name.lower(): value for name, value in headers.items()}
    _check_parameters(endpoint_name, lowered)
    server = endpoint.runtime.server
    _check_size(server, body)
    _check_variant(server, lowered)
    if not server.slots.acquire(blocking=False):
        raise ServiceError("ThrottlingException", "Rate exceeded", HTTPStatus.TOO_MANY_REQUESTS)
    try:
        answer, seconds = _timed_answer(server, body, lowered)
    finally:
        server.slots.release()
    _record(service, caller, server, answer, seconds)
    return _response(caller, server, answer)


def _authorized_endpoint(service: SageMaker, caller: Caller, name: str) -> Resource:
    call = Call(caller, service.platform, service.resources(caller.account, caller.region))
    arn = call.arn("endpoint", name)
    caller.authorize("sagemaker:InvokeEndpoint", arn, request_conditions({}, call.resources.by_arn(arn)))
    endpoint = call.resources.get("endpoint", name)
    if endpoint is None or endpoint.description["EndpointStatus"] not in _SERVING:
        raise InvocationRefused(f"Endpoint {name} of account {caller.account} not found.")
    assert isinstance(endpoint.runtime, Hosted)
    return endpoint


def _check_size(server: Server, body: bytes) -> None:
    if server.deployment.serverless is not None and len(body) > SERVERLESS_BYTES:
        raise InvocationRefused(f"Request has oversize body: {len(body)} bytes, at most {SERVERLESS_BYTES} serverless.")
    if len(body) > REAL_TIME_BYTES:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        raise ServiceError(str(status.value), f"HTTP content length exceeded {REAL_TIME_BYTES} bytes.", status)


def _check_parameters(endpoint_name: str, headers: Mapping[str, str]) -> None:
    """What stands in the headers, held against AWS's model of the operation."""
    unknown = [name for name in headers if name.startswith(_PARAMETER) and name not in _KNOWN]
    if unknown:
        names = ", ".join(name.removeprefix(_PARAMETER).title() for name in unknown)
        raise InvocationRefused(f"The local cloud does not know X-Amzn-SageMaker-{names} yet; leave it out.")
    shape = _model().operation_model("InvokeEndpoint").input_shape
    in_headers = {name: str(member.serialization.get("name")).lower() for name, member in shape.members.items()}
    given = {name: headers[header] for name, header in in_headers.items() if header in headers}
    try:
        validate({"EndpointName": endpoint_name, "Body": b"", **given}, shape)
    except ValidationError as error:
        raise InvocationRefused(error.message) from error


def _check_variant(server: Server, headers: Mapping[str, str]) -> None:
    variant = server.deployment.variant_name
    target = headers.get(_TARGET_VARIANT, variant)
    if target != variant:
        raise InvocationRefused(f"Variant {target} not found for endpoint {server.deployment.endpoint_name}.")


def _timed_answer(server: Server, body: bytes, headers: Mapping[str, str]) -> tuple[Answer, float]:
    """The container's answer (status 0: it gave none), and the seconds that it took."""
    started = time.perf_counter()
    try:
        answer = server.invoke(body, {name: headers[name] for name in _TO_CONTAINER if name in headers})
    except (OSError, http.client.HTTPException):
        answer = Answer(0, {}, b"Your invocation timed out while waiting for a response from container primary.")
    return answer, time.perf_counter() - started


def _record(service: SageMaker, caller: Caller, server: Server, answer: Answer, seconds: float) -> None:
    """CloudWatch's metrics of an invocation, by endpoint and variant both (aws-facts 6.8)."""
    metrics = {
        "Invocations": 1.0,
        "ModelLatency": seconds * _MICROSECONDS,
        "Invocation4XXErrors": float(_is_client_error(answer)),
        "Invocation5XXErrors": float(_is_error(answer) and not _is_client_error(answer)),
    }
    dimensions = {"EndpointName": server.deployment.endpoint_name, "VariantName": server.deployment.variant_name}
    for name, value in metrics.items():
        service.platform.put_metric(caller.region, caller.account, "AWS/SageMaker", name, dimensions, value)


def _is_error(answer: Answer) -> bool:
    return not HTTPStatus.OK <= answer.status < HTTPStatus.BAD_REQUEST


def _is_client_error(answer: Answer) -> bool:
    return HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR


def _response(caller: Caller, server: Server, answer: Answer) -> InvokeResponse:
    if _is_error(answer):
        return _model_error(caller, server, answer)
    headers = {name: answer.headers[name] for name in _FROM_CONTAINER if name in answer.headers}
    return InvokeResponse(answer.status, {**headers, _VARIANT: server.deployment.variant_name}, answer.body)


def _model_error(caller: Caller, server: Server, answer: Answer) -> InvokeResponse:
    """ModelError as the Runtime API's model has it: what the container said, and where its log is."""
    group = server.deployment.log_group
    said = answer.body.decode(errors="replace")
    whose = "client" if _is_client_error(answer) else "server"
    console = f"https://{caller.region}.console.aws.amazon.com/cloudwatch/home?region={caller.region}"
    error = {
        "Message": f'Received {whose} error ({answer.status}) from primary with message "{said}". See '
        f"{console}#logEventViewer:group={group} in account {caller.account} for more information.",
        "OriginalStatusCode": answer.status,
        "OriginalMessage": said,
        "LogStreamArn": f"arn:aws:logs:{caller.region}:{caller.account}:log-group:{group}",
    }
    headers = {
        "Content-Type": "application/json",
        "x-amzn-ErrorType": "ModelError",
        _VARIANT: server.deployment.variant_name,
    }
    return InvokeResponse(HTTPStatus.FAILED_DEPENDENCY, headers, json.dumps(error).encode())
