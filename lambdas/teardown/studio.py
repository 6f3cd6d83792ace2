"""The purge's steps through Studio: what users have in the domain, the domain, and what a domain leaves behind."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from lambdas.teardown.obstacles import Obstacle, Step, attempt, in_turn
from lambdas.teardown.resources import is_missing

_HOME_TAG = "ManagedByAmazonSageMakerResource"
"""Its value is the domain's ARN (aws-facts 5.9)."""

_AT_REST = ("InService", "Failed", "Update_Failed", "Delete_Failed")


@dataclass(frozen=True)
class StudioClients:
    sagemaker: Any
    efs: Any
    ec2: Any


@dataclass(frozen=True)
class Domain:
    """The stack's domain; it may be gone already."""

    id: str
    arn: str
    vpc_id: str

    @property
    def nfs_groups(self) -> list[str]:
        """The security groups that a home file system brought, which nothing removes (aws-facts 5.9)."""
        return [f"security-group-for-{way}bound-nfs-{self.id}" for way in ("in", "out")]


def purge_studio(clients: StudioClients, domain: Domain) -> Step:
    """Apps, then spaces and profiles, then the domain (aws-facts 5.7); then its file system and security groups."""
    return in_turn(
        partial(_delete_members, clients.sagemaker, domain, _APPS),
        partial(_delete_members, clients.sagemaker, domain, _SPACES),
        partial(_delete_members, clients.sagemaker, domain, _PROFILES),
        partial(_delete_domain, clients.sagemaker, domain),
        partial(_delete_home, clients.efs, domain),
        partial(_delete_groups, clients.ec2, domain),
    )


@dataclass(frozen=True)
class _Members:
    """A kind of thing in a domain, and the names that together say which one it is."""

    noun: str
    paginator: str
    list_member: str
    delete: str
    names: tuple[str, ...]


_APPS = _Members("App", "list_apps", "Apps", "delete_app", ("UserProfileName", "SpaceName", "AppType", "AppName"))
_SPACES = _Members("Space", "list_spaces", "Spaces", "delete_space", ("SpaceName",))
_PROFILES = _Members("UserProfile", "list_user_profiles", "UserProfiles", "delete_user_profile", ("UserProfileName",))


def _delete_members(sagemaker: Any, domain: Domain, kind: _Members) -> list[Obstacle]:
    pages = sagemaker.get_paginator(kind.paginator).paginate(DomainIdEquals=domain.id)
    return [
        obstacle
        for page in list(pages)
        for member in page[kind.list_member]
        if member["Status"] != "Deleted"  # apps are listed for a day after that
        for obstacle in _delete_member(sagemaker, kind, member)
    ]


def _delete_member(sagemaker: Any, kind: _Members, member: Mapping[str, Any]) -> list[Obstacle]:
    names = {name: member[name] for name in kind.names if name in member}
    what = f"{kind.noun} {'/'.join(names.values())}"
    act = partial(getattr(sagemaker, kind.delete), DomainId=member["DomainId"], **names)
    return _when_at_rest(what, member["Status"], act)


def _when_at_rest(what: str, status: str, act: Callable[[], object]) -> list[Obstacle]:
    return attempt("deleting", what, act, is_missing) if status in _AT_REST else [Obstacle(what, status)]


def _delete_domain(sagemaker: Any, domain: Domain) -> list[Obstacle]:
    """With its file system: CloudFormation, whose turn would be next, keeps that (aws-facts 5.8)."""
    try:
        status = sagemaker.describe_domain(DomainId=domain.id)["Status"]
    except ClientError as error:
        if is_missing(error):
            return []
        raise
    act = partial(sagemaker.delete_domain, DomainId=domain.id, RetentionPolicy={"HomeEfsFileSystem": "Delete"})
    return _when_at_rest(f"Domain {domain.id}", status, act)


def _delete_home(efs: Any, domain: Domain) -> list[Obstacle]:
    """The file system, if it is there yet; its mount targets go before it."""
    obstacles: list[Obstacle] = []
    for system in _home_file_systems(efs, domain):
        try:
            targets = efs.describe_mount_targets(FileSystemId=system)["MountTargets"]
        except efs.exceptions.FileSystemNotFound:  # AWS deletes it with the domain, at its own pace
            continue
        for target in (target["MountTargetId"] for target in targets):
            act = partial(efs.delete_mount_target, MountTargetId=target)
            obstacles += attempt("deleting", f"mount target {target}", act, _is_gone)
        if not targets:
            act = partial(efs.delete_file_system, FileSystemId=system)
            obstacles += attempt("deleting", f"file system {system}", act, _is_gone)
    return obstacles


def _home_file_systems(efs: Any, domain: Domain) -> Iterator[str]:
    for page in list(efs.get_paginator("describe_file_systems").paginate()):
        for system in page["FileSystems"]:
            if {"Key": _HOME_TAG, "Value": domain.arn} in system["Tags"]:
                yield system["FileSystemId"]


def _delete_groups(ec2: Any, domain: Domain) -> list[Obstacle]:
    """Their rules name each other, so all rules go before the first group (aws-facts 5.9)."""
    filters = [{"Name": "vpc-id", "Values": [domain.vpc_id]}, {"Name": "group-name", "Values": domain.nfs_groups}]
    groups = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    refusals: list[Obstacle] = []
    for group in groups:
        refusals += _revoke(ec2.revoke_security_group_ingress, group, group["IpPermissions"])
        refusals += _revoke(ec2.revoke_security_group_egress, group, group["IpPermissionsEgress"])
    for group in [] if refusals else groups:
        act = partial(ec2.delete_security_group, GroupId=group["GroupId"])
        refusals += attempt("deleting", f"security group {group['GroupName']}", act, _is_gone)
    return refusals


def _revoke(act: Callable[..., object], group: Mapping[str, Any], permissions: list[Any]) -> list[Obstacle]:
    """What AWS refuses; rules that were revoked are no obstacle."""
    if not permissions:
        return []
    call = partial(act, GroupId=group["GroupId"], IpPermissions=permissions)
    tried = attempt("revoking", f"the rules of security group {group['GroupName']}", call, _is_gone)
    return [obstacle for obstacle in tried if obstacle.refused]


def _is_gone(error: ClientError) -> bool:
    """Errors of EFS and EC2 that say so: FileSystemNotFound, MountTargetNotFound, InvalidGroup.NotFound."""
    return str(error.response["Error"]["Code"]).endswith("NotFound")
