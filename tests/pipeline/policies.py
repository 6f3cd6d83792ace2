"""Taking permissions from roles for a while."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.pipeline.running import Deployed

_DENIAL = "taken-by-a-test"


@contextmanager
def without(deployed: Deployed, role: str, action: str) -> Iterator[None]:
    """The role's inline policies name `action` no more; then they are as they were."""
    iam = deployed.client("iam")
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policies = {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}
    reduced = {name: _without(policy, action) for name, policy in policies.items()}
    assert reduced != policies, f"no policy of {role} allows {action}"
    try:
        _put(iam, role, reduced)
        yield
    finally:
        _put(iam, role, policies)


@contextmanager
def denied(deployed: Deployed, role: str, statement: dict[str, Any]) -> Iterator[None]:
    """The role has one policy more, which denies what the statement says."""
    iam = deployed.client("iam")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", **statement}]}
    try:
        _put(iam, role, {_DENIAL: document})
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName=_DENIAL)


def _without(policy: dict[str, Any], action: str) -> dict[str, Any]:
    """A statement that names no other action goes: a list of actions must not be empty."""
    statements = []
    for statement in policy["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        left = [each for each in actions if each != action]
        if left:
            statements.append({**statement, "Action": left if left != actions else statement["Action"]})
    return {**policy, "Statement": statements}


def _put(iam: Any, role: str, policies: dict[str, dict[str, Any]]) -> None:
    for name, document in policies.items():
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
