"""Which permission a request needs, where ministack asks for another one or for too few."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import ec2, efs, s3, tagging

from localcloud.ministack_adapter.callers import SignedCaller, signed_caller
from localcloud.ministack_adapter.internals import HttpResponse, State, Used, replace
from localcloud.sagemaker.errors import AccessDenied

USED: Used = (
    (app, ("SERVICE_HANDLERS",)),
    (iam_actions, ("_query_param", "_safe_json_field", "extract_resource_arn")),
    (iam_evaluator, ("enforce",)),
    (ec2, ("_security_groups",)),
    (s3, ("_error", "_parse_bucket_key", "handle_request")),
    (efs, ("_error", "_mount_targets")),
    (tagging, ("_RESOURCE_TAG_COLLECTORS", "_collect_efs")),
)


def ask_for_log_streams() -> None:
    """Ask for the permission on the log stream where a request names one; ministack asks for its group's."""
    original: Callable[..., str] = iam_actions.extract_resource_arn

    def extract_resource_arn(service: str, method: str, path: str, headers: State, body: bytes, *rest: Any) -> str:
        arn = original(service, method, path, headers, body, *rest)
        stream = iam_actions._safe_json_field(body, "logStreamName") if service == "logs" else ""
        return f"{arn}:log-stream:{stream}" if stream else arn

    replace(iam_actions, "extract_resource_arn", extract_resource_arn)


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

    replace(iam_actions, "extract_resource_arn", extract_resource_arn)


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


def tell_that_an_object_is_missing_to_who_may_list() -> None:
    """Answer a request for an object that isn't there with NoSuchKey only if the caller may list the bucket, else with
    AccessDenied (aws-facts 14.1)."""
    original = s3.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]], **named: Any
    ) -> HttpResponse:
        answer: HttpResponse = await original(method, path, headers, body, query, **named)
        copied = headers.get("x-amz-copy-source")
        bucket, key = s3._parse_bucket_key(copied or path, headers)
        is_missing = answer[0] == HTTPStatus.NOT_FOUND and (method == "HEAD" or b"<Code>NoSuchKey<" in answer[2])
        if key and is_missing and (copied or method in ("GET", "HEAD")):
            caller = signed_caller(headers, query)
            try:
                caller.authorize("s3:ListBucket", f"arn:aws:s3:::{bucket}", {})
            except AccessDenied as denied:
                refused: HttpResponse = s3._error("AccessDenied", denied.message, HTTPStatus.FORBIDDEN, path)
                return refused
        return answer

    replace(s3, "handle_request", handle_request)


def tell_the_vpc_of_security_groups() -> None:
    """Give policies the key ec2:Vpc, the ARN of the VPC that a request's security group is in (Service Authorization
    Reference, Amazon EC2)."""
    original: Callable[..., Any] = iam_evaluator.enforce

    def enforce(
        key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: State | None = None
    ) -> Any:
        context = {**_vpc_of(resource_arn), **(service_context or {})}
        return original(key, action, service, region, resource_arn=resource_arn, service_context=context)

    replace(iam_evaluator, "enforce", enforce)


def _vpc_of(arn: str) -> dict[str, str]:
    named = re.fullmatch(r"(arn:aws:ec2:([^:]+):(\d+)):security-group/(.+)", arn)
    group = ec2._security_groups.get_scoped(named[3], named[2], named[4]) if named else None
    return {"ec2:Vpc": f"{named[1]}:vpc/{group['VpcId']}"} if named and group else {}
