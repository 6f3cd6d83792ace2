"""The SageMaker API: from an operation's name and request to its response.

Each operation is a function registered with `@operation`. Before it runs, its request has been checked
against AWS's own service model, and its caller's policies asked for the action, for `AddTags` where the
request carries tags, and for `iam:PassRole` on each role that it hands over.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.model import ListShape, ServiceModel, Shape, StructureShape

from localcloud.sagemaker.errors import ServiceError, ValidationError
from localcloud.sagemaker.platform import Caller, Platform
from localcloud.sagemaker.resources import Resource, Resources
from localcloud.sagemaker.validation import validate

Request = dict[str, Any]
Response = dict[str, Any]
Context = dict[str, str | list[str]]
"""Context keys of a request, for its caller's policies."""

_TELLS_INSTANCE_TYPES = frozenset(
    {"CreateApp", "CreateDomain", "CreateSpace", "CreateUserProfile", "UpdateDomain", "UpdateSpace"}
    | {"UpdateUserProfile", "CreateTrainingJob", "CreateHyperParameterTuningJob", "CreateTransformJob"}
    | {"CreateProcessingJob", "CreateEndpointConfig"}
)
"""The actions that have the condition key sagemaker:InstanceTypes (Service Authorization Reference)."""

_ROLES = ("RoleArn", "ExecutionRole", "ExecutionRoleArn")
"""Members by which a request hands a role to SageMaker."""


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
ContextOf = Callable[[Call, Request], Context]


@dataclass(frozen=True)
class Operation:
    handler: Handler
    arn: ArnOf
    context: ContextOf


_OPERATIONS: dict[str, Operation] = {}


def named(kind: str, member: str) -> ArnOf:
    """The ARN of the `kind` that the request names in `member`."""
    return lambda call, request: call.arn(kind, request[member])


def everything(call: Call, request: Request) -> str:
    """For operations without a resource level, such as lists."""
    return "*"


def no_context(call: Call, request: Request) -> Context:
    """For operations without condition keys of their own."""
    return {}


def operation(name: str, arn: ArnOf, context: ContextOf = no_context) -> Callable[[Handler], Handler]:
    """Register the handler of an operation, and the resource and the keys with which its permission is asked for."""

    def register(handler: Handler) -> Handler:
        _OPERATIONS[name] = Operation(handler, arn, context)
        return handler

    return register


def tags_of(request: Request) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}


def check_tags(request: Request) -> None:
    """Raise ValidationError for a key that stands there twice, or that only AWS may give (aws-facts 6.13)."""
    keys = [tag["Key"] for tag in request.get("Tags") or []]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValidationError(f"Duplicate tag key: {', '.join(twice)}. Give each key once.")
    reserved = [key for key in keys if key.lower().startswith("aws:")]
    if reserved:
        raise ValidationError(
            f"aws: prefixed tag key names are not allowed for external use; given are {', '.join(reserved)}."
        )


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
        shape = self._model.operation_model(name).input_shape
        validate(request, shape)
        check_tags(request)
        call = Call(caller, self.platform, self.resources(caller.account, caller.region))
        self._authorize(name, shape, request, call)
        return _OPERATIONS[name].handler(call, request)

    def _authorize(self, name: str, shape: Shape | None, request: Request, call: Call) -> None:
        chosen = _OPERATIONS[name]
        arn = chosen.arn(call, request)
        conditions = request_conditions(request, call.resources.by_arn(arn))
        own = {**instance_types(name, shape, request), **chosen.context(call, request)}
        call.caller.authorize(f"sagemaker:{name}", arn, {**conditions, **own})
        if name.startswith("Create") and tags_of(request):
            call.caller.authorize("sagemaker:AddTags", arn, {**conditions, "sagemaker:TaggingAction": name})
        for role in sorted(set(values_of(_ROLES, request, shape))):
            call.caller.authorize("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"})


@functools.cache
def _service_model() -> ServiceModel:
    """AWS's model of the service, with two patterns made readable that repeat their end, `(…)*${1,128}`."""
    loader = botocore.session.get_session().get_component("data_loader")
    description = loader.load_service_model("sagemaker", "service-2")
    for shape in ("CustomerMetadataKey", "CustomerMetadataValue"):
        pattern = description["shapes"][shape]["pattern"]
        # The length that is meant stands beside the pattern.
        description["shapes"][shape]["pattern"] = pattern.partition("${")[0]
    return ServiceModel(description, "sagemaker")


def request_conditions(request: Request, target: Resource | None) -> Context:
    """The context keys that a request brings: its tags, and those of the resource that it names."""
    tags = tags_of(request)
    conditions: Context = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if tags or request.get("TagKeys"):
        conditions["aws:TagKeys"] = [*tags, *request.get("TagKeys", [])]
    for key, value in (target.tags if target else {}).items():
        conditions[f"aws:ResourceTag/{key}"] = value
    return conditions


def instance_types(name: str, shape: Shape | None, request: Request) -> Context:
    """The key sagemaker:InstanceTypes: all that the request names; without any there is no such key."""
    named_types = sorted(set(values_of(("InstanceType",), request, shape))) if name in _TELLS_INSTANCE_TYPES else []
    return {"sagemaker:InstanceTypes": named_types} if named_types else {}


def values_of(members: tuple[str, ...], value: Any, shape: Shape | None) -> Iterator[str]:
    """What the request says in members of these names, however deep. Maps hold what users name, and no members."""
    if value is None:
        return
    within: list[tuple[Any, Shape]] = []
    if isinstance(shape, StructureShape):
        yield from (value[member] for member in members if isinstance(value.get(member), str))
        within = [(item, shape.members[member]) for member, item in value.items()]
    elif isinstance(shape, ListShape):
        within = [(item, shape.member) for item in value]
    for item, its_shape in within:
        yield from values_of(members, item, its_shape)
