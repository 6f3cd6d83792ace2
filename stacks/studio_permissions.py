"""What one of Studio's users may do: open spaces of its own, and train, tune and host for the project alone."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker

from stacks.data import DataStack
from stacks.endpoints import create_dated_endpoint, from_own_configuration, tag_at_creation, tag_own
from stacks.objects import allow_listing, allow_reading, allow_writing_in_parts
from stacks.sagemaker_kinds import HOSTING, RUN_JOBS, STUDIO
from stacks.settings import Settings
from stacks.user_profiles import UserProfile

_Conditions = dict[str, dict[str, object]]

_APPS = ("?upyter?ab", "?ode?ditor")
"""JupyterLab and CodeEditor, which end by themselves when they are idle; others, such as Canvas, bill until somebody
ends them. In ARNs SageMaker writes names in lower case (aws-facts 1.12); that it does so in all was not found."""


def allow_studio_user(
    role: iam.Role, *, settings: Settings, data: DataStack, domain: sagemaker.CfnDomain, profile: UserProfile
) -> None:
    """SageMaker has no grants in the CDK."""
    permissions = _Permissions(role, settings, profile)
    allow_listing(role, data.bucket)
    allow_reading(role, data.bucket, "*")
    allow_writing_in_parts(role, data.bucket, "raw/*", f"runs/{settings.project}-*/*")
    _allow_spaces(permissions, domain.attr_domain_id, profile)
    _allow_jobs(permissions)
    _allow_hosting(permissions)
    _allow_logs(permissions, domain.attr_domain_id)
    permissions.add(tag_at_creation(permissions.tagged_at_creation, permissions.creating))
    permissions.allow(
        ["iam:PassRole"],
        [data.execution_role.role_arn],
        {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    )


class _Permissions:
    """A role's policy, statement by statement, and the conditions in it."""

    def __init__(self, role: iam.Role, settings: Settings, profile: UserProfile) -> None:
        self._role = role
        self.settings = settings
        types = settings.studio_instance_types if profile.instance_types is None else profile.instance_types
        self.affordable: _Conditions = {"ForAllValues:StringEquals": {"sagemaker:InstanceTypes": list(types)}}
        """Requests that name other instance types than these are refused; what names none passes (aws-facts 5.13)."""
        self.ending: _Conditions = {
            "NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": str(settings.studio_max_job_minutes * 60)},
            "Null": {"sagemaker:KeepAlivePeriod": "true"},
        }
        """Jobs that say when they end, and leave no instance waiting, billed, for the next one (aws-facts 5.18)."""
        self.tagged: _Conditions = {"StringEquals": {"aws:RequestTag/project": settings.project}}
        """Requests that create something of the project's."""
        self.own: _Conditions = {"StringEquals": {"aws:ResourceTag/project": settings.project}}
        """Requests about something of the project's."""
        self.tagged_at_creation: list[str] = []
        self.creating: list[str] = []

    def allow(self, actions: Sequence[str], resources: Sequence[str], conditions: _Conditions | None = None) -> None:
        self.add(iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions))

    def add(self, statement: iam.PolicyStatement) -> None:
        self._role.add_to_policy(statement)

    def tag_at_creation(self, resources: Sequence[str], nouns: Sequence[str]) -> None:
        """In one statement for all: what a role may have is limited in length."""
        self.tagged_at_creation += resources
        self.creating += nouns

    def arn(self, kind: str, name: str) -> str:
        return cdk.Stack.of(self._role).format_arn(service="sagemaker", resource=kind, resource_name=name)

    def arns(self, kinds: Mapping[str, str], name: str) -> list[str]:
        return [self.arn(kind, name) for kind in kinds]

    def log_group(self, name: str) -> str:
        return cdk.Stack.of(self._role).format_arn(
            service="logs", resource="log-group", resource_name=name, arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
        )


def _spellings(name: str) -> list[str]:
    """As given, and as SageMaker writes ARNs."""
    return sorted({name, name.lower()})


def _allow_spaces(permissions: _Permissions, domain_id: str, profile: UserProfile) -> None:
    """What Studio calls as its user to open a private space and run an app in it (aws-facts 5.17)."""
    inside = f"{domain_id}/*"
    app, space, user = (permissions.arn(kind, inside) for kind in STUDIO)
    oneself = [permissions.arn("user-profile", f"{domain_id}/{name}") for name in _spellings(profile.name)]
    own: _Conditions = {
        "StringEquals": {"sagemaker:SpaceSharingType": "Private"},
        "ArnEquals": {"sagemaker:OwnerUserProfileArn": oneself},
    }
    permissions.allow(
        [f"sagemaker:Describe{noun}" for noun in ("Domain", *STUDIO.values())] + ["sagemaker:ListTags"],
        [permissions.arn("domain", domain_id), space, app, user],
    )
    permissions.allow(["sagemaker:CreatePresignedDomainUrl"], oneself)
    # A space keeps an instance type for its app, which then needs to name none.
    permissions.allow(["sagemaker:CreateSpace", "sagemaker:UpdateSpace"], [space], own | permissions.affordable)
    permissions.allow(
        ["sagemaker:CreateApp"],
        [permissions.arn("app", f"{inside}/{kind}/*") for kind in _APPS],
        own | permissions.affordable,
    )
    permissions.allow(["sagemaker:DeleteSpace", "sagemaker:DeleteApp"], [space, app], own)
    permissions.tag_at_creation([space, app], ["Space", "App"])
    # Lists have no resource level.
    permissions.allow([f"sagemaker:List{noun}s" for noun in ("Domain", *STUDIO.values())], ["*"])


def _allow_jobs(permissions: _Permissions) -> None:
    """Training and tuning by hand. Logs are named, not tagged, so the jobs' names begin like the project's."""
    jobs = permissions.arns(RUN_JOBS, f"{permissions.settings.project}-*")
    permissions.allow(
        [f"sagemaker:Create{noun}" for noun in RUN_JOBS.values()],
        jobs,
        permissions.tagged | permissions.affordable | permissions.ending,
    )
    permissions.tag_at_creation(jobs, list(RUN_JOBS.values()))
    permissions.allow(
        [f"sagemaker:{verb}{noun}" for noun in RUN_JOBS.values() for verb in ("Describe", "Stop")]
        + ["sagemaker:ListTrainingJobsForHyperParameterTuningJob"],
        jobs,
        permissions.own,
    )


def _allow_hosting(permissions: _Permissions) -> None:
    """Deploying a model by hand: all of it bears the project's tag, and an endpoint its date, from the first.

    Names begin like the project's: the execution role may write the logs of such endpoints alone.
    """
    settings, named = permissions.settings, f"{permissions.settings.project}-*"
    endpoint, config = permissions.arn("endpoint", named), permissions.arn("endpoint-config", named)
    permissions.add(create_dated_endpoint(settings, [endpoint]))
    permissions.add(from_own_configuration(settings, [config]))
    permissions.tag_at_creation(permissions.arns(HOSTING, named), list(HOSTING.values()))
    permissions.add(tag_own(settings, [permissions.arn("endpoint", "*")], ["expires-at"]))
    permissions.allow(["sagemaker:CreateModel"], [permissions.arn("model", named)], permissions.tagged)
    permissions.allow(["sagemaker:CreateEndpointConfig"], [config], permissions.tagged | permissions.affordable)
    permissions.allow(
        [f"sagemaker:{verb}{noun}" for noun in HOSTING.values() for verb in ("Describe", "Delete")]
        + ["sagemaker:InvokeEndpoint"],
        permissions.arns(HOSTING, "*"),
        permissions.own,
    )
    # To see that one is gone: what is not there has no tag by which it could be described.
    permissions.allow(["sagemaker:ListEndpoints"], ["*"])  # lists have no resource level


def _allow_logs(permissions: _Permissions, domain_id: str) -> None:
    """Reading what the project's training jobs print, and writing what the scripts do with which apps start; the
    account's share a group each (aws-facts 5.14)."""
    jobs = permissions.log_group("/aws/sagemaker/TrainingJobs")
    permissions.allow(["logs:DescribeLogStreams"], [jobs, f"{jobs}:*"])
    permissions.allow(["logs:GetLogEvents"], [f"{jobs}:log-stream:{permissions.settings.project}-*"])
    apps = permissions.log_group("/aws/sagemaker/studio")
    permissions.allow(["logs:CreateLogGroup"], [apps, f"{apps}:*"])
    permissions.allow(["logs:CreateLogStream", "logs:PutLogEvents"], [f"{apps}:log-stream:{domain_id}/*"])
