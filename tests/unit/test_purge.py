"""The purge when the stack is deleted: all of the project goes, in an order that AWS accepts, and nothing else does."""

import io
import json
import logging
import time
import urllib.request
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lambdas.teardown import purge
from lambdas.teardown.logs import JOBS, STUDIO, delete_logs
from lambdas.teardown.obstacles import Obstacle
from tests.unit.small_account import (
    DENIED,
    KINDS,
    MACHINE,
    Bucket,
    Context,
    Ec2,
    Efs,
    FileSystem,
    Logs,
    Refused,
    Resource,
    Resources,
    SageMaker,
    SecurityGroup,
    Sent,
    StepFunctions,
    client,
    execution,
    in_this_thread,
)

pytestmark = pytest.mark.slow

OURS, THEIRS = {"project": "fraud", "run-id": "1"}, {"project": "other"}
EVERYTHING = ["fraud-1", "fraud-2", "fraud-3", "fraud-4", "fraud-5"]
DOMAIN_ARN = "arn:aws:sagemaker:eu-west-1:123456789012:domain/d-1"
TRAINING_JOBS, TRANSFORM_JOBS = JOBS
HOME_TAG = "ManagedByAmazonSageMakerResource"
VARIABLES = {
    "PROJECT": "fraud",
    "BUCKET": "fraud-bucket",
    "STATE_MACHINE_ARN": MACHINE,
    "DOMAIN_ID": "d-1",
    "DOMAIN_ARN": DOMAIN_ARN,
    "VPC_ID": "vpc-1",
}
LONGEST_ANSWER = 4096
"""Bytes that CloudFormation takes (its guide's custom resource response objects)."""
EVENT = {
    "RequestType": "Delete",
    "ResponseURL": "https://cloudformation-custom-resource-response.s3.amazonaws.com/answer?signature=1",
    "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/fraud-Teardown/1",
    "RequestId": "request-1",
    "LogicalResourceId": "PurgeOnDelete",
    "PhysicalResourceId": "purge-on-delete",
}


@dataclass
class Cloud:
    """What the purge meets, a clock that its pauses move, and what CloudFormation and the purge itself got."""

    sagemaker: SageMaker = field(default_factory=SageMaker)
    step_functions: StepFunctions = field(default_factory=StepFunctions)
    efs: Efs = field(default_factory=Efs)
    ec2: Ec2 = field(default_factory=Ec2)
    logs: Logs = field(default_factory=Logs)
    bucket: Bucket = field(default_factory=lambda: Bucket("fraud-bucket"))
    lambdas: Sent = field(default_factory=Sent)
    answers: list[dict[str, Any]] = field(default_factory=list)
    answer_bytes: int = 0
    """How long the last answer was."""
    context: Context = field(default_factory=Context)
    clock: float = 1_000_000.0
    slept: float = 0.0
    frozen: bool = False
    """Whether nothing ends by itself."""

    def sleep(self, seconds: float) -> None:
        self.clock += seconds
        self.slept += seconds
        self.context.seconds -= seconds
        if not self.frozen:
            self.sagemaker.pass_time()
            self.efs.pass_time()

    def clients(self, service: str, config: Config) -> Any:
        answers = {
            "sagemaker": self.sagemaker,
            "stepfunctions": self.step_functions,
            "efs": self.efs,
            "ec2": self.ec2,
            "logs": self.logs,
            "s3": self.bucket,
            "lambda": self.lambdas,
        }
        each: Any = answers[service]
        return client(service, each.answer, config)

    def receive(self, request: Any, timeout: float) -> io.BytesIO:
        assert timeout > 0
        assert (request.method, request.full_url) == ("PUT", EVENT["ResponseURL"])
        self.answer_bytes = len(request.data)
        self.answers.append(json.loads(request.data))
        return io.BytesIO()

    def left(self) -> dict[str, list[str]]:
        return {noun: self.sagemaker.names(noun) for noun in KINDS}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud()
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "client", cloud.clients)
    monkeypatch.setattr(urllib.request, "urlopen", cloud.receive)
    monkeypatch.setattr(time, "sleep", in_this_thread(cloud.sleep))
    monkeypatch.setattr(time, "time", lambda: cloud.clock)
    monkeypatch.setattr(time, "monotonic", lambda: cloud.clock)
    return cloud


def handle(cloud: Cloud, **changes: Any) -> None:
    purge.handler(EVENT | changes, cloud.context)


def run_purge(cloud: Cloud, **changes: Any) -> dict[str, Any]:
    """What CloudFormation is answered."""
    handle(cloud, **changes)
    answer = cloud.answers.pop()
    assert cloud.answers == []
    return answer


def everything() -> Resources:
    """Of every kind, more than a page of ours, one of another project, and one without tags; all jobs are running."""
    held: Resources = {}
    for noun, kind in KINDS.items():
        status = "InProgress" if kind.stop else "InService"
        tags = {**dict.fromkeys(EVERYTHING, OURS), "other-1": THEIRS, "fraud-by-hand": {}}
        held |= {(noun, name): Resource(dict(given), status) for name, given in tags.items()}
    return held


def home(cloud: Cloud) -> None:
    """What a domain with a home file system brings into its network, and the like of another domain."""
    cloud.efs.systems = {
        "fs-1": FileSystem({HOME_TAG: DOMAIN_ARN}, ["fsmt-00000001", "fsmt-00000002"]),
        "fs-2": FileSystem({HOME_TAG: DOMAIN_ARN.replace("d-1", "d-2")}, ["fsmt-00000003"]),
        "fs-3": FileSystem({}, []),
    }
    for domain, vpc in (("d-1", "vpc-1"), ("d-2", "vpc-1"), ("d-1", "vpc-2")):
        into, out = f"sg-in-{domain}-{vpc}", f"sg-out-{domain}-{vpc}"
        cloud.ec2.groups |= {
            into: SecurityGroup(f"security-group-for-inbound-nfs-{domain}", vpc, ingress=[out]),
            out: SecurityGroup(f"security-group-for-outbound-nfs-{domain}", vpc, egress=[into]),
        }


@pytest.fixture
def full(cloud: Cloud) -> Cloud:
    """Everything that the purge could meet."""
    cloud.sagemaker.resources = everything()
    cloud.sagemaker.studio.states = {
        ("Domain", "d-1"): "InService",
        ("UserProfile", "d-1/ana"): "InService",
        ("UserProfile", "d-1/ben"): "InService",
        ("UserProfile", "d-1/eve"): "Failed",
        ("Space", "d-1//team"): "InService",
        ("App", "d-1/ana//JupyterLab/default"): "InService",
        ("App", "d-1//team/CodeEditor/default"): "Failed",
        ("App", "d-1/ben//JupyterLab/old"): "Deleted",
        ("Domain", "d-2"): "InService",
        ("UserProfile", "d-2/zoe"): "InService",
        ("App", "d-2/zoe//JupyterLab/default"): "InService",
    }
    home(cloud)
    cloud.step_functions.executions = {execution(str(number)): "RUNNING" for number in range(3)}
    cloud.step_functions.executions[execution("ended")] = "SUCCEEDED"
    endpoints = [f"/aws/sagemaker/Endpoints/{name}" for name in (*EVERYTHING, "other-1")]
    cloud.logs.groups = {name: ["AllTraffic/i-1"] for name in endpoints}
    cloud.logs.groups[TRAINING_JOBS] = ["fraud-1-0/algo-1", "other-1/a"]
    cloud.logs.groups[TRANSFORM_JOBS] = ["fraud-predict-1/algo-1"]
    cloud.bucket.versions = [(f"runs/{number}/train.csv", "1") for number in range(5)] + [("runs/0/train.csv", "2")]
    cloud.bucket.markers = [("runs/9/gone.csv", "3")]
    return cloud


# --- all of it --------------------------------------------------------------------------------------------------


def test_the_purge_removes_all_of_the_project_and_nothing_else(full: Cloud) -> None:
    assert run_purge(full)["Status"] == "SUCCESS"

    jobs_kept = {noun: EVERYTHING if noun == "TransformJob" else [] for noun in KINDS}  # AWS keeps these for ever
    assert full.left() == {noun: [*sorted(["fraud-by-hand", "other-1", *kept])] for noun, kept in jobs_kept.items()}
    assert full.sagemaker.studio.left() == ["App d-2/zoe//JupyterLab/default", "Domain d-2", "UserProfile d-2/zoe"]
    assert full.efs.systems.keys() == {"fs-2", "fs-3"}
    assert full.ec2.groups.keys() == {"sg-in-d-2-vpc-1", "sg-out-d-2-vpc-1", "sg-in-d-1-vpc-2", "sg-out-d-1-vpc-2"}
    assert full.logs.groups == {TRAINING_JOBS: ["other-1/a"], "/aws/sagemaker/Endpoints/other-1": ["AllTraffic/i-1"]}
    assert full.bucket.versions == []
    assert full.bucket.markers == []
    assert set(full.step_functions.executions.values()) == {"ABORTED", "SUCCEEDED"}


def test_the_purge_goes_in_an_order_that_aws_accepts(full: Cloud) -> None:
    run_purge(full)

    operations = list(dict.fromkeys(operation for operation, _ in full.sagemaker.done))
    jobs = ["HyperParameterTuningJob", "TrainingJob", "TransformJob", "ProcessingJob"]
    assert operations[:4] == [f"Stop{job}" for job in jobs]
    assert operations[4:7] == ["DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel"]
    assert set(operations[7:10]) == {f"Delete{job}" for job in jobs if job != "TransformJob"}
    assert operations[10:] == ["DeleteModelPackage", "DeleteModelPackageGroup"]
    assert [operation for operation, _ in full.sagemaker.studio.done] == [
        *["DeleteApp"] * 2,
        "DeleteSpace",
        *["DeleteUserProfile"] * 3,
        "DeleteDomain",
    ]


def test_the_purge_is_safe_to_repeat(full: Cloud) -> None:
    run_purge(full)
    full.sagemaker.done.clear()
    full.sagemaker.studio.done.clear()

    assert run_purge(full)["Status"] == "SUCCESS"

    assert full.sagemaker.done == []
    assert full.sagemaker.studio.done == []


def test_an_account_with_nothing_in_it_is_purged_at_once(cloud: Cloud) -> None:
    assert run_purge(cloud)["Status"] == "SUCCESS"
    assert cloud.slept == 0


def test_jobs_of_others_run_on(full: Cloud) -> None:
    run_purge(full)

    jobs = [item for (noun, name), item in full.sagemaker.resources.items() if KINDS[noun].stop and name == "other-1"]
    assert [job.status for job in jobs] == ["InProgress"] * 4


def test_executions_are_stopped_before_anything_that_they_made(full: Cloud) -> None:
    seen: list[list[str]] = []
    whole = full.sagemaker.answer

    def watching(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation.startswith(("Stop", "Delete")) and not operation.endswith(("App", "Space", "Profile", "Domain")):
            seen.append([arn for arn, status in full.step_functions.executions.items() if status == "RUNNING"])
        return whole(operation, request)

    full.sagemaker.answer = watching  # type: ignore[method-assign]
    run_purge(full)

    assert seen != []
    assert not any(seen)


def test_an_execution_that_has_ended_meanwhile_needs_no_stop(cloud: Cloud) -> None:
    cloud.step_functions.executions = {execution("1"): "RUNNING"}
    whole = cloud.step_functions.answer

    def ending(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation == "StopExecution":
            cloud.step_functions.executions.clear()
        return whole(operation, request)

    cloud.step_functions.answer = ending  # type: ignore[method-assign]

    assert run_purge(cloud)["Status"] == "SUCCESS"


def test_logs_and_data_stay_until_nothing_writes_any_more(full: Cloud) -> None:
    seen: list[tuple[Any, ...]] = []
    whole = full.logs.answer

    def watching(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        domains = [name for noun, name in full.sagemaker.studio.states if noun == "Domain"]
        seen.append((full.sagemaker.names("Endpoint"), domains, len(full.bucket.versions)))
        return whole(operation, request)

    full.logs.answer = watching  # type: ignore[method-assign]
    run_purge(full)

    assert seen[0] == (["fraud-by-hand", "other-1"], ["d-2"], 6)


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.stop], ids=lambda kind: kind.noun)
def test_a_job_that_is_stopping_is_waited_for(cloud: Cloud, kind: Any) -> None:
    cloud.sagemaker.resources = {
        (kind.noun, "fraud-1"): Resource(OURS, "Stopping"),
        ("Model", "fraud-1"): Resource(OURS),
    }
    seen: list[str] = []
    whole = cloud.sagemaker.answer

    def watching(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation == "DeleteModel":
            seen.append(cloud.sagemaker.resources[kind.noun, "fraud-1"].status)
        return whole(operation, request)

    cloud.sagemaker.answer = watching  # type: ignore[method-assign]
    run_purge(cloud)

    assert seen == ["Stopped"]


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"])
def test_an_endpoint_that_is_changing_is_waited_for(cloud: Cloud, status: str) -> None:
    cloud.sagemaker.resources["Endpoint", "fraud-1"] = Resource(OURS, status)
    whole, waits = cloud.sagemaker.pass_time, iter(range(3))

    def settle(_: float = 0) -> None:
        if next(waits, None) is None:
            item = cloud.sagemaker.resources.get(("Endpoint", "fraud-1"), Resource({}))
            item.status = "InService" if item.status == status != "Deleting" else item.status
            whole()

    cloud.sagemaker.pass_time = settle  # type: ignore[method-assign]

    assert run_purge(cloud)["Status"] == "SUCCESS"
    assert cloud.sagemaker.resources == {}


def test_versions_of_the_projects_groups_go_with_them(cloud: Cloud) -> None:
    cloud.sagemaker.resources = {
        ("ModelPackageGroup", "fraud-cards"): Resource(OURS),
        ("ModelPackageGroup", "theirs"): Resource(THEIRS),
        **{("ModelPackage", f"fraud-cards/{number}"): Resource({}, group="fraud-cards") for number in range(5)},
        ("ModelPackage", "theirs/1"): Resource({}, group="theirs"),
        ("ModelPackage", "fraud-alone"): Resource(OURS),
        ("ModelPackage", "their-alone"): Resource(THEIRS),
    }

    assert run_purge(cloud)["Status"] == "SUCCESS"

    assert cloud.sagemaker.resources.keys() == {
        ("ModelPackageGroup", "theirs"),
        ("ModelPackage", "theirs/1"),
        ("ModelPackage", "their-alone"),
    }


# --- Studio and its home ----------------------------------------------------------------------------------------


def studio(cloud: Cloud, **states: str) -> None:
    """The domain with what is in it: `app="Pending"` and so on."""
    names = {
        "domain": ("Domain", "d-1"),
        "profile": ("UserProfile", "d-1/ana"),
        "space": ("Space", "d-1//team"),
        "app": ("App", "d-1/ana//JupyterLab/default"),
    }
    cloud.sagemaker.studio.states = {names[name]: state for name, state in ({"domain": "InService"} | states).items()}


def test_the_domain_goes_with_its_home(cloud: Cloud) -> None:
    studio(cloud)

    run_purge(cloud)

    assert cloud.sagemaker.studio.retention == [{"HomeEfsFileSystem": "Delete"}]


def test_what_was_left_of_a_domain_that_is_gone_goes_too(cloud: Cloud) -> None:
    home(cloud)

    assert run_purge(cloud)["Status"] == "SUCCESS"

    assert cloud.efs.systems.keys() == {"fs-2", "fs-3"}
    assert cloud.efs.done[-1] == ("DeleteFileSystem", "fs-1")
    assert {group for group in cloud.ec2.groups if "d-1-vpc-1" in group} == set()


@pytest.mark.parametrize(
    "states",
    [
        {"profile": "InService", "app": "Pending"},
        {"profile": "InService", "app": "Deleting"},
        {"space": "Updating"},
        {"profile": "Pending"},
        {"domain": "Updating"},
        {"domain": "Deleting"},
    ],
    ids=str,
)
def test_what_is_changing_in_studio_is_waited_for(cloud: Cloud, states: dict[str, str]) -> None:
    studio(cloud, **states)
    whole, waits = cloud.sagemaker.studio.pass_time, iter(range(3))

    def settle() -> None:
        if next(waits, None) is None:
            held = cloud.sagemaker.studio.states
            held |= {key: "InService" for key, state in held.items() if state in ("Pending", "Updating")}
            whole()

    cloud.sagemaker.studio.pass_time = settle  # type: ignore[method-assign]

    assert run_purge(cloud)["Status"] == "SUCCESS"
    assert cloud.sagemaker.studio.left() == []


@pytest.mark.parametrize("state", ["Failed", "Update_Failed", "Delete_Failed"])
def test_what_failed_in_studio_goes_too(cloud: Cloud, state: str) -> None:
    studio(cloud, domain=state, profile=state, space=state)

    assert run_purge(cloud)["Status"] == "SUCCESS"
    assert cloud.sagemaker.studio.left() == []


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("efs", "DescribeMountTargets", "FileSystemNotFound"),
        ("efs", "DeleteMountTarget", "MountTargetNotFound"),
        ("efs", "DeleteFileSystem", "FileSystemNotFound"),
        ("ec2", "RevokeSecurityGroupIngress", "InvalidGroup.NotFound"),
        ("ec2", "DeleteSecurityGroup", "InvalidGroup.NotFound"),
    ],
)
def test_what_vanishes_of_the_home_while_it_is_looked_at_is_no_failure(
    cloud: Cloud, service: str, operation: str, code: str
) -> None:
    """DeleteDomain takes the file system away by itself, at its own pace."""
    home(cloud)
    if operation == "DeleteFileSystem":
        cloud.efs.systems["fs-1"].targets = []
    gone: Any = cloud.efs.systems if service == "efs" else cloud.ec2.groups
    answering: Any = getattr(cloud, service)
    whole = answering.answer

    def vanishing(asked: str, request: dict[str, Any]) -> dict[str, Any]:
        if asked == operation:
            for key in [key for key in gone if key == "fs-1" or key.endswith("d-1-vpc-1")]:
                del gone[key]
            raise Refused(code, "does not exist")
        answered: dict[str, Any] = whole(asked, request)
        return answered

    answering.answer = vanishing

    assert run_purge(cloud)["Status"] == "SUCCESS"


def test_a_security_group_is_tried_again_while_its_network_interface_lingers(cloud: Cloud) -> None:
    home(cloud)
    whole, refusals = cloud.ec2.answer, iter(range(4))

    def lingering(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation == "DeleteSecurityGroup" and next(refusals, None) is not None:
            raise Refused("DependencyViolation", "has a dependent object")
        return whole(operation, request)

    cloud.ec2.answer = lingering  # type: ignore[method-assign]

    assert run_purge(cloud)["Status"] == "SUCCESS"


def test_the_chains_go_on_while_the_other_waits(full: Cloud) -> None:
    full.sagemaker.refusals["DeleteModel fraud-1"] = DENIED
    full.sagemaker.refusals["StopTrainingJob fraud-1"] = DENIED

    answer = run_purge(full)

    assert answer["Status"] == "FAILED"
    assert "Domain d-1" not in full.sagemaker.studio.left()
    assert "fs-1" not in full.efs.systems


def test_the_pipeline_is_cleared_while_studio_is_in_the_way(full: Cloud) -> None:
    full.sagemaker.refusals["DeleteDomain"] = DENIED

    answer = run_purge(full)

    assert answer["Status"] == "FAILED"
    assert "Domain d-1" in answer["Reason"]
    assert full.sagemaker.names("Endpoint") == ["fraud-by-hand", "other-1"]


# --- logs -------------------------------------------------------------------------------------------------------


def test_logs_of_the_projects_endpoints_go_and_those_of_similar_names_stay() -> None:
    names = ["fraud-1", "fraud-2", "fraud-3", "fraudulent-1", "other-fraud-1"]
    logs = Logs({f"/aws/sagemaker/Endpoints/{name}": ["s"] for name in names})

    delete_logs(client("logs", logs.answer), "fraud", "d-own")

    assert [name.rpartition("/")[2] for name in logs.groups] == ["fraudulent-1", "other-fraud-1"]


@pytest.mark.parametrize("group", JOBS)
def test_foreign_streams_stay_and_their_group_with_them(group: str) -> None:
    logs = Logs({group: ["fraud-1-0/a", "fraud-1-0/b", "fraud-2-0/a", "fraudulent-1/a", "other-1/a"]})

    delete_logs(client("logs", logs.answer), "fraud", "d-own")

    assert logs.groups == {group: ["fraudulent-1/a", "other-1/a"]}


@pytest.mark.parametrize("group", JOBS)
def test_the_group_of_all_jobs_of_a_kind_goes_with_its_last_stream(group: str) -> None:
    logs = Logs({group: ["fraud-1-0/a"], "/aws/lambda/other": []})

    delete_logs(client("logs", logs.answer), "fraud", "d-own")

    assert logs.groups == {"/aws/lambda/other": []}


def test_logs_of_the_domains_apps_go_and_those_of_other_domains_stay() -> None:
    script = "data-scientist/JupyterLab/default/LifecycleConfigOnStart"
    logs = Logs({STUDIO: [f"d-own/{script}", f"d-ownother/{script}", f"d-other/{script}"]})

    delete_logs(client("logs", logs.answer), "fraud", "d-own")

    assert logs.groups == {STUDIO: [f"d-ownother/{script}", f"d-other/{script}"]}


def test_there_need_not_be_any_logs() -> None:
    logs = Logs({})

    delete_logs(client("logs", logs.answer), "fraud", "d-own")

    assert logs.groups == {}


def test_logs_that_may_not_be_deleted_are_an_error() -> None:
    logs = Logs({TRAINING_JOBS: ["fraud-1-0/a"]}, refusals={"DeleteLogStream": DENIED})

    with pytest.raises(ClientError, match="AccessDenied"):
        delete_logs(client("logs", logs.answer), "fraud", "d-own")


# --- the bucket -------------------------------------------------------------------------------------------------


def test_an_object_that_cannot_go_is_named_and_the_others_go(cloud: Cloud) -> None:
    cloud.bucket.versions = [(f"runs/{number}", "1") for number in range(7)]
    cloud.bucket.locked = {"runs/3"}

    answer = run_purge(cloud)

    assert answer["Status"] == "FAILED"
    assert "runs/3 (locked)" in answer["Reason"]
    assert cloud.bucket.versions == [("runs/3", "1")]


# --- its time ---------------------------------------------------------------------------------------------------


def never_ending(cloud: Cloud) -> None:
    """An endpoint that is being updated for ever."""
    cloud.frozen = True
    cloud.sagemaker.resources["Endpoint", "fraud-1"] = Resource(OURS, "Updating")


def test_before_its_time_is_up_it_goes_on_in_another_invocation(cloud: Cloud) -> None:
    never_ending(cloud)
    began = cloud.clock

    handle(cloud)

    assert cloud.answers == []
    (invocation,) = cloud.lambdas.requests
    assert invocation["FunctionName"] == cloud.context.invoked_function_arn
    assert invocation["InvocationType"] == "Event"
    handed = json.loads(invocation["Payload"])
    assert handed.items() >= EVENT.items()
    assert [handed[key] for key in handed.keys() - EVENT.keys()] == [began]
    assert cloud.context.seconds > 60  # enough for what is under way


def test_it_hands_over_while_there_is_time_for_what_an_attempt_has_taken(cloud: Cloud) -> None:
    def slow() -> list[Obstacle]:
        cloud.sleep(200)  # of 900 seconds
        return [Obstacle("Endpoint fraud-1", "Updating")]

    assert not purge.take(slow, cloud.clock, cloud.context)
    assert cloud.context.seconds >= 200


def test_what_never_ends_is_given_up_before_cloudformation_gives_up(cloud: Cloud) -> None:
    never_ending(cloud)
    began = cloud.clock
    cloud.context = Context(240)
    handle(cloud)

    cloud.clock = began + 54 * 60
    purge.handler(json.loads(cloud.lambdas.requests[0]["Payload"]), Context())

    (answer,) = cloud.answers
    assert answer["Status"] == "FAILED"
    assert "Endpoint fraud-1 (Updating)" in answer["Reason"]
    assert 55 * 60 <= cloud.clock - began < 56 * 60


def test_no_invocation_gives_up_or_finishes_early(cloud: Cloud) -> None:
    never_ending(cloud)
    cloud.context = Context(240)
    handle(cloud)

    cloud.context = Context(240)
    purge.handler(json.loads(cloud.lambdas.requests[0]["Payload"]), cloud.context)

    assert cloud.answers == []
    assert len(cloud.lambdas.requests) == 2


def test_the_other_invocation_finishes_what_the_first_began(cloud: Cloud) -> None:
    never_ending(cloud)
    cloud.context = Context(240)
    handle(cloud)
    cloud.sagemaker.resources["Endpoint", "fraud-1"].status = "InService"
    cloud.frozen = False
    cloud.context = Context()

    purge.handler(json.loads(cloud.lambdas.requests[0]["Payload"]), cloud.context)

    assert [answer["Status"] for answer in cloud.answers] == ["SUCCESS"]
    assert cloud.sagemaker.resources == {}


def test_a_handover_that_fails_is_answered(cloud: Cloud) -> None:
    never_ending(cloud)
    cloud.context = Context(240)
    cloud.lambdas.refusals["Invoke"] = DENIED

    answer = run_purge(cloud)

    assert answer["Status"] == "FAILED"
    assert "AccessDenied" in answer["Reason"]


def test_what_aws_keeps_refusing_is_given_up_after_two_minutes(cloud: Cloud) -> None:
    cloud.sagemaker.resources = {("Model", name): Resource(OURS) for name in EVERYTHING}
    cloud.sagemaker.refusals["DeleteModel fraud-3"] = DENIED

    answer = run_purge(cloud)

    assert answer["Status"] == "FAILED"
    assert "Model fraud-3" in answer["Reason"]
    assert "not authorized" in answer["Reason"]
    assert cloud.sagemaker.names("Model") == ["fraud-3"]
    assert 120 <= cloud.slept < 150


def test_a_refusal_that_passes_is_no_failure(cloud: Cloud) -> None:
    cloud.sagemaker.resources["Model", "fraud-1"] = Resource(OURS)
    cloud.sagemaker.refusals["DeleteModel fraud-1"] = Refused("ConflictException", "in use")
    whole = cloud.sagemaker.pass_time

    def mend(_: float = 0) -> None:
        whole()
        if cloud.slept > 100:
            cloud.sagemaker.refusals.clear()

    cloud.sagemaker.pass_time = mend  # type: ignore[method-assign]

    assert run_purge(cloud)["Status"] == "SUCCESS"


def test_as_long_as_there_is_progress_refusals_are_borne(cloud: Cloud) -> None:
    cloud.sagemaker.resources = {("Model", name): Resource(OURS) for name in EVERYTHING}
    cloud.sagemaker.refusals = {f"DeleteModel {name}": DENIED for name in EVERYTHING}
    whole = cloud.sagemaker.pass_time

    def mend_one_each_minute(_: float = 0) -> None:
        whole()
        for name in EVERYTHING[: int(cloud.slept // 60)]:
            cloud.sagemaker.refusals.pop(f"DeleteModel {name}", None)

    cloud.sagemaker.pass_time = mend_one_each_minute  # type: ignore[method-assign]

    assert run_purge(cloud)["Status"] == "SUCCESS"
    assert cloud.slept > 240


def test_while_anything_is_under_way_a_refusal_is_waited_out(cloud: Cloud) -> None:
    studio(cloud, domain="Deleting")
    cloud.frozen = True
    cloud.sagemaker.resources["Model", "fraud-1"] = Resource(OURS)
    cloud.sagemaker.refusals["DeleteModel fraud-1"] = DENIED

    handle(cloud)

    assert cloud.answers == []
    assert len(cloud.lambdas.requests) == 1


def test_much_that_is_in_the_way_is_named_in_short(cloud: Cloud) -> None:
    cloud.sagemaker.resources = {("Model", f"fraud-{number}"): Resource(OURS) for number in range(9)}
    cloud.sagemaker.refusals["DeleteModel"] = Refused("AccessDeniedException", "not allowed")

    answer = run_purge(cloud)

    assert "Model fraud-0" in answer["Reason"]
    assert "more" in answer["Reason"]
    assert cloud.answer_bytes <= LONGEST_ANSWER


def test_the_log_tells_how_far_it_is(full: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    run_purge(full)

    for told in ("Endpoint fraud-1", "TrainingJob fraud-1", "App ana/JupyterLab/default", "Domain d-1", "fs-1"):
        assert told in caplog.text


# --- CloudFormation's request and answer ------------------------------------------------------------------------


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_nothing_is_purged_until_the_stack_is_deleted(full: Cloud, request_type: str) -> None:
    answer = run_purge(full, RequestType=request_type)

    assert answer["Status"] == "SUCCESS"
    assert full.sagemaker.done == []
    assert full.sagemaker.studio.done == []
    assert len(full.bucket.versions) == 6


def test_deleting_the_stack_purges_and_says_so(cloud: Cloud) -> None:
    assert run_purge(cloud) == {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": "purge-on-delete",
        "StackId": EVENT["StackId"],
        "RequestId": "request-1",
        "LogicalResourceId": "PurgeOnDelete",
    }


def test_a_resource_keeps_the_id_that_cloudformation_knows_it_by(cloud: Cloud) -> None:
    assert run_purge(cloud, PhysicalResourceId="an-older-id")["PhysicalResourceId"] == "an-older-id"


def test_a_purge_that_fails_is_answered_with_its_reason_and_its_log(full: Cloud) -> None:
    full.sagemaker.refusals["ListModels"] = Refused("AccessDeniedException", "not authorized: sagemaker:ListModels")

    answer = run_purge(full)

    assert answer["Status"] == "FAILED"
    assert "not authorized: sagemaker:ListModels" in answer["Reason"]
    assert answer["Reason"].endswith("(log: fraud-PurgeLogs)")
    assert len(full.bucket.versions) == 6


def test_a_function_without_its_environment_is_answered_as_failed(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BUCKET")

    answer = run_purge(cloud)

    assert (answer["Status"], "BUCKET" in answer["Reason"]) == ("FAILED", True)


@pytest.mark.parametrize("word", ["no ", "不"], ids=["ASCII", "Chinese"])
def test_an_answer_stays_within_what_cloudformation_takes(cloud: Cloud, word: str) -> None:
    """A key of an object may be in any script."""
    cloud.sagemaker.refusals["ListTrainingJobs"] = Refused("AccessDeniedException", word * 5000)

    answer = run_purge(cloud)

    assert answer["Status"] == "FAILED"
    assert cloud.answer_bytes <= LONGEST_ANSWER


def test_a_long_reason_is_cut_and_the_log_named_all_the_same(cloud: Cloud) -> None:
    cloud.sagemaker.refusals["ListTrainingJobs"] = Refused("AccessDeniedException", "no " * 5000)

    reason = run_purge(cloud)["Reason"]

    assert reason.startswith("ClientError: An error occurred (AccessDeniedException)")
    assert reason.endswith(" (log: fraud-PurgeLogs)")
    assert len(reason.removesuffix(" (log: fraud-PurgeLogs)")) == 800


def test_a_state_machine_that_is_gone_is_no_obstacle(cloud: Cloud) -> None:
    cloud.step_functions.refusals["ListExecutions"] = Refused(
        "StateMachineDoesNotExist", "State Machine Does Not Exist"
    )

    assert run_purge(cloud)["Status"] == "SUCCESS"


def test_a_bucket_that_is_gone_is_no_obstacle(cloud: Cloud) -> None:
    cloud.bucket.refusals["ListObjectVersions"] = Refused("NoSuchBucket", "The specified bucket does not exist")

    assert run_purge(cloud)["Status"] == "SUCCESS"


def test_a_log_that_vanishes_is_no_obstacle(cloud: Cloud) -> None:
    cloud.logs.groups["/aws/sagemaker/Endpoints/fraud-1"] = []
    cloud.logs.refusals["DeleteLogGroup"] = Refused("ResourceNotFoundException", "does not exist")

    assert run_purge(cloud)["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("deletion", "name"),
    [("DeleteLogGroup", "/aws/sagemaker/Endpoints/fraud-1"), ("DeleteLogStream", "fraud-1-0/algo-1")],
)
def test_a_log_that_vanishes_keeps_no_other_log(cloud: Cloud, deletion: str, name: str) -> None:
    cloud.logs.groups = {f"/aws/sagemaker/Endpoints/fraud-{number}": [] for number in range(1, 4)}
    cloud.logs.groups[TRAINING_JOBS] = [f"fraud-{number}-0/algo-1" for number in range(1, 4)]
    whole = cloud.logs.answer

    def vanishing(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation == deletion and name in request.values():
            whole(operation, request)
        return whole(operation, request)  # of what is gone: ResourceNotFoundException

    cloud.logs.answer = vanishing  # type: ignore[method-assign]

    assert run_purge(cloud)["Status"] == "SUCCESS"
    assert cloud.logs.groups == {}
