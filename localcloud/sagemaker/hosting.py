"""The process behind an endpoint: AWS's serving contract on a loopback port, with the model's role.

One process serves an endpoint whatever its instance count: more instances would share this machine's cores anyway.
"""

import http.client
import socket
import sys
import tarfile
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker import images
from localcloud.sagemaker.containers import Container, LogStream, S3Uri, TransferError, client, download_file, unpack
from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.platform import Platform

_LOOPBACK = "127.0.0.1"
_STARTUP_SECONDS = 60
_PING_SECONDS = 2
_PING_PAUSE_SECONDS = 0.1
_INVOCATION_SECONDS = 60
"""A model must answer within 60 s (the SageMaker Runtime API's InvokeEndpoint)."""


class DeploymentFailed(Exception):
    """Nothing serves; the message is the endpoint's FailureReason."""


@dataclass(frozen=True)
class Deployment:
    """What an endpoint is to serve, as configuration and model said when it was asked for."""

    endpoint_name: str
    config_name: str
    variant: Mapping[str, Any]
    model: Mapping[str, Any]

    @property
    def variant_name(self) -> str:
        return str(self.variant["VariantName"])

    @property
    def serverless(self) -> Mapping[str, Any] | None:
        """MemorySizeInMB and MaxConcurrency, or None on instances."""
        return self.variant.get("ServerlessConfig")

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/Endpoints/{self.endpoint_name}"


@dataclass(frozen=True)
class Answer:
    """What the container said; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Server:
    """A container that answered its first ping."""

    deployment: Deployment
    container: Container
    port: int
    slots: threading.Semaphore
    """As many as invocations may run at a time."""

    def invoke(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Raises OSError or HTTPException when there is no answer within 60 s."""
        return _ask(self.port, "POST", "/invocations", _INVOCATION_SECONDS, body, headers)

    def stop(self) -> None:
        self.container.remove()


def start_server(deployment: Deployment, platform: Platform, region: str) -> Server:
    """Artefact, process, first ping; takes seconds. Raises DeploymentFailed, with nothing left behind."""
    container = Container(f"endpoint-{deployment.endpoint_name}")
    try:
        role = platform.assume(deployment.model["ExecutionRoleArn"], "SageMaker", region)
        _load_model(container, deployment, role)
        port = _free_port()
        _start_process(container, deployment, role, port, LogStream(role, *_log_names(deployment), platform.now))
        _await_ping(container, deployment, port)
    except BaseException as error:
        container.remove()
        if isinstance(error, ValidationError):
            raise DeploymentFailed(error.message) from error
        raise
    return Server(deployment, container, port, _slots(deployment))


def _slots(deployment: Deployment) -> threading.Semaphore:
    serverless = deployment.serverless
    return threading.Semaphore(sys.maxsize if serverless is None else serverless["MaxConcurrency"])


def _load_model(container: Container, deployment: Deployment, role: Mapping[str, str]) -> None:
    url = deployment.model["PrimaryContainer"]["ModelDataUrl"]
    archive = container.directory("download") / "model.tar.gz"
    where = f'model data for container "primary" of variant "{deployment.variant_name}" from URL "{url}"'
    try:
        download_file(client("s3", role), S3Uri.parse(url), archive)
        unpack(archive, container.directory("model"))
    except TransferError as error:
        raise DeploymentFailed(
            f"Failed to download {where}. Please ensure that there is an object located at the URL and that the role "
            "passed to CreateModel has permissions to download the model."
        ) from error
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise DeploymentFailed(
            f"Failed to extract {where}. Please ensure that the object located at the URL is a valid tar.gz archive."
        ) from error


def _log_names(deployment: Deployment) -> tuple[str, str]:
    return deployment.log_group, f"{deployment.variant_name}/local"


def _start_process(
    container: Container, deployment: Deployment, role: Mapping[str, str], port: int, log: LogStream
) -> None:
    environment = {
        **deployment.model["PrimaryContainer"]["Environment"],
        **container.environment(role),
        "SAGEMAKER_BIND_TO_PORT": str(port),
    }
    container.start(images.command("serve"), environment, log.write)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _await_ping(container: Container, deployment: Deployment, port: int) -> None:
    deadline = time.monotonic() + _STARTUP_SECONDS
    while time.monotonic() < deadline and container.wait(_PING_PAUSE_SECONDS) is None:
        try:
            if _ask(port, "GET", "/ping", _PING_SECONDS).status == http.HTTPStatus.OK:
                return
        except (OSError, http.client.HTTPException):
            continue
    raise DeploymentFailed(
        f"The primary container for production variant {deployment.variant_name} did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )


def _ask(
    port: int, method: str, path: str, seconds: float, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Answer:
    connection = http.client.HTTPConnection(_LOOPBACK, port, timeout=seconds)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        answered = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, answered, response.read())
    finally:
        connection.close()
