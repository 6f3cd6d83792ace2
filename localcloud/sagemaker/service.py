"""The SageMaker API: from an operation's name and request to its response.

Each operation is a function registered with `@operation`. Before it runs, its request has been checked
against AWS's own service model, and its caller's policies asked for the action, for `AddTags` where the
request carries tags, and for `iam:PassRole` on each role that it hands over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.model import ServiceModel

from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.platform import Caller, Platform
from localcloud.sagemaker.resources import Resource, Resources
from localcloud.sagemaker.validation import validate

Request = dict[str, Any]
Response = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One request's surroundings."""

    caller: Caller
    platform: Platform
    resources: Resources

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a resource; SageMaker writes names in lower case there (aws-facts 1.12)."""
        return f"arn:aws:sagemaker:{self.caller.region}:{self.caller.account}:{kind}/{name.lower()}"


Handler = Callable[[Call, Request], Response]
ArnOf = Callable[[Call, Request], str]


@dataclass(frozen=True)
class Operation:
    handler: Handler
    arn: ArnOf


_OPERATIONS: dict[str, Operation] = {}


def named(kind: str, member: str) -> ArnOf:
    """The ARN of the `kind` that the request names in `member`."""
    return lambda call, request: call.arn(kind, request[member])


def everything(call: Call, request: Request) -> str:
    """For operations without a resource level, such as lists."""
    return "*"


def operation(name: str, arn: ArnOf) -> Callable[[Handler], Handler]:
    """Register the handler of an operation, and the resource that its permission is asked for."""

    def register(handler: Handler) -> Handler:
        _OPERATIONS[name] = Operation(handler, arn)
        return handler

    return register


def tags_of(request: Request) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}


class SageMaker:
    """The service: its resources by account and region."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._model = _service_model()
        self._regions: dict[tuple[str, str], Resources] = {}

    def resources(self, account: str, region: str) -> Resources:
        return self._regions.setdefault((account, region), Resources())

    def accounts(self) -> list[tuple[str, str]]:
        """The accounts and regions that hold, or held, anything."""
        return list(self._regions)

    def call(self, name: str, request: Request, caller: Caller) -> Response:
        """Answer one request. Raises ServiceError."""
        if name not in self._model.operation_names:
            raise ServiceError("UnknownOperationException", f"SageMaker has no operation {name}.")
        if name not in _OPERATIONS:
            raise ServiceError("UnknownOperationException", f"The local cloud does not know sagemaker:{name} yet.")
        validate(request, self._model.operation_model(name).input_shape)
        call = Call(caller, self.platform, self.resources(caller.account, caller.region))
        chosen = _OPERATIONS[name]
        self._authorize(name, chosen.arn(call, request), request, call)
        return chosen.handler(call, request)

    def _authorize(self, name: str, arn: str, request: Request, call: Call) -> None:
        conditions = request_conditions(request, call.resources.by_arn(arn))
        call.caller.authorize(f"sagemaker:{name}", arn, conditions)
        if name.startswith("Create") and tags_of(request):
            call.caller.authorize("sagemaker:AddTags", arn, {**conditions, "sagemaker:TaggingAction": name})
        for role in passed_roles(request):
            call.caller.authorize("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"})


def _service_model() -> ServiceModel:
    """AWS's model of the service, with two patterns made readable that repeat their end, `(…)*${1,128}`."""
    loader = botocore.session.get_session().get_component("data_loader")
    description = loader.load_service_model("sagemaker", "service-2")
    for shape in ("CustomerMetadataKey", "CustomerMetadataValue"):
        pattern = description["shapes"][shape]["pattern"]
        # The length that is meant stands beside the pattern.
        description["shapes"][shape]["pattern"] = pattern.partition("${")[0]
    return ServiceModel(description, "sagemaker")


def request_conditions(request: Request, target: Resource | None) -> dict[str, str | list[str]]:
    """The context keys that a request brings: its tags, and those of the resource that it names."""
    tags = tags_of(request)
    conditions: dict[str, str | list[str]] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if tags or request.get("TagKeys"):
        conditions["aws:TagKeys"] = [*tags, *request.get("TagKeys", [])]
    for key, value in (target.tags if target else {}).items():
        conditions[f"aws:ResourceTag/{key}"] = value
    return conditions


def passed_roles(request: Any) -> set[str]:
    """Every role that a request hands to SageMaker, however deep it stands."""
    if isinstance(request, list):
        return set().union(*(passed_roles(item) for item in request))
    if not isinstance(request, dict):
        return set()
    own = {request[key] for key in ("RoleArn", "ExecutionRole", "ExecutionRoleArn") if request.get(key)}
    return own.union(*(passed_roles(value) for value in request.values()))
