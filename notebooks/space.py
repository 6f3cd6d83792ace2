"""A JupyterLab space on the local cloud, opened as Studio opens one for its user."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from localcloud.cloud import Cloud

_NAME, _APP, _TYPE = "notebooks", "default", "JupyterLab"
_INSTANCE_TYPE = "ml.t3.medium"
_POLL_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 120


class SpaceFailed(Exception):
    """The space did not open; the message says why."""


@dataclass(frozen=True)
class Space:
    """An open space: its files, and the variables with which its kernels talk to AWS as the user's role."""

    home: Path
    environment: Mapping[str, str]


@contextmanager
def open_space(cloud: Cloud, domain_id: str, user: str) -> Iterator[Space]:
    """A space of the user's with JupyterLab running in it, until the end. Raises SpaceFailed."""
    administrator = cloud.client("sagemaker")
    environment = user_environment(cloud, domain_id, user)
    sagemaker = client(environment, "sagemaker")
    space = {"DomainId": domain_id, "SpaceName": _NAME}
    app = {**space, "AppType": _TYPE, "AppName": _APP}
    _until(administrator, "UserProfile", {"DomainId": domain_id, "UserProfileName": user})
    sagemaker.create_space(
        **space,
        OwnershipSettings={"OwnerUserProfileName": user},
        SpaceSharingSettings={"SharingType": "Private"},
        SpaceSettings={"AppType": _TYPE},
    )
    with ExitStack() as closing:
        closing.callback(sagemaker.delete_space, **space)
        _until(sagemaker, "Space", space)
        _create_app(sagemaker, app, user)
        closing.callback(_close, sagemaker, app)
        _until(sagemaker, "App", app)
        yield Space(cloud.folder / "work" / "studio" / domain_id / _NAME, environment)


def _create_app(sagemaker: Any, app: Mapping[str, str], user: str) -> None:
    try:
        sagemaker.create_app(**app, ResourceSpec={"InstanceType": _INSTANCE_TYPE})
    except ClientError as error:
        raise SpaceFailed(
            f"JupyterLab was not started on {_INSTANCE_TYPE}; do cdk.json's instance types for {user} name it? {error}"
        ) from error


def _close(sagemaker: Any, app: Mapping[str, str]) -> None:
    if sagemaker.describe_app(**app)["Status"] != "Failed":
        sagemaker.delete_app(**app)
        _until(sagemaker, "App", app, wanted="Deleted")


def user_environment(cloud: Cloud, domain_id: str, user: str) -> Mapping[str, str]:
    """The variables of a process in a space of the user's: with the credentials of the user's own role."""
    profile = cloud.client("sagemaker").describe_user_profile(DomainId=domain_id, UserProfileName=user)
    return cloud.credentials(profile["UserSettings"]["ExecutionRole"])


def client(environment: Mapping[str, str], service: str) -> Any:
    """A boto3 client with a process's variables."""
    return boto3.client(
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        verify=environment["AWS_CA_BUNDLE"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment["AWS_SESSION_TOKEN"],
    )


def _until(sagemaker: Any, noun: str, key: Mapping[str, str], wanted: str = "InService") -> None:
    describe = {
        "UserProfile": sagemaker.describe_user_profile,
        "Space": sagemaker.describe_space,
        "App": sagemaker.describe_app,
    }[noun]
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    while (described := describe(**key))["Status"] != wanted:
        if described["Status"] == "Failed" or time.monotonic() > deadline:
            raise SpaceFailed(f"{noun} is {described['Status']}: {described.get('FailureReason', 'no reason given')}")
        time.sleep(_POLL_SECONDS)
