"""The least cloud that SageMaker's own rules need around them: a clock, a caller, and roles that nobody may assume."""

from collections.abc import Mapping
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
