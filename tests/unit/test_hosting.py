"""The rules of models, endpoint configurations, endpoints and invocations that need neither S3 nor a process."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.sagemaker import hosting
from localcloud.sagemaker.containers import Container
from localcloud.sagemaker.endpoints import Hosted
from localcloud.sagemaker.errors import AccessDenied, ResourceLimitExceeded, ServiceError, ValidationError
from localcloud.sagemaker.hosting import Server
from localcloud.sagemaker.resources import Resource, Resources
from localcloud.sagemaker.runtime import (
    REAL_TIME_BYTES,
    SERVERLESS_BYTES,
    InvokeResponse,
    invoke,
    invoked_endpoint,
)
from localcloud.sagemaker.service import SageMaker
from tests.unit.small_cloud import ACCOUNT, REGION, ROLE, Principal, SmallPlatform
from tests.unit.small_store import PlatformWithStore, SmallStore

IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
MODEL_DATA = "s3://bucket/runs/1/model.tar.gz"
SERVERLESS = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
LONGEST_SECONDS = 30
NO_HEADERS: Mapping[str, str] = {}


@dataclass
class HeldPlatform(SmallPlatform):
    """Nobody gets a role before `released`, so that an endpoint stays Creating; then nobody gets one either."""

    released: threading.Event = field(default_factory=threading.Event)

    def assume(self, role_arn: str, session_name: str, region: str) -> Mapping[str, str]:
        self.released.wait(LONGEST_SECONDS)
        return super().assume(role_arn, session_name, region)


@dataclass
class Team:
    """Somebody with the API in hand, and a model that is there already."""

    platform: HeldPlatform = field(default_factory=HeldPlatform)
    caller: Principal = field(default_factory=Principal)

    def __post_init__(self) -> None:
        self.sagemaker = SageMaker(self.platform)
        container = {"Image": IMAGE, "ModelDataUrl": MODEL_DATA, "Environment": {}}
        description = {"ModelName": "fraud", "PrimaryContainer": container, "ExecutionRoleArn": ROLE}
        self.resources.add(Resource("model", "fraud", arn("model/fraud"), description))

    @property
    def resources(self) -> Resources:
        return self.sagemaker.resources(ACCOUNT, REGION)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.sagemaker.call(operation, request, self.caller)

    def config(self, name: str = "config", **variant: Any) -> None:
        self.call("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=[variant_of(**variant)])

    def endpoint(self, name: str = "fraud", **variant: Any) -> None:
        self.config(f"{name}-config", **variant)
        self.call("CreateEndpoint", EndpointName=name, EndpointConfigName=f"{name}-config")

    def status(self, name: str = "fraud") -> str:
        return str(self.call("DescribeEndpoint", EndpointName=name)["EndpointStatus"])

    def put_in_service(self, name: str = "fraud", slots: int = 1) -> Container:
        """As if a container had answered its ping; nothing runs in it."""
        resource = self.resources.get("endpoint", name)
        assert resource is not None
        container = Container(name)
        server = Server(container, 0, resource.runtime.deployment, threading.Semaphore(slots))
        resource.runtime = replace(resource.runtime, server=server)
        resource.description["EndpointStatus"] = "InService"
        return container

    def invoke(
        self, name: str = "fraud", body: bytes = b"1,2", headers: Mapping[str, str] = NO_HEADERS
    ) -> InvokeResponse:
        return invoke(self.sagemaker, self.caller, name, body, headers)


def arn(resource: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{resource}"


def variant_of(**members: Any) -> dict[str, Any]:
    size = {} if "ServerlessConfig" in members else {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    return {"VariantName": "AllTraffic", "ModelName": "fraud", **size, **members}


@pytest.fixture
def team() -> Iterator[Team]:
    team = Team()
    yield team
    team.platform.released.set()
    for endpoint in team.resources.all("endpoint"):
        if isinstance(endpoint.runtime, Hosted) and endpoint.runtime.server is not None:
            endpoint.runtime.server.stop()


def model_request(**container: Any) -> dict[str, Any]:
    primary = {"Image": IMAGE, "ModelDataUrl": MODEL_DATA, **container}
    return {"ModelName": "new", "PrimaryContainer": primary, "ExecutionRoleArn": ROLE}


def test_a_model_needs_an_image_that_runs_here(team: Team) -> None:
    with pytest.raises(ValidationError, match="no image 'python:3'"):
        team.call("CreateModel", **model_request(Image="python:3"))


def test_a_model_s_image_lies_in_its_own_region(team: Team) -> None:
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
    with pytest.raises(ValidationError) as refused:
        team.call("CreateModel", **model_request(Image=image))
    assert refused.value.message == (
        f'Region of "{image}" does not match expected region of eu-west-1. Cross region ECR image pulls are not '
        "allowed."
    )


@pytest.mark.parametrize("url", ["s3://bucket/model.zip", "https://bucket/model.tar.gz"])
def test_model_data_is_an_archive_in_s3(team: Team, url: str) -> None:
    with pytest.raises(ValidationError, match="gzip compressed tar archive"):
        team.call("CreateModel", **model_request(ModelDataUrl=url))


def test_a_model_whose_role_sagemaker_may_not_assume_is_refused(team: Team) -> None:
    team.platform.released.set()
    with pytest.raises(ValidationError, match=f"Could not access model data at {MODEL_DATA}.*{ROLE}"):
        team.call("CreateModel", **model_request())


@pytest.fixture
def store() -> Iterator[SmallStore]:
    store = SmallStore()
    yield store
    store.shutdown()
    store.server_close()


@pytest.mark.enable_socket
def test_model_data_must_be_there(store: SmallStore) -> None:
    sagemaker = SageMaker(PlatformWithStore(store=store))
    with pytest.raises(ValidationError, match=f"Could not find model data at {MODEL_DATA}"):
        sagemaker.call("CreateModel", model_request(), Principal())

    store.objects["bucket/runs/1/model.tar.gz"] = b"model"

    assert sagemaker.call("CreateModel", model_request(), Principal()) == {"ModelArn": arn("model/new")}


def test_the_role_of_a_model_must_be_passed(team: Team) -> None:
    team.caller.denied = frozenset({"iam:PassRole"})
    with pytest.raises(AccessDenied):
        team.call("CreateModel", **model_request())
    assert team.caller.asked[-1] == ("iam:PassRole", ROLE, {"iam:PassedToService": "sagemaker.amazonaws.com"})


@pytest.mark.parametrize("name", ["f" * 64, "-fraud", "fraud_1", ""])
@pytest.mark.parametrize("operation", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"])
def test_a_name_has_1_to_63_letters_digits_and_hyphens(team: Team, operation: str, name: str) -> None:
    member = f"{operation.removeprefix('Create')}Name"
    with pytest.raises(ValidationError, match=f"'{member[:1].lower()}{member[1:]}' failed to satisfy constraint"):
        team.call(operation, **{member: name})


def test_a_model_name_is_taken_once(team: Team) -> None:
    with pytest.raises(ValidationError, match=f'Cannot create already existing model "{arn("model/fraud")}"'):
        team.call("CreateModel", **{**model_request(), "ModelName": "Fraud"})


def test_what_the_local_cloud_does_not_know_of_a_model_is_refused_by_name(team: Team) -> None:
    with pytest.raises(ValidationError, match="does not know VpcConfig in CreateModel"):
        team.call("CreateModel", **model_request(), VpcConfig={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]})


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"EnableNetworkIsolation": True}, "cannot isolate a container from the network"),
        ({"Containers": [{"Image": IMAGE}] * 2}, "does not know Containers in CreateModel"),
        ({"ExecutionRoleArn": None}, "needs ExecutionRoleArn"),
        ({"PrimaryContainer": {"Image": IMAGE, "Mode": "MultiModel", "ModelDataUrl": MODEL_DATA}}, "SingleModel"),
    ],
    ids=["isolation", "a pipeline", "no role", "several models"],
)
def test_a_model_that_cannot_be_served_here_is_refused_by_name(team: Team, members: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        team.call("CreateModel", **{**model_request(), **members})


def test_a_deleted_model_cannot_be_found(team: Team) -> None:
    team.call("DeleteModel", ModelName="fraud")
    with pytest.raises(ValidationError, match=f'Could not find model "{arn("model/fraud")}"'):
        team.call("DescribeModel", ModelName="fraud")


def test_a_configuration_needs_a_model_that_exists(team: Team) -> None:
    with pytest.raises(ValidationError, match=f'Could not find model "{arn("model/other")}"'):
        team.config(ModelName="other")


def test_a_configuration_name_is_taken_once(team: Team) -> None:
    team.config()
    with pytest.raises(ValidationError, match="Cannot create already existing endpoint configuration"):
        team.config()


def test_a_type_for_notebooks_cannot_host(team: Team) -> None:
    with pytest.raises(ValidationError, match=r"ml\.t3\.medium"):
        team.config(InstanceType="ml.t3.medium")


@pytest.mark.parametrize("instance_type", ["ml.t2.medium", "ml.m5.large", "ml.m5.xlarge", "ml.m7i.large"])
def test_a_type_for_hosting_can(team: Team, instance_type: str) -> None:
    team.config(InstanceType=instance_type)


UNKNOWN_OF_CONFIGURATION: dict[str, Any] = {
    "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
    "AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://bucket/async"}},
    "EnableNetworkIsolation": True,
    "ShadowProductionVariants": [variant_of()],
    "DataCaptureConfig": {
        "InitialSamplingPercentage": 1,
        "DestinationS3Uri": "s3://bucket/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    },
}


@pytest.mark.parametrize("member", UNKNOWN_OF_CONFIGURATION)
def test_what_the_local_cloud_does_not_know_of_a_configuration_is_refused_by_name(team: Team, member: str) -> None:
    more = {member: UNKNOWN_OF_CONFIGURATION[member]}
    with pytest.raises(ValidationError, match=f"does not know {member} in CreateEndpointConfig"):
        team.call("CreateEndpointConfig", EndpointConfigName="config", ProductionVariants=[variant_of()], **more)


@pytest.mark.parametrize("member", ["ManagedInstanceScaling", "AcceleratorType", "CoreDumpConfig"])
def test_what_the_local_cloud_does_not_know_of_a_variant_is_refused_by_name(team: Team, member: str) -> None:
    value: Any = {"CoreDumpConfig": {"DestinationS3Uri": "s3://bucket/cores"}, "AcceleratorType": "ml.eia1.medium"}
    with pytest.raises(ValidationError, match=f"does not know {member} in a production variant"):
        team.config(**{member: value.get(member, {})})


@pytest.mark.parametrize("missing", ["InstanceType", "InitialInstanceCount"])
def test_a_variant_on_instances_has_type_and_count(team: Team, missing: str) -> None:
    variant = {member: value for member, value in variant_of().items() if member != missing}
    with pytest.raises(ValidationError, match="needs InstanceType and InitialInstanceCount"):
        team.call("CreateEndpointConfig", EndpointConfigName="config", ProductionVariants=[variant])


def test_a_serverless_variant_has_no_instances(team: Team) -> None:
    with pytest.raises(ValidationError, match="neither InstanceType nor InitialInstanceCount"):
        team.config(ServerlessConfig=SERVERLESS, InitialInstanceCount=1)


@pytest.fixture(scope="module")
def busy_team() -> Team:
    return Team()


@settings(deadline=None)
@given(memory=st.integers(0, 8192) | st.sampled_from(range(0, 8192, 1024)))
def test_serverless_memory_is_one_to_six_gigabytes_in_whole_ones(busy_team: Team, memory: int) -> None:
    name = uuid4().hex
    config = {**SERVERLESS, "MemorySizeInMB": memory}
    if memory in {1024, 2048, 3072, 4096, 5120, 6144}:
        busy_team.config(name, ServerlessConfig=config)
    else:
        with pytest.raises(ValidationError, match=r"(?i)memorySizeInMB"):
            busy_team.config(name, ServerlessConfig=config)


def test_the_memory_of_a_serverless_variant_is_spelt_as_aws_spells_it(team: Team) -> None:
    with pytest.raises(ValidationError, match=r"Unknown parameter 'ProductionVariants\.1\.member\..*MemorySizeInMb'"):
        team.config(ServerlessConfig={"MemorySizeInMb": 2048, "MaxConcurrency": 5})


def test_provisioned_concurrency_stays_below_the_maximum(team: Team) -> None:
    with pytest.raises(ValidationError, match="ProvisionedConcurrency 6 must not exceed MaxConcurrency 5"):
        team.config(ServerlessConfig={**SERVERLESS, "ProvisionedConcurrency": 6})


def test_one_variant_is_served(team: Team) -> None:
    variants = [variant_of(), variant_of(VariantName="Other")]
    with pytest.raises(ValidationError, match="one production variant per endpoint; given are 2"):
        team.call("CreateEndpointConfig", EndpointConfigName="config", ProductionVariants=variants)


def test_a_configuration_cannot_be_deleted_under_a_live_endpoint(team: Team) -> None:
    team.endpoint()
    with pytest.raises(ValidationError, match=f'in use by endpoint "{arn("endpoint/fraud")}", which is Creating'):
        team.call("DeleteEndpointConfig", EndpointConfigName="fraud-config")


def test_an_endpoint_needs_a_configuration_that_exists(team: Team) -> None:
    with pytest.raises(ValidationError, match=f'Could not find endpoint configuration "{arn("endpoint-config/none")}"'):
        team.call("CreateEndpoint", EndpointName="fraud", EndpointConfigName="none")


def test_an_endpoint_name_is_taken_once_whatever_its_case(team: Team) -> None:
    team.endpoint()
    with pytest.raises(ValidationError, match=f'Cannot create already existing endpoint "{arn("endpoint/fraud")}"'):
        team.call("CreateEndpoint", EndpointName="Fraud", EndpointConfigName="fraud-config")


@pytest.mark.parametrize("operation", ["CreateEndpoint", "UpdateEndpoint"])
def test_deploying_a_configuration_needs_permission_on_it_too(team: Team, operation: str) -> None:
    team.endpoint()
    team.put_in_service()
    team.call("UpdateEndpoint", EndpointName="fraud", EndpointConfigName="fraud-config")
    asked = {resource for action, resource, _ in team.caller.asked if action == f"sagemaker:{operation}"}
    assert asked == {arn("endpoint/fraud"), arn("endpoint-config/fraud-config")}


@pytest.mark.parametrize("status", ["Creating", "Updating"])
def test_an_endpoint_that_changes_cannot_be_deleted_meanwhile(team: Team, status: str) -> None:
    team.endpoint()
    if status == "Updating":
        team.put_in_service()
        team.call("UpdateEndpoint", EndpointName="fraud", EndpointConfigName="fraud-config")
    assert team.status() == status
    with pytest.raises(ValidationError, match=f'Cannot update in-progress endpoint "{arn("endpoint/fraud")}"'):
        team.call("DeleteEndpoint", EndpointName="fraud")


def wait_while(team: Team, status: str) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while team.call("ListEndpoints", StatusEquals=status)["Endpoints"] and time.monotonic() < deadline:
        time.sleep(0.01)


def test_an_endpoint_that_gets_no_role_fails_with_the_reason(team: Team) -> None:
    team.endpoint()
    team.platform.released.set()
    wait_while(team, "Creating")
    endpoint = team.call("DescribeEndpoint", EndpointName="fraud")
    assert endpoint["EndpointStatus"] == "Failed"
    assert endpoint["FailureReason"] == f"SageMaker could not assume role {ROLE} in {REGION}."


def test_an_endpoint_on_graviton_fails_with_the_reason(team: Team) -> None:
    team.endpoint(InstanceType="ml.m6g.large")
    wait_while(team, "Creating")
    endpoint = team.call("DescribeEndpoint", EndpointName="fraud")
    assert endpoint["EndpointStatus"] == "Failed"
    assert "does not run on ml.m6g.large" in endpoint["FailureReason"]


def test_a_deleted_endpoint_cannot_be_found_and_leaves_its_configuration_and_model(team: Team) -> None:
    team.endpoint()
    base = team.put_in_service().base
    team.call("DeleteEndpoint", EndpointName="fraud")
    wait_while(team, "Deleting")
    with pytest.raises(ValidationError, match=f'Could not find endpoint "{arn("endpoint/fraud")}".'):
        team.status()
    assert not base.exists()
    team.call("DeleteEndpointConfig", EndpointConfigName="fraud-config")
    team.call("DeleteModel", ModelName="fraud")


@pytest.mark.parametrize(("name", "tags"), [("fraud", {"aws:ResourceTag/project": "fraud"}), ("gone", {})])
def test_policies_see_tags_of_what_is_there_and_none_of_what_is_gone(
    team: Team, name: str, tags: dict[str, str]
) -> None:
    team.endpoint()
    endpoint = team.resources.get("endpoint", "fraud")
    assert endpoint is not None
    endpoint.tags["project"] = "fraud"
    team.caller.denied = frozenset({"sagemaker:DescribeEndpoint"})
    with pytest.raises(AccessDenied):
        team.status(name)
    assert team.caller.asked[-1] == ("sagemaker:DescribeEndpoint", arn(f"endpoint/{name}"), tags)


def test_instances_of_a_type_are_limited(team: Team) -> None:
    team.endpoint("first", InitialInstanceCount=3)
    team.endpoint("second", InstanceType="ml.m5.xlarge")
    with pytest.raises(ResourceLimitExceeded) as refused:
        team.endpoint("third", InitialInstanceCount=2)
    assert refused.value.message.startswith(
        "The account-level service limit 'ml.m5.large for endpoint usage' is 4 Instances, with current utilization of "
        "3 Instances and a request delta of 2 Instances."
    )


def test_the_number_of_serverless_endpoints_is_limited(team: Team) -> None:
    for number in range(50):
        team.endpoint(f"full-{number}", ServerlessConfig={**SERVERLESS, "MaxConcurrency": 1})
    with pytest.raises(ResourceLimitExceeded, match=r"serverless endpoints' is 50 Endpoints"):
        team.endpoint("more", ServerlessConfig={**SERVERLESS, "MaxConcurrency": 1})


@pytest.mark.parametrize("concurrency", [0, 201])
def test_a_serverless_endpoint_serves_1_to_200_at_a_time(team: Team, concurrency: int) -> None:
    with pytest.raises(ValidationError, match=r"ServerlessConfig\.MaxConcurrency' failed"):
        team.config(ServerlessConfig={**SERVERLESS, "MaxConcurrency": concurrency})


def test_serverless_concurrency_is_limited(team: Team) -> None:
    for number in range(5):
        team.endpoint(f"full-{number}", ServerlessConfig={**SERVERLESS, "MaxConcurrency": 200})
    with pytest.raises(ResourceLimitExceeded, match=r"total concurrency .* is 1000 Units"):
        team.endpoint("more", ServerlessConfig={**SERVERLESS, "MaxConcurrency": 1})


def test_an_endpoint_on_instances_cannot_become_serverless(team: Team) -> None:
    team.endpoint()
    team.put_in_service()
    team.config("serverless", ServerlessConfig=SERVERLESS)
    with pytest.raises(ValidationError, match="cannot become serverless"):
        team.call("UpdateEndpoint", EndpointName="fraud", EndpointConfigName="serverless")


def test_a_serverless_endpoint_can_come_to_run_on_instances(team: Team) -> None:
    team.endpoint(ServerlessConfig=SERVERLESS)
    team.put_in_service()
    team.config("instances")
    team.call("UpdateEndpoint", EndpointName="fraud", EndpointConfigName="instances")
    assert team.status() == "Updating"


def test_an_update_that_fails_leaves_the_endpoint_as_it_was(team: Team) -> None:
    team.endpoint()
    team.put_in_service()
    team.config("next")
    team.call("UpdateEndpoint", EndpointName="fraud", EndpointConfigName="next")
    assert team.status() == "Updating"
    team.platform.released.set()
    wait_while(team, "Updating")
    endpoint = team.call("DescribeEndpoint", EndpointName="fraud")
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "fraud-config")
    assert endpoint["FailureReason"] == f"SageMaker could not assume role {ROLE} in {REGION}."


def test_an_unknown_endpoint_cannot_be_invoked(team: Team) -> None:
    with pytest.raises(ServiceError, match=f"Endpoint none of account {ACCOUNT} not found") as refused:
        team.invoke("none")
    assert refused.value.code == "ValidationError"


def test_an_endpoint_that_is_not_in_service_cannot_be_invoked(team: Team) -> None:
    team.endpoint()
    with pytest.raises(ServiceError, match="not found"):
        team.invoke()


def test_an_invocation_must_match_the_case_of_the_name(team: Team) -> None:
    team.endpoint()
    team.put_in_service()
    with pytest.raises(ServiceError, match=r"Endpoint FRAUD .* not found"):
        team.invoke("FRAUD")


def test_the_permission_to_invoke_is_asked_first_and_with_the_endpoints_tags(team: Team) -> None:
    team.endpoint()
    team.call("DescribeEndpoint", EndpointName="fraud")
    resource = team.resources.get("endpoint", "fraud")
    assert resource is not None
    resource.tags["project"] = "fraud"
    team.caller.denied = frozenset({"sagemaker:InvokeEndpoint"})
    with pytest.raises(AccessDenied):
        team.invoke()
    assert team.caller.asked[-1] == (
        "sagemaker:InvokeEndpoint",
        arn("endpoint/fraud"),
        {"aws:ResourceTag/project": "fraud"},
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies that containers were asked with; each answers with 200."""
    bodies: list[bytes] = []

    def ask(
        port: int, method: str, path: str, seconds: float, body: bytes, headers: Mapping[str, str]
    ) -> hosting.Answer:
        bodies.append(body)
        return hosting.Answer(200, {}, b"0.5\n")

    monkeypatch.setattr(hosting, "_ask", ask)
    return bodies


def test_a_serverless_endpoint_takes_four_megabytes_and_no_more(team: Team, asked: list[bytes]) -> None:
    team.endpoint(ServerlessConfig=SERVERLESS)
    team.put_in_service()
    team.invoke(body=bytes(4 * 1024 * 1024))
    assert len(asked) == 1
    with pytest.raises(ServiceError, match="oversize body") as refused:
        team.invoke(body=bytes(SERVERLESS_BYTES + 1))
    assert refused.value.code == "ValidationError"


def test_an_endpoint_on_instances_takes_six_megabytes_and_no_more(team: Team, asked: list[bytes]) -> None:
    team.endpoint()
    team.put_in_service()
    team.invoke(body=bytes(6 * 1024 * 1024))
    assert len(asked) == 1
    with pytest.raises(ServiceError, match="HTTP content length exceeded 6291456 bytes") as refused:
        team.invoke(body=bytes(REAL_TIME_BYTES + 1))
    assert (refused.value.code, refused.value.status) == ("413", 413)


def test_invocations_beyond_the_concurrency_are_throttled(team: Team) -> None:
    team.endpoint(ServerlessConfig=SERVERLESS)
    team.put_in_service(slots=0)
    with pytest.raises(ServiceError) as refused:
        team.invoke()
    assert (refused.value.code, refused.value.status) == ("ThrottlingException", 429)


def test_an_invocation_names_the_variant_that_is_there(team: Team) -> None:
    team.endpoint()
    team.put_in_service()
    with pytest.raises(ServiceError, match="Variant Other not found"):
        team.invoke(headers={"X-Amzn-SageMaker-Target-Variant": "Other"})


def test_an_invocation_is_counted_by_endpoint_and_variant(team: Team, asked: list[bytes]) -> None:
    team.endpoint()
    team.put_in_service()
    team.invoke()
    counted = [metric for metric in team.platform.metrics if metric[3] == "Invocations"]
    dimensions = {"EndpointName": "fraud", "VariantName": "AllTraffic"}
    assert counted == [(REGION, ACCOUNT, "AWS/SageMaker", "Invocations", dimensions, 1.0)]


def test_a_model_that_takes_longer_than_a_minute_is_an_error_of_the_model(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = []

    def ask(port: int, method: str, path: str, seconds: float, *_: Any) -> hosting.Answer:
        patience.append(seconds)
        raise TimeoutError

    monkeypatch.setattr(hosting, "_ask", ask)
    team.endpoint()
    team.put_in_service()

    answer = team.invoke()

    assert patience == [60]
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (424, "ModelError")
    assert b"timed out while waiting for a response" in answer.body


# --- the Runtime API as AWS's model has it ------------------------------------------------------------------------

RUNTIME = botocore.session.get_session().get_service_model("sagemaker-runtime")
HEADERS = {
    member.serialization["name"]: name
    for name, member in RUNTIME.operation_model("InvokeEndpoint").input_shape.members.items()
    if member.serialization.get("location") == "header"
}
KNOWN = ("ContentType", "Accept", "CustomAttributes", "TargetVariant", "InferenceId")


@pytest.mark.parametrize("operation", RUNTIME.operation_names)
def test_an_operation_of_the_runtime_is_here_or_refused_by_name(operation: str) -> None:
    path = RUNTIME.operation_model(operation).http["requestUri"].replace("{EndpointName}", "fraud%2D1")
    if operation == "InvokeEndpoint":
        assert invoked_endpoint(path) == "fraud-1"
    else:
        with pytest.raises(ServiceError, match=f"does not know sagemaker:{operation} yet"):
            invoked_endpoint(path)


@pytest.mark.parametrize("path", ["/", "/endpoints", "/endpoints/a/b/invocations"])
def test_another_path_is_none_of_the_runtimes(path: str) -> None:
    assert invoked_endpoint(path) is None


@pytest.mark.parametrize("header", [header for header, name in HEADERS.items() if name not in KNOWN])
def test_a_parameter_of_an_invocation_that_is_not_known_is_refused_by_name(team: Team, header: str) -> None:
    team.endpoint()
    team.put_in_service()
    with pytest.raises(ServiceError, match=f"(?i)does not know {header} yet"):
        team.invoke(headers={header: "a"})


@pytest.mark.parametrize("header", ["Content-Type", "Accept", "X-Amzn-SageMaker-Custom-Attributes"])
def test_a_parameter_of_an_invocation_has_at_most_1024_characters(team: Team, asked: list[bytes], header: str) -> None:
    team.endpoint()
    team.put_in_service()
    team.invoke(headers={header: "a" * 1024})
    assert len(asked) == 1
    with pytest.raises(ServiceError, match="failed to satisfy constraint: Member must have length less than or equal"):
        team.invoke(headers={header: "a" * 1025})
