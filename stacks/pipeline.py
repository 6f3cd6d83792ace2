"""The pipeline: its functions and the state machine that calls them."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.data import DataStack
from stacks.functions import Code, PythonFunction, Size, log_group
from stacks.objects import (
    allow_copying,
    allow_deleting,
    allow_listing,
    allow_reading,
    allow_writing,
    allow_writing_in_parts,
)
from stacks.retraining import Retraining
from stacks.sagemaker_kinds import HOSTING, MODELS, RUN_JOBS
from stacks.settings import Settings
from stacks.workflow.machine import FraudWorkflow, machine_name
from stacks.workflow.parts import Functions, Parts
from stacks.xgboost_image import XgboostImage

NO_ENDPOINT = "none"
"""What the parameter says while no endpoint serves: it can't be empty."""


class PipelineStack(cdk.NestedStack):
    """Functions, state machine and its log group, and the group of registered models."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, data: DataStack) -> None:
        super().__init__(scope, construct_id, description="Functions and state machine")
        self._settings, self._data = settings, data
        self.endpoint_parameter = ssm.StringParameter(
            self,
            "EndpointName",
            parameter_name=f"/{settings.project}/endpoint-name",  # clients look it up by this name
            string_value=NO_ENDPOINT,
            description="The endpoint of the last run that met its objective, as long as it serves",
        )
        functions = Functions(self._plan(), self._prepare(), self._evaluate(), self._report(), self._remove_run())
        parts = Parts(settings, data, functions, self.endpoint_parameter)
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
        Retraining(self, "Retraining", settings=settings, data=data, machine=self.state_machine)

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
                "MODEL_PACKAGE_GROUP": MODELS.format(project=self._settings.project),
                "DEFAULT_TTL_MINUTES": str(self._settings.endpoint_ttl_minutes),
                "MAX_TTL_MINUTES": str(self._settings.endpoint_max_ttl_minutes),
                "DEFAULT_IDLE_MINUTES": str(self._settings.endpoint_idle_minutes),
            },
        )
        # The last registered model is copied to where the candidates of the run lie.
        allow_listing(function, self._data.bucket)
        allow_copying(function, self._data.bucket, "runs/*/choice/*", "runs/*/output/registered-model/*")
        allow_writing(function, self._data.bucket, "runs/*/code/*")
        group = MODELS.format(project=self._settings.project)
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["sagemaker:DescribeModelPackage"],
                resources=[self._arn("model-package", f"{group}/*")],
            )
        )
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["sagemaker:DescribeHyperParameterTuningJob"],
                resources=[self._arns("hyper-parameter-tuning-job")],
            )
        )
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["sagemaker:ListModelPackages", "sagemaker:ListHyperParameterTuningJobs"],
                resources=["*"],  # lists have no resource level
            )
        )
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
        allow_listing(function, self._data.bucket)
        # Beside the source, the training rows of the run that registered a model.
        allow_reading(function, self._data.bucket, "raw/*", "runs/*/train/*")
        allow_writing_in_parts(function, self._data.bucket, "runs/*")
        allow_deleting(function, self._data.bucket, "runs/*")
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
        allow_reading(function, self._data.bucket, "runs/*")
        allow_writing(function, self._data.bucket, "runs/*/evaluation.json", "runs/*/choice.json")
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["sagemaker:InvokeEndpoint"], resources=[self._arns("endpoint")])
        )
        return function

    def _report(self) -> PythonFunction:
        function = PythonFunction(
            self,
            "Report",
            settings=self._settings,
            code=Code(
                "lambdas/report/handler.handler",
                ("lambdas/report",),
                files=("node_modules/plotly.js-cartesian-dist-min",),
            ),
            size=Size(512, cdk.Duration.minutes(5)),
            environment={},
        )
        allow_reading(function, self._data.bucket, "runs/*")
        allow_writing(function, self._data.bucket, "runs/*/report.html", "runs/*/tuning_history.json")
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=[
                    "sagemaker:DescribeHyperParameterTuningJob",
                    "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
                ],
                resources=[self._arns("hyper-parameter-tuning-job")],
            )
        )
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["sagemaker:DescribeTrainingJob"], resources=[self._arns("training-job")])
        )
        executions = self.format_arn(
            service="states",
            resource="execution",
            resource_name=f"{machine_name(self._settings)}:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        function.add_to_role_policy(iam.PolicyStatement(actions=["states:GetExecutionHistory"], resources=[executions]))
        return function

    def _remove_run(self) -> PythonFunction:
        function = PythonFunction(
            self,
            "RemoveRun",
            settings=self._settings,
            code=Code("lambdas/teardown/run.handler", ("lambdas/teardown",)),
            size=Size(256, cdk.Duration.minutes(5)),
            environment={"ENDPOINT_PARAMETER": self.endpoint_parameter.parameter_name},
        )
        allow_withdrawing(function, self.endpoint_parameter)
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
        return self._arn(kind, f"{self._settings.project}-*")

    def _arn(self, kind: str, name: str) -> str:
        return self.format_arn(service="sagemaker", resource=kind, resource_name=name)


def allow_withdrawing(function: PythonFunction, parameter: ssm.StringParameter) -> None:
    """Seeing which endpoint clients are sent to, and changing that; a grant would allow more."""
    function.add_to_role_policy(
        iam.PolicyStatement(actions=["ssm:GetParameter", "ssm:PutParameter"], resources=[parameter.parameter_arn])
    )
