"""What sees to it that nothing bills on: a janitor on a schedule, and a purge when the stack is deleted."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as cloudwatch_actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from stacks.data import DataStack
from stacks.endpoints import tag_own
from stacks.functions import Code, PythonFunction, Size
from stacks.objects import allow_emptying
from stacks.pipeline import PipelineStack, allow_withdrawing
from stacks.purge_permissions import allow_purge
from stacks.sagemaker_kinds import HOSTING, RUN_JOBS
from stacks.settings import Settings
from stacks.studio import StudioStack

_MISSED_SWEEPS = 3
"""So many in a row, and the janitor counts as stopped."""


class TeardownStack(cdk.NestedStack):
    """Janitor, purge, and the topic on which people are told."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        data: DataStack,
        studio: StudioStack,
        pipeline: PipelineStack,
    ) -> None:
        super().__init__(scope, construct_id, description="Janitor, and purge on delete")
        self._settings = settings
        self.topic = self._topic()
        self.janitor = self._janitor(pipeline)
        self._purge(data, studio, pipeline)

    # --- the janitor --------------------------------------------------------------------------------------------

    def _topic(self) -> sns.Topic:
        topic = sns.Topic(self, "Notices", enforce_ssl=True)
        for address in self._settings.notification_emails:
            topic.add_subscription(subscriptions.EmailSubscription(address))
        # A policy of its own takes the place of the default one, in which alarms of the account may publish.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        return topic

    def _janitor(self, pipeline: PipelineStack) -> PythonFunction:
        settings = self._settings
        janitor = PythonFunction(
            self,
            "Janitor",
            settings=settings,
            code=Code("lambdas/teardown/janitor.handler", ("lambdas/teardown",)),
            size=Size(256, cdk.Duration.minutes(5)),
            environment={
                "PROJECT": settings.project,
                "DEFAULT_TTL_MINUTES": str(settings.endpoint_ttl_minutes),
                "MAX_TTL_MINUTES": str(settings.endpoint_max_ttl_minutes),
                "DEFAULT_IDLE_MINUTES": str(settings.endpoint_idle_minutes),
                "WARNING_MINUTES": str(settings.expiry_warning_minutes),
                "TOPIC_ARN": self.topic.topic_arn,
                "STATE_MACHINE_ARN": pipeline.state_machine.state_machine_arn,
                "ENDPOINT_PARAMETER": pipeline.endpoint_parameter.parameter_name,
                "DRY_RUN": str(settings.janitor_dry_run).lower(),
            },
        )
        # One that fails is not repeated, but told: the next sweep is never far.
        janitor.configure_async_invoke(retry_attempts=0, max_event_age=cdk.Duration.minutes(5))
        self.topic.grant_publish(janitor)
        pipeline.state_machine.grant_execution(janitor, "states:DescribeExecution")
        allow_withdrawing(janitor, pipeline.endpoint_parameter)
        self._allow_sweep(janitor)
        self._schedule(janitor)
        self._alarms(janitor)
        return janitor

    def _allow_sweep(self, janitor: PythonFunction) -> None:
        """Looking at what bears the project's tag, and removing it; SageMaker has no grants in the CDK."""
        looked_at = HOSTING | RUN_JOBS
        own = {"StringEquals": {"aws:ResourceTag/project": self._settings.project}}
        for verb, kinds, conditions in (
            ("Delete", HOSTING, own),
            ("Stop", RUN_JOBS, own),
            # Not of the project's alone: an endpoint of the project may serve by somebody else's configuration.
            ("Describe", {kind: HOSTING[kind] for kind in ("endpoint", "endpoint-config")}, {}),
        ):
            janitor.add_to_role_policy(
                iam.PolicyStatement(
                    actions=[f"sagemaker:{verb}{noun}" for noun in kinds.values()],
                    resources=[self._arn(kind) for kind in kinds],
                    conditions=conditions,
                )
            )
        janitor.add_to_role_policy(
            iam.PolicyStatement(actions=["sagemaker:ListTags"], resources=[self._arn(kind) for kind in looked_at])
        )
        janitor.add_to_role_policy(tag_own(self._settings, [self._arn("endpoint")], ["expires-at", "warned-for"]))
        parts = [self._arn("endpoint-config"), self._arn("model")]
        janitor.add_to_role_policy(tag_own(self._settings, parts, ["removal-due"]))
        janitor.add_to_role_policy(
            iam.PolicyStatement(
                actions=[*(f"sagemaker:List{noun}s" for noun in looked_at.values()), "cloudwatch:GetMetricData"],
                resources=["*"],  # lists and metrics have no resource level
            )
        )

    def _arn(self, kind: str) -> str:
        return self.format_arn(service="sagemaker", resource=kind, resource_name="*")

    def _schedule(self, janitor: PythonFunction) -> None:
        sweep = cdk.Duration.minutes(self._settings.sweep_minutes)
        events.Rule(
            self,
            "Sweeps",
            description="When the janitor looks for what has to go",
            schedule=events.Schedule.rate(sweep),
            # A sweep that comes late is the next one's business.
            targets=[targets.LambdaFunction(janitor, retry_attempts=1, max_event_age=cdk.Duration.minutes(5))],
        )

    def _alarms(self, janitor: PythonFunction) -> None:
        sweep = cdk.Duration.minutes(self._settings.sweep_minutes)
        erring = cloudwatch.Alarm(
            self,
            "JanitorErrs",
            alarm_description="The janitor could not do all it had to: its log says what. Something may bill on.",
            metric=janitor.metric_errors(period=sweep, statistic="Sum"),
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            threshold=0,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        stopped = cloudwatch.Alarm(
            self,
            "JanitorStopped",
            alarm_description="The janitor does not run: nothing removes endpoints on their date.",
            metric=janitor.metric_invocations(period=sweep, statistic="Sum"),
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            threshold=1,
            evaluation_periods=_MISSED_SWEEPS,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )
        for alarm in (erring, stopped):
            alarm.add_alarm_action(cloudwatch_actions.SnsAction(self.topic))

    # --- the purge ----------------------------------------------------------------------------------------------

    def _purge(self, data: DataStack, studio: StudioStack, pipeline: PipelineStack) -> None:
        settings = self._settings
        purge = PythonFunction(
            self,
            "Purge",
            settings=settings,
            code=Code("lambdas/teardown/purge.handler", ("lambdas/teardown",)),
            size=Size(512, cdk.Duration.minutes(15)),
            environment={
                "PROJECT": settings.project,
                "BUCKET": data.bucket.bucket_name,
                "STATE_MACHINE_ARN": pipeline.state_machine.state_machine_arn,
                "DOMAIN_ID": studio.domain.attr_domain_id,
                "DOMAIN_ARN": studio.domain.attr_domain_arn,
                "VPC_ID": studio.network.vpc_id,
            },
        )
        allow_emptying(purge, data.bucket)
        allow_purge(purge, settings=settings, studio=studio, pipeline=pipeline)
        # Not among what the function depends on, for it names the function.
        handover = iam.Policy(self, "PurgeGoesOn", statements=[self._invoke(purge)], roles=[purge.role])  # type: ignore[list-item]
        on_delete = cdk.CustomResource(
            self,
            "PurgeOnDelete",
            service_token=purge.function_arn,
            resource_type="Custom::Purge",
            service_timeout=cdk.Duration.hours(1),
        )
        on_delete.node.add_dependency(handover)

    def _invoke(self, function: PythonFunction) -> iam.PolicyStatement:
        """The purge hands over to itself before its time is up."""
        return iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn])
