"""The objects of S3."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.prepare.bounded import CHUNK, copy_bounded
from lambdas.prepare.errors import UnreadableSource, UnwritableFile

REASONS = {
    "NoSuchBucket": "there is no such bucket",
    "NoSuchKey": "the bucket has no such object",
    "AccessDenied": (
        "access is denied, because this function's role may not read it, or because there is no such object in a "
        "bucket that the role may not list"
    ),
}


class S3Objects:
    def __init__(self, client: Any = None) -> None:
        self._s3 = client or boto3.client("s3")

    def fetch(self, bucket: str, key: str, target: Path, most: int, too_much: Exception) -> None:
        """Write the object to `target`, unless it has more than `most` bytes: then `too_much` is raised."""
        try:
            answer = self._s3.get_object(Bucket=bucket, Key=key)
            if answer["ContentLength"] > most:
                raise too_much
            with target.open("wb") as file:
                copy_bounded(answer["Body"], file, most, too_much)
        except (ClientError, BotoCoreError, UnicodeError) as error:
            raise UnreadableSource(
                f"The source {_unreadable(bucket, key, error)}. Check it, and what this function's role may read."
            ) from error

    def chunks(self, bucket: str, key: str) -> Iterator[bytes]:
        """The object's bytes, some at a time. Raises UnreadableSource, at any of them."""
        try:
            body = self._s3.get_object(Bucket=bucket, Key=key)["Body"]
            while chunk := body.read(CHUNK):
                yield chunk
        except (ClientError, BotoCoreError) as error:
            raise UnreadableSource(_unreadable(bucket, key, error)) from error

    def upload(self, path: Path, bucket: str, key: str) -> None:
        """Raises UnwritableFile; what was sent of the file by then is nowhere."""
        try:
            self._s3.upload_file(str(path), bucket, key)
        except (S3UploadFailedError, ClientError, BotoCoreError) as error:
            raise _unwritable(bucket, key, error) from error

    def write_json(self, content: str, bucket: str, key: str) -> None:
        """Raises UnwritableFile."""
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=content.encode(), ContentType="application/json")
        except (ClientError, BotoCoreError) as error:
            raise _unwritable(bucket, key, error) from error

    def delete(self, bucket: str, key: str) -> None:
        """Raises UnwritableFile."""
        try:
            self._s3.delete_object(Bucket=bucket, Key=key)
        except (ClientError, BotoCoreError) as error:
            raise _unwritable(bucket, key, error) from error


def _unwritable(bucket: str, key: str, error: Exception) -> UnwritableFile:
    return UnwritableFile(
        f"s3://{bucket}/{key} can't be written or removed: {error}. Start the run again; if access is denied again, "
        "deploy the stack again."
    )


def _unreadable(bucket: str, key: str, error: ClientError | BotoCoreError | UnicodeError) -> str:
    why = str(error)
    if isinstance(error, ClientError):
        why = REASONS.get(error.response["Error"]["Code"], why)
    return f"s3://{bucket}/{key} can't be read: {why}"
