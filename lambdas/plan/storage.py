"""Writes to the bucket."""

from typing import Any

import boto3


class S3Store:
    def __init__(self, client: Any = None) -> None:
        self._s3 = client or boto3.client("s3")

    def write(self, bucket: str, key: str, content: bytes) -> None:
        self._s3.put_object(Bucket=bucket, Key=key, Body=content)
