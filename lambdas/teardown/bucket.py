"""The purge's last step: the bucket is emptied, so that CloudFormation can delete it."""

from collections.abc import Iterable
from typing import Any

from lambdas.teardown.obstacles import Obstacle

_AT_A_TIME = 50_000
"""Objects that one attempt deletes at most: a matter of seconds, so that the purge can look at the clock in between."""


def empty(s3: Any, bucket: str) -> list[Obstacle]:
    """Delete the objects, with all versions: somebody may have switched versioning on."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"MaxItems": _AT_A_TIME})
    try:
        return _delete(s3, bucket, pages)
    except s3.exceptions.NoSuchBucket:
        return []


def _delete(s3: Any, bucket: str, pages: Iterable[Any]) -> list[Obstacle]:
    obstacles: list[Obstacle] = []
    deleted = 0
    for page in pages:
        objects = [
            {"Key": version["Key"], "VersionId": version["VersionId"]}
            for version in page.get("Versions", []) + page.get("DeleteMarkers", [])
        ]
        if objects:
            refused = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True}).get("Errors", [])
            obstacles += [Obstacle(f"object {error['Key']}", error["Message"], refused=True) for error in refused]
            deleted += len(objects) - len(refused)
    return [*obstacles, Obstacle(f"{deleted:,} objects in bucket {bucket}", "deleting")] if deleted else obstacles
