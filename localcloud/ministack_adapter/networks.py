"""Subnets and security groups, which stay as long as they are in use."""

from collections.abc import Callable, Iterator

from ministack.services import ec2, efs

from localcloud.ministack_adapter.internals import HttpResponse, State, Used

USED: Used = (
    (ec2, ("_ACTION_MAP", "_error", "_network_interfaces", "_p", "_security_groups")),
    (efs, ("_mount_targets",)),
)


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
