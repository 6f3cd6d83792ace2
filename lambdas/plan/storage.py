"""The objects of the bucket."""

from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.plan.errors import UnreadableObject, UnwritableFile


class S3Store:
    def __init__(self, client: Any = None) -> None:
        self._s3 = client or boto3.client("s3")

    def write(self, bucket: str, key: str, content: bytes) -> None:
        """Raises UnwritableFile."""
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=content)
        except (BotoCoreError, ClientError) as error:
            raise UnwritableFile(
                f"s3://{bucket}/{key} can't be written: {error}. Start the run again; if access is denied again, "
                "deploy the stack again."
            ) from error

    def copy(self, source: str, bucket: str, key: str) -> None:
        """`source` is an address `s3://…`. Raises UnreadableObject."""
        from_bucket, _, from_key = source.removeprefix("s3://").partition("/")
        try:
            self._s3.copy_object(CopySource={"Bucket": from_bucket, "Key": from_key}, Bucket=bucket, Key=key)
        except (BotoCoreError, ClientError) as error:
            raise UnreadableObject(str(error)) from error
