"""Requests are held against AWS's own service model, and refused in AWS's words."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.sagemaker.errors import ServiceError, ValidationError
from localcloud.sagemaker.service import SageMaker
from localcloud.sagemaker.validation import validate
from tests.unit.small_cloud import Principal, SmallPlatform

MODEL = botocore.session.get_session().get_service_model("sagemaker")
ROLE = "arn:aws:iam::123456789012:role/jobs"
VALID: dict[str, dict[str, Any]] = {
    "CreateModel": {
        "ModelName": "fraud-1",
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {"Image": "image", "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}},
        "Tags": [{"Key": "project", "Value": "fraud"}],
    },
    "CreateEndpointConfig": {
        "EndpointConfigName": "fraud-1",
        "ProductionVariants": [
            {"VariantName": "AllTraffic", "ModelName": "fraud-1", "InitialInstanceCount": 1, "InitialVariantWeight": 1}
        ],
    },
    "ListModels": {},
    "CreateDomain": {
        "DomainName": "fraud",
        "AuthMode": "IAM",
        "DefaultUserSettings": {"ExecutionRole": ROLE},
        "SubnetIds": ["subnet-1"],
        "VpcId": "vpc-1",
    },
}


def check(operation: str, request: Any) -> None:
    validate(request, MODEL.operation_model(operation).input_shape)


def refusal(operation: str, **changes: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        check(operation, VALID[operation] | changes)
    return refused.value.message


def config(**changes: Any) -> dict[str, Any]:
    (variant,) = VALID["CreateEndpointConfig"]["ProductionVariants"]
    return {"ProductionVariants": [variant | changes]}


@pytest.mark.parametrize("operation", VALID)
def test_a_request_within_the_model_is_accepted(operation: str) -> None:
    check(operation, VALID[operation])


def test_an_operation_without_input_takes_anything() -> None:
    validate({"Unknown": 1}, None)


def test_an_unknown_parameter_is_refused_with_those_that_there_are() -> None:
    message = refusal("CreateModel", PrimaryContainers={})

    assert "Unknown parameter 'PrimaryContainers'; allowed are " in message
    assert "PrimaryContainer, Tags" in message


def test_an_unknown_parameter_is_found_at_any_depth() -> None:
    assert "Unknown parameter 'PrimaryContainer.Images'" in refusal("CreateModel", PrimaryContainer={"Images": "image"})
    assert "Unknown parameter 'ProductionVariants.1.member.ServerlessConfig.Memory'" in refusal(
        "CreateEndpointConfig", **config(ServerlessConfig={"Memory": 1024, "MemorySizeInMB": 1024, "MaxConcurrency": 1})
    )


def test_names_are_told_apart_by_case() -> None:
    assert "Unknown parameter 'modelName'" in refusal("CreateModel", modelName="fraud-1")


@pytest.mark.parametrize("value", [None, ...], ids=["null", "left out"])
def test_a_required_parameter_is_missed(value: Any) -> None:
    request = {key: item for key, item in VALID["CreateModel"].items() if key != "ModelName"}

    with pytest.raises(ValidationError) as refused:
        check("CreateModel", request if value is ... else request | {"ModelName": value})

    assert refused.value.message == (
        "1 validation error detected: Value null at 'modelName' failed to satisfy constraint: Member must not be null"
    )


def test_a_required_parameter_is_missed_at_any_depth() -> None:
    message = refusal("CreateModel", Tags=[{"Key": "project", "Value": "fraud"}, {"Key": "run-id"}])

    assert "Value null at 'tags.2.member.Value' failed to satisfy constraint: Member must not be null" in message


def test_a_null_counts_as_left_out() -> None:
    check("CreateModel", VALID["CreateModel"] | {"VpcConfig": None})


@pytest.mark.parametrize(
    ("operation", "changes", "constraint"),
    [
        ("CreateModel", {"ModelName": 5}, "Member must be of type string"),
        ("CreateModel", {"PrimaryContainer": "image"}, "Member must be of type structure"),
        ("CreateModel", {"Tags": {"project": "fraud"}}, "Member must be of type list"),
        ("CreateModel", {"Tags": ["project"]}, "Member must be of type structure"),
        ("CreateModel", {"EnableNetworkIsolation": "true"}, "Member must be of type boolean"),
        ("CreateModel", {"PrimaryContainer": {"Environment": ["A=1"]}}, "Member must be of type map"),
        ("CreateModel", {"PrimaryContainer": {"Environment": {"A": 1}}}, "Member must be of type string"),
        ("CreateEndpointConfig", config(InitialInstanceCount="1"), "Member must be of type integer"),
        ("CreateEndpointConfig", config(InitialInstanceCount=1.5), "Member must be of type integer"),
        ("CreateEndpointConfig", config(InitialInstanceCount=True), "Member must be of type integer"),
        ("CreateEndpointConfig", config(InitialVariantWeight="1"), "Member must be of type float"),
        ("CreateEndpointConfig", config(InitialVariantWeight=True), "Member must be of type float"),
    ],
)
def test_a_value_of_another_type_is_refused(operation: str, changes: dict[str, Any], constraint: str) -> None:
    assert constraint in refusal(operation, **changes)


def test_a_whole_number_will_do_for_a_float() -> None:
    check("CreateEndpointConfig", VALID["CreateEndpointConfig"] | config(InitialVariantWeight=2))


@pytest.mark.parametrize(
    ("operation", "changes", "constraint"),
    [
        pytest.param(
            "CreateModel", {"ModelName": "f" * 64}, "Member must have length less than or equal to 63", id="long name"
        ),
        pytest.param("CreateModel", {"Tags": [{"Key": "", "Value": ""}]}, "greater than or equal to 1", id="short key"),
        pytest.param(
            "CreateDomain", {"SubnetIds": []}, "Member must have length greater than or equal to 1", id="empty list"
        ),
        pytest.param(
            "CreateDomain",
            {"SubnetIds": ["subnet-1"] * 17},
            "Member must have length less than or equal to 16",
            id="long list",
        ),
        pytest.param(
            "ListModels", {"MaxResults": 101}, "Member must have value less than or equal to 100", id="high number"
        ),
        pytest.param(
            "ListModels", {"MaxResults": 0}, "Member must have value greater than or equal to 1", id="low number"
        ),
        pytest.param(
            "CreateModel",
            {"PrimaryContainer": {"Environment": {f"V{n}": "" for n in range(101)}}},
            "Member must have length less than or equal to 100",
            id="large map",
        ),
    ],
)
def test_sizes_are_held_against_their_bounds(operation: str, changes: dict[str, Any], constraint: str) -> None:
    assert constraint in refusal(operation, **changes)


@pytest.mark.parametrize("name", ["f" * 63, "a", "A-1", "a--b"])
def test_names_that_aws_takes_are_taken(name: str) -> None:
    check("CreateModel", VALID["CreateModel"] | {"ModelName": name})


@pytest.mark.parametrize("name", ["-fraud", "fraud-", "fraud_1", "fraud 1", "fraud\n", "fräud", "fraud.1"])
def test_names_are_held_against_their_pattern(name: str) -> None:
    message = refusal("CreateModel", ModelName=name)

    assert f"Value '{name}' at 'modelName' failed to satisfy constraint: Member must satisfy regular expression" in (
        message
    )


def test_patterns_of_any_alphabet_are_understood() -> None:
    """Tags may hold letters of any language, which AWS writes as Java does."""
    check("CreateModel", VALID["CreateModel"] | {"Tags": [{"Key": "équipe", "Value": "Übung 1 + 2 = @home_/:-."}]})

    assert "regular expression pattern" in refusal("CreateModel", Tags=[{"Key": "a", "Value": "50 %"}])


def test_a_value_outside_an_enumeration_is_refused_with_those_in_it() -> None:
    message = refusal("CreateDomain", AuthMode="OIDC")

    assert "Value 'OIDC' at 'authMode' failed to satisfy constraint: Member must satisfy enum value set: [" in message
    assert "IAM" in message
    assert "SSO" in message


def test_an_enumeration_is_held_to_at_any_depth() -> None:
    message = refusal("CreateEndpointConfig", **config(InstanceType="ml.m5.tiny"))

    assert "at 'productionVariants.1.member.InstanceType'" in message
    assert "ml.m5.large" in message


def test_all_that_is_wrong_is_said_at_once() -> None:
    message = refusal("CreateModel", ModelName="-", Unknown=1, Tags=[{"Key": "k"}])

    assert message.startswith("3 validation errors detected: ")
    assert message.count("; ") >= 2


@pytest.mark.parametrize("request_", [None, [], "{}", 5])
def test_a_request_that_is_no_object_is_refused(request_: Any) -> None:
    with pytest.raises(ValidationError, match="must be of type structure"):
        check("CreateModel", request_)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.sampled_from(sorted(VALID)), st.data())
def test_what_botocore_would_not_send_is_not_accepted_either(operation: str, data: st.DataObject) -> None:
    """botocore checks less (no patterns, enumerations or unknown parameters), so all that it refuses is refused."""
    shape = MODEL.operation_model(operation).input_shape
    members = sorted(name for name, member in shape.members.items() if member.type_name != "timestamp")
    changes = data.draw(st.dictionaries(st.sampled_from(members), json_values, max_size=3))
    request = VALID[operation] | changes

    try:
        validate(request, shape)
    except ValidationError:
        return
    given_members = {name: value for name, value in request.items() if value is not None}
    assert not ParamValidator().validate(given_members, shape).has_errors()


@pytest.mark.parametrize(
    ("time", "taken"), [(0, True), (1767225600.5, True), (-1, False), (float("inf"), False), (10**12, False)]
)
def test_a_time_is_a_number_of_seconds(time: float, taken: bool) -> None:
    if taken:
        check("ListModels", {"CreationTimeAfter": time})
    else:
        assert "Member must be a time in seconds since 1970" in refusal("ListModels", CreationTimeAfter=time)


@pytest.mark.parametrize("count", [2**31, 10**400], ids=["one too many", "far too many"])
def test_a_whole_number_fits_into_its_type(count: int) -> None:
    message = refusal("CreateEndpointConfig", **config(InitialInstanceCount=count))

    assert "Member must have value less than or equal to 2147483647" in message


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_a_weight_is_a_finite_number(weight: float) -> None:
    assert "must be a finite number" in refusal("CreateEndpointConfig", **config(InitialVariantWeight=weight))


@pytest.mark.parametrize("members", [{}, {"EFSFileSystemConfig": {}, "FSxLustreFileSystemConfig": {}}], ids=["0", "2"])
def test_of_a_union_exactly_one_member_is_given(members: dict[str, Any]) -> None:
    message = refusal("CreateDomain", DefaultUserSettings={"CustomFileSystemConfigs": [members]})

    assert "at 'defaultUserSettings.CustomFileSystemConfigs.1.member' failed to satisfy constraint: Exactly one" in (
        message
    )


@pytest.mark.parametrize("service", ["sagemaker", "sagemaker-runtime"])
def test_every_pattern_of_the_model_is_understood(service: str) -> None:
    model = botocore.session.get_session().get_service_model(service)
    for shape in map(model.shape_for, model.shape_names):
        if shape.metadata.get("pattern"):
            with suppress(ValidationError):
                validate("a", shape)


# --- every operation of the service -------------------------------------------------------------------------------

SAGEMAKER = SageMaker(SmallPlatform())
UNKNOWN = "does not know sagemaker:"


def answer(operation: str, request: Any) -> str:
    """The message with which the service refuses a request."""
    with pytest.raises(ServiceError) as refused:
        SAGEMAKER.call(operation, request, Principal())
    return refused.value.message


KNOWN = [name for name in MODEL.operation_names if UNKNOWN not in answer(name, None)]


def test_an_operation_that_is_not_here_is_refused_by_name() -> None:
    for operation in set(MODEL.operation_names) - set(KNOWN):
        with pytest.raises(ServiceError) as refused:
            SAGEMAKER.call(operation, {}, Principal())
        assert refused.value.code == "UnknownOperationException"
        assert refused.value.message == f"The local cloud does not know sagemaker:{operation} yet."


@settings(deadline=None)
@given(st.text(max_size=20).filter(lambda name: name not in MODEL.operation_names))
def test_what_aws_has_not_is_refused_by_name(operation: str) -> None:
    assert answer(operation, {}) == f"SageMaker has no operation {operation}."


@dataclass(frozen=True)
class Place:
    """Somewhere in a request: the members that lead there, `[]` into a list and `{}` into a map."""

    steps: tuple[str, ...]
    shape: Shape

    def request(self, value: Any) -> Any:
        """The least request that has the value there."""
        for step in reversed(self.steps):
            value = [value] if step == "[]" else {"k": value} if step == "{}" else {step: value}
        return value

    @property
    def path(self) -> str:
        """How AWS's messages call it."""
        return ".".join({"[]": "1.member", "{}": "k"}.get(step, step) for step in self.steps)

    def complaint(self, *below: str) -> str:
        path = ".".join([*filter(None, [self.path]), *below])
        return f" at '{path[:1].lower()}{path[1:]}' failed to satisfy constraint: Member must "


def places(shape: Shape, steps: tuple[str, ...] = (), above: frozenset[str] = frozenset()) -> Iterator[Place]:
    """All of them; what is within itself is entered once."""
    yield Place(steps, shape)
    if shape.name in above:
        return
    above |= {shape.name}
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            yield from places(member, (*steps, name), above)
    elif isinstance(shape, ListShape):
        yield from places(shape.member, (*steps, "[]"), above)
    elif isinstance(shape, MapShape):
        yield from places(shape.value, (*steps, "{}"), above)


def places_of(operation: str, wanted: Callable[[Shape], object] = lambda shape: True) -> list[Place]:
    return [place for place in places(MODEL.operation_model(operation).input_shape) if wanted(place.shape)]


of_every_operation = pytest.mark.parametrize("operation", sorted(KNOWN))


@of_every_operation
def test_an_unknown_parameter_is_refused_by_name_wherever_it_stands(operation: str) -> None:
    for place in places_of(operation, lambda shape: shape.type_name == "structure"):
        named = ".".join([*filter(None, [place.path]), "NoSuchMember"])
        assert f"Unknown parameter '{named}'; allowed are " in answer(operation, place.request({"NoSuchMember": 1}))


@of_every_operation
def test_another_type_is_refused_by_name_wherever_it_stands(operation: str) -> None:
    for place in places_of(operation):
        other = 5 if place.shape.type_name == "string" else "text"
        message = answer(operation, place.request(other))
        assert f"{place.complaint()}be of type {place.shape.type_name}" in message


@of_every_operation
def test_what_is_required_is_missed_by_name_wherever_it_belongs(operation: str) -> None:
    for place in places_of(operation, lambda shape: isinstance(shape, StructureShape)):
        for name in place.shape.required_members:
            assert f"Value null{place.complaint(name)}not be null" in answer(operation, place.request({}))


@of_every_operation
def test_a_value_outside_an_enumeration_is_refused_wherever_it_stands(operation: str) -> None:
    for place in places_of(operation, lambda shape: isinstance(shape, StringShape) and shape.enum):
        message = answer(operation, place.request("no such value"))
        assert f"Value 'no such value'{place.complaint()}satisfy enum value set: [" in message


def sized(shape: Shape, size: int) -> Any:
    """A string, list or map of that size; what is in it doesn't matter."""
    if isinstance(shape, ListShape):
        return [None] * size
    return {f"k{number}": None for number in range(size)} if isinstance(shape, MapShape) else "a" * size


def is_sized(shape: Shape) -> bool:
    return shape.type_name in ("string", "list", "map")


@of_every_operation
def test_what_is_too_long_is_refused_by_name_wherever_it_stands(operation: str) -> None:
    for place in places_of(operation, lambda shape: is_sized(shape) and "max" in shape.metadata):
        longest = place.shape.metadata["max"]
        message = answer(operation, place.request(sized(place.shape, longest + 1)))
        assert f"{place.complaint()}have length less than or equal to {longest}" in message


@of_every_operation
def test_what_is_too_short_is_refused_by_name_wherever_it_stands(operation: str) -> None:
    for place in places_of(operation, lambda shape: is_sized(shape) and shape.metadata.get("min")):
        shortest = place.shape.metadata["min"]
        message = answer(operation, place.request(sized(place.shape, shortest - 1)))
        assert f"{place.complaint()}have length greater than or equal to {shortest}" in message


@of_every_operation
def test_a_number_out_of_its_bounds_is_refused_by_name_wherever_it_stands(operation: str) -> None:
    for place in places_of(operation, lambda shape: shape.type_name in ("integer", "long", "float", "double")):
        bounds = place.shape.metadata
        if "min" in bounds:
            message = answer(operation, place.request(bounds["min"] - 1))
            assert f"{place.complaint()}have value greater than or equal to {bounds['min']}" in message
        if "max" in bounds:
            message = answer(operation, place.request(bounds["max"] + 1))
            assert f"{place.complaint()}have value less than or equal to {bounds['max']}" in message


ANYTHING = re.compile(r"\[(\\S\\s|\\s\\S)\][*+]|\(\?s\)\.\*")
"""Patterns that any text matches."""


@of_every_operation
def test_text_against_its_pattern_is_refused_by_name_wherever_it_stands(operation: str) -> None:
    for place in places_of(operation, lambda shape: shape.type_name == "string" and shape.metadata.get("pattern")):
        if not ANYTHING.fullmatch(place.shape.metadata["pattern"]):
            message = answer(operation, place.request("\x00\n"))
            assert f"{place.complaint()}satisfy regular expression pattern: " in message
