"""Statements of policies."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Self


@dataclass(frozen=True)
class Statement:
    """What a statement of an identity policy says."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: str
    """As JSON, its keys in order; empty if there are none."""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """From a policy's document."""
        conditions = given.get("Condition")
        return cls(
            given["Effect"],
            as_tuple(given["Action"]),
            as_tuple(given["Resource"]),
            json.dumps(conditions, sort_keys=True) if conditions else "",
        )

    @classmethod
    def of_json(cls, given: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        return cls(given["effect"], tuple(given["actions"]), tuple(given["resources"]), given["conditions"])

    @classmethod
    def of_policy(cls, given: Mapping[str, Any]) -> Self:
        """From what IAM's evaluator made of it, as the local cloud records it."""
        return cls.read({key.removesuffix("s").capitalize(): value for key, value in given.items()})

    def as_json(self) -> dict[str, Any]:
        return {
            "effect": self.effect,
            "actions": self.actions,
            "resources": self.resources,
            "conditions": self.conditions,
        }


def as_tuple(value: Any) -> tuple[str, ...]:
    """A policy may have a text for a list of one."""
    return (value,) if isinstance(value, str) else tuple(value)


def matches(value: str, pattern: str) -> bool:
    """As IAM compares: `*` and `?` stand for any characters and for one; `[*]` for the star itself."""
    return fnmatchcase(value, pattern)
