"""The process that serves a model: AWS's serving contract on a loopback port, with the model's role.

It stands behind an endpoint, or works for one transform job. One process serves an endpoint whatever its instance
count: more instances would share this machine's cores anyway.
"""

import http.client
import re
import socket
import sys
import tarfile
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from localcloud.sagemaker import images
from localcloud.sagemaker.containers import Container, LogStream, S3Uri, TransferError, client, download_file, unpack
from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.platform import Platform

_LOOPBACK = "127.0.0.1"
_STARTUP_SECONDS = 60
_PING_SECONDS = 2
_PING_PAUSE_SECONDS = 0.1
_GRAVITON = re.compile(r"ml\.[a-z]+\d+g[a-z]*\..+")
_INVOCATION_SECONDS = 60
"""A model must answer within 60 s (the SageMaker Runtime API's InvokeEndpoint)."""


class DeploymentFailed(Exception):
    """Nothing serves; the message is the FailureReason of what asked for it."""


class Served(Protocol):
    """A model, and for whom it is to be served."""

    @property
    def container_name(self) -> str: ...

    @property
    def model(self) -> Mapping[str, Any]:
        """As DescribeModel tells it."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """The container's variables, but for those that every container gets."""
        ...

    @property
    def log_names(self) -> tuple[str, str]:
        """The group and the stream in CloudWatch Logs."""
        ...

    @property
    def owner(self) -> str:
        """What a message about the model's data calls it."""
        ...

    @property
    def no_ping(self) -> str:
        """The message when the container does not answer its ping."""
        ...


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

    @property
    def container_name(self) -> str:
        return f"endpoint-{self.endpoint_name}"

    @property
    def environment(self) -> Mapping[str, str]:
        environment: Mapping[str, str] = self.model["PrimaryContainer"]["Environment"]
        return environment

    @property
    def log_names(self) -> tuple[str, str]:
        return self.log_group, f"{self.variant_name}/local"

    @property
    def owner(self) -> str:
        return f'variant "{self.variant_name}"'

    @property
    def no_ping(self) -> str:
        return (
            f"The primary container for production variant {self.variant_name} did not pass the ping health check. "
            "Please check CloudWatch logs for this endpoint."
        )


@dataclass(frozen=True)
class Answer:
    """What the container said; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class ModelServer:
    """A container that answered its first ping."""

    container: Container
    port: int

    def invoke(self, body: bytes, headers: Mapping[str, str], seconds: float = _INVOCATION_SECONDS) -> Answer:
        """Raises OSError or HTTPException when there is no answer in time."""
        return _ask(self.port, "POST", "/invocations", seconds, body, headers)

    def stop(self) -> None:
        self.container.remove()


@dataclass(frozen=True)
class Server(ModelServer):
    """An endpoint's."""

    deployment: Deployment
    slots: threading.Semaphore
    """As many as invocations may run at a time."""


def start_server(deployment: Deployment, platform: Platform, region: str) -> Server:
    """Artefact, process, first ping; takes seconds. Raises DeploymentFailed, with nothing left behind."""
    _refuse_graviton(deployment)
    try:
        role = platform.assume(deployment.model["ExecutionRoleArn"], "SageMaker", region)
    except ValidationError as error:
        raise DeploymentFailed(error.message) from error
    running = start_model_server(deployment, role, platform.now)
    return Server(running.container, running.port, deployment, _slots(deployment))


def _refuse_graviton(deployment: Deployment) -> None:
    """AWS builds this version of its image for Intel and AMD only (aws-facts 2.1)."""
    instance_type = deployment.variant.get("InstanceType", "")
    if _GRAVITON.fullmatch(instance_type):
        raise DeploymentFailed(
            f'The image "{deployment.model["PrimaryContainer"]["Image"]}" does not run on {instance_type}, whose '
            "processor is AWS's Graviton; choose an instance type such as ml.m5.large."
        )


def _slots(deployment: Deployment) -> threading.Semaphore:
    serverless = deployment.serverless
    return threading.Semaphore(sys.maxsize if serverless is None else serverless["MaxConcurrency"])


def start_model_server(served: Served, role: Mapping[str, str], now: Callable[[], datetime]) -> ModelServer:
    """Artefact, process, first ping; takes seconds. Raises DeploymentFailed, with nothing left behind."""
    container = Container(served.container_name)
    try:
        _load_model(container, served, role)
        port = _free_port()
        _start_process(container, served, role, port, LogStream(role, *served.log_names, now))
        _await_ping(container, served, port)
    except BaseException as error:
        container.remove()
        if isinstance(error, ValidationError):
            raise DeploymentFailed(error.message) from error
        raise
    return ModelServer(container, port)


def _load_model(container: Container, served: Served, role: Mapping[str, str]) -> None:
    url = served.model["PrimaryContainer"]["ModelDataUrl"]
    archive = container.directory("download") / "model.tar.gz"
    where = f'model data for container "primary" of {served.owner} from URL "{url}"'
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


def _start_process(container: Container, served: Served, role: Mapping[str, str], port: int, log: LogStream) -> None:
    environment = {**served.environment, **container.environment(role), "SAGEMAKER_BIND_TO_PORT": str(port)}
    container.start(images.command("serve"), environment, log.write)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _await_ping(container: Container, served: Served, port: int) -> None:
    deadline = time.monotonic() + _STARTUP_SECONDS
    while time.monotonic() < deadline and container.wait(_PING_PAUSE_SECONDS) is None:
        try:
            if _ask(port, "GET", "/ping", _PING_SECONDS).status == http.HTTPStatus.OK:
                return
        except (OSError, http.client.HTTPException):
            continue
    raise DeploymentFailed(served.no_ping)


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
