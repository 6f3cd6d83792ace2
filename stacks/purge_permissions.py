"""What the purge may do: find and remove what bears the project's tag or is in its domain, and nothing else."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from stacks.functions import PythonFunction
from stacks.pipeline import PipelineStack
from stacks.sagemaker_kinds import HOSTING, MODELS, PACKAGES, RUN_JOBS, STUDIO, USER_JOBS
from stacks.settings import Settings
from stacks.studio import StudioStack


def allow_purge(purge: PythonFunction, *, settings: Settings, studio: StudioStack, pipeline: PipelineStack) -> None:
    """SageMaker, EFS and EC2 have no grants in the CDK for what is not the stack's own."""
    permissions = _Permissions(purge)
    _allow_executions(permissions, pipeline)
    _allow_sagemaker(permissions, settings)
    _allow_domain(permissions, studio)
    _allow_home(permissions, studio)
    _allow_logs(permissions, settings, studio)


class _Permissions:
    """The purge's policy, statement by statement."""

    def __init__(self, purge: PythonFunction) -> None:
        self._purge = purge

    def allow(
        self, actions: Sequence[str], resources: Sequence[str], conditions: Mapping[str, object] | None = None
    ) -> None:
        self._purge.add_to_role_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
        )

    def arn(self, service: str, resource: str, name: str, separator: str = "/") -> str:
        formats = {"/": cdk.ArnFormat.SLASH_RESOURCE_NAME, ":": cdk.ArnFormat.COLON_RESOURCE_NAME}
        return cdk.Stack.of(self._purge).format_arn(
            service=service, resource=resource, resource_name=name, arn_format=formats[separator]
        )


def _allow_executions(permissions: _Permissions, pipeline: PipelineStack) -> None:
    machine = pipeline.state_machine
    executions = permissions.arn("states", "execution", f"{machine.state_machine_name}:*", ":")
    permissions.allow(["states:ListExecutions"], [machine.state_machine_arn])
    permissions.allow(["states:StopExecution"], [executions])


def _allow_sagemaker(permissions: _Permissions, settings: Settings) -> None:
    jobs = RUN_JOBS | USER_JOBS
    nouns = HOSTING | jobs | PACKAGES
    arns = [permissions.arn("sagemaker", kind, "*") for kind in nouns]
    deletable = [noun for kind, noun in nouns.items() if kind != "transform-job"]  # AWS has no such action
    permissions.allow(
        [f"sagemaker:Delete{noun}" for noun in deletable] + [f"sagemaker:Stop{noun}" for noun in jobs.values()],
        arns,
        {"StringEquals": {"aws:ResourceTag/project": settings.project}},
    )
    # A version in a group has no tags of its own (the API's CreateModelPackage).
    versions = permissions.arn("sagemaker", "model-package", f"{MODELS.format(project=settings.project)}/*")
    permissions.allow(["sagemaker:DeleteModelPackage"], [versions])
    permissions.allow(["sagemaker:ListTags"], arns)
    # Lists have no resource level.
    permissions.allow([f"sagemaker:List{noun}s" for noun in nouns.values()], ["*"])


def _allow_domain(permissions: _Permissions, studio: StudioStack) -> None:
    """The domain with all that is in it, whoever made it."""
    domain_id = studio.domain.attr_domain_id
    permissions.allow(
        ["sagemaker:DescribeDomain", "sagemaker:DeleteDomain"], [permissions.arn("sagemaker", "domain", domain_id)]
    )
    permissions.allow(
        [f"sagemaker:Delete{noun}" for noun in STUDIO.values()],
        [permissions.arn("sagemaker", kind, f"{domain_id}/*") for kind in STUDIO],
    )
    # Lists have no resource level.
    permissions.allow([f"sagemaker:List{noun}s" for noun in STUDIO.values()], ["*"])


def _allow_home(permissions: _Permissions, studio: StudioStack) -> None:
    """The domain's file system and its security groups, if it has, or had, one (aws-facts 5.8, 5.9)."""
    stack = cdk.Stack.of(studio)
    vpc = stack.format_arn(service="ec2", resource="vpc", resource_name=studio.network.vpc_id)
    permissions.allow(
        [f"elasticfilesystem:{action}" for action in ("DescribeMountTargets", "DeleteMountTarget", "DeleteFileSystem")],
        [permissions.arn("elasticfilesystem", "file-system", "*")],
        {"StringEquals": {"aws:ResourceTag/ManagedByAmazonSageMakerResource": studio.domain.attr_domain_arn}},
    )
    # Deleting a mount target deletes its network interface (the EFS API's DeleteMountTarget).
    permissions.allow(
        ["ec2:DeleteNetworkInterface"],
        [permissions.arn("ec2", "network-interface", "*")],
        {"ArnEquals": {"ec2:Vpc": vpc}},
    )
    permissions.allow(
        ["ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress", "ec2:DeleteSecurityGroup"],
        [permissions.arn("ec2", "security-group", "*")],
        {"ArnEquals": {"ec2:Vpc": vpc}},
    )
    # Lists have no resource level.
    permissions.allow(["elasticfilesystem:DescribeFileSystems", "ec2:DescribeSecurityGroups"], ["*"])


def _allow_logs(permissions: _Permissions, settings: Settings, studio: StudioStack) -> None:
    """Deleting the logs that SageMaker leaves: of the project's endpoints, and of its jobs and its domain in groups
    that others share."""

    def group(name: str) -> str:
        return permissions.arn("logs", "log-group", f"/aws/sagemaker/{name}", ":")

    endpoints = group(f"Endpoints/{settings.project}-*")
    own = {group(jobs): f"{settings.project}-*" for jobs in ("TrainingJobs", "TransformJobs")}
    own[group("studio")] = f"{studio.domain.attr_domain_id}/*"
    shared = [*own, *(f"{each}:*" for each in own)]
    permissions.allow(["logs:DescribeLogGroups"], ["*"])  # lists have no resource level
    permissions.allow(["logs:DeleteLogGroup"], [endpoints, *shared])
    permissions.allow(["logs:DescribeLogStreams"], shared)
    permissions.allow(["logs:DeleteLogStream"], [f"{each}:log-stream:{streams}" for each, streams in own.items()])
