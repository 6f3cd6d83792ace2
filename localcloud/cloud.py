"""Starting and stopping a local cloud, and the environment with which to talk to it."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from localcloud.certificates import write_certificate
from localcloud.faults import Fault

ACCOUNT = "123456789012"
REGION = "us-east-1"
_START_SECONDS = 60
_STOP_SECONDS = 20
_LONGEST_ANSWER_SECONDS = 300
"""Counting all that there is may take its time while everything else on the machine is busy."""


class LocalCloudError(Exception):
    """The local cloud could not be started; the message says what to look at."""


class Item(NamedTuple):
    """One thing in an account."""

    service: str
    kind: str
    name: str


@dataclass(frozen=True)
class Cloud:
    """A running local cloud."""

    folder: Path
    port: int
    pid: int

    @property
    def endpoint(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables with which the AWS CLI, boto3 and the CDK CLI talk to it, as the account's administrator."""
        return {
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CA_BUNDLE": str(self.folder / "ca-bundle.pem"),
            "NODE_EXTRA_CA_CERTS": str(self.folder / "cert.pem"),
        }

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client, as the account's administrator."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            verify=str(self.folder / "ca-bundle.pem"),
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",  # noqa: S106 - the account's administrator has no password here
            **options,
        )

    def inventory(self) -> frozenset[Item]:
        """Everything that the account holds."""
        return frozenset(Item(*item) for item in self.ask("Inventory", {}))

    def advance_clock(self, **duration: float) -> None:
        """Move the cloud's time on by a duration, such as minutes=5; schedules that are due by then fire."""
        self.ask("AdvanceClock", {"Seconds": timedelta(**duration).total_seconds()})

    def now(self) -> datetime:
        """The cloud's time."""
        return datetime.fromtimestamp(self.ask("Time", {}), UTC)

    def credentials(self, role_arn: str) -> Mapping[str, str]:
        """The variables with which a process acts as a role that SageMaker may assume, as its own processes have it."""
        return dict(self.ask("Assume", {"RoleArn": role_arn}))

    def add_fault(self, fault: Fault) -> None:
        """Let a state of an execution, which need not have begun, fail."""
        self.ask("AddFault", asdict(fault))

    def ask(self, operation: str, request: Mapping[str, Any]) -> Any:
        """Call an operation of the local cloud itself; only the account's administrator may."""
        body = json.dumps(request).encode()
        call = AWSRequest("POST", self.endpoint, data=body, headers={"X-Amz-Target": f"LocalCloud.{operation}"})
        SigV4Auth(Credentials(ACCOUNT, "local"), "localcloud", REGION).add_auth(call)
        session = URLLib3Session(verify=str(self.folder / "ca-bundle.pem"), timeout=_LONGEST_ANSWER_SECONDS)
        answer = session.send(call.prepare())
        if answer.status_code != HTTPStatus.OK:
            raise LocalCloudError(f"{operation} was refused: {answer.text}")
        return json.loads(answer.content)

    def stop(self) -> None:
        """End the cloud with everything that runs in it; its folder keeps the log."""
        stop_process(self.pid)
        shutil.rmtree(self.folder / "work", ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(folder: Path, *, wait_scale: float = 0.02) -> Cloud:
    """Start a local cloud with its files in `folder`, and wait until it answers.

    `wait_scale` shortens Step Functions' waits: a Wait of 30 seconds takes 30 × wait_scale. Raises LocalCloudError.
    """
    folder = folder.resolve()
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    certificate, key, bundle = write_certificate(folder)
    port = _free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AUTH": "true",
        "AWS_CA_BUNDLE": str(bundle),
        "AWS_ENDPOINT_URL": f"https://localhost:{port}",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "LOCALCLOUD_WORK": str(work),
        "LOG_LEVEL": "INFO",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_SSL_CERT": str(certificate),
        "MINISTACK_SSL_KEY": str(key),
        # This environment's programs first: scripts that run in Studio's spaces call the AWS CLI.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "SFN_WAIT_SCALE": str(wait_scale),
        "SSL_CERT_FILE": str(bundle),
        "TMPDIR": str(work),
        "USE_SSL": "1",
    }
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "localcloud.server"],
            env=environment,
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    cloud = Cloud(folder, port, process.pid)
    _await(process, cloud, log)
    return cloud


def stop_process(pid: int) -> None:
    """End a process and all that it started; a process that is gone is no error."""
    for attempt in (15, 9):
        try:
            os.killpg(pid, attempt)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline and _alive(pid):
            time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        done, _ = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        done = 0
    if done:
        return False
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(process: "subprocess.Popen[bytes]", cloud: Cloud, log: Path) -> None:
    context = ssl.create_default_context(cafile=str(cloud.folder / "ca-bundle.pem"))
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise LocalCloudError(f"The local cloud ended as it started. Its log is {log}:\n{_tail(log)}")
        try:
            with urllib.request.urlopen(f"{cloud.endpoint}/_ministack/health", context=context, timeout=2):  # noqa: S310
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    cloud.stop()
    raise LocalCloudError(f"The local cloud did not answer within {_START_SECONDS} seconds. Its log is {log}.")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
