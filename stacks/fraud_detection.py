"""The one stack that is deployed and destroyed."""

import aws_cdk as cdk
from constructs import Construct

from stacks.data import DataStack
from stacks.pipeline import PipelineStack
from stacks.settings import Settings
from stacks.studio import StudioStack
from stacks.teardown import TeardownStack


class FraudDetectionStack(cdk.Stack):
    """Studio, data, pipeline and teardown, as nested stacks: one deploy makes, and one destroy removes, them all."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id, description="Card-fraud detection on SageMaker: Studio and a pipeline")
        cdk.Tags.of(self).add("project", settings.project)

        data = DataStack(self, "Data", settings=settings)
        studio = StudioStack(self, "Studio", settings=settings, data=data)
        pipeline = PipelineStack(self, "Pipeline", settings=settings, data=data)
        teardown = TeardownStack(self, "Teardown", settings=settings, data=data, studio=studio, pipeline=pipeline)
        # A stack is deleted in the opposite order of its making: the purge goes first, while all else is still there.
        for earlier in (data, studio, pipeline):
            teardown.add_stack_dependency(earlier)

        told = data.outputs(settings)
        cdk.CfnOutput(self, "Project", value=told["Project"], description="Begins names, and is the tag of all")
        cdk.CfnOutput(self, "BucketName", value=told["BucketName"], description="Data, models and reports")
        cdk.CfnOutput(
            self, "StateMachineArn", value=pipeline.state_machine.state_machine_arn, description="Start it with {}"
        )
        cdk.CfnOutput(
            self, "NoticesTopicArn", value=teardown.topic.topic_arn, description="Tells what was removed, and why"
        )
        cdk.CfnOutput(
            self,
            "ExecutionRoleArn",
            value=told["ExecutionRoleArn"],
            description="In which jobs and models run, those that people start by hand, too",
        )
        cdk.CfnOutput(self, "TrainingImage", value=told["TrainingImage"], description="AWS's XGBoost image")
        cdk.CfnOutput(
            self,
            "EndpointParameter",
            value=pipeline.endpoint_parameter.parameter_name,
            description="The SSM parameter that tells which endpoint serves",
        )
        cdk.CfnOutput(self, "JanitorName", value=teardown.janitor.function_name, description="The function that sweeps")
        cdk.CfnOutput(self, "DomainId", value=studio.domain.attr_domain_id, description="SageMaker Studio domain")
