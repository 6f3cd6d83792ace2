"""The resources of one account in one region."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from localcloud.sagemaker.errors import ServiceError


@dataclass
class Resource:
    """A named thing: `description` is what its Describe call answers (times as datetime, without its tags)."""

    kind: str
    name: str
    arn: str
    description: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)
    runtime: Any = None
    """What runs behind it (a process, a thread), for the module that made it."""


class Resources:
    """Tables of resources by kind (`training-job`, `endpoint`, …) and name."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._tables: dict[str, dict[str, Resource]] = {}

    def add(self, resource: Resource) -> None:
        with self.lock:
            self._tables.setdefault(resource.kind, {})[resource.name] = resource

    def get(self, kind: str, name: str) -> Resource | None:
        with self.lock:
            return self._tables.get(kind, {}).get(name)

    def require(self, kind: str, name: str, missing: ServiceError) -> Resource:
        """The resource, or `missing` is raised."""
        resource = self.get(kind, name)
        if resource is None:
            raise missing
        return resource

    def remove(self, resource: Resource) -> None:
        with self.lock:
            self._tables.get(resource.kind, {}).pop(resource.name, None)

    def all(self, kind: str) -> list[Resource]:
        """All of a kind, oldest first."""
        with self.lock:
            return list(self._tables.get(kind, {}).values())

    def by_arn(self, arn: str) -> Resource | None:
        with self.lock:
            return next((resource for resource in self if resource.arn == arn), None)

    def __iter__(self) -> Iterator[Resource]:
        with self.lock:
            return iter([resource for table in self._tables.values() for resource in table.values()])
