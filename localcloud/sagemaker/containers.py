"""A container as a process of this machine, and what the platform does around it with the credentials of its role.

The contract is AWS's (aws-facts 3.3, 3.4); a base directory of the container's own stands in for /opt/ml.
`role` below is always what `Platform.assume` returns: environment variables with credentials, region and end point.
"""

import atexit
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker import processes
from localcloud.sagemaker.errors import ValidationError

_GATHERING_SECONDS = 0.1
_READ_BYTES = 65536

Receive = Callable[[list[str]], None]


class TransferError(Exception):
    """S3 refused a download or upload; the message is what AWS writes into a job's FailureReason."""


class Container:
    """A base directory under the work root (env LOCALCLOUD_WORK, else the system's), and at most one process in it."""

    def __init__(self, name: str) -> None:
        root = os.environ.get("LOCALCLOUD_WORK")
        if root:
            Path(root).mkdir(parents=True, exist_ok=True)
        self.base = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=root or None)).resolve()
        self._process: processes.Process | None = None
        self._group: int | None = None
        self._pump: threading.Thread | None = None
        self._ended = threading.Event()
        _containers.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def directory(self, *parts: str) -> Path:
        """A directory below the base, made if it is not there."""
        directory = self.base.joinpath(*parts)
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def environment(self, role: Mapping[str, str]) -> dict[str, str]:
        """What every container gets: nothing of this machine's but PATH, and the credentials of its role."""
        return {
            **processes.common_environment(),
            "HOME": str(self.base),
            "TMPDIR": str(self.directory("tmp")),
            "SAGEMAKER_BASE_DIR": str(self.base),
            **role,
        }

    def start(self, command: Sequence[str], environment: Mapping[str, str], receive: Receive) -> None:
        """Start `command`; a thread hands its output, both streams, to `receive` as batches of lines."""
        reader, writer = os.pipe()
        try:
            self._process = processes.start(command, self.base, environment, writer)
        finally:
            os.close(writer)
            arguments = (os.fdopen(reader, "rb"), receive, self._ended)
            self._pump = threading.Thread(target=_pump, args=arguments, daemon=True)
            self._pump.start()
        self._group = self._process.pid

    def wait(self, seconds: float | None = None) -> int | None:
        """The exit code, all output handed over; None if the process still runs after `seconds`."""
        assert self._process is not None
        assert self._pump is not None
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self.kill()
        self._ended.set()
        self._pump.join()
        return code

    def terminate(self) -> None:
        """Ask the process and its children to end (SIGTERM)."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process and its children now, those included that outlived it."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        self._group = None

    def remove(self) -> None:
        """Kill what runs and delete the base directory."""
        self.kill()
        shutil.rmtree(self.base, ignore_errors=True)
        _containers.discard(self)

    def _signal(self, number: signal.Signals) -> None:
        if self._group is not None:
            with suppress(ProcessLookupError, PermissionError):  # macOS says PermissionError of a group of zombies
                os.killpg(self._group, number)


_containers: set[Container] = set()


@atexit.register
def remove_all() -> None:
    """Leave no process and no directory behind when the local cloud ends."""
    for container in list(_containers):
        container.remove()
    processes.cool_down()


def _pump(stream: IO[bytes], receive: Receive, ended: threading.Event) -> None:
    """Short waits between reads make a batch of lines, and so one call to CloudWatch Logs, out of many writes."""
    rest = b""
    with stream:
        while chunk := os.read(stream.fileno(), _READ_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if lines:
                receive([line.decode(errors="replace") for line in lines])
            ended.wait(_GATHERING_SECONDS)
    if rest:
        receive([rest.decode(errors="replace")])


_session = boto3.session.Session()
_session_lock = threading.Lock()


def client(service: str, role: Mapping[str, str]) -> Any:
    """A boto3 client that acts as the role; all come from one session, which has read AWS's service models once."""
    with _session_lock:
        return _session.client(
            service,
            aws_access_key_id=role["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=role["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=role.get("AWS_SESSION_TOKEN"),
            region_name=role["AWS_REGION"],
            endpoint_url=role.get("AWS_ENDPOINT_URL"),
            verify=role.get("AWS_CA_BUNDLE"),
        )


@dataclass(frozen=True)
class S3Uri:
    """`s3://bucket/key`; the key may be a prefix, and empty."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> "S3Uri":
        """Raises ValidationError if it is not an S3 URI."""
        scheme, _, rest = uri.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme != "s3" or not bucket:
            raise ValidationError(f"'{uri}' is not an S3 URI that the local cloud reads; write s3://bucket/key.")
        return cls(bucket, key)

    def __truediv__(self, name: str) -> "S3Uri":
        return S3Uri(self.bucket, f"{self.key.rstrip('/')}/{name}".lstrip("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def download_file(s3: Any, uri: S3Uri, path: Path) -> None:
    """One object into one file, its directory made. Raises TransferError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Asks for the same permission as the object itself: what the cache holds is still the role's to read or not.
        version = s3.head_object(Bucket=uri.bucket, Key=uri.key)["ETag"].strip('"')
        shutil.copyfile(_cached(s3, uri, version), path)
    except (ClientError, BotoCoreError) as error:
        raise TransferError(f"Unable to download object {uri} ({_reason(error)})") from error


_cache_lock = threading.Lock()


def _cached(s3: Any, uri: S3Uri, version: str) -> Path:
    """The object's content, fetched once for all containers: a tuning job's jobs all read the same data."""
    cache = Path(os.environ.get("LOCALCLOUD_WORK") or tempfile.gettempdir()) / "localcloud-objects"
    path = cache / version
    with _cache_lock:
        if not path.exists():
            cache.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            with partial.open("wb") as file:
                shutil.copyfileobj(s3.get_object(Bucket=uri.bucket, Key=uri.key, IfMatch=version)["Body"], file)
            partial.rename(path)
    return path


def download_prefix(s3: Any, uri: S3Uri, directory: Path) -> int:
    """All objects whose key starts with the URI's key, laid out below `directory`; how many. Raises TransferError."""
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=uri.bucket, Prefix=uri.key)
        keys = [item["Key"] for page in pages for item in page.get("Contents", []) if not item["Key"].endswith("/")]
    except (ClientError, BotoCoreError) as error:
        raise TransferError(f"Unable to list objects under {uri} ({_reason(error)})") from error
    for key in keys:
        download_file(s3, S3Uri(uri.bucket, key), directory / relative_path(uri.key, key))
    return len(keys)


def relative_path(prefix: str, key: str) -> PurePosixPath:
    """Where an object found under a prefix lies in its channel: `a/train` and `a/train/` both name the directory."""
    if "//" in key or ".." in key.split("/"):
        raise TransferError(f"S3 key: {key} has an illegal char sub-sequence '//' or '..' in it")
    folder = f"{prefix.rstrip('/')}/" if prefix else ""
    parent = folder if key.startswith(folder) else prefix.rpartition("/")[0]
    return PurePosixPath(key.removeprefix(parent).lstrip("/"))


def upload_file(s3: Any, path: Path, uri: S3Uri, kms_key_id: str = "") -> None:
    """One file into one object, under the KMS key if one is given. Raises TransferError."""
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id} if kms_key_id else {}
    try:
        with path.open("rb") as file:
            s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=file, **encryption)
    except (ClientError, BotoCoreError) as error:
        raise TransferError(f"Unable to upload file to {uri} ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    if isinstance(error, ClientError):
        return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    return str(error)


def pack(directory: Path, archive: Path) -> None:
    """A tar.gz of what is in the directory, its root being the directory's."""
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(directory.iterdir()):
            tar.add(path, arcname=path.name)


def unpack(archive: Path, directory: Path) -> None:
    """The contents of a tar.gz. Raises tarfile.TarError."""
    directory.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "r:gz") as tar:
        tar.extractall(directory, filter="data")


class LogStream:
    """A stream in CloudWatch Logs. A role that may not write it loses its logs and nothing else, as on AWS."""

    def __init__(self, role: Mapping[str, str], group: str, stream: str, now: Callable[[], datetime]) -> None:
        self._now = now
        self._names = {"logGroupName": group, "logStreamName": stream}
        self._logs = client("logs", role)
        self._attempt("create_log_group", logGroupName=group)
        self._attempt("create_log_stream", **self._names)

    def write(self, lines: Sequence[str]) -> None:
        """CloudWatch Logs takes no empty message, so empty lines are left out."""
        at = int(self._now().timestamp() * 1000)
        events = [{"timestamp": at, "message": line} for line in lines if line.strip()]
        if events:
            self._attempt("put_log_events", logEvents=events, **self._names)

    def _attempt(self, operation: str, **arguments: Any) -> None:
        with suppress(ClientError, BotoCoreError):
            getattr(self._logs, operation)(**arguments)
