"""Evaluate: the test rows go through the endpoint, and the gate holds the result against the objective."""

from typing import Any

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.workflow.parts import Parts, call

_RESULT: dict[str, Any] = {
    "run_id": "{% $plan.run_id %}",
    "endpoint_name": "{% $plan.name %}",
    "expires_at": "{% $expires_at %}",
    "artifacts": "{% 's3://' & $plan.bucket & '/' & $plan.prefix %}",
    "chosen": "{% $chosen %}",
    "evaluation": "{% $states.input %}",
}


def evaluate_and_gate(scope: Construct, parts: Parts) -> sfn.IChainable:
    """Ends the run: with its result, or with the objective that it missed."""
    evaluate = call(
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
                "objective": "{% $plan.objective %}",
                "chosen": "{% $chosen %}",
            }
        ),
        outputs="{% $states.result.Payload %}",
    )
    passed = sfn.Pass.jsonata(scope, "Objective met", comment="The endpoint serves until its date", outputs=_RESULT)
    missed = sfn.Fail.jsonata(scope, "Objective missed", error="ObjectiveMissed", cause="{% $states.input.reason %}")
    gate = sfn.Choice.jsonata(scope, "Objective met?", comment="Every metric of the objective reaches its minimum")
    gate.when(sfn.Condition.jsonata("{% $states.input.passed %}"), passed).otherwise(missed)
    return evaluate.next(gate)
