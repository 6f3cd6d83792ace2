"""A small AWS account in memory, as far as the teardown meets one.

boto3 is real up to the HTTP request, which the account answers: so requests are held against AWS's models, lists come
in pages, and errors arrive as AWS's do.
"""

import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from lambdas.teardown.resources import IN_ORDER, JOBS, MODEL_PACKAGE, MODEL_PACKAGE_GROUP, Kind

PAGE = 2
SESSION = boto3.session.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="eu-west-1")
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:fraud-pipeline"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = {kind.noun: kind for kind in (*IN_ORDER, *JOBS, MODEL_PACKAGE_GROUP, MODEL_PACKAGE)}

Answer = Callable[[str, dict[str, Any]], dict[str, Any]]
Resources = dict[tuple[str, str], "Resource"]


class Refused(Exception):
    """An error of the service: its code and message."""


DENIED = Refused("AccessDeniedException", "is not authorized to perform this action")


class Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def client(service: str, answer: Answer, config: Config | None = None) -> Any:
    """A boto3 client whose requests are answered by a function of the operation and its parameters."""
    made = SESSION.client(service, config=config)
    if made.meta.service_model.resolved_protocol == "json":
        _answer_in_json(made, answer)
    else:
        _answer_as_parsed(made, answer)
    return made


def _answer_in_json(made: Any, answer: Answer) -> None:
    def respond(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        try:
            status, body = 200, answer(operation, json.loads(request.body))
        except Refused as error:
            code, message = error.args
            status, body = 400, {"__type": code, "message": message}
        return AWSResponse(request.url, status, {}, Raw(json.dumps(body).encode()))

    made.meta.events.register("before-send", respond)


def _answer_as_parsed(made: Any, answer: Answer) -> None:
    """For what does not speak JSON: the request is written, and the answer need not be read."""

    def keep(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["given"] = params

    def respond(model: Any, context: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        try:
            status, parsed = 200, answer(model.name, context["given"])
        except Refused as error:
            code, message = error.args
            status, parsed = 400, {"Error": {"Code": code, "Message": message}}
        return AWSResponse("", status, {}, Raw()), parsed

    made.meta.events.register("before-parameter-build", keep)
    made.meta.events.register("before-call", respond)


def page_of(items: list[Any], token: str | None, size: int = PAGE) -> tuple[list[Any], dict[str, str]]:
    start = int(token or 0)
    rest = {"NextToken": str(start + size)} if len(items) > start + size else {}
    return items[start : start + size], rest


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


# --- SageMaker --------------------------------------------------------------------------------------------------


def _kind_in_arn(noun: str) -> str:
    """`endpoint-config` of `EndpointConfig`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", noun).lower()


@dataclass
class Resource:
    tags: dict[str, str]
    status: str = "InService"
    created: datetime = LONG_AGO
    changed: datetime = LONG_AGO
    config: str = ""
    """Of an endpoint."""
    next_config: str = ""
    """Of an endpoint that is being updated: the configuration that it is to have."""
    models: tuple[str, ...] = ()
    """Of an endpoint's configuration, each in a variant of its own."""
    shadows: tuple[str, ...] = ()
    """Of an endpoint's configuration: the models of its shadow variants."""
    group: str = ""
    """Of a version of a model package."""


_CHANGING = ("Creating", "Updating", "SystemUpdating", "RollingBack")
_STUDIO = ("App", "Space", "UserProfile", "Domain")


@dataclass
class Studio:
    """Domains, each with its profiles, spaces and apps; all by the names that say which, joined by slashes."""

    states: dict[tuple[str, str], str] = field(default_factory=dict)
    """By noun and name, such as `("App", "d-1/ana//JupyterLab/default")`: domain, profile, space, type and name."""
    retention: list[dict[str, str]] = field(default_factory=list)
    """What deletions of domains said of the home file system."""
    done: list[tuple[str, str]] = field(default_factory=list)

    _ids = ("DomainId", "UserProfileName", "SpaceName", "AppType", "AppName")
    _lists: Mapping[str, str] = field(
        default_factory=lambda: {"App": "Apps", "Space": "Spaces", "UserProfile": "UserProfiles"}
    )

    def answer(self, verb: str, noun: str, request: dict[str, Any]) -> dict[str, Any]:
        if verb == "List":
            return self._list(noun, request)
        name = "/".join(request.get(key, "") for key in self._ids).rstrip("/")
        if (noun, name) not in self.states:
            raise Refused("ResourceNotFound", f"{noun} {name} does not exist")
        if verb == "Describe":
            return {"DomainId": name, "Status": self.states[noun, name]}
        self._refuse_what_is_in_use(noun, name)
        if noun == "Domain":
            self.retention.append(request.get("RetentionPolicy", {}))
        self.states[noun, name] = "Deleting"
        self.done.append((f"Delete{noun}", name))
        return {}

    def pass_time(self) -> None:
        """An app that was deleted stays listed for a day."""
        for key, status in list(self.states.items()):
            if status == "Deleting":
                del self.states[key]
                self.states |= {key: "Deleted"} if key[0] == "App" else {}

    def left(self) -> list[str]:
        return sorted(f"{noun} {name}" for (noun, name), status in self.states.items() if status != "Deleted")

    def _list(self, noun: str, request: dict[str, Any]) -> dict[str, Any]:
        members = [
            {key: part for key, part in zip(self._ids, name.split("/"), strict=False) if part} | {"Status": status}
            for (held, name), status in self.states.items()
            if held == noun and name.startswith(f"{request['DomainIdEquals']}/")
        ]
        page, rest = page_of(members, request.get("NextToken"))
        return {self._lists[noun]: page, **rest}

    def _refuse_what_is_in_use(self, noun: str, name: str) -> None:
        inside = [key for key, status in self.states.items() if status != "Deleted" and key[1].startswith(f"{name}/")]
        if self.states[noun, name] in ("Pending", "Deleting", "Deleted"):
            raise Refused("ResourceInUse", f"{noun} {name} is {self.states[noun, name]}")
        if inside:
            raise Refused("ResourceInUse", f"{noun} {name} has {inside[0][0]}s")


@dataclass
class SageMaker:
    """SageMaker's resources by noun and name; endpoints and jobs take a moment to end."""

    resources: Resources = field(default_factory=dict)
    studio: Studio = field(default_factory=Studio)
    refusals: dict[str, Refused] = field(default_factory=dict)
    """What an operation, or an operation on a name (`DeleteModel fraud-1`), is refused with."""
    done: list[tuple[str, str]] = field(default_factory=list)
    """The operations that changed something, with the name that they were given."""
    refused: list[str] = field(default_factory=list)
    """The names of what was refused."""

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation in self.refusals:
            raise self.refusals[operation]
        verb = next(
            verb for verb in ("ListTags", "List", "Describe", "Delete", "Stop", "AddTags") if operation.startswith(verb)
        )
        if verb.endswith("Tags"):
            return self._tags(operation, request)
        noun = operation.removeprefix(verb).removesuffix("s" if verb == "List" else "")
        if noun in _STUDIO:
            return self.studio.answer(verb, noun, request)
        if verb == "List":
            return self._list(KINDS[noun], request)
        return self._one(operation, verb, noun, request[f"{noun}Name"])

    def pass_time(self, _: float = 0) -> None:
        """What is being deleted goes, what is being stopped stops, and what is being made is there."""
        self.resources = {key: item for key, item in self.resources.items() if item.status != "Deleting"}
        for item in self.resources.values():
            item.status = {"Stopping": "Stopped", "Creating": "InService"}.get(item.status, item.status)
        self.studio.pass_time()

    def names(self, noun: str) -> list[str]:
        """Of those that are there; an endpoint that is being deleted counts as gone."""
        held = self.resources.items()
        return sorted(name for (kind, name), item in held if kind == noun and item.status != "Deleting")

    def _tags(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        kind, _, name = request["ResourceArn"].rpartition(":")[2].partition("/")
        noun = next((noun for noun, _ in self.resources if _kind_in_arn(noun) == kind), kind)
        item = self._existing(operation, noun, name)
        if operation == "ListTags":
            page, rest = page_of(tag_list(item.tags), request.get("NextToken"))
            return {"Tags": page, **rest}
        item.tags |= {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        self.done.append((operation, name))
        return {"Tags": tag_list(item.tags)}

    def _list(self, kind: Kind, request: dict[str, Any]) -> dict[str, Any]:
        wanted, part = request.get("StatusEquals"), request.get("NameContains", "")
        names = [
            name
            for (noun, name), item in sorted(self.resources.items())
            if noun == kind.noun
            and wanted in (None, item.status)
            and part in name
            and (kind is not MODEL_PACKAGE or item.group == request.get("ModelPackageGroupName", ""))
        ]
        page, rest = page_of(names, request.get("NextToken"))
        return {kind.member: [self._summary(kind, name) for name in page], **rest}

    def _summary(self, kind: Kind, name: str) -> dict[str, Any]:
        arn = f"arn:aws:sagemaker:eu-west-1:123456789012:{_kind_in_arn(kind.noun)}/{name}"
        status = self.resources[kind.noun, name].status
        return {kind.name_member: name, kind.arn_member: arn, f"{kind.noun}Status": status}

    def _one(self, operation: str, verb: str, noun: str, name: str) -> dict[str, Any]:
        name = name.rpartition(f":{_kind_in_arn(noun)}/")[2]  # of a model package, the ARN is given
        item = self._existing(operation, noun, name)
        if verb == "Describe":
            return self._described(noun, name, item)
        self._end(verb, noun, name, item)
        self.done.append((operation, name))
        return {}

    def _existing(self, operation: str, noun: str, name: str) -> Resource:
        if f"{operation} {name}" in self.refusals:
            self.refused.append(name)
            raise self.refusals[f"{operation} {name}"]
        if (noun, name) not in self.resources:
            raise Refused("ValidationException", f'Could not find {noun} "{name}".')
        return self.resources[noun, name]

    def _described(self, noun: str, name: str, item: Resource) -> dict[str, Any]:
        if noun == "EndpointConfig":
            return {
                "EndpointConfigName": name,
                "ProductionVariants": [_variant(number, model) for number, model in enumerate(item.models)],
                "ShadowProductionVariants": [_variant(number, model) for number, model in enumerate(item.shadows)],
            }
        assert noun == "Endpoint"
        config = self.resources.get(("EndpointConfig", item.config), Resource({}))
        served = {} if item.status == "Creating" else {"ProductionVariants": config.models}
        pending = {"PendingDeploymentSummary": {"EndpointConfigName": item.next_config}} if item.next_config else {}
        return {
            "EndpointName": name,
            "EndpointConfigName": item.config,
            "EndpointStatus": item.status,
            "CreationTime": item.created.timestamp(),
            "LastModifiedTime": item.changed.timestamp(),
            **pending,
            **{key: [{"VariantName": f"v{number}"} for number in range(len(many))] for key, many in served.items()},
        }

    def _end(self, verb: str, noun: str, name: str, item: Resource) -> None:
        if noun == "Endpoint" and item.status in _CHANGING:
            raise Refused("ValidationException", f'Cannot update in-progress endpoint "{name}".')
        if noun == "ModelPackageGroup" and any(other.group == name for other in self.resources.values()):
            raise Refused("ConflictException", "Model Package Group cannot be deleted as it still has packages.")
        if verb == "Stop":
            item.status = "Stopping"
        elif KINDS[noun].stop and item.status in ("InProgress", "Stopping"):
            raise Refused("ResourceInUse", f"{noun} {name} is {item.status}")
        elif noun == "Endpoint":
            item.status = "Deleting"
        else:
            del self.resources[noun, name]


def _variant(number: int, model: str) -> dict[str, Any]:
    return {"VariantName": f"v{number}", "ModelName": model}


# --- Step Functions, CloudWatch and what is told ----------------------------------------------------------------


def execution(name: str) -> str:
    """The ARN of an execution of the project's state machine."""
    return MACHINE.replace(":stateMachine:", ":execution:") + f":{name}"


@dataclass
class StepFunctions:
    """The executions of the project's state machine, each with its status; those of others may not be looked at."""

    executions: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, Refused] = field(default_factory=dict)

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation in self.refusals:
            raise self.refusals[operation]
        if operation == "ListExecutions":
            assert request["stateMachineArn"] == MACHINE
            running = [arn for arn, status in sorted(self.executions.items()) if status == request["statusFilter"]]
            page, rest = page_of(running, request.get("nextToken"))
            token = {"nextToken": rest["NextToken"]} if rest else {}
            return {"executions": [self._summary(arn) for arn in page], **token}
        arn = request["executionArn"]
        if not re.fullmatch(r"arn:aws:states:[a-z0-9-]+:\d{12}:execution:.+:.+", arn):
            raise Refused("InvalidArn", f"Invalid Arn: '{arn}'")
        if not arn.startswith(execution("")):
            raise DENIED
        if arn not in self.executions:
            raise Refused("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        if operation == "StopExecution":
            self.executions[arn] = "ABORTED"
            return {"stopDate": 0}
        return self._summary(arn)

    def _summary(self, arn: str) -> dict[str, Any]:
        name = arn.rpartition(":")[2]
        status = self.executions[arn]
        return {"executionArn": arn, "stateMachineArn": MACHINE, "name": name, "status": status, "startDate": 0}


@dataclass
class CloudWatch:
    """Invocations of endpoints: name, variant, and when. As AWS has it: nothing under fewer dimensions."""

    calls: list[tuple[str, str, datetime]] = field(default_factory=list)
    status_code: str = "Complete"
    page: int = PAGE
    queries: int = 0
    """The most that were in one call."""
    refusals: dict[str, Refused] = field(default_factory=dict)

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        assert operation == "GetMetricData"
        if operation in self.refusals:
            raise self.refusals[operation]
        self.queries = max(self.queries, len(request["MetricDataQueries"]))
        results = [self._result(query, request) for query in request["MetricDataQueries"]]
        page, rest = page_of(results, request.get("NextToken"), self.page)
        return {"MetricDataResults": page, **rest}

    def _result(self, query: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        metric, period = query["MetricStat"]["Metric"], query["MetricStat"]["Period"]
        dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
        known = (metric["Namespace"], metric["MetricName"]) == ("AWS/SageMaker", "Invocations")
        points: dict[int, int] = {}
        for endpoint, variant, called in self.calls:
            begin = int(called.timestamp()) // period * period
            asked = request["StartTime"] // period * period <= begin < request["EndTime"]
            if known and asked and dimensions == {"EndpointName": endpoint, "VariantName": variant}:
                points[begin] = points.get(begin, 0) + 1
        values = {"Timestamps": list(points), "Values": list(points.values())}
        if self.status_code != "Complete":
            values = {"Timestamps": [], "Values": []}
        return {"Id": query["Id"], "StatusCode": self.status_code, **values}


@dataclass
class Sent:
    """What was sent to a service that only takes things: a topic's messages, a function's invocations."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    refusals: dict[str, Refused] = field(default_factory=dict)

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation in self.refusals:
            raise self.refusals[operation]
        self.requests.append(request)
        return {}


@dataclass
class Parameters:
    """SSM's parameters."""

    values: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, Refused] = field(default_factory=dict)

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation in self.refusals:
            raise self.refusals[operation]
        if operation == "PutParameter":
            assert request["Overwrite"], "the parameter is there"
            self.values[request["Name"]] = request["Value"]
            return {"Version": 2}
        return {"Parameter": {"Name": request["Name"], "Value": self.values[request["Name"]]}}


# --- logs and bucket --------------------------------------------------------------------------------------------


@dataclass
class Logs:
    """Log groups, each with the names of its streams."""

    groups: dict[str, list[str]] = field(default_factory=dict)
    refusals: dict[str, Refused] = field(default_factory=dict)

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation in self.refusals:
            raise self.refusals[operation]
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
            if request["logStreamName"] not in streams:
                raise Refused("ResourceNotFoundException", "The specified log stream does not exist.")
            streams.remove(request["logStreamName"])
        else:
            assert operation == "DeleteLogGroup"
            del self.groups[request["logGroupName"]]
        return {}


def _renamed(list_name: str, name: str, page: list[str], rest: dict[str, str]) -> dict[str, Any]:
    token = {"nextToken": rest["NextToken"]} if rest else {}
    return {list_name: [{name: item} for item in page], **token}


@dataclass
class Bucket:
    """A bucket with versions of objects: key and version's id; a delete marker is one too."""

    name: str
    versions: list[tuple[str, str]] = field(default_factory=list)
    markers: list[tuple[str, str]] = field(default_factory=list)
    locked: set[str] = field(default_factory=set)
    """Keys of objects that can't be deleted."""
    refusals: dict[str, Refused] = field(default_factory=dict)

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation in self.refusals:
            raise self.refusals[operation]
        assert request["Bucket"] == self.name
        if operation == "ListObjectVersions":
            return self._list(request)
        assert operation == "DeleteObjects"
        named = [(each["Key"], each["VersionId"]) for each in request["Delete"]["Objects"]]
        assert len(named) <= 1000  # as S3 has it
        going = {each for each in named if each[0] not in self.locked}
        self.versions = [each for each in self.versions if each not in going]
        self.markers = [each for each in self.markers if each not in going]
        errors = [{"Key": key, "Code": "AccessDenied", "Message": "locked"} for key, _ in named if key in self.locked]
        return {"Errors": errors} if errors else {}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        after = (request.get("KeyMarker", ""), request.get("VersionIdMarker", ""))
        page, more = self._page(after)
        last = {"NextKeyMarker": page[-1][0], "NextVersionIdMarker": page[-1][1]} if more else {}
        lists = {"Versions": self.versions, "DeleteMarkers": self.markers}
        found = {key: [{"Key": each[0], "VersionId": each[1]} for each in page if each in lists[key]] for key in lists}
        return {"IsTruncated": more, **last, **{key: items for key, items in found.items() if items}}

    def _page(self, after: tuple[str, str]) -> tuple[list[tuple[str, str]], bool]:
        rest = [each for each in sorted(self.versions + self.markers) if each > after]
        return rest[:PAGE], len(rest) > PAGE


# --- what a home file system leaves -----------------------------------------------------------------------------


@dataclass
class FileSystem:
    tags: dict[str, str]
    targets: list[str] = field(default_factory=list)


@dataclass
class Efs:
    """File systems by id; a mount target takes a moment to go, and keeps its file system until then."""

    systems: dict[str, FileSystem] = field(default_factory=dict)
    going: list[str] = field(default_factory=list)
    refusals: dict[str, Refused] = field(default_factory=dict)
    done: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation in self.refusals:
            raise self.refusals[operation]
        if operation == "DescribeFileSystems":
            return {"FileSystems": [{"FileSystemId": id_, "Tags": tag_list(s.tags)} for id_, s in self.systems.items()]}
        if operation == "DeleteMountTarget":
            self.going.append(request["MountTargetId"])
            self.done.append((operation, request["MountTargetId"]))
            return {}
        if request["FileSystemId"] not in self.systems:
            raise Refused("FileSystemNotFound", f"{request['FileSystemId']} does not exist.")
        system = self.systems[request["FileSystemId"]]
        if operation == "DescribeMountTargets":
            return {"MountTargets": [{"MountTargetId": target} for target in system.targets]}
        assert operation == "DeleteFileSystem"
        if system.targets:
            raise Refused("FileSystemInUse", "has mount targets")
        del self.systems[request["FileSystemId"]]
        self.done.append((operation, request["FileSystemId"]))
        return {}

    def pass_time(self) -> None:
        for system in self.systems.values():
            system.targets = [target for target in system.targets if target not in self.going]


@dataclass
class SecurityGroup:
    name: str
    vpc: str
    ingress: list[str] = field(default_factory=list)
    """The ids of the groups that its rules name."""
    egress: list[str] = field(default_factory=list)


@dataclass
class Ec2:
    """Security groups by id; one that another's rule names can't go."""

    groups: dict[str, SecurityGroup] = field(default_factory=dict)
    refusals: dict[str, Refused] = field(default_factory=dict)

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation in self.refusals:
            raise self.refusals[operation]
        if operation == "DescribeSecurityGroups":
            return {"SecurityGroups": [self._described(id_) for id_ in self._matching(request["Filters"])]}
        if request["GroupId"] not in self.groups:
            raise Refused("InvalidGroup.NotFound", f"The security group '{request['GroupId']}' does not exist")
        if operation == "DeleteSecurityGroup":
            self._delete(request["GroupId"])
        else:
            self._revoke(operation, request)
        return {}

    def _delete(self, id_: str) -> None:
        if id_ in {named for other in self.groups.values() for named in other.ingress + other.egress}:
            raise Refused("DependencyViolation", f"resource {id_} has a dependent object")
        del self.groups[id_]

    def _revoke(self, operation: str, request: dict[str, Any]) -> None:
        group = self.groups[request["GroupId"]]
        gone = [pair["GroupId"] for rule in request["IpPermissions"] for pair in rule["UserIdGroupPairs"]]
        if operation == "RevokeSecurityGroupIngress":
            group.ingress = [each for each in group.ingress if each not in gone]
        else:
            assert operation == "RevokeSecurityGroupEgress"
            group.egress = [each for each in group.egress if each not in gone]

    def _matching(self, filters: list[dict[str, Any]]) -> list[str]:
        wanted = {each["Name"]: each["Values"] for each in filters}
        assert wanted.keys() == {"vpc-id", "group-name"}
        return [
            id_
            for id_, group in self.groups.items()
            if group.vpc in wanted["vpc-id"] and group.name in wanted["group-name"]
        ]

    def _described(self, id_: str) -> dict[str, Any]:
        group = self.groups[id_]
        rules = {"IpPermissions": group.ingress, "IpPermissionsEgress": group.egress}
        named = {key: [_rule(other) for other in others] for key, others in rules.items()}
        return {"GroupId": id_, "GroupName": group.name, "VpcId": group.vpc, **named}


def _rule(group_id: str) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049, "UserIdGroupPairs": [{"GroupId": group_id}]}


# --- a function that is called in the account -------------------------------------------------------------------


@dataclass
class Context:
    """Lambda's context: how much time is left, among others."""

    seconds: float = 900
    log_group_name: str = "fraud-PurgeLogs"
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:fraud-Purge"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


def in_this_thread(sleep: Callable[[float], None]) -> Callable[[float], None]:
    """A `time.sleep` for the test that calls this; threads that others have left go on in real time."""
    here, otherwise = threading.get_ident(), time.sleep
    return lambda seconds: sleep(seconds) if threading.get_ident() == here else otherwise(seconds)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)
