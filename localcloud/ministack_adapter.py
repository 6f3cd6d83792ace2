"""Every touch of ministack's internals, in one place.

ministack is pinned to the exact version; when an upgrade moves what is used here, `check` says so by name.
"""

import asyncio
import base64
import contextvars
import copy
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from types import ModuleType
from typing import Any

from jsonata import timebox  # type: ignore[import-untyped]
from ministack import app
from ministack.core import iam_actions, iam_evaluator, responses, router
from ministack.core.iam_actions import identity_denial_message
from ministack.services import (
    cloudformation,
    cloudwatch,
    ec2,
    efs,
    eventbridge,
    iam,
    lambda_svc,
    s3,
    ssm,
    stepfunctions,
    sts,
    tagging,
)
from ministack.services.cloudformation import engine, provisioners, stacks

from localcloud.clock import CLOCK
from localcloud.sagemaker.errors import AccessDenied, ValidationError
from localcloud.sagemaker.platform import Conditions

State = dict[str, Any]
HttpResponse = tuple[int, dict[str, str], bytes]
HttpHandler = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], HttpResponse]

_USED: tuple[tuple[ModuleType | type, tuple[str, ...]], ...] = (
    (app, ("SERVICE_HANDLERS", "_build_persistence_save_dict", "_port_is_bindable", "main")),
    (router, ("SERVICE_PATTERNS", "extract_access_key_id", "extract_region")),
    (responses, ("get_account_id", "get_region", "now_iso", "set_request_account_id", "set_request_region")),
    (responses, ("AccountScopedDict", "AccountRegionScopedDict", "request_scope")),
    (iam_evaluator, ("enforce", "EvalResult")),
    (iam, ("_roles",)),
    (iam_actions, ("_query_param", "_safe_json_field", "extract_resource_arn")),
    (sts, ("register_session",)),
    (cloudwatch, ("record_metric", "time")),
    (eventbridge, ("time", "_tick_scheduled_rules")),
    (timebox.Timebox, ("current_milli_time",)),
    (stepfunctions, ("now_iso",)),
    (lambda_svc, ("_execute_function_warm", "_layers", "_publish_layer_version")),
    (ssm, ("_PUBLIC_AMI_PARAMETERS",)),
    (ec2, ("_ACTION_MAP", "_ensure_defaults_initialized", "_error", "_network_interfaces", "_p", "_security_groups")),
    (ec2, ("_authorize_sg_egress", "_authorize_sg_ingress", "_create_security_group", "_subnets")),
    (efs, ("_create_file_system", "_create_mount_target", "_delete_file_system", "_delete_mount_target", "_error")),
    (efs, ("_file_systems", "_mount_targets")),
    (s3, ("_delete_bucket",)),
    (tagging, ("_RESOURCE_TAG_COLLECTORS", "_collect_efs")),
    (
        stepfunctions,
        ("_run_execution", "_invoke_resource", "_invoke_resource_with_timeout", "_executions", "_state_machines"),
    ),
    (
        stepfunctions,
        ("_ExecutionError", "_add_event", "_apply_jsonata_output", "_fail_state_error", "_run_parallel_branches"),
    ),
    (stepfunctions, ("_run_sub_machine", "_state_query_language", "_execute_task", "_execute_choice", "_execute_wait")),
    (stepfunctions, ("_execute_pass", "_execute_parallel", "_execute_map")),
    (cloudformation, ("_stacks",)),
    (engine, ("_topological_sort",)),
    (provisioners, ("_RESOURCE_HANDLERS", "_cfn_nested_stack_delete", "_delete_resource", "_nested_stack_lookup_name")),
    (provisioners, ("_ec2_sg_delete", "_ec2_subnet_delete", "_s3_delete")),
    (stacks, ("_delete_resource", "_runs_on_worker_thread", "_with_dependencies")),
)


def main() -> None:
    """Serve until the process is told to end; configured by environment variables."""
    serve: Callable[[], None] = app.main
    serve()


class MinistackChanged(Exception):
    """The installed ministack is not the one that this module was written against."""


def _replace(module: ModuleType | type, name: str, value: Any) -> None:
    """Put something else in the place of what ministack has there; `check` has seen that it is there."""
    setattr(module, name, value)


def serve_on_one_port() -> None:
    """Leave port 443 alone: other clouds, and other programs, run on this machine too."""

    _replace(app, "_port_is_bindable", lambda host, port: False)


def check() -> None:
    """Raise MinistackChanged, naming what is gone, unless everything used here is still there."""
    gone = [f"{module.__name__}.{name}" for module, names in _USED for name in names if not hasattr(module, name)]
    if gone:
        raise MinistackChanged(f"ministack no longer has {', '.join(gone)}: mend {__name__} before upgrading it.")


# --- who calls, and what roles may do ---------------------------------------------------------------------------


@dataclass(frozen=True)
class SignedCaller:
    """The principal whose signature ministack has checked on the request at hand."""

    access_key_id: str
    account: str
    region: str

    @property
    def is_administrator(self) -> bool:
        """Whose access key is the account's number."""
        return self.access_key_id == self.account

    def authorize(self, action: str, resource: str, conditions: Conditions) -> None:
        service = action.partition(":")[0]
        denied = iam_evaluator.enforce(
            self.access_key_id, action, service, self.region, resource_arn=resource, service_context=dict(conditions)
        )
        if isinstance(denied, iam_evaluator.EvalResult):
            explicit = denied.decision == "Deny"
            raise AccessDenied(identity_denial_message(action, denied.principal_arn, resource, explicit))
        if denied is not None:
            raise AccessDenied(denied.message)


@dataclass(frozen=True)
class ServiceCaller:
    """AWS itself (CloudFormation with its administrator role): may do everything."""

    account: str
    region: str

    def authorize(self, action: str, resource: str, conditions: Conditions) -> None:
        return


def current_account() -> str:
    return str(responses.get_account_id())


def current_region() -> str:
    return str(responses.get_region())


def ask_for_log_streams() -> None:
    """Ask for the permission on the log stream where a request names one; ministack asks for its group's."""
    original: Callable[..., str] = iam_actions.extract_resource_arn

    def extract_resource_arn(service: str, method: str, path: str, headers: State, body: bytes, *rest: Any) -> str:
        arn = original(service, method, path, headers, body, *rest)
        stream = iam_actions._safe_json_field(body, "logStreamName") if service == "logs" else ""
        return f"{arn}:log-stream:{stream}" if stream else arn

    _replace(iam_actions, "extract_resource_arn", extract_resource_arn)


def ask_for_file_systems() -> None:
    """Ask for the permission on the file system that an EFS request is about, also where it names a mount target;
    on file-system/* where it names none (Service Authorization Reference; the EFS API's DescribeMountTargets). Give
    policies the file system's tags too, as aws:ResourceTag."""
    tagging._RESOURCE_TAG_COLLECTORS["elasticfilesystem"] = tagging._collect_efs
    original: Callable[..., str] = iam_actions.extract_resource_arn

    def extract_resource_arn(service: str, method: str, path: str, headers: State, body: bytes, *rest: Any) -> str:
        arn = original(service, method, path, headers, body, *rest)
        about_file_systems = "/file-systems" in path or "/mount-targets" in path
        if service == "elasticfilesystem" and about_file_systems and arn.endswith("*"):
            parameters, region, account = rest
            file_system_id = _file_system_of(path, body, parameters, region, account) or "*"
            return f"arn:aws:elasticfilesystem:{region}:{account}:file-system/{file_system_id}"
        return arn

    _replace(iam_actions, "extract_resource_arn", extract_resource_arn)


def _file_system_of(path: str, body: bytes, parameters: State, region: str, account: str) -> str:
    in_path = re.search(r"/mount-targets(?:/([^/]+))?", path)
    mount_target_id = in_path and (in_path[1] or iam_actions._query_param(parameters, "MountTargetId"))
    if mount_target_id:
        target = efs._mount_targets.get_scoped(account, region, mount_target_id)
        return target["FileSystemId"] if target else ""
    named = iam_actions._query_param(parameters, "FileSystemId") or iam_actions._safe_json_field(body, "FileSystemId")
    return str(named).rsplit("/", 1)[-1]


def ask_for_network_interfaces() -> None:
    """Ask, when a mount target is deleted, for its network interface's permission too (the EFS API's
    DeleteMountTarget: it needs ec2:DeleteNetworkInterface)."""
    original = app.SERVICE_HANDLERS["elasticfilesystem"]

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> HttpResponse:
        deleted = re.search(r"/mount-targets/([^/]+)$", path) if method == "DELETE" else None
        target = efs._mount_targets.get(deleted[1]) if deleted else None
        try:
            if target is not None:
                _authorize_deletion_of_interface(signed_caller(headers, query), target)
        except AccessDenied as denied:
            refused: HttpResponse = efs._error(403, denied.code, denied.message)
            return refused
        answer: HttpResponse = await original(method, path, headers, body, query)
        return answer

    app.SERVICE_HANDLERS["elasticfilesystem"] = handle


def _authorize_deletion_of_interface(caller: SignedCaller, mount_target: State) -> None:
    of_account = f"arn:aws:ec2:{caller.region}:{caller.account}"
    caller.authorize(
        "ec2:DeleteNetworkInterface",
        f"{of_account}:network-interface/{mount_target['NetworkInterfaceId']}",
        {"ec2:Vpc": f"{of_account}:vpc/{mount_target['VpcId']}"},
    )


def tell_the_vpc_of_security_groups() -> None:
    """Give policies the key ec2:Vpc, the ARN of the VPC that a request's security group is in (Service Authorization
    Reference, Amazon EC2)."""
    original: Callable[..., Any] = iam_evaluator.enforce

    def enforce(
        key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: State | None = None
    ) -> Any:
        context = {**_vpc_of(resource_arn), **(service_context or {})}
        return original(key, action, service, region, resource_arn=resource_arn, service_context=context)

    _replace(iam_evaluator, "enforce", enforce)


def _vpc_of(arn: str) -> dict[str, str]:
    named = re.fullmatch(r"(arn:aws:ec2:([^:]+):(\d+)):security-group/(.+)", arn)
    group = ec2._security_groups.get_scoped(named[3], named[2], named[4]) if named else None
    return {"ec2:Vpc": f"{named[1]}:vpc/{group['VpcId']}"} if named and group else {}


def role_credentials(role_arn: str, service_principal: str, session_name: str) -> dict[str, str]:
    """Temporary credentials of a role, as environment variables, for a service that its trust policy names."""
    account, role_name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, role_name)
    if role is None or service_principal not in str(role["AssumeRolePolicyDocument"]):
        raise ValidationError(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{service_principal}' to assume the role."
        )
    access_key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32)
    session_name = re.sub(r"[^\w+=,.@-]", "-", session_name)[:64]
    sts.register_session(
        access_key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}",
            "UserId": f"{hashlib.sha256(role_arn.encode()).hexdigest()[:20].upper()}:{session_name}",
            "SecretAccessKey": secret,
            "SessionToken": token,
        },
    )
    return {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


class MinistackPlatform:
    """The services around SageMaker, as ministack has them."""

    def now(self) -> datetime:
        return CLOCK.now()

    def assume(self, role_arn: str, session_name: str, region: str) -> Mapping[str, str]:
        return {
            **role_credentials(role_arn, "sagemaker.amazonaws.com", session_name),
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
            "AWS_CA_BUNDLE": os.environ["AWS_CA_BUNDLE"],
        }

    def put_metric(
        self, region: str, account: str, namespace: str, name: str, dimensions: Mapping[str, str], value: float
    ) -> None:
        def record() -> None:
            responses.set_request_account_id(account)
            responses.set_request_region(region)
            cloudwatch.record_metric(namespace, name, value, dimensions=dict(dimensions))

        contextvars.copy_context().run(record)

    def create_home(self, domain_arn: str, vpc_id: str, subnet_ids: Sequence[str]) -> str:
        _, _, _, region, account, resource = domain_arn.split(":")
        domain_id = resource.rpartition("/")[2]
        with responses.request_scope(account, region):
            _require_subnets(vpc_id, subnet_ids)
            inbound = _create_nfs_group("inbound", domain_id, vpc_id)
            outbound = _create_nfs_group("outbound", domain_id, vpc_id)
            ec2._authorize_sg_ingress(_nfs_rule(account, inbound, outbound))
            ec2._authorize_sg_egress(_nfs_rule(account, outbound, inbound))
            tag = {"Key": "ManagedByAmazonSageMakerResource", "Value": domain_arn}
            wanted = {"CreationToken": domain_id, "Encrypted": True, "Tags": [tag]}
            file_system_id = str(_answer_of_efs(efs._create_file_system(wanted))["FileSystemId"])
            for subnet_id in subnet_ids:
                place = {"FileSystemId": file_system_id, "SubnetId": subnet_id, "SecurityGroups": [inbound]}
                _answer_of_efs(efs._create_mount_target(place))
        return file_system_id

    def delete_home(self, domain_arn: str, file_system_id: str) -> None:
        _, _, _, region, account, _ = domain_arn.split(":")
        with responses.request_scope(account, region):
            targets = [t for t in efs._mount_targets.values() if t["FileSystemId"] == file_system_id]
            for target in targets:
                _answer_of_efs(efs._delete_mount_target(target["MountTargetId"]))
            if file_system_id in efs._file_systems:
                _answer_of_efs(efs._delete_file_system(file_system_id))


def _require_subnets(vpc_id: str, subnet_ids: Sequence[str]) -> None:
    """Raise ValidationError unless a file system can have a mount target in each subnet (the EFS API's
    CreateMountTarget: one VPC, and one mount target in an Availability Zone)."""
    ec2._ensure_defaults_initialized()
    subnets = [subnet for subnet in ec2._subnets.values() if subnet["SubnetId"] in subnet_ids]
    missing = set(subnet_ids) - {subnet["SubnetId"] for subnet in subnets if subnet["VpcId"] == vpc_id}
    if missing:
        raise ValidationError(f"VPC {vpc_id} has no subnet {', '.join(sorted(missing))}.")
    if len({subnet["AvailabilityZone"] for subnet in subnets}) < len(subnets):
        raise ValidationError(
            "The local cloud does not know yet where SageMaker puts the mount targets of subnets that share an "
            f"Availability Zone; SubnetIds {', '.join(subnet_ids)} must be in one each."
        )


def _create_nfs_group(direction: str, domain_id: str, vpc_id: str) -> str:
    name = f"security-group-for-{direction}-nfs-{domain_id}"
    ec2._create_security_group({"GroupName": name, "GroupDescription": name, "VpcId": vpc_id})
    return next(str(key) for key, group in ec2._security_groups.items() if group["GroupName"] == name)


def _nfs_rule(account: str, group_id: str, peer_id: str) -> dict[str, str]:
    # With the owner, as DescribeSecurityGroups shows it: a rule is revoked only by all that it was authorized with.
    peer = {"Groups.1.GroupId": peer_id, "Groups.1.UserId": account}
    rule = {"IpProtocol": "tcp", "FromPort": "2049", "ToPort": "2049", **peer}
    return {"GroupId": group_id, **{f"IpPermissions.1.{member}": value for member, value in rule.items()}}


def _answer_of_efs(response: HttpResponse) -> State:
    """What EFS answers. Raises ValidationError with its message."""
    status, _, body = response
    answer: State = json.loads(body or b"{}")
    if status >= HTTPStatus.BAD_REQUEST:
        raise ValidationError(answer["Message"])
    return answer


# --- time -----------------------------------------------------------------------------------------------------


class _CloudTime(ModuleType):
    """Python's time module with the cloud's time in it."""

    time = staticmethod(CLOCK.time)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def keep_the_clouds_time() -> None:
    """Let schedules, metrics, executions and their expressions go by the cloud's clock."""
    for module in (eventbridge, cloudwatch):
        _replace(module, "time", _CloudTime("time"))
    _replace(stepfunctions, "now_iso", _now_iso)
    _replace(timebox.Timebox, "current_milli_time", staticmethod(lambda: int(CLOCK.time() * 1000)))


def advance_clock(by: timedelta) -> None:
    """Move the cloud's time on; schedules that are due by then fire, once each, as they do after a pause."""
    CLOCK.advance(by)
    eventbridge._tick_scheduled_rules()


def _now_iso() -> str:
    return CLOCK.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- services -------------------------------------------------------------------------------------------------


def register_service(name: str, patterns: Mapping[str, Any], handler: HttpHandler) -> None:
    """Serve an AWS service; `handler` runs in a thread, with the request's caller and region in its context."""

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> HttpResponse:
        return await asyncio.to_thread(handler, method, path, headers, body, query)

    router.SERVICE_PATTERNS[name] = dict(patterns)
    app.SERVICE_HANDLERS[name] = handle


def signed_caller(headers: dict[str, str], query: dict[str, list[str]]) -> SignedCaller:
    return SignedCaller(
        router.extract_access_key_id(headers, query) or "", current_account(), router.extract_region(headers, query)
    )


def register_public_parameter(name: str, value: str) -> None:
    """An SSM parameter under /aws/service, which every account can read and none can write."""
    ssm._PUBLIC_AMI_PARAMETERS[name] = value


def inventory() -> list[tuple[str, str, str]]:
    """(service, kind, name) of everything that the request's account holds in its region.

    It reads the tables that ministack would save to disk, so a service or kind that it learns is there by itself.
    """
    found = []
    for service, tables_of in app._build_persistence_save_dict().items():
        for kind, table in (_undisturbed(tables_of) or {}).items():
            if isinstance(table, responses.AccountScopedDict | responses.AccountRegionScopedDict):
                is_there = _IS_THERE.get((service, kind), lambda _: True)
                entries = _undisturbed(partial(_entries, table))
                found += [(service, kind, str(name)) for name, entry in entries if is_there(entry)]
    return found


def _entries(table: Any) -> list[tuple[Any, Any]]:
    return list(table.items())


def _undisturbed(read: Callable[[], Any]) -> Any:
    """What a table holds, read again if another thread has changed it meanwhile."""
    while True:
        try:
            return read()
        except RuntimeError:  # dictionary changed size during iteration
            continue


def _never(entry: Any) -> bool:
    return False


_IS_THERE: Mapping[tuple[str, str], Callable[[Any], bool]] = {
    # A deleted stack is listed for 90 days, and an execution is gone with its state machine.
    ("cloudformation", "stacks"): lambda stack: stack["StackStatus"] != "DELETE_COMPLETE",
    ("stepfunctions", "executions"): lambda run: run["stateMachineArn"] in stepfunctions._state_machines,
    # An account's default bus is there from the first.
    ("eventbridge", "buses"): lambda bus: bus["Name"] != "default",
    # What happened, not what is there: AWS keeps it too, and charges nothing for it.
    ("cloudformation", "stack_events"): _never,
    ("cloudformation", "change_sets"): _never,
    ("cloudwatch", "metrics"): _never,
    ("cloudwatch", "alarm_history"): _never,
    ("cloudwatch_logs", "queries"): _never,
    ("cloudwatch_logs", "log_records"): _never,
}
"""Whether an entry of ministack's tables is a resource; where nothing stands here, it is."""


# --- EC2 ------------------------------------------------------------------------------------------------------


def refuse_to_delete_networks_in_use() -> None:
    """Answer DependencyViolation for a subnet with network interfaces, and for a security group that a network
    interface has or another group's rule names (the EC2 API's DeleteSubnet and DeleteSecurityGroup)."""
    _refuse_while(_subnet_in_use, "DeleteSubnet", "SubnetId", "The subnet '{}' has dependencies and cannot be deleted.")
    _refuse_while(_group_in_use, "DeleteSecurityGroup", "GroupId", "resource {} has a dependent object")


def _refuse_while(in_use: Callable[[str], bool], action: str, member: str, message: str) -> None:
    original: Callable[[State], HttpResponse] = ec2._ACTION_MAP[action]

    def delete(parameters: State) -> HttpResponse:
        named = str(ec2._p(parameters, member))
        if in_use(named):
            refused: HttpResponse = ec2._error("DependencyViolation", message.format(named), 400)
            return refused
        return original(parameters)

    ec2._ACTION_MAP[action] = delete


def _interfaces() -> Iterator[tuple[str, list[str]]]:
    """Subnet and security groups of each network interface; ministack has those of mount targets in EFS only."""
    for target in efs._mount_targets.values():
        yield target["SubnetId"], target["SecurityGroups"]
    for interface in ec2._network_interfaces.values():
        yield interface["SubnetId"], [group["GroupId"] for group in interface["Groups"]]


def _subnet_in_use(subnet_id: str) -> bool:
    return any(subnet == subnet_id for subnet, _ in _interfaces())


def _group_in_use(group_id: str) -> bool:
    others = [group for other_id, group in ec2._security_groups.items() if other_id != group_id]
    rules = [rule for group in others for rule in (*group["IpPermissions"], *group["IpPermissionsEgress"])]
    peers = {peer.get("GroupId") for rule in rules for peer in rule["UserIdGroupPairs"]}
    return group_id in peers or any(group_id in groups for _, groups in _interfaces())


# --- CloudFormation -------------------------------------------------------------------------------------------

Create = Callable[[str, dict[str, Any], str], tuple[str, dict[str, Any]]]
Update = Callable[[str, dict[str, Any], dict[str, Any], str], tuple[str, dict[str, Any]]]
Delete = Callable[[str, dict[str, Any]], None]


def register_resource_type(name: str, create: Create, update: Update, delete: Delete) -> None:
    """Let CloudFormation make a type of resource; its functions may block, and so run on a thread of their own."""
    original = stacks._runs_on_worker_thread
    _replace(stacks, "_runs_on_worker_thread", lambda resource_type: resource_type == name or original(resource_type))
    provisioners._RESOURCE_HANDLERS[name] = {"create": create, "update": update, "delete": delete}


def delete_stacks_as_cloudformation_does() -> None:
    """Let a nested stack's failed deletion fail its parent's, and keep what a resource that stays depends on."""
    delete: Any = provisioners._delete_resource

    def delete_resource(kind: str, physical_id: str, properties: State, stack: str, logical_id: str) -> None:
        resources = cloudformation._stacks[stack]["_resources"]
        definitions = cloudformation._stacks[stack]["_template"]["Resources"]
        others = [name for name in resources if name != logical_id]
        dependents = [n for n in others if logical_id in stacks._with_dependencies([n], definitions, set(resources))]
        if dependents:
            raise DeletionFailed(f"{', '.join(dependents)} could not be deleted, and {logical_id} is needed by it.")
        delete(kind, physical_id, properties, stack, logical_id)

    def delete_nested_stack(physical_id: str, properties: State) -> None:
        name = provisioners._nested_stack_lookup_name(physical_id)
        child = cloudformation._stacks.get(name)
        if child is not None:
            _delete_in_order(name, child, delete_resource)
            finish(physical_id, properties)

    finish: Any = provisioners._cfn_nested_stack_delete
    handlers: Any = provisioners._RESOURCE_HANDLERS
    handlers["AWS::CloudFormation::Stack"]["delete"] = delete_nested_stack
    _replace(stacks, "_delete_resource", delete_resource)


def delete_resources_as_their_services_do() -> None:
    """Let CloudFormation's deletion of a subnet, a security group or a bucket fail where the service refuses it;
    ministack only clears its tables. What is gone already is deleted."""
    actions: Any = ec2._ACTION_MAP
    delete_subnet, delete_group = actions["DeleteSubnet"], actions["DeleteSecurityGroup"]
    _delete_by("AWS::EC2::Subnet", provisioners._ec2_subnet_delete, lambda name: delete_subnet({"SubnetId": name}))
    _delete_by("AWS::EC2::SecurityGroup", provisioners._ec2_sg_delete, lambda name: delete_group({"GroupId": name}))
    _delete_by("AWS::S3::Bucket", provisioners._s3_delete, s3._delete_bucket)


def _delete_by(kind: str, clear: Callable[[str, State], None], delete: Callable[[str], HttpResponse]) -> None:
    def delete_resource(physical_id: str, properties: State) -> None:
        status, _, body = delete(physical_id)
        error = ": ".join(re.findall(r"<(?:Code|Message)>([^<]*)<", body.decode()))
        if status >= HTTPStatus.BAD_REQUEST and not re.search(r"^[\w.]*(NotFound|NoSuch)", error):
            raise DeletionFailed(error)
        clear(physical_id, properties)

    # Updates that replace a resource delete its predecessor by the function's name.
    _replace(provisioners, clear.__name__, delete_resource)
    handlers: Any = provisioners._RESOURCE_HANDLERS
    handlers[kind]["delete"] = delete_resource


class DeletionFailed(Exception):
    """CloudFormation could not delete a resource."""


def _delete_in_order(name: str, stack: State, delete: Callable[[str, str, State, str, str], None]) -> None:
    """Delete a nested stack's resources, dependents first; those that fail stay, and are named in DeletionFailed."""
    resources, failures = stack["_resources"], []
    for logical_id in reversed(engine._topological_sort(stack["_template"]["Resources"], stack.get("_conditions", {}))):
        resource = resources.get(logical_id)
        if resource is None:
            continue
        try:
            kind, physical_id = resource["ResourceType"], resource["PhysicalResourceId"]
            delete(kind, physical_id, resource.get("Properties", {}), name, logical_id)
            del resources[logical_id]
        except Exception as error:  # noqa: BLE001 - whatever stops a deletion is the stack's reason
            failures.append(f"{logical_id}: {error}")
    if failures:
        stack["StackStatus"] = "DELETE_FAILED"
        raise DeletionFailed("; ".join(failures))


# --- Step Functions -------------------------------------------------------------------------------------------

TaskError = stepfunctions._ExecutionError
"""What a failed task raises: TaskError(error name, cause)."""

_execution_arn: contextvars.ContextVar[str] = contextvars.ContextVar("execution_arn")
_state: contextvars.ContextVar[str] = contextvars.ContextVar("state")


@dataclass(frozen=True)
class Execution:
    """The running execution that a task belongs to."""

    arn: str
    name: str
    role_arn: str

    @property
    def running(self) -> bool:
        execution = stepfunctions._executions.get(self.arn)
        return execution is not None and execution["status"] == "RUNNING"


def current_execution() -> Execution:
    arn = _execution_arn.get()
    execution = stepfunctions._executions[arn]
    machine = stepfunctions._state_machines[execution["stateMachineArn"]]
    return Execution(arn, execution["name"], machine["roleArn"])


def current_state() -> str:
    """The name of the state whose task is carried out."""
    return _state.get()


def end_execution(execution: Execution, status: str) -> None:
    """End a running execution as ABORTED or TIMED_OUT, at once; what it has under way goes on."""
    described = stepfunctions._executions[execution.arn]
    if described["status"] == "RUNNING":
        described.update(status=status, stopDate=_now_iso())


Task = Callable[[str, dict[str, Any], float | None], Any]


def register_tasks(run: Task) -> None:
    """Let `run(resource, arguments, timeout in seconds or None)` carry out every Task state."""
    original: Any = stepfunctions._run_execution

    def run_execution(execution_arn: str) -> None:
        _execution_arn.set(execution_arn)
        original(execution_arn)

    execute: Any = stepfunctions._execute_task

    def execute_task(definition: State, state_input: Any, execution: State, context: State) -> Any:
        _state.set(context["State"]["Name"])
        return execute(definition, state_input, execution, context)

    _replace(stepfunctions, "_run_execution", run_execution)
    _replace(stepfunctions, "_execute_task", execute_task)
    _replace(stepfunctions, "_invoke_resource", lambda resource, arguments: run(resource, arguments, None))
    _replace(stepfunctions, "_invoke_resource_with_timeout", run)


def record_states_of_branches() -> None:
    """Fill in what ministack's Parallel and Map states leave out: Step Functions records the entry and exit of every
    state, gives each branch variables of its own, and applies a Parallel state's Output."""
    original: Any = stepfunctions._run_parallel_branches

    def run_branches(state: State, raw_input: Any, execution: State, context: State) -> tuple[Any, str | None]:
        output, following = original(state, raw_input, execution, context)
        if stepfunctions._state_query_language(state, context) == "JSONata":
            output = stepfunctions._apply_jsonata_output(state, raw_input, context, result=output, default=output)
        return output, following

    _replace(stepfunctions, "_run_parallel_branches", run_branches)
    _replace(stepfunctions, "_run_sub_machine", _run_branch)


def _run_branch(states: State, start_at: str, branch_input: Any, execution: State, context: State) -> Any:
    context = {**context, "variables": dict(context.get("variables", {}))}
    name: str | None = start_at
    output = copy.deepcopy(branch_input)
    while name is not None and execution["status"] == "RUNNING":
        state = states[name]
        kind = state["Type"]
        context["State"] = {"Name": name, "EnteredTime": responses.now_iso(), "RetryCount": 0}
        entered = {"name": name, "input": json.dumps(output)}
        stepfunctions._add_event(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": entered})
        left, (output, name) = name, _run_state(kind, state, output, execution, context)
        exited = {"name": left, "output": json.dumps(output)}
        stepfunctions._add_event(execution, f"{kind}StateExited", {"stateExitedEventDetails": exited})
    return output


def _run_state(kind: str, state: State, state_input: Any, execution: State, context: State) -> tuple[Any, str | None]:
    """Carry out one state: its output, and the next state's name or None."""
    if kind == "Succeed":
        return state_input, None
    if kind == "Fail":
        raise TaskError(*stepfunctions._fail_state_error(state, state_input, context))
    run = getattr(stepfunctions, f"_execute_{kind.lower()}")
    in_execution = (execution,) if kind in ("Task", "Parallel", "Map") else ()
    result: tuple[Any, str | None] = run(state, state_input, *in_execution, context)
    return result


# --- Lambda ---------------------------------------------------------------------------------------------------


def name_errors_as_lambda_does() -> None:
    """Answer with the exception's class name as errorType; ministack's worker says Runtime.HandlerError for all."""
    original = lambda_svc._execute_function_warm

    def execute(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        result: dict[str, Any] = original(func, event, request_id)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) and body.get("errorType") == "Runtime.HandlerError":
            body["errorType"] = _exception_name(result.get("log", ""), body["errorMessage"]) or body["errorType"]
        return result

    _replace(lambda_svc, "_execute_function_warm", execute)


def publish_public_layer(account: str, name: str, version: int, content: bytes) -> str:
    """Publish a layer version that every account may use, with the given number; return its ARN."""

    def publish() -> str:
        responses.set_request_account_id(account)
        lambda_svc._layers[name] = {"versions": [], "next_version": version}
        lambda_svc._publish_layer_version(name, {"Content": {"ZipFile": base64.b64encode(content).decode()}})
        published = lambda_svc._layers[name]["versions"][0]
        arn = str(published["LayerVersionArn"])
        published["_policy"]["Statement"].append(
            {"Sid": "public", "Effect": "Allow", "Principal": "*", "Action": "lambda:GetLayerVersion", "Resource": arn}
        )
        return arn

    return contextvars.copy_context().run(publish)


def _exception_name(log: str, message: str) -> str | None:
    """The class in a trace-back's last entry, `package.module.Class: message`."""
    head = log.rstrip().removesuffix(message.rstrip()).rstrip().removesuffix(":")
    match = re.search(r"([A-Za-z_][\w.]*)$", head)
    return match.group(1).rsplit(".", 1)[-1] if match else None
