"""The roles of a deployment, written down beside what IAM decides about them (see permissions.record)."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.cdk import CdkApp
from permissions.statements import Statement
from tests.template.deployment import ROOT_STACK, Deployment, Resource

_OF_ANOTHER_USER = re.compile("Profile(?!datascientist)")
"""One role stands for all: they differ in names and instance types alone (tests/template/test_permissions.py)."""

_POLICIES = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")


def write_down_roles(app: CdkApp, project: str) -> None:
    """A line of JSON for each role and each policy of the deployed stack: the `role` as IAM and as the templates name
    it, and the statements as IAM holds them, beside those of the template. Other users' roles have none of their own.
    """
    deployment = Deployment.read(app.assembly, project)
    physical = _physical_names(app, project)
    iam = app.cloud.client("iam")
    roles = [_line(physical, role, [], []) for role in deployment.all("AWS::IAM::Role")]
    policies = [
        _of_policy(iam, deployment, physical, policy, role)
        for type_ in _POLICIES
        for policy in deployment.all(type_)
        for role in _roles_of(deployment, policy)
        if not _OF_ANOTHER_USER.match(role.name)
    ]
    lines = "".join(f"{json.dumps(line)}\n" for line in (*roles, *policies))
    record = os.open(os.environ["LOCALCLOUD_DECISIONS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(record, lines.encode())
    os.close(record)


def _of_policy(
    iam: Any, deployment: Deployment, physical: Mapping[str, str], policy: Resource, role: Resource
) -> dict[str, Any]:
    held = _held(iam, physical, policy, physical[role.reference])["Statement"]
    written = deployment.resolve(policy.properties["PolicyDocument"], policy.stack)["Statement"]
    assert len(held) == len(written)
    return _line(physical, role, held, written)


def _line(physical: Mapping[str, str], role: Resource, held: list[Any], written: list[Any]) -> dict[str, Any]:
    return {
        "role": physical[role.reference],
        "named": f"{role.stack}/{re.sub('[0-9A-F]{8}$', '', role.name)}",
        "held": [Statement.read(each).as_json() for each in held],
        "written": [Statement.read(each).as_json() for each in written],
    }


def _roles_of(deployment: Deployment, policy: Resource) -> Iterator[Resource]:
    references = deployment.resolve(policy.properties["Roles"], policy.stack)
    yield from (role for role in deployment.all("AWS::IAM::Role") if role.reference in references)


def _held(iam: Any, physical: Mapping[str, str], policy: Resource, role: str) -> Any:
    """The document of a role's inline or managed policy."""
    if policy.type == "AWS::IAM::Policy":
        return iam.get_role_policy(RoleName=role, PolicyName=policy.properties["PolicyName"])["PolicyDocument"]
    arn = physical[policy.reference]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def _physical_names(app: CdkApp, project: str) -> dict[str, str]:
    """What CloudFormation has named each resource, by its reference in the templates."""
    described = app.cloud.client("cloudformation").describe_stack_resources
    names = {}
    nested = {ROOT_STACK: project}
    for resource in described(StackName=project)["StackResources"]:
        if resource["ResourceType"] == "AWS::CloudFormation::Stack":
            nested[resource["LogicalResourceId"].partition("NestedStack")[0]] = resource["PhysicalResourceId"]
    for stack, name in nested.items():
        for resource in described(StackName=name)["StackResources"]:
            names[f"<{stack}/{resource['LogicalResourceId']}>"] = resource["PhysicalResourceId"]
    return names
