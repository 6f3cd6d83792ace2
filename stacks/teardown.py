"""What sees to it that nothing outlives the stack."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.data import DataStack
from stacks.functions import Code, PythonFunction, Size
from stacks.settings import Settings

DELETABLE = {"endpoint": "Endpoint", "endpoint-config": "EndpointConfig", "model": "Model"}
"""What a run leaves in the account until it is deleted: the kind in an ARN, and in an action's name."""
JOBS = {"training-job": "TrainingJob", "hyper-parameter-tuning-job": "HyperParameterTuningJob"}


class TeardownStack(cdk.NestedStack):
    """The purge: when the stack is deleted, it removes what runs and users have made, then empties the bucket."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, data: DataStack) -> None:
        super().__init__(scope, construct_id, description="Purge on delete")
        purge = PythonFunction(
            self,
            "Purge",
            settings=settings,
            code=Code("lambdas/teardown/purge.handler", ("lambdas/teardown",)),
            size=Size(512, cdk.Duration.minutes(15)),
            environment={"PROJECT": settings.project, "BUCKET": data.bucket.bucket_name},
        )
        self._allow_purge(purge, settings)
        self._allow_logs(purge, settings)
        data.bucket.grant_read(purge)
        data.bucket.grant_delete(purge)
        cdk.CustomResource(self, "PurgeOnDelete", service_token=purge.function_arn, resource_type="Custom::Purge")

    def _allow_purge(self, purge: PythonFunction, settings: Settings) -> None:
        """Finding and removing what bears the project's tag, and nothing else; SageMaker has no grants in the CDK."""
        nouns = DELETABLE | JOBS
        arns = [self.format_arn(service="sagemaker", resource=kind, resource_name="*") for kind in nouns]
        actions = [f"sagemaker:Delete{noun}" for noun in nouns.values()]
        actions += [f"sagemaker:Stop{noun}" for noun in JOBS.values()]
        purge.add_to_role_policy(
            iam.PolicyStatement(
                actions=actions,
                resources=arns,
                conditions={"StringEquals": {"aws:ResourceTag/project": settings.project}},
            )
        )
        purge.add_to_role_policy(iam.PolicyStatement(actions=["sagemaker:ListTags"], resources=arns))
        purge.add_to_role_policy(
            iam.PolicyStatement(
                actions=[f"sagemaker:List{noun}s" for noun in nouns.values()],
                resources=["*"],  # lists have no resource level
            )
        )

    def _allow_logs(self, purge: PythonFunction, settings: Settings) -> None:
        """Deleting the logs that SageMaker leaves: of the project's endpoints, and of its jobs in the shared group."""

        def group(name: str) -> str:
            return self.format_arn(
                service="logs",
                resource="log-group",
                resource_name=f"/aws/sagemaker/{name}",
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            )

        endpoints, jobs = group(f"Endpoints/{settings.project}-*"), group("TrainingJobs")
        for actions, resources in (
            (["logs:DescribeLogGroups"], ["*"]),  # lists have no resource level
            (["logs:DeleteLogGroup"], [endpoints, jobs, f"{jobs}:*"]),
            (["logs:DescribeLogStreams"], [jobs, f"{jobs}:*"]),
            (["logs:DeleteLogStream"], [f"{jobs}:log-stream:{settings.project}-*"]),
        ):
            purge.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=resources))
