"""What Studio's users may do: open spaces, train, tune and host what bears the project's tag, and nothing else."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker

from stacks.data import DataStack
from stacks.endpoints import create_dated_endpoint, tag_at_creation, tag_own
from stacks.sagemaker_kinds import HOSTING, RUN_JOBS
from stacks.settings import Settings

_Conditions = dict[str, object]
_SPACE, _APP = {"space": "Space"}, {"app": "App"}


def allow_studio_user(
    role: iam.Role,
    *,
    settings: Settings,
    data: DataStack,
    domain: sagemaker.CfnDomain,
    instance_types: Sequence[str],
) -> None:
    """SageMaker has no grants in the CDK."""
    permissions = _Permissions(role, settings, instance_types)
    data.bucket.grant_read(role)
    data.bucket.grant_put(role, "raw/*")
    data.bucket.grant_put(role, "runs/*")
    _allow_spaces(permissions, domain.attr_domain_id)
    _allow_jobs(permissions)
    _allow_hosting(permissions)
    _allow_logs(permissions)
    permissions.allow(
        ["iam:PassRole"],
        [data.execution_role.role_arn],
        {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    )


class _Permissions:
    """A role's policy, statement by statement."""

    def __init__(self, role: iam.Role, settings: Settings, instance_types: Sequence[str]) -> None:
        self._role = role
        self.settings = settings
        self.affordable: _Conditions = {"ForAllValues:StringEquals": {"sagemaker:InstanceTypes": list(instance_types)}}
        """Requests that name other instance types than these are refused; what names none passes (aws-facts 5.13)."""
        self.tagged: _Conditions = {"StringEquals": {"aws:RequestTag/project": settings.project}}
        """Requests that create something of the project's."""
        self.own: _Conditions = {"StringEquals": {"aws:ResourceTag/project": settings.project}}
        """Requests about something of the project's."""

    def allow(self, actions: Sequence[str], resources: Sequence[str], conditions: _Conditions | None = None) -> None:
        self.add(iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions))

    def add(self, statement: iam.PolicyStatement) -> None:
        self._role.add_to_policy(statement)

    def log_group(self, name: str) -> str:
        return cdk.Stack.of(self._role).format_arn(
            service="logs", resource="log-group", resource_name=name, arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
        )

    def arns(self, kinds: Mapping[str, str], name: str) -> list[str]:
        stack = cdk.Stack.of(self._role)
        return [stack.format_arn(service="sagemaker", resource=kind, resource_name=name) for kind in kinds]


def _allow_spaces(permissions: _Permissions, domain_id: str) -> None:
    """What Studio calls as its user to open a space and run an app in it."""
    inside = f"{domain_id}/*"
    spaces, apps = permissions.arns(_SPACE, inside), permissions.arns(_APP, inside)
    profiles = permissions.arns({"user-profile": "UserProfile"}, inside)
    permissions.allow(
        ["sagemaker:DescribeDomain", "sagemaker:ListTags"], permissions.arns({"domain": "Domain"}, domain_id)
    )
    permissions.allow(["sagemaker:DescribeUserProfile", "sagemaker:ListTags"], profiles)
    # A space keeps an instance type for its app, which then needs to name none.
    permissions.allow(
        ["sagemaker:CreateSpace", "sagemaker:UpdateSpace", "sagemaker:CreateApp"],
        [*spaces, *apps],
        permissions.affordable,
    )
    permissions.allow(
        [f"sagemaker:{verb}{noun}" for noun in ("Space", "App") for verb in ("Describe", "Delete")]
        + ["sagemaker:AddTags", "sagemaker:ListTags"],
        [*spaces, *apps],
    )
    # Lists have no resource level.
    permissions.allow([f"sagemaker:List{noun}s" for noun in ("Domain", "UserProfile", "Space", "App")], ["*"])


def _allow_jobs(permissions: _Permissions) -> None:
    """Training and tuning by hand. Logs are named, not tagged, so the jobs' names begin like the project's."""
    jobs = permissions.arns(RUN_JOBS, f"{permissions.settings.project}-*")
    permissions.allow(
        [f"sagemaker:Create{noun}" for noun in RUN_JOBS.values()], jobs, permissions.tagged | permissions.affordable
    )
    permissions.add(tag_at_creation(jobs, list(RUN_JOBS.values())))
    permissions.allow(
        [f"sagemaker:{verb}{noun}" for noun in RUN_JOBS.values() for verb in ("Describe", "Stop")]
        + ["sagemaker:ListTrainingJobsForHyperParameterTuningJob"],
        jobs,
        permissions.own,
    )


def _allow_hosting(permissions: _Permissions) -> None:
    """Deploying a model by hand: all of it bears the project's tag, and an endpoint its date, from the first."""
    settings, everything = permissions.settings, permissions.arns(HOSTING, "*")
    endpoints = permissions.arns({"endpoint": "Endpoint"}, "*")
    configs = permissions.arns({"endpoint-config": "EndpointConfig"}, "*")
    models = permissions.arns({"model": "Model"}, "*")
    permissions.add(create_dated_endpoint(settings, [*endpoints, *configs]))
    permissions.add(tag_at_creation(everything, list(HOSTING.values())))
    permissions.add(tag_own(settings, endpoints, ["expires-at"]))
    permissions.allow(["sagemaker:CreateModel"], models, permissions.tagged)
    permissions.allow(["sagemaker:CreateEndpointConfig"], configs, permissions.tagged | permissions.affordable)
    permissions.allow(
        [f"sagemaker:{verb}{noun}" for noun in HOSTING.values() for verb in ("Describe", "Delete")]
        + ["sagemaker:InvokeEndpoint"],
        everything,
        permissions.own,
    )
    # To see that one is gone: what is not there has no tag by which it could be described.
    permissions.allow(["sagemaker:ListEndpoints"], ["*"])  # lists have no resource level


def _allow_logs(permissions: _Permissions) -> None:
    """Reading what the project's training jobs print, in the group that all of the account's share."""
    jobs = permissions.log_group("/aws/sagemaker/TrainingJobs")
    permissions.allow(["logs:DescribeLogStreams"], [jobs, f"{jobs}:*"])
    permissions.allow(["logs:GetLogEvents"], [f"{jobs}:log-stream:{permissions.settings.project}-*"])
