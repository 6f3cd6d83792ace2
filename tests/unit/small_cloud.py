"""The least cloud that SageMaker's own rules need around them: a clock, a caller, and roles that nobody may assume."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from localcloud.sagemaker.errors import AccessDenied, ValidationError
from localcloud.sagemaker.platform import Conditions

ACCOUNT = "123456789012"
REGION = "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team"


@dataclass
class SmallPlatform:
    time: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    metrics: list[tuple[str, str, str, str, dict[str, str], float]] = field(default_factory=list)
    homes: dict[str, tuple[str, str, tuple[str, ...]]] = field(default_factory=dict)
    """By file system: the domain's ARN, the VPC and the subnets."""

    def now(self) -> datetime:
        return self.time

    def pass_time(self, **duration: float) -> None:
        self.time += timedelta(**duration)

    def assume(self, role_arn: str, session_name: str, region: str) -> Mapping[str, str]:
        raise ValidationError(f"{session_name} could not assume role {role_arn} in {region}.")

    def put_metric(
        self, region: str, account: str, namespace: str, name: str, dimensions: Mapping[str, str], value: float
    ) -> None:
        self.metrics.append((region, account, namespace, name, dict(dimensions), value))

    def create_home(self, domain_arn: str, vpc_id: str, subnet_ids: Sequence[str]) -> str:
        file_system_id = f"fs-{len(self.homes)}"
        self.homes[file_system_id] = (domain_arn, vpc_id, tuple(subnet_ids))
        return file_system_id

    def delete_home(self, domain_arn: str, file_system_id: str) -> None:
        assert self.homes.pop(file_system_id)[0] == domain_arn


@dataclass
class Principal:
    """May do everything but `denied`; remembers what it was asked for."""

    denied: frozenset[str] = frozenset()
    asked: list[tuple[str, str, Conditions]] = field(default_factory=list)
    account: str = ACCOUNT
    region: str = REGION

    def authorize(self, action: str, resource: str, conditions: Conditions) -> None:
        self.asked.append((action, resource, conditions))
        if action in self.denied:
            raise AccessDenied(f"not authorized to perform: {action} on resource: {resource}")
