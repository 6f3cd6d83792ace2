"""What the project has made is found by its tag and removed in order; whatever belongs to others stays.

boto3 is real up to the HTTP request, which the small account below answers: so requests are held against AWS's
models, lists come in pages, and errors arrive as AWS's do.
"""

import io
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError

from lambdas.teardown import purge, run
from lambdas.teardown.logs import TRAINING_JOBS, delete_logs
from lambdas.teardown.resources import IN_ORDER, JOBS, MODEL, TRAINING_JOB, TUNING_JOB, Kind, delete, of_project, stop

KINDS = {kind.noun: kind for kind in (*IN_ORDER, *JOBS)}
PAGE = 2
SESSION = boto3.session.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="eu-west-1")
Answer = Callable[[str, dict[str, Any]], dict[str, Any]]


class Refused(Exception):
    """An error of the service: its code and message."""


class Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def client(service: str, answer: Answer) -> Any:
    """A boto3 client whose requests are answered by a function of the operation and its parameters."""

    def respond(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        try:
            status, body = 200, answer(operation, json.loads(request.body))
        except Refused as error:
            code, message = error.args
            status, body = 400, {"__type": code, "message": message}
        return AWSResponse(request.url, status, {}, Raw(json.dumps(body).encode()))

    made = SESSION.client(service)
    made.meta.events.register("before-send", respond)
    return made


@dataclass
class Resource:
    tags: dict[str, str]
    status: str = "InService"


def page_of(items: list[Any], token: str | None) -> tuple[list[Any], dict[str, str]]:
    start = int(token or 0)
    rest = {"NextToken": str(start + PAGE)} if len(items) > start + PAGE else {}
    return items[start : start + PAGE], rest


@dataclass
class Sagemaker:
    """SageMaker's resources by noun and name; endpoints and jobs take a moment to end."""

    resources: dict[tuple[str, str], Resource]
    refusals: dict[str, Refused] = field(default_factory=dict)
    """What an operation is refused with."""
    done: list[tuple[str, str]] = field(default_factory=list)
    """The operations that changed something, with the name that they were given."""

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation in self.refusals:
            raise self.refusals[operation]
        verb = next(verb for verb in ("ListTags", "List", "Delete", "Stop") if operation.startswith(verb))
        if verb == "ListTags":
            return self._tags(*request["ResourceArn"].rpartition(":")[2].split("/"))
        noun = operation.removeprefix(verb).removesuffix("s" if verb == "List" else "")
        if verb == "List":
            return self._list(KINDS[noun], request)
        self.done.append((operation, request[f"{noun}Name"]))
        self._end(verb, noun, request[f"{noun}Name"])
        return {}

    def pass_time(self, _: float = 0) -> None:
        """What is being deleted goes, and what is being stopped stops."""
        self.resources = {key: item for key, item in self.resources.items() if item.status != "Deleting"}
        for item in self.resources.values():
            item.status = "Stopped" if item.status == "Stopping" else item.status

    def names(self, noun: str) -> list[str]:
        return sorted(name for kind, name in self.resources if kind == noun)

    def _tags(self, noun: str, name: str) -> dict[str, Any]:
        if (noun, name) not in self.resources:
            raise Refused("ValidationException", f"Could not find {noun} {name}")
        tags = self.resources[noun, name].tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _list(self, kind: Kind, request: dict[str, Any]) -> dict[str, Any]:
        wanted, part = request.get("StatusEquals"), request.get("NameContains", "")
        names = [
            name
            for (noun, name), item in sorted(self.resources.items())
            if noun == kind.noun and wanted in (None, item.status) and part in name
        ]
        page, rest = page_of(names, request.get("NextToken"))
        arn = f"arn:aws:sagemaker:eu-west-1:123456789012:{kind.noun}"
        return {kind.member: [{kind.name_member: name, kind.arn_member: f"{arn}/{name}"} for name in page], **rest}

    def _end(self, verb: str, noun: str, name: str) -> None:
        if (noun, name) not in self.resources:
            raise Refused("ValidationException", f'Could not find {noun} "{name}".')
        if verb == "Stop":
            self.resources[noun, name].status = "Stopping"
        elif noun == "Endpoint":
            self.resources[noun, name].status = "Deleting"
        else:
            del self.resources[noun, name]


@dataclass
class Logs:
    """Log groups, each with the names of its streams."""

    groups: dict[str, list[str]]

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation == "DescribeLogGroups":
            names = [name for name in sorted(self.groups) if name.startswith(request.get("logGroupNamePrefix", ""))]
            return _renamed("logGroups", "logGroupName", *page_of(names, request.get("nextToken")))
        if request["logGroupName"] not in self.groups:
            raise Refused("ResourceNotFoundException", "The specified log group does not exist.")
        streams = self.groups[request["logGroupName"]]
        if operation == "DescribeLogStreams":
            names = [name for name in streams if name.startswith(request.get("logStreamNamePrefix", ""))]
            return _renamed("logStreams", "logStreamName", *page_of(names, request.get("nextToken")))
        if operation == "DeleteLogStream":
            streams.remove(request["logStreamName"])
        else:
            assert operation == "DeleteLogGroup"
            del self.groups[request["logGroupName"]]
        return {}


def _renamed(list_name: str, name: str, page: list[str], rest: dict[str, str]) -> dict[str, Any]:
    token = {"nextToken": rest["NextToken"]} if rest else {}
    return {list_name: [{name: item} for item in page], **token}


@dataclass
class Buckets:
    """boto3's S3 resource, as much of it as empties a bucket."""

    keys: dict[str, list[str]]
    emptied: list[str] = field(default_factory=list)

    def Bucket(self, name: str) -> Any:  # noqa: N802 - boto3's name
        def empty() -> None:
            self.keys[name].clear()
            self.emptied.append(name)

        return _Chain(objects=_Chain(all=lambda: _Chain(delete=empty)))


class _Chain:
    def __init__(self, **members: Any) -> None:
        self.__dict__.update(members)


@dataclass
class World:
    """An account with everything that the purge could meet."""

    sagemaker: Sagemaker
    logs: Logs
    s3: Buckets

    @property
    def account(self) -> purge.Account:
        return purge.Account(client("sagemaker", self.sagemaker.answer), client("logs", self.logs.answer), self.s3)


OURS, THEIRS = {"project": "fraud", "run-id": "1"}, {"project": "other"}
SCOPE = purge.Scope("fraud", "fraud-bucket")
EVERYTHING = ["fraud-1", "fraud-2", "fraud-3", "fraud-4", "fraud-5"]


def resources(*names: str, tags: dict[str, str], noun: str = "Model") -> dict[tuple[str, str], Resource]:
    return {(noun, name): Resource(dict(tags)) for name in names}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Of every kind, more than a page of ours, one of another project, and one without tags; all jobs are running."""
    held: dict[tuple[str, str], Resource] = {}
    for noun, kind in KINDS.items():
        held |= resources(*EVERYTHING, tags=OURS, noun=noun)
        held |= resources("other-1", tags=THEIRS, noun=noun)
        held |= resources("fraud-by-hand", tags={}, noun=noun)
        for (item_noun, _), item in held.items():
            item.status = "InProgress" if item_noun == noun and kind.stop else item.status
    sagemaker = Sagemaker(held)
    monkeypatch.setattr(time, "sleep", sagemaker.pass_time)
    endpoints = [f"/aws/sagemaker/Endpoints/{name}" for name in (*EVERYTHING, "other-1")]
    logs = Logs({name: ["AllTraffic/i-1"] for name in endpoints} | {TRAINING_JOBS: ["fraud-1-0/algo-1", "other-1/a"]})
    return World(sagemaker, logs, Buckets({"fraud-bucket": ["runs/1/train/train.csv"], "other": ["key"]}))


def model_client(*held: dict[tuple[str, str], Resource], **refusals: Refused) -> Any:
    merged = {key: item for some in held for key, item in some.items()}
    return client("sagemaker", Sagemaker(merged, refusals).answer)


# --- which are the project's ------------------------------------------------------------------------------------


def test_resources_of_the_project_are_found_on_every_page() -> None:
    sagemaker = model_client(resources(*EVERYTHING, tags=OURS))

    assert list(of_project(sagemaker, MODEL, "fraud")) == EVERYTHING


@pytest.mark.parametrize(
    "tags", [{}, {"project": "other"}, {"project": "Fraud"}, {"Project": "fraud"}, {"run-id": "fraud"}]
)
def test_what_does_not_bear_the_projects_tag_is_not_the_projects(tags: dict[str, str]) -> None:
    sagemaker = model_client(resources("fraud-1", tags=tags))

    assert list(of_project(sagemaker, MODEL, "fraud")) == []


def test_filters_go_to_the_list() -> None:
    running, ended = Resource(OURS, "InProgress"), Resource(OURS, "Completed")
    sagemaker = model_client({("TrainingJob", "fraud-1-0"): running, ("TrainingJob", "fraud-2-0"): ended})

    assert list(of_project(sagemaker, TRAINING_JOB, "fraud", StatusEquals="InProgress")) == ["fraud-1-0"]


def test_what_goes_while_it_is_looked_at_is_passed_over() -> None:
    gone = Refused("ValidationException", "Could not find model")
    sagemaker = model_client(resources("fraud-1", tags=OURS), ListTags=gone)

    assert list(of_project(sagemaker, MODEL, "fraud")) == []


def test_tags_that_may_not_be_read_are_an_error() -> None:
    denied = Refused("AccessDeniedException", "is not authorized to perform: sagemaker:ListTags")
    sagemaker = model_client(resources("fraud-1", tags=OURS), ListTags=denied)

    with pytest.raises(ClientError, match="AccessDenied"):
        list(of_project(sagemaker, MODEL, "fraud"))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_kind_is_spelled_as_awss_model_has_it(kind: Kind) -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    sagemaker = SESSION.client("sagemaker")
    operations = sagemaker.meta.method_to_api_mapping

    listed = model.operation_model(operations[kind.paginator]).output_shape.members[kind.member].member

    assert sagemaker.can_paginate(kind.paginator)
    assert {kind.name_member, kind.arn_member} <= listed.members.keys()
    for action in filter(None, (kind.delete, kind.stop)):
        assert model.operation_model(operations[action]).input_shape.required_members == [kind.name_member]


# --- deleting and stopping --------------------------------------------------------------------------------------


def test_deleting_tells_whether_there_was_anything() -> None:
    sagemaker = model_client(resources("fraud-1", tags=OURS))

    assert delete(sagemaker, MODEL, "fraud-1")
    assert not delete(sagemaker, MODEL, "fraud-1")


@pytest.mark.parametrize(
    "refused",
    [
        Refused("AccessDeniedException", "is not authorized to perform: sagemaker:DeleteModel"),
        Refused("ValidationException", "Cannot delete a model that is in use"),
    ],
)
def test_a_deletion_that_is_refused_is_an_error(refused: Refused) -> None:
    sagemaker = model_client(resources("fraud-1", tags=OURS), DeleteModel=refused)

    with pytest.raises(ClientError, match=refused.args[1]):
        delete(sagemaker, MODEL, "fraud-1")


@pytest.mark.parametrize(
    "refused",
    [
        Refused("ResourceNotFound", "Requested resource not found."),
        Refused("ValidationException", "The request was rejected because the training job is in status Completed."),
    ],
)
def test_a_job_that_has_ended_or_gone_needs_no_stop(refused: Refused) -> None:
    stop(model_client(StopTrainingJob=refused), TRAINING_JOB, "fraud-1-0")


def test_a_stop_that_is_not_allowed_is_an_error() -> None:
    denied = Refused("AccessDeniedException", "is not authorized to perform: sagemaker:StopTrainingJob")

    with pytest.raises(ClientError, match="AccessDenied"):
        stop(model_client(StopTrainingJob=denied), TRAINING_JOB, "fraud-1-0")


# --- the purge --------------------------------------------------------------------------------------------------


def test_the_purge_removes_all_of_the_project_and_nothing_else(world: World) -> None:
    purge.purge(world.account, SCOPE)

    for noun in KINDS:
        assert world.sagemaker.names(noun) == ["fraud-by-hand", "other-1"]
    assert world.logs.groups == {TRAINING_JOBS: ["other-1/a"], "/aws/sagemaker/Endpoints/other-1": ["AllTraffic/i-1"]}
    assert world.s3.keys == {"fraud-bucket": [], "other": ["key"]}


def test_the_purge_goes_in_an_order_that_aws_accepts(world: World) -> None:
    purge.purge(world.account, SCOPE)

    assert list(dict.fromkeys(operation for operation, _ in world.sagemaker.done)) == [
        "StopHyperParameterTuningJob",
        "StopTrainingJob",
        "DeleteEndpoint",
        "DeleteEndpointConfig",
        "DeleteModel",
        "DeleteHyperParameterTuningJob",
        "DeleteTrainingJob",
    ]


def test_no_running_job_is_deleted(world: World) -> None:
    seen: list[str] = []
    whole = world.sagemaker.answer

    def watching(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation == "DeleteTrainingJob":
            seen.append(world.sagemaker.resources["TrainingJob", request["TrainingJobName"]].status)
        return whole(operation, request)

    purge.purge(purge.Account(client("sagemaker", watching), world.account.logs, world.s3), SCOPE)

    assert seen == ["Stopped"] * len(EVERYTHING)


def test_jobs_of_others_run_on(world: World) -> None:
    purge.purge(world.account, SCOPE)

    for kind in (TUNING_JOB, TRAINING_JOB):
        assert world.sagemaker.resources[kind.noun, "other-1"].status == "InProgress"


def test_logs_and_data_stay_until_no_endpoint_writes_any_more(world: World) -> None:
    whole, left = world.logs.answer, []

    def watching(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        left.append((world.sagemaker.names("Endpoint"), list(world.s3.emptied)))
        return whole(operation, request)

    purge.purge(purge.Account(world.account.sagemaker, client("logs", watching), world.s3), SCOPE)

    assert left[0] == (["fraud-by-hand", "other-1"], [])
    assert world.s3.emptied == ["fraud-bucket"]


def test_the_purge_is_safe_to_repeat(world: World) -> None:
    purge.purge(world.account, SCOPE)
    world.sagemaker.done.clear()

    purge.purge(world.account, SCOPE)

    assert world.sagemaker.done == []


def test_an_empty_account_is_purged_too() -> None:
    world = World(Sagemaker({}), Logs({}), Buckets({"fraud-bucket": []}))

    purge.purge(world.account, SCOPE)

    assert world.s3.emptied == ["fraud-bucket"]


# --- logs -------------------------------------------------------------------------------------------------------


def test_logs_of_the_projects_endpoints_go_and_those_of_similar_names_stay() -> None:
    names = ["fraud-1", "fraud-2", "fraud-3", "fraudulent-1", "other-fraud-1"]
    logs = Logs({f"/aws/sagemaker/Endpoints/{name}": ["s"] for name in names})

    delete_logs(client("logs", logs.answer), "fraud")

    assert [name.rpartition("/")[2] for name in logs.groups] == ["fraudulent-1", "other-fraud-1"]


def test_foreign_streams_stay_and_their_group_with_them() -> None:
    logs = Logs({TRAINING_JOBS: ["fraud-1-0/a", "fraud-1-0/b", "fraud-2-0/a", "fraudulent-1/a", "other-1/a"]})

    delete_logs(client("logs", logs.answer), "fraud")

    assert logs.groups == {TRAINING_JOBS: ["fraudulent-1/a", "other-1/a"]}


def test_the_group_of_all_training_jobs_goes_with_its_last_stream() -> None:
    logs = Logs({TRAINING_JOBS: ["fraud-1-0/a"], "/aws/lambda/other": []})

    delete_logs(client("logs", logs.answer), "fraud")

    assert logs.groups == {"/aws/lambda/other": []}


def test_there_need_not_be_any_logs() -> None:
    logs = Logs({})

    delete_logs(client("logs", logs.answer), "fraud")

    assert logs.groups == {}


def test_logs_that_may_not_be_deleted_are_an_error() -> None:
    def answer(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation == "DeleteLogStream":
            raise Refused("AccessDeniedException", "is not authorized to perform: logs:DeleteLogStream")
        return Logs({TRAINING_JOBS: ["fraud-1-0/a"]}).answer(operation, request)

    with pytest.raises(ClientError, match="AccessDenied"):
        delete_logs(client("logs", answer), "fraud")


# --- CloudFormation's request and answer ------------------------------------------------------------------------

EVENT = {
    "RequestType": "Delete",
    "ResponseURL": "https://cloudformation-custom-resource-response.s3.amazonaws.com/answer?signature=1",
    "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/fraud-Teardown/1",
    "RequestId": "request-1",
    "LogicalResourceId": "PurgeOnDelete",
    "PhysicalResourceId": "purge-on-delete",
}
CONTEXT = _Chain(log_group_name="fraud-PurgeLogs")


class Function:
    """The function in its environment; `answers` holds what CloudFormation got."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[dict[str, Any]] = []
        clients = {"sagemaker": world.account.sagemaker, "logs": world.account.logs}
        monkeypatch.setattr(boto3, "client", clients.__getitem__)
        monkeypatch.setattr(boto3, "resource", {"s3": world.s3}.__getitem__)
        monkeypatch.setattr(urllib.request, "urlopen", self._receive)
        monkeypatch.setenv("PROJECT", "fraud")
        monkeypatch.setenv("BUCKET", "fraud-bucket")

    def __call__(self, **changes: str) -> dict[str, Any]:
        purge.handler(EVENT | changes, CONTEXT)
        (answer,) = self.answers
        return answer

    def _receive(self, request: Any, timeout: float) -> io.BytesIO:
        assert (request.method, request.full_url) == ("PUT", EVENT["ResponseURL"])
        self.answers.append(json.loads(request.data))
        return io.BytesIO()


@pytest.fixture
def function(world: World, monkeypatch: pytest.MonkeyPatch) -> Function:
    return Function(world, monkeypatch)


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_nothing_is_purged_until_the_stack_is_deleted(function: Function, world: World, request_type: str) -> None:
    answer = function(RequestType=request_type)

    assert answer["Status"] == "SUCCESS"
    assert world.sagemaker.done == []
    assert world.s3.emptied == []


def test_deleting_the_stack_purges_and_says_so(function: Function, world: World) -> None:
    answer = function()

    assert answer == {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": "purge-on-delete",
        "StackId": EVENT["StackId"],
        "RequestId": "request-1",
        "LogicalResourceId": "PurgeOnDelete",
    }
    assert world.s3.emptied == ["fraud-bucket"]


def test_a_resource_keeps_the_id_that_cloudformation_knows_it_by(function: Function) -> None:
    assert function(PhysicalResourceId="an-older-id")["PhysicalResourceId"] == "an-older-id"


def test_a_purge_that_fails_is_answered_with_its_reason_and_its_log(function: Function, world: World) -> None:
    world.sagemaker.refusals["DeleteModel"] = Refused("AccessDeniedException", "not authorized: sagemaker:DeleteModel")

    answer = function()

    assert answer["Status"] == "FAILED"
    assert "ClientError" in answer["Reason"]
    assert "not authorized: sagemaker:DeleteModel" in answer["Reason"]
    assert answer["Reason"].endswith("(log: fraud-PurgeLogs)")
    assert world.s3.emptied == []


def test_a_function_without_its_environment_is_answered_as_failed(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BUCKET")

    answer = function()

    assert (answer["Status"], "BUCKET" in answer["Reason"]) == ("FAILED", True)


def test_an_answer_stays_within_what_cloudformation_takes(function: Function, world: World) -> None:
    world.sagemaker.refusals["ListTrainingJobs"] = Refused("AccessDeniedException", "no " * 5000)

    answer = function()

    assert answer["Status"] == "FAILED"
    assert len(json.dumps(answer)) < 4096


# --- a run that failed ------------------------------------------------------------------------------------------


@pytest.fixture
def remove(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    monkeypatch.setattr(boto3, "client", {"sagemaker": world.account.sagemaker}.__getitem__)
    return lambda name: list(run.handler({"name": name}, None)["removed"])


def test_what_a_failed_run_made_is_removed_in_order(remove: Callable[[str], list[str]], world: World) -> None:
    assert remove("fraud-3") == ["Endpoint fraud-3", "EndpointConfig fraud-3", "Model fraud-3"]

    assert ("Model", "fraud-3") not in world.sagemaker.resources
    assert ("Model", "fraud-2") in world.sagemaker.resources


def test_only_the_running_jobs_of_the_failed_run_are_stopped(remove: Callable[[str], list[str]], world: World) -> None:
    jobs = {("TrainingJob", f"fraud-6-{number}"): Resource(OURS, "InProgress") for number in range(3)}
    jobs["TrainingJob", "fraud-6-ended"] = Resource(OURS, "Failed")
    jobs["HyperParameterTuningJob", "fraud-6-0"] = Resource(OURS, "InProgress")
    world.sagemaker.resources |= jobs

    remove("fraud-6")

    assert [done for done in world.sagemaker.done if done[0].startswith("Stop")] == [
        ("StopHyperParameterTuningJob", "fraud-6-0"),
        *[("StopTrainingJob", f"fraud-6-{number}") for number in range(3)],
    ]
    assert world.sagemaker.resources["TrainingJob", "fraud-5"].status == "InProgress"


def test_a_run_that_made_nothing_leaves_nothing_to_remove(remove: Callable[[str], list[str]]) -> None:
    assert remove("fraud-none") == []


def test_a_removal_that_is_not_allowed_is_an_error(remove: Callable[[str], list[str]], world: World) -> None:
    denied = Refused("AccessDeniedException", "is not authorized to perform: sagemaker:DeleteEndpoint")
    world.sagemaker.refusals["DeleteEndpoint"] = denied

    with pytest.raises(ClientError, match="AccessDenied"):
        remove("fraud-1")
