"""The services that SageMaker calls: roles, metrics, and the network file systems of Studio's domains."""

import contextvars
import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus

from ministack.core import responses
from ministack.services import cloudwatch, ec2, efs

from localcloud.clock import CLOCK
from localcloud.ministack_adapter.callers import role_credentials
from localcloud.ministack_adapter.internals import HttpResponse, State, Used
from localcloud.sagemaker.errors import ValidationError

USED: Used = (
    (responses, ("request_scope", "set_request_account_id", "set_request_region")),
    (cloudwatch, ("record_metric",)),
    (ec2, ("_authorize_sg_egress", "_authorize_sg_ingress", "_create_security_group", "_ensure_defaults_initialized")),
    (ec2, ("_security_groups", "_subnets")),
    (efs, ("_create_file_system", "_create_mount_target", "_delete_file_system", "_delete_mount_target")),
    (efs, ("_file_systems", "_mount_targets")),
)


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
