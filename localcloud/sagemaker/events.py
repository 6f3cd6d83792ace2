"""The details of SageMaker's EventBridge events, which is also what a `.sync` task returns (aws-facts 1.7, 1.8)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from localcloud.sagemaker.resources import Resource


def detail(resource: Resource, members: Iterable[str]) -> dict[str, Any]:
    """Those `members` that the description has, times as milliseconds since 1970, and the tags as a map."""
    chosen = {name: resource.description[name] for name in members if name in resource.description}
    return {**_plain(chosen), "Tags": dict(resource.tags)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
