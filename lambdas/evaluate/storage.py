"""The run's files in the bucket."""

from typing import Any

import boto3


class S3Store:
    def __init__(self, client: Any = None) -> None:
        self._s3 = client or boto3.client("s3")

    def read(self, bucket: str, key: str) -> str:
        body: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body.decode()

    def write(self, bucket: str, key: str, content: str) -> None:
        self._s3.put_object(Bucket=bucket, Key=key, Body=content.encode(), ContentType="application/json")
