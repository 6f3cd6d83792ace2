"""What happens when anything fails: what the run made is removed, then the execution fails with the cause."""

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.workflow.parts import Parts, call

CAUGHT = {"failure": "{% $states.errorOutput %}"}
"""What each catch leaves for the states here."""

# A function's error and a job's failure arrive as JSON, unless it was cut short; a person wants the sentence in it.
_SENTENCE = (
    "{% ( $cause := $failure.Cause ? $failure.Cause : '';"
    " $substring($cause, 0, 1) = '{' and $substring($cause, -1) = '}' ? ("
    " $detail := $parse($cause);"
    " $detail.errorMessage ? $detail.errorMessage : $detail.FailureReason ? $detail.FailureReason : $cause )"
    " : $cause ) %}"
)


def run_failed(scope: Construct) -> sfn.Fail:
    return sfn.Fail.jsonata(
        scope, "Run failed", error="{% $failure.Error %}", cause=_SENTENCE, comment="With the error that began it"
    )


def remove_run(scope: Construct, parts: Parts, *, then: sfn.Fail) -> sfn.TaskStateBase:
    """Removes the run's endpoint, configuration and model, and stops its jobs; then goes on to fail in any case."""
    remove = call(
        scope,
        "Remove what the run made",
        parts.functions.remove_run,
        comment="Jobs are stopped; endpoint, configuration and model are deleted",
        payload=sfn.TaskInput.from_object({"name": "{% $plan.name %}"}),
    )
    remove.add_retry(errors=["States.ALL"], interval=cdk.Duration.seconds(10), max_attempts=4, backoff_rate=2)
    remove.add_catch(then)
    remove.next(then)
    return remove
