"""What happens to a transform job once it is made: the thread that owns its model's container.

All of the input is read first, and nothing is written before all of it is through: AWS stores no output of a job that
is stopped (StopTransformJob), and of a job that fails what was made of the objects without a fault (TransformOutput).
"""

import http.client
import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from multiprocessing.pool import AsyncResult, ThreadPool
from pathlib import Path
from typing import IO, Any, Self

from localcloud.sagemaker.containers import (
    Container,
    LogStream,
    S3Uri,
    TransferError,
    client,
    download_prefix,
    upload_file,
)
from localcloud.sagemaker.hosting import DeploymentFailed, ModelServer, start_model_server
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call

LOG_GROUP = "/aws/sagemaker/TransformJobs"

DEFAULT_PAYLOAD_MB = 6
"""CreateTransformJob's documentation."""

_BYTES_OF_MB = 1024 * 1024
_INVOCATION_SECONDS = 600
"""InvocationsTimeoutInSeconds, if the request doesn't say otherwise (ModelClientConfig's documentation)."""

_LONGEST_REASON = 1024
_ENVIRONMENT_NAMES = {
    "MaxPayloadInMB": "SAGEMAKER_MAX_PAYLOAD_IN_MB",
    "MaxConcurrentTransforms": "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",
    "BatchStrategy": "SAGEMAKER_BATCH_STRATEGY",
}
_ENVIRONMENT_VALUES = {"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}
_LOG = logging.getLogger(__name__)


class JobFailed(Exception):
    """The job cannot go on; the message is its FailureReason."""


class ObjectFailed(Exception):
    """There is no output of one object: whose fault it is as a FailureReason has it, and the log's words for it."""

    def __init__(self, whose: str, words: str) -> None:
        super().__init__(f"{whose}: {words}")
        self.whose = whose
        self.words = words


@dataclass(frozen=True)
class ServedJob:
    """The job's model, as its container serves it."""

    job: Resource
    model: Mapping[str, Any]
    stream: str

    @property
    def container_name(self) -> str:
        return f"transform-{self.job.name}"

    @property
    def environment(self) -> Mapping[str, str]:
        """The model's variables, then the job's, then those that say how the job was asked for, what was left unset
        left out (SageMaker's developer guide, "Custom Inference Code with Batch Transform").
        """
        description = self.job.description
        given = {name: description[member] for member, name in _ENVIRONMENT_NAMES.items() if description.get(member)}
        return {
            **self.model["PrimaryContainer"]["Environment"],
            **description.get("Environment", {}),
            **{name: _ENVIRONMENT_VALUES.get(value, str(value)) for name, value in given.items()},
            "SAGEMAKER_BATCH": "true",
        }

    @property
    def log_names(self) -> tuple[str, str]:
        return LOG_GROUP, self.stream

    @property
    def owner(self) -> str:
        return f'transform job "{self.job.name}"'

    @property
    def no_ping(self) -> str:
        return (
            f"AlgorithmError: The primary container of {self.owner} did not pass the ping health check. "
            "See job logs for more information"
        )


class TransformRun:
    """Takes one job from its objects in S3 to their predictions in S3, in a thread of its own."""

    def __init__(self, call: Call, job: Resource, model: Mapping[str, Any], role: Mapping[str, str]) -> None:
        stream = f"{job.name}/local-{int(call.platform.now().timestamp() * 1000)}"
        self._now = call.platform.now
        self._lock = call.resources.lock
        self._job = job
        self._served = ServedJob(job, model, stream)
        self._role = role
        self._s3 = client("s3", role)
        self._stop = threading.Event()
        self._server: ModelServer | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name=self._job.name, daemon=True).start()

    def stop(self) -> None:
        """Ask for an early end; the caller has set the job's status to Stopping, and holds the resources' lock."""
        self._stop.set()
        if self._server is not None:
            self._server.container.kill()  # the requests that it is busy with end, and so does the thread

    def _run(self) -> None:
        with self._lock:
            self._job.description["TransformStartTime"] = self._now()
        ending, reason = "Failed", ""
        try:
            with Container(f"data-{self._job.name}") as data:
                self._transform(data.directory("input"), data.directory("output"))
            ending = "Completed"
        except (JobFailed, DeploymentFailed) as error:
            reason = str(error)
        except Exception:  # noqa: BLE001 - a job whose thread breaks must still end
            _LOG.exception("Transform job %s broke down", self._job.name)
            reason = "InternalServerError: We encountered an internal error. Please try again."
        self._end(ending, reason)

    def _transform(self, source: Path, target: Path) -> None:
        """Raises JobFailed and DeploymentFailed; a job that is being stopped may end in any way."""
        self._download(source)
        server = start_model_server(self._served, self._role, self._now)
        try:
            self._lend(server)
            failure = self._transform_all(server, source, target)
        finally:
            self._lend(None)
            server.stop()
        if not self._stop.is_set():
            self._upload(target)
        if failure is not None:
            raise JobFailed(f"{failure.whose}: See job logs for more information")

    def _lend(self, server: ModelServer | None) -> None:
        """What `stop` may kill, if anything."""
        with self._lock:
            self._server = server

    # --- the steps ------------------------------------------------------------------------------------------

    @property
    def _input(self) -> S3Uri:
        return S3Uri.parse(self._job.description["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])

    def _download(self, directory: Path) -> None:
        try:
            count = download_prefix(self._s3, self._input, directory)
        except TransferError as error:
            raise JobFailed(f"ClientError: Data download failed:{error}") from error
        if not count:
            raise JobFailed(f'ClientError: Data download failed:No S3 objects found under S3 URL "{self._input}".')

    def _transform_all(self, server: ModelServer, source: Path, target: Path) -> ObjectFailed | None:
        """Every object; one that fails leaves the others be. The first failure, if there was one."""
        log = LogStream(self._role, LOG_GROUP, f"{self._served.stream}/data-log", self._now)
        batches = Batches.of(self._job.description)
        log.write([str(batches)])
        failures = []
        with Requests(server, batches, self._job.description) as requests:
            for path in files_below(source):
                if self._stop.is_set():
                    break
                name = path.relative_to(source)
                try:
                    requests.transform(path, target / f"{name}.out")
                except ObjectFailed as failed:
                    failures.append(failed)
                    log.write([f"{self._input.bucket}/{name}: {line}" for line in str(failed).splitlines()])
        return failures[0] if failures else None

    def _upload(self, directory: Path) -> None:
        output = self._job.description["TransformOutput"]
        target = S3Uri.parse(output["S3OutputPath"])
        try:
            for path in files_below(directory):
                name = path.relative_to(directory).as_posix()
                upload_file(self._s3, path, target / name, output.get("KmsKeyId", ""))
        except TransferError as error:
            raise JobFailed(f"ClientError: {error}") from error

    def _end(self, ending: str, reason: str) -> None:
        """Settle the job; one that is being stopped ends as stopped, whatever else happened."""
        with self._lock:
            description = self._job.description
            if description["TransformJobStatus"] == "Stopping":
                ending, reason = "Stopped", ""
            if reason:
                description["FailureReason"] = reason[:_LONGEST_REASON]
            description["TransformEndTime"] = self._now()
            description["TransformJobStatus"] = ending


def files_below(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


@dataclass(frozen=True)
class Batches:
    """How an object becomes payloads.

    What the request leaves unset is as the XGBoost image's /execution-parameters have it, 6 MB and several records,
    but for MaxConcurrentTransforms, which is a worker for each core there: the process here answers one at a time.
    """

    by_line: bool
    single: bool
    most_mb: int
    at_a_time: int

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> "Batches":
        return cls(
            by_line=description["TransformInput"].get("SplitType") == "Line",
            single=description.get("BatchStrategy") == "SingleRecord",
            most_mb=description.get("MaxPayloadInMB") or DEFAULT_PAYLOAD_MB,
            at_a_time=description.get("MaxConcurrentTransforms") or 1,
        )

    def __str__(self) -> str:
        strategy = "SINGLE_RECORD" if self.single else "MULTI_RECORD"
        return f"MaxConcurrentTransforms={self.at_a_time}, MaxPayloadInMB={self.most_mb}, BatchStrategy={strategy}"

    def payloads(self, data: IO[bytes]) -> Iterator[bytes]:
        """Line by line, or as many lines as fit; without SplitType all at once, whatever the BatchStrategy.

        Raises ObjectFailed for a record that does not fit.
        """
        most = self.most_mb * _BYTES_OF_MB
        batch = bytearray()
        records = data if self.by_line else [data.read(most + 1)]
        for record in records:
            if len(record) > most:
                raise ObjectFailed("ClientError", f"Too much data for max payload size, {self.most_mb} MB")
            if batch and (self.single or len(batch) + len(record) > most):
                yield bytes(batch)
                batch.clear()
            batch += record
        if batch or not self.by_line:
            yield bytes(batch)


class Requests:
    """The requests to a job's container, as many at a time as the job says."""

    def __init__(self, server: ModelServer, batches: Batches, description: Mapping[str, Any]) -> None:
        types = {
            "Content-Type": description["TransformInput"].get("ContentType"),
            "Accept": description["TransformOutput"].get("Accept"),
        }
        self._server = server
        self._batches = batches
        self._headers = {name: value for name, value in types.items() if value}
        self._ends_lines = description["TransformOutput"].get("AssembleWith") == "Line"
        self._pool = ThreadPool(batches.at_a_time)  # unlike an executor's, its threads don't outlive this program

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.terminate()

    def transform(self, source: Path, target: Path) -> None:
        """One object; there is an output only if all of it went well. Raises ObjectFailed.

        AssembleWith Line ends each answer with a newline, unless it ends with one already, as XGBoost's do. Whether
        AWS then writes another, so that a line stays empty, its documentation does not say.
        """
        partial = target.with_name(f"{target.name}.partial")
        partial.parent.mkdir(parents=True, exist_ok=True)
        try:
            with source.open("rb") as data, partial.open("wb") as assembled:
                for answer in self._answers(data):
                    assembled.write(answer)
                    if self._ends_lines and not answer.endswith(b"\n"):
                        assembled.write(b"\n")
        except ObjectFailed:
            partial.unlink()
            raise
        partial.rename(target)

    def _answers(self, data: IO[bytes]) -> Iterator[bytes]:
        """In the order of the payloads, of which no more are read than are on their way at a time."""
        pending: deque[AsyncResult[bytes]] = deque()
        for payload in self._batches.payloads(data):
            if len(pending) == self._batches.at_a_time:
                yield pending.popleft().get()
            pending.append(self._pool.apply_async(self._ask, (payload,)))
        while pending:
            yield pending.popleft().get()

    def _ask(self, payload: bytes) -> bytes:
        try:
            answer = self._server.invoke(payload, self._headers, _INVOCATION_SECONDS)
        except (OSError, http.client.HTTPException) as error:
            raise ObjectFailed("AlgorithmError", "Unable to get response from algorithm") from error
        if HTTPStatus.OK <= answer.status < HTTPStatus.BAD_REQUEST:
            return answer.body
        whose = "ClientError" if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR else "AlgorithmError"
        raise ObjectFailed(whose, f"{answer.status}\nMessage: {answer.body.decode(errors='replace')}")
