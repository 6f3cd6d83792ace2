"""Plan and prepare: the input is checked and completed, the data split and written for training."""

from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.workflow.parts import Parts, call

_OF_THE_DATA = ("source", "label_column", "split", "time_column", "seed", "drop_duplicates", "amount_column")


def plan(scope: Construct, parts: Parts) -> tasks.LambdaInvoke:
    """Leaves `$plan`: what lambdas/plan returns."""
    return call(
        scope,
        "Plan the run",
        parts.functions.plan,
        comment="Checks and completes the input, and names everything that the run will make",
        payload=sfn.TaskInput.from_object(
            {
                "input": "{% $states.input %}",
                "execution": {
                    "id": "{% $states.context.Execution.Id %}",
                    "name": "{% $states.context.Execution.Name %}",
                    "start_time": "{% $states.context.Execution.StartTime %}",
                },
            }
        ),
        assign={"plan": "{% $states.result.Payload %}"},
        outputs="{% $states.result.Payload.run_id %}",
    )


def prepare(scope: Construct, parts: Parts) -> tasks.LambdaInvoke:
    """Writes train/, validation/ and test/ under the run's prefix; leaves `$prepared`, what the function returns."""
    return call(
        scope,
        "Prepare the data",
        parts.functions.prepare,
        comment="Reads and checks the table, splits it, and writes CSV with the label first",
        payload=sfn.TaskInput.from_object(
            {
                **{name: f"{{% $plan.data.{name} %}}" for name in _OF_THE_DATA},
                "registered": "{% $plan.registered %}",
                "amount_required": "{% $plan.amount_required %}",
                "bucket": "{% $plan.bucket %}",
                "prefix": "{% $plan.prefix %}",
            }
        ),
        assign={"prepared": "{% $states.result.Payload %}"},
        outputs="{% $states.result.Payload %}",
    )
