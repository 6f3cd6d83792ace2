"""Studio's users on the shared deployment, and what they call AWS with."""

from collections.abc import Mapping
from typing import Any

import boto3

from tests.pipeline.running import Deployed

USER = "data-scientist"
"""As cdk.json names it."""


def user_environment(deployed: Deployed) -> Mapping[str, str]:
    """The variables of a process in a space of the user's: with the credentials of the user's role."""
    profile = deployed.client("sagemaker").describe_user_profile(
        DomainId=deployed.outputs["DomainId"], UserProfileName=USER
    )
    return deployed.app.cloud.credentials(profile["UserSettings"]["ExecutionRole"])


def client(environment: Mapping[str, str], service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        verify=environment["AWS_CA_BUNDLE"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment["AWS_SESSION_TOKEN"],
    )
