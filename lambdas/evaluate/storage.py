"""The run's files in the bucket."""

from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.evaluate.errors import UnreadableFile, UnwritableFile


class S3Store:
    def __init__(self, client: Any = None) -> None:
        self._s3 = client or boto3.client("s3")

    def read(self, bucket: str, key: str) -> bytes:
        """Raises UnreadableFile."""
        try:
            body: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise UnreadableFile(
                f"s3://{bucket}/{key} can't be read: {error}. An earlier step of the run leaves it; look at that "
                "step's log, or start another run."
            ) from error
        return body

    def write(self, bucket: str, key: str, content: str, content_type: str) -> None:
        """Raises UnwritableFile."""
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=content.encode(), ContentType=content_type)
        except (BotoCoreError, ClientError) as error:
            raise UnwritableFile(
                f"s3://{bucket}/{key} can't be written: {error}. Start another run; if access is denied again, deploy "
                "the stack again."
            ) from error
