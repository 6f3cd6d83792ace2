"""How this project packs and runs its Lambda functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.settings import Settings

_ROOT = Path(__file__).parent.parent
# AWS publishes the layer's ARN, which differs by region, under this name.
_PANDAS_LAYER = "/aws/service/aws-sdk-pandas/3.17.0/py3.13/x86_64/layer-arn"

_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


def log_group(scope: Construct, construct_id: str, settings: Settings) -> logs.LogGroup:
    """A log group that goes with the stack, and keeps its lines only as long as the settings say."""
    return logs.LogGroup(
        scope,
        construct_id,
        retention=_RETENTION[settings.log_retention_days],
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )


@dataclass(frozen=True)
class Code:
    """What a function's package holds: folders of this repository at their own place, so that a module is imported
    by the same name in a function, in a test and by a type checker."""

    handler: str
    """`folder/module.function` from the repository's root."""
    folders: tuple[str, ...]
    files: tuple[str, ...] = ()
    """Folders that npm has installed, and that go with it as they are."""
    pandas: bool = False
    """Whether it needs pandas and NumPy, which AWS's managed layer gives."""


@dataclass(frozen=True)
class Size:
    memory_mib: int
    timeout: cdk.Duration
    disk_mib: int = 512


class PythonFunction(lambda_.Function):
    """A function with its own role and log group."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Code,
        size: Size,
        environment: Mapping[str, str],
    ) -> None:
        role = iam.Role(scope, f"{construct_id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        group = log_group(scope, f"{construct_id}Logs", settings)
        group.grant_write(role)  # and no other group, as AWS's managed policy would allow
        super().__init__(
            scope,
            construct_id,
            role=role,
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler=code.handler,
            code=_package(code),
            layers=[_pandas_layer(scope)] if code.pandas else [],
            environment=dict(environment),
            memory_size=size.memory_mib,
            timeout=size.timeout,
            ephemeral_storage_size=cdk.Size.mebibytes(size.disk_mib),
            log_group=group,
        )
        self.longest = size.timeout


class NotInstalled(Exception):
    """What a function's package needs is not there; the message says how to get it."""


def _package(code: Code) -> lambda_.Code:
    missing = [folder for folder in code.files if not (_ROOT / folder).is_dir()]
    if missing:
        raise NotInstalled(f"{', '.join(missing)} is missing; install what package.json names: make setup, or npm ci.")
    kept = [pattern for folder in (*code.folders, *code.files) for pattern in _with_parents(folder)]
    return lambda_.Code.from_asset(str(_ROOT), ignore_mode=cdk.IgnoreMode.GIT, exclude=["**", *kept, "__pycache__"])


def _with_parents(folder: str) -> list[str]:
    """Git's patterns that let a folder in: each folder above it by name, then all that is in it."""
    parts = folder.split("/")
    return [f"!/{'/'.join(parts[: depth + 1])}" for depth in range(len(parts))] + [f"!/{folder}/**"]


def _pandas_layer(scope: Construct) -> lambda_.ILayerVersion:
    existing = scope.node.try_find_child("PandasLayer")
    if existing is not None:
        return existing  # type: ignore[return-value]  # the child that was made below
    arn = ssm.StringParameter.value_for_string_parameter(scope, _PANDAS_LAYER)
    return lambda_.LayerVersion.from_layer_version_arn(scope, "PandasLayer", arn)
