"""What SageMaker needs of the cloud that it runs in; the emulator behind it is not known here."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

Conditions = Mapping[str, str | Sequence[str]]


class Caller(Protocol):
    """Who sent a request, and what that principal may do."""

    @property
    def account(self) -> str: ...

    @property
    def region(self) -> str: ...

    def authorize(self, action: str, resource: str, conditions: Conditions) -> None:
        """Return if the caller's policies allow `action` on the ARN `resource`; raise AccessDenied if not.

        `conditions` holds the request's context keys, such as `aws:RequestTag/project`.
        """
        ...


class Platform(Protocol):
    """The services around SageMaker."""

    def now(self) -> datetime:
        """The cloud's time, with a time zone; tests can move it."""
        ...

    def assume(self, role_arn: str, session_name: str, region: str) -> Mapping[str, str]:
        """Environment variables (credentials, region, end point, CA bundle) with which a process acts as the role.

        Raises ValidationError when SageMaker may not assume the role.
        """
        ...

    def put_metric(
        self, region: str, account: str, namespace: str, name: str, dimensions: Mapping[str, str], value: float
    ) -> None:
        """Record a CloudWatch datum on behalf of the service."""
        ...

    def create_home(self, domain_arn: str, vpc_id: str, subnet_ids: Sequence[str]) -> str:
        """Make a domain's file system in EFS, its mount targets and its security groups; return the file system's id.

        Raises ValidationError when the network cannot take them.
        """
        ...

    def delete_home(self, domain_arn: str, file_system_id: str) -> None:
        """Delete a domain's file system with its mount targets; the security groups stay."""
        ...
