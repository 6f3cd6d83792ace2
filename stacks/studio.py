"""SageMaker Studio: a network, a domain and its user profiles."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.data import DataStack
from stacks.settings import Settings
from stacks.studio_image import StudioImage
from stacks.studio_notebooks import StudioNotebooks
from stacks.studio_permissions import allow_studio_user
from stacks.user_profiles import SHORTEST_IDLE_MINUTES, UserProfile


class StudioStack(cdk.NestedStack):
    """The domain, with idle shutdown on and the notebooks at hand, and a profile for each user in the settings."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, data: DataStack) -> None:
        super().__init__(scope, construct_id, description="SageMaker Studio")
        self._settings = settings
        self._data = data
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
        self._notebooks = StudioNotebooks(self, "Notebooks", settings=settings, data=data)
        self._image = StudioImage(self, "Image", settings=settings) if settings.studio_image_uri else None
        # AWS asks a domain for a role. Whom the settings don't name may do nothing.
        self._nobody = self._role(self, "NobodyRole", "Of users whom the settings don't name: it may do nothing")
        self.domain = self._domain()
        for profile in settings.user_profiles:
            self._profile(profile)

    def _role(self, scope: Construct, construct_id: str, description: str) -> iam.Role:
        return iam.Role(
            scope,
            construct_id,
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
            description=description,
        )

    def _domain(self) -> sagemaker.CfnDomain:
        settings = self._settings
        efs = "Enabled" if settings.studio_home_efs else "Disabled"
        domain = sagemaker.CfnDomain(
            self,
            "Domain",
            domain_name=settings.project,
            auth_mode="IAM",
            vpc_id=self.network.vpc_id,
            subnet_ids=[subnet.subnet_id for subnet in self.network.isolated_subnets],
            # A home file system bills for what it holds. If there is one, the purge removes it (stacks/teardown.py).
            home_efs_file_system_creation=efs,
            tag_propagation="ENABLED",
            default_user_settings=sagemaker.CfnDomain.UserSettingsProperty(
                execution_role=self._nobody.role_arn,
                studio_web_portal="ENABLED",
                default_landing_uri="studio::",
                auto_mount_home_efs=efs,
                **self._apps(sagemaker.CfnDomain, settings.studio_idle_minutes),
            ),
        )
        if self._image:
            domain.node.add_dependency(self._image)
        return domain

    def _apps(self, of: Any, idle_minutes: int) -> dict[str, Any]:
        """The settings of the apps, in the types `of` the domain or of a profile, which the CDK keeps apart."""
        idle_shutdown = of.AppLifecycleManagementProperty(
            idle_settings=of.IdleSettingsProperty(
                lifecycle_management="ENABLED",
                idle_timeout_in_minutes=idle_minutes,
                min_idle_timeout_in_minutes=SHORTEST_IDLE_MINUTES,
                max_idle_timeout_in_minutes=idle_minutes,
            )
        )
        notebooks = self._notebooks.lifecycle_config.attr_studio_lifecycle_config_arn
        image = StudioImage.name(self._settings)
        return {
            "jupyter_lab_app_settings": of.JupyterLabAppSettingsProperty(
                app_lifecycle_management=idle_shutdown,
                lifecycle_config_arns=[notebooks],
                default_resource_spec=of.ResourceSpecProperty(lifecycle_config_arn=notebooks),
                # Without a version, so that Studio takes the latest; an empty list, and not none, takes one away again.
                custom_images=[of.CustomImageProperty(app_image_config_name=image, image_name=image)]
                if self._image
                else [],
            ),
            "code_editor_app_settings": of.CodeEditorAppSettingsProperty(app_lifecycle_management=idle_shutdown),
        }

    def _profile(self, profile: UserProfile) -> None:
        """A user, in a role of its own: IAM knows roles, and not users of Studio."""
        # In a scope of its own: logical ids leave hyphens out, and "ana-maria" is not "anamaria".
        scope = Construct(self, f"Profile-{profile.name}")
        role = self._role(scope, "Role", f"In which {profile.name} works in Studio")
        allow_studio_user(role, settings=self._settings, data=self._data, domain=self.domain, profile=profile)
        self._notebooks.grant_fetch(role)
        own = {} if profile.idle_minutes is None else self._apps(sagemaker.CfnUserProfile, profile.idle_minutes)
        sagemaker.CfnUserProfile(
            scope,
            "Resource",
            domain_id=self.domain.attr_domain_id,
            user_profile_name=profile.name,
            user_settings=sagemaker.CfnUserProfile.UserSettingsProperty(execution_role=role.role_arn, **own),
        )
