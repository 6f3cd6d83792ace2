"""Rows scored by a batch transform job, which is made for them with all that it needs, and removed again."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from botocore.exceptions import ClientError

from predict.aws import AWS_ERRORS, Clients, code_and_message, explained, is_missing, sentence
from predict.errors import PredictFailed
from predict.model import INSTANCE_BYTES, Registered

PAYLOAD_MB = 6
RECORD_BYTES = INSTANCE_BYTES
"""Of a row: as a payload of several rows, at most 6 MB (aws-facts 2.19), with the same margin as an endpoint's."""

POLL_SECONDS = 5.0
LOG_GROUP = "/aws/sagemaker/TransformJobs"
_UNDER_WAY = ("InProgress", "Stopping")
_LONGEST_STOP_SECONDS = 300.0


class _Made(NamedTuple):
    what: str
    ending: str
    """What is done to it in the end, in a word."""
    end: Callable[[], None]


def new_stamp() -> str:
    """`yymmdd-hhmmss-<4 hex>`."""
    return f"{datetime.now(UTC):%y%m%d-%H%M%S}-{secrets.token_hex(2)}"


@dataclass
class BatchJob:
    """Model, transform job and objects of one call. Leaving the context removes them, whatever has happened.

    Objects lie under the run's prefix, where the execution role may read (`runs/*`) and write (`runs/*/output/*`).
    """

    clients: Clients
    registered: Registered
    project: str
    instance_type: str
    watch: Callable[[str], None]
    """Is told what the job is doing."""
    stamp: str = field(default_factory=new_stamp)
    sleep: Callable[[float], None] = time.sleep
    _made: list["_Made"] = field(default_factory=list)
    """What there may be in the account."""

    @property
    def name(self) -> str:
        """Of the model and of the job."""
        return f"{self.project}-predict-{self.stamp}"

    @property
    def prefix(self) -> str:
        return f"{self.registered.model.prefix}predictions/{self.stamp}/"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises PredictFailed if something could not be removed, or adds a note to the error that there is."""
        left = self._remove()
        if not left:
            return
        told = f"Still in the account: {'; '.join(left)}. Remove it there, or it stays until `cdk destroy`."
        if error is None:
            raise PredictFailed(f"The rows are scored. {told}")
        error.add_note(told)

    def run(self, features: Path, scores: Path) -> None:
        """Score the file of rows into a file of scores. Raises PredictFailed."""
        with explained():
            self._upload(features)
            self._create_model()
            self._create_job()
            self._await_end()
            self._download(scores)

    # --- making -------------------------------------------------------------------------------------------------

    @property
    def _location(self) -> str:
        return f"s3://{self.registered.model.bucket}/{self.prefix}"

    @property
    def _tags(self) -> list[dict[str, str]]:
        return [{"Key": "project", "Value": self.project}]

    def _upload(self, features: Path) -> None:
        self.watch("uploading the rows")
        self._made.append(_Made(f"objects under {self._location}", "deleting", self._delete_objects))
        self.clients.s3.upload_file(str(features), self.registered.model.bucket, f"{self.prefix}input.csv")

    def _create_model(self) -> None:
        self._made.append(_Made(f"model {self.name}", "deleting", self._delete_model))
        self.clients.sagemaker.create_model(
            ModelName=self.name,
            PrimaryContainer=dict(self.registered.container),
            ExecutionRoleArn=self.registered.role_arn,
            Tags=self._tags,
        )

    def _create_job(self) -> None:
        self._made.append(_Made(f"transform job {self.name}", "stopping", self._stop_job))
        self.clients.sagemaker.create_transform_job(
            TransformJobName=self.name,
            ModelName=self.name,
            BatchStrategy="MultiRecord",
            MaxPayloadInMB=PAYLOAD_MB,
            TransformInput={
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{self._location}input.csv"}},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            TransformOutput={"S3OutputPath": f"{self._location}output", "AssembleWith": "Line", "Accept": "text/csv"},
            TransformResources={"InstanceType": self.instance_type, "InstanceCount": 1},
            Tags=self._tags,
        )

    # --- waiting ------------------------------------------------------------------------------------------------

    def _await_end(self) -> None:
        job = self._describe()
        while job["TransformJobStatus"] in _UNDER_WAY:
            self.watch(job["TransformJobStatus"])
            self.sleep(POLL_SECONDS)
            job = self._describe()
        self._made.pop()  # AWS keeps an ended job as a record, at no cost, and deletes none
        if job["TransformJobStatus"] != "Completed":
            reason = sentence(job.get("FailureReason", "somebody stopped it"))
            raise PredictFailed(
                f"The transform job {self.name} ended as {job['TransformJobStatus']}: {reason} Its logs are in "
                f"CloudWatch, group {LOG_GROUP}, streams {self.name}/…"
            )

    def _describe(self) -> Mapping[str, Any]:
        job: Mapping[str, Any] = self.clients.sagemaker.describe_transform_job(TransformJobName=self.name)
        return job

    def _download(self, scores: Path) -> None:
        self.watch("fetching the scores")
        key = f"{self.prefix}output/input.csv.out"
        self.clients.s3.download_file(self.registered.model.bucket, key, str(scores))

    # --- removing -----------------------------------------------------------------------------------------------

    def _remove(self) -> list[str]:
        """What could not be removed; an interrupt skips what is being removed."""
        left = []
        while self._made:
            made = self._made.pop()
            try:
                self.watch(f"{made.ending} {made.what}")
                made.end()
            except ClientError as error:
                if not is_missing(error):
                    left.append(f"{made.what} ({code_and_message(error)[0]})")
            except (*AWS_ERRORS, PredictFailed) as error:
                left.append(f"{made.what} ({error})")
            except KeyboardInterrupt:
                left.append(f"{made.what} (interrupted)")
        return left

    def _stop_job(self) -> None:
        """A job that is stopped reads and writes until it has ended."""
        if self._describe()["TransformJobStatus"] == "InProgress":
            try:
                self.clients.sagemaker.stop_transform_job(TransformJobName=self.name)
            except ClientError:
                if self._is_under_way():  # else it has ended by itself meanwhile
                    raise
        waited = 0.0
        while self._is_under_way():
            if waited >= _LONGEST_STOP_SECONDS:
                raise PredictFailed("still stopping")
            self.sleep(POLL_SECONDS)
            waited += POLL_SECONDS

    def _is_under_way(self) -> bool:
        return self._describe()["TransformJobStatus"] in _UNDER_WAY

    def _delete_model(self) -> None:
        self.clients.sagemaker.delete_model(ModelName=self.name)

    def _delete_objects(self) -> None:
        bucket = self.registered.model.bucket
        pages = self.clients.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=self.prefix)
        for page in pages:
            for listed in page.get("Contents", []):
                self.clients.s3.delete_object(Bucket=bucket, Key=listed["Key"])
