"""Evaluate: the test rows go through the endpoint, a report tells what they say, and the gate lets it pass or not."""

from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.workflow.parts import Parts, call


def evaluate(scope: Construct, parts: Parts) -> tasks.LambdaInvoke:
    """Leaves `$evaluation`: what lambdas/evaluate returns."""
    return call(
        scope,
        "Evaluate",
        parts.functions.evaluate,
        comment="Sends the test rows to the endpoint, 500 a request, and measures its answers",
        payload=sfn.TaskInput.from_object(
            {
                "run_id": "{% $plan.run_id %}",
                "bucket": "{% $plan.bucket %}",
                "prefix": "{% $plan.prefix %}",
                "endpoint_name": "{% $plan.name %}",
                "choose_job": "{% $choose_job %}",
                "objective": "{% $plan.objective %}",
                "costs": "{% $plan.costs %}",
            }
        ),
        assign={"evaluation": "{% $states.result.Payload %}"},
        outputs="{% $states.result.Payload.passed %}",
    )


def report(scope: Construct, parts: Parts) -> tasks.LambdaInvoke:
    """Writes report.html, whether the objective was met or not; leaves `$report`, where it is."""
    return call(
        scope,
        "Write the report",
        parts.functions.report,
        comment="One file that opens in a browser, offline too: how good the model is, and how sure that is",
        payload=sfn.TaskInput.from_object(
            {
                "run_id": "{% $plan.run_id %}",
                "name": "{% $plan.name %}",
                "bucket": "{% $plan.bucket %}",
                "prefix": "{% $plan.prefix %}",
                "execution_arn": "{% $states.context.Execution.Id %}",
                "tuning_job": "{% $tuning_job %}",
                "choose_job": "{% $choose_job %}",
                "training_usd_per_hour": "{% $plan.estimated_cost_usd.training.usd_per_hour %}",
                "hosting": "{% $plan.hosting %}",
            }
        ),
        assign={"report": "{% $states.result.Payload %}"},
        outputs="{% $evaluation.passed %}",
    )


def gate(scope: Construct, *, passed: sfn.IChainable) -> sfn.Choice:
    """Goes on with `passed`, or fails with the objective that was missed."""
    missed = sfn.Fail.jsonata(scope, "Objective missed", error="ObjectiveMissed", cause="{% $evaluation.reason %}")
    choice = sfn.Choice.jsonata(scope, "Objective met?", comment="Every metric of the objective reaches its minimum")
    return choice.when(sfn.Condition.jsonata("{% $evaluation.passed %}"), passed).otherwise(missed)
