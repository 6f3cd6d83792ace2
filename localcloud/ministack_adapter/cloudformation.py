"""CloudFormation: resource types that ministack lacks, and deletions that fail as AWS's do."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ministack.services import cloudformation, ec2, s3
from ministack.services.cloudformation import engine, provisioners, stacks

from localcloud.ministack_adapter.internals import HttpResponse, State, Used, replace

USED: Used = (
    (cloudformation, ("_stacks",)),
    (engine, ("_topological_sort",)),
    (provisioners, ("_RESOURCE_HANDLERS", "_cfn_nested_stack_delete", "_delete_resource", "_nested_stack_lookup_name")),
    (provisioners, ("_ec2_sg_delete", "_ec2_subnet_delete", "_s3_delete", "_update_resource")),
    (stacks, ("_delete_resource", "_runs_on_worker_thread", "_with_dependencies")),
    (ec2, ("_ACTION_MAP",)),
    (s3, ("_delete_bucket",)),
)

Create = Callable[[str, dict[str, Any], str], tuple[str, dict[str, Any]]]
Update = Callable[[str, dict[str, Any], dict[str, Any], str], tuple[str, dict[str, Any]]]
Delete = Callable[[str, dict[str, Any]], None]


def register_resource_type(name: str, create: Create, update: Update, delete: Delete) -> None:
    """Let CloudFormation make a type of resource; its functions may block, and so run on a thread of their own."""
    original = stacks._runs_on_worker_thread
    replace(stacks, "_runs_on_worker_thread", lambda resource_type: resource_type == name or original(resource_type))
    provisioners._RESOURCE_HANDLERS[name] = {"create": create, "update": update, "delete": delete}


def delete_stacks_as_cloudformation_does() -> None:
    """Let a nested stack's failed deletion fail its parent's, and keep what a resource that stays depends on."""
    delete: Any = provisioners._delete_resource

    def delete_resource(kind: str, physical_id: str, properties: State, stack: str, logical_id: str) -> None:
        dependents = _dependents(cloudformation._stacks[stack], logical_id, physical_id)
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
    replace(stacks, "_delete_resource", delete_resource)


def _dependents(stack: State, logical_id: str, physical_id: str) -> list[str]:
    """What depends on a resource of the stack; nothing does on one that has been replaced."""
    resources, definitions = stack["_resources"], stack["_template"]["Resources"]
    if resources.get(logical_id, {}).get("PhysicalResourceId") != physical_id:
        return []
    others = [name for name in resources if name != logical_id]
    return [name for name in others if logical_id in stacks._with_dependencies([name], definitions, set(resources))]


def update_nested_stacks_knowing_what_stays() -> None:
    """Give a nested stack's update the attributes of resources that it leaves unchanged, as ministack does a root
    stack's; others refer to them."""
    original: Any = provisioners._update_resource

    def update_resource(kind: str, physical_id: str, old: State, new: State, stack: str, *rest: Any) -> Any:
        logical_id, attributes, *_ = (*rest, None, None)
        known = cloudformation._stacks.get(stack, {}).get("_resources", {}).get(logical_id, {}).get("Attributes")
        return original(kind, physical_id, old, new, stack, logical_id, attributes or known)

    replace(provisioners, "_update_resource", update_resource)


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
    replace(provisioners, clear.__name__, delete_resource)
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
