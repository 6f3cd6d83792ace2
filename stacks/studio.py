"""SageMaker Studio: a network, a domain and its user profiles."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.data import DataStack
from stacks.endpoints import create_dated_endpoint, tag_at_creation, tag_own
from stacks.sagemaker_kinds import HOSTING
from stacks.settings import Settings


class StudioStack(cdk.NestedStack):
    """The domain, with idle shutdown on, and a profile for each name in the settings."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, data: DataStack) -> None:
        super().__init__(scope, construct_id, description="SageMaker Studio")
        # Apps reach the internet through SageMaker's own network, so this one needs no gateway and costs nothing.
        self.network = ec2.Vpc(
            self,
            "Network",
            max_azs=2,
            nat_gateways=0,
            # Nothing is ever attached to the default group; emptying it would take one more function.
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="Studio", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24)
            ],
        )
        self.role = iam.Role(
            self,
            "UserRole",
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
            description="In which Studio's users work",
        )
        data.bucket.grant_read_write(self.role)
        self.domain = self._domain(settings)
        self._allow_spaces()
        self._allow_hosting(settings, data)
        for name in settings.user_profiles:
            # In a scope of its own: logical ids leave hyphens out, and "ana-maria" is not "anamaria".
            sagemaker.CfnUserProfile(
                Construct(self, f"Profile-{name}"),
                "Resource",
                domain_id=self.domain.attr_domain_id,
                user_profile_name=name,
            )

    def _domain(self, settings: Settings) -> sagemaker.CfnDomain:
        lifecycle = sagemaker.CfnDomain.AppLifecycleManagementProperty(
            idle_settings=sagemaker.CfnDomain.IdleSettingsProperty(
                lifecycle_management="ENABLED",
                idle_timeout_in_minutes=settings.studio_idle_minutes,
                min_idle_timeout_in_minutes=60,
                max_idle_timeout_in_minutes=settings.studio_idle_minutes,
            )
        )
        return sagemaker.CfnDomain(
            self,
            "Domain",
            domain_name=settings.project,
            auth_mode="IAM",
            vpc_id=self.network.vpc_id,
            subnet_ids=[subnet.subnet_id for subnet in self.network.isolated_subnets],
            # A home file system bills for what it holds. If there is one, the purge removes it (stacks/teardown.py).
            home_efs_file_system_creation="Enabled" if settings.studio_home_efs else "Disabled",
            tag_propagation="ENABLED",
            default_user_settings=sagemaker.CfnDomain.UserSettingsProperty(
                execution_role=self.role.role_arn,
                studio_web_portal="ENABLED",
                default_landing_uri="studio::",
                auto_mount_home_efs="Enabled" if settings.studio_home_efs else "Disabled",
                jupyter_lab_app_settings=sagemaker.CfnDomain.JupyterLabAppSettingsProperty(
                    app_lifecycle_management=lifecycle
                ),
                code_editor_app_settings=sagemaker.CfnDomain.CodeEditorAppSettingsProperty(
                    app_lifecycle_management=lifecycle
                ),
            ),
        )

    def _allow_spaces(self) -> None:
        """What Studio calls as its user to open a space and run an app in it; there is no grant for a domain."""
        domain_id = self.domain.attr_domain_id

        def arns(*kinds: str) -> list[str]:
            return [
                self.format_arn(service="sagemaker", resource=kind, resource_name=f"{domain_id}/*") for kind in kinds
            ]

        domain = self.format_arn(service="sagemaker", resource="domain", resource_name=domain_id)
        for actions, resources in (
            (["sagemaker:DescribeDomain", "sagemaker:ListTags"], [domain]),
            (["sagemaker:DescribeUserProfile", "sagemaker:ListTags"], arns("user-profile")),
            (
                [f"sagemaker:{verb}{noun}" for noun in ("Space", "App") for verb in ("Create", "Describe", "Delete")]
                + ["sagemaker:UpdateSpace", "sagemaker:AddTags", "sagemaker:ListTags"],
                arns("space", "app"),
            ),
            # Lists have no resource level.
            (
                ["sagemaker:ListDomains", "sagemaker:ListUserProfiles", "sagemaker:ListSpaces", "sagemaker:ListApps"],
                ["*"],
            ),
        ):
            self.role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources))

    def _allow_hosting(self, settings: Settings, data: DataStack) -> None:
        """Deploying a model by hand: all of it bears the project's tag, and an endpoint its date, from the first."""

        def arns(*kinds: str) -> list[str]:
            return [self.format_arn(service="sagemaker", resource=kind, resource_name="*") for kind in kinds]

        made = {kind: HOSTING[kind] for kind in ("model", "endpoint-config")}
        own = {"StringEquals": {"aws:ResourceTag/project": settings.project}}
        for statement in (
            create_dated_endpoint(settings, arns("endpoint", "endpoint-config")),
            tag_at_creation(arns(*HOSTING), list(HOSTING.values())),
            tag_own(settings, arns("endpoint"), ["expires-at"]),
            iam.PolicyStatement(
                actions=[f"sagemaker:Create{noun}" for noun in made.values()],
                resources=arns(*made),
                conditions={"StringEquals": {"aws:RequestTag/project": settings.project}},
            ),
            iam.PolicyStatement(
                actions=[f"sagemaker:{verb}{noun}" for noun in HOSTING.values() for verb in ("Describe", "Delete")]
                + ["sagemaker:InvokeEndpoint"],
                resources=arns(*HOSTING),
                conditions=own,
            ),
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[data.execution_role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            ),
        ):
            self.role.add_to_policy(statement)
