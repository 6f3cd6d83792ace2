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
        # Names that differ in nothing but their case have one ARN, so there may be several resources to an ARN.
        self._by_arn: dict[str, dict[tuple[str, str], Resource]] = {}

    def add(self, resource: Resource) -> None:
        """Take it in; one of that kind and name that is there already is replaced."""
        with self.lock:
            replaced = self._tables.setdefault(resource.kind, {}).get(resource.name)
            if replaced is not None and replaced.arn != resource.arn:
                self._forget_arn(replaced)
            self._tables[resource.kind][resource.name] = resource
            self._by_arn.setdefault(resource.arn, {})[resource.kind, resource.name] = resource

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
            removed = self._tables.get(resource.kind, {}).pop(resource.name, None)
            if removed is not None:
                self._forget_arn(removed)

    def _forget_arn(self, resource: Resource) -> None:
        same_arn = self._by_arn[resource.arn]
        del same_arn[resource.kind, resource.name]
        if not same_arn:
            del self._by_arn[resource.arn]

    def all(self, kind: str) -> list[Resource]:
        """All of a kind, oldest first."""
        with self.lock:
            return list(self._tables.get(kind, {}).values())

    def by_arn(self, arn: str) -> Resource | None:
        """The resource, the oldest if there are several."""
        with self.lock:
            return next(iter(self._by_arn.get(arn, {}).values()), None)

    def __iter__(self) -> Iterator[Resource]:
        with self.lock:
            return iter([resource for table in self._tables.values() for resource in table.values()])
