"""The pipeline: its functions and the state machine that calls them."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.data import DataStack
from stacks.functions import Code, PythonFunction, Size, log_group
from stacks.sagemaker_kinds import HOSTING, MODELS, RUN_JOBS
from stacks.settings import Settings
from stacks.workflow.machine import FraudWorkflow
from stacks.workflow.parts import Functions, Parts
from stacks.xgboost_image import XgboostImage


class PipelineStack(cdk.NestedStack):
    """Functions, state machine and its log group, and the group of registered models."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, data: DataStack) -> None:
        super().__init__(scope, construct_id, description="Functions and state machine")
        self._settings, self._data = settings, data
        parts = Parts(settings, data, Functions(self._plan(), self._prepare(), self._evaluate(), self._remove_run()))
        # Whose versions the purge removes before CloudFormation removes the group, which has to be empty by then.
        sagemaker.CfnModelPackageGroup(
            self,
            "Models",
            model_package_group_name=MODELS.format(project=settings.project),  # people look for it in the registry
            model_package_group_description="Registered models",
        )
        self.state_machine = FraudWorkflow(
            self, "Machine", parts=parts, log_group=log_group(self, "MachineLogs", settings)
        )

    def _plan(self) -> PythonFunction:
        function = PythonFunction(
            self,
            "Plan",
            settings=self._settings,
            code=Code("lambdas/plan/handler.handler", ("lambdas/plan", "training_code")),
            size=Size(512, cdk.Duration.minutes(1)),
            environment={
                "PROJECT": self._settings.project,
                "BUCKET": self._data.bucket.bucket_name,
                "IMAGE_URI": XgboostImage(self, "Image").uri,
                "DEFAULT_TTL_MINUTES": str(self._settings.endpoint_ttl_minutes),
                "MAX_TTL_MINUTES": str(self._settings.endpoint_max_ttl_minutes),
                "DEFAULT_IDLE_MINUTES": str(self._settings.endpoint_idle_minutes),
            },
        )
        self._data.bucket.grant_put(function, "runs/*/code/*")
        return function

    def _prepare(self) -> PythonFunction:
        function = PythonFunction(
            self,
            "Prepare",
            settings=self._settings,
            code=Code("lambdas/prepare/handler.handler", ("lambdas/prepare",), pandas=True),
            size=Size(3008, cdk.Duration.minutes(15), disk_mib=4096),
            environment={},
        )
        self._data.bucket.grant_read(function, "raw/*")
        self._data.bucket.grant_put(function, "runs/*")
        self._data.bucket.grant_delete(function, "runs/*")
        return function

    def _evaluate(self) -> PythonFunction:
        function = PythonFunction(
            self,
            "Evaluate",
            settings=self._settings,
            code=Code("lambdas/evaluate/handler.handler", ("lambdas/evaluate",), pandas=True),
            size=Size(2048, cdk.Duration.minutes(15)),
            environment={},
        )
        self._data.bucket.grant_read(function, "runs/*")
        self._data.bucket.grant_put(function, "runs/*/evaluation.json")
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["sagemaker:InvokeEndpoint"], resources=[self._arns("endpoint")])
        )
        return function

    def _remove_run(self) -> PythonFunction:
        function = PythonFunction(
            self,
            "RemoveRun",
            settings=self._settings,
            code=Code("lambdas/teardown/run.handler", ("lambdas/teardown",)),
            size=Size(256, cdk.Duration.minutes(5)),
            environment={},
        )
        for kind, noun in HOSTING.items():
            function.add_to_role_policy(
                iam.PolicyStatement(actions=[f"sagemaker:Delete{noun}"], resources=[self._arns(kind)])
            )
        for kind, noun in RUN_JOBS.items():
            function.add_to_role_policy(
                iam.PolicyStatement(actions=[f"sagemaker:Stop{noun}"], resources=[self._arns(kind)])
            )
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["sagemaker:ListTrainingJobs", "sagemaker:ListHyperParameterTuningJobs"],
                resources=["*"],  # lists have no resource level
            )
        )
        return function

    def _arns(self, kind: str) -> str:
        """What a run may have made: its name begins with the project's."""
        return self.format_arn(service="sagemaker", resource=kind, resource_name=f"{self._settings.project}-*")
