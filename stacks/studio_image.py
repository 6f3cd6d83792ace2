"""An image of one's own, to choose for JupyterLab beside SageMaker's."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.ecr import allow_pulling
from stacks.settings import Settings


class StudioImage(Construct):
    """The SageMaker image of `studio_image_uri`, and how JupyterLab runs it."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        name = self.name(settings)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
            description="In which SageMaker pulls Studio's image",
        )
        allow_pulling(role, self._repository(settings.studio_image_uri))
        image = sagemaker.CfnImage(self, "Resource", image_name=name, image_role_arn=role.role_arn)
        image.node.add_dependency(role)  # with its policy
        version = sagemaker.CfnImageVersion(self, "Version", image_name=name, base_image=settings.studio_image_uri)
        version.node.add_dependency(image)
        sagemaker.CfnAppImageConfig(
            self,
            "JupyterLab",
            app_image_config_name=name,
            jupyter_lab_app_image_config=sagemaker.CfnAppImageConfig.JupyterLabAppImageConfigProperty(),
        )

    @staticmethod
    def name(settings: Settings) -> str:
        """Of the image, and of its configuration for JupyterLab."""
        return f"{settings.project}-studio"

    def _repository(self, uri: str) -> str:
        """The ARN of the repository, which may be another account's or region's."""
        host, _, rest = uri.partition("/")
        account, _, _, region, *_ = host.split(".")
        name = rest.partition("@")[0].partition(":")[0]
        return cdk.Stack.of(self).format_arn(
            service="ecr", account=account, region=region, resource="repository", resource_name=name
        )
