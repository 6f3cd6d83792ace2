"""Where the data lies, and the role in which jobs and models read and write it."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.ecr import allow_pulling
from stacks.objects import allow_listing, allow_reading, allow_writing_in_parts
from stacks.settings import Settings
from stacks.xgboost_image import REPOSITORY, XgboostImage


class DataStack(cdk.NestedStack):
    """The bucket, the image and the execution role."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id, description="Bucket and execution role")
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[s3.LifecycleRule(abort_incomplete_multipart_upload_after=cdk.Duration.days(1))],
            # The purge (stacks/teardown.py) empties it before it is deleted.
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self.image = XgboostImage(self, "Image")
        self.execution_role = iam.Role(
            self,
            "ExecutionRole",
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
            description="In which training jobs and models run",
        )
        allow_listing(self.execution_role, self.bucket)
        allow_reading(self.execution_role, self.bucket, "runs/*")
        allow_writing_in_parts(self.execution_role, self.bucket, "runs/*/output/*")
        self._allow_logs_and_metrics(settings)
        self._allow_image()

    def outputs(self, settings: Settings) -> dict[str, str]:
        """What the notebooks need to know of the stack, by the names that its outputs have."""
        return {
            "Project": settings.project,
            "BucketName": self.bucket.bucket_name,
            "ExecutionRoleArn": self.execution_role.role_arn,
            "TrainingImage": self.image.uri,
        }

    def tell_of_new_objects(self) -> None:
        """Let EventBridge know of every object that is put into the bucket.

        The CDK would do so with a function of its own that may change any bucket's notifications.
        """
        bucket = self.bucket.node.default_child
        assert isinstance(bucket, s3.CfnBucket)  # noqa: S101 - for the type checker
        enabled = s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=enabled
        )

    def _allow_logs_and_metrics(self, settings: Settings) -> None:
        """What SageMaker writes as the role; there is no grant for log groups that the service itself makes."""
        jobs = ("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TransformJobs")
        groups = [*jobs, *(f"{group}:*" for group in jobs), f"/aws/sagemaker/Endpoints/{settings.project}-*"]
        self.execution_role.add_to_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                resources=[
                    self.format_arn(
                        service="logs",
                        resource="log-group",
                        resource_name=group,
                        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                    )
                    for group in groups
                ],
            )
        )
        self.execution_role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],  # the action has no resource level
                conditions={"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]}},
            )
        )

    def _allow_image(self) -> None:
        """Pulling AWS's image from the account that publishes it in this region."""
        repository = self.format_arn(
            service="ecr", account=self.image.account, resource="repository", resource_name=REPOSITORY
        )
        allow_pulling(self.execution_role, repository)
