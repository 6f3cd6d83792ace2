"""The run's files in the bucket."""

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.report.errors import UnreadableFile, UnwritableFile

LINK_SECONDS = 3600

_REGIONAL = Config(signature_version="s3v4", s3={"addressing_style": "path"})
"""What boto3 signs otherwise is addressed to the global endpoint, which refuses it for a bucket that is new, or in a
region opened since 2019 (boto/boto3#2989, #3015)."""


class S3Store:
    def __init__(self, client: Any = None) -> None:
        self._s3 = client or boto3.client("s3", config=_REGIONAL)

    def read(self, bucket: str, key: str) -> str:
        """Raises UnreadableFile."""
        try:
            body: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise UnreadableFile(
                f"s3://{bucket}/{key} can't be read: {error}. An earlier step of the run leaves it; look at that "
                "step's log, or start another run."
            ) from error
        return body.decode(errors="replace")

    def write(self, bucket: str, key: str, content: str, content_type: str) -> None:
        """Raises UnwritableFile."""
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=content.encode(), ContentType=content_type)
        except (BotoCoreError, ClientError) as error:
            raise UnwritableFile(
                f"s3://{bucket}/{key} can't be written: {error}. Start another run; if access is denied again, deploy "
                "the stack again."
            ) from error

    def link(self, bucket: str, key: str) -> str:
        """A link that reads the object with this function's own rights.

        It lasts an hour, or until the session of the function's role ends, if that is sooner.
        """
        url: str = self._s3.generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=LINK_SECONDS
        )
        return url
