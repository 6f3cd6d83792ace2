"""The state machine as a whole: plan, then everything else under one catch."""

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.sagemaker_kinds import RUN_JOBS
from stacks.settings import Settings
from stacks.workflow.choose import choose
from stacks.workflow.deploy import allow_endpoint, deploy
from stacks.workflow.evaluate import evaluate, gate, report
from stacks.workflow.failure import CAUGHT, remove_run, run_failed
from stacks.workflow.parts import Parts, allow_jobs
from stacks.workflow.prepare import plan, prepare
from stacks.workflow.register import allow_marking, register_and_announce
from stacks.workflow.train import train
from stacks.workflow.tune import tune

_LONGEST_RUN = cdk.Duration.hours(24)


def machine_name(settings: Settings) -> str:
    """People look for it in the console."""
    return f"{settings.project}-pipeline"


class FraudWorkflow(sfn.StateMachine):
    """plan → prepare → train → tune → choose → deploy → evaluate → report → gate → register.

    Any failure removes what the run made.
    """

    def __init__(self, scope: Construct, construct_id: str, *, parts: Parts, log_group: logs.ILogGroup) -> None:
        super().__init__(
            scope,
            construct_id,
            state_machine_name=machine_name(parts.settings),
            comment="Card-fraud detection: start it with {} or with the fields of docs/using.md",
            query_language=sfn.QueryLanguage.JSONATA,
            definition_body=sfn.DefinitionBody.from_chainable(_definition(Construct(scope, "States"), parts)),
            timeout=_LONGEST_RUN,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ERROR, include_execution_data=False),
        )
        allow_jobs(self.role, scope, parts, RUN_JOBS)
        allow_endpoint(self.role, scope, parts)
        allow_marking(self.role, scope, parts)


def _definition(scope: Construct, parts: Parts) -> sfn.IChainable:
    failed = run_failed(scope)
    remove = remove_run(scope, parts, then=failed)
    planned = plan(scope, parts)
    planned.add_catch(failed, assign=CAUGHT)  # nothing has been made yet

    # One branch in a Parallel state: the states language's way of catching whatever fails in any of them.
    run = sfn.Parallel.jsonata(
        scope, "Run", comment="Everything that can fail and leave something", outputs="{% $states.result[0] %}"
    )
    run.branch(_phases(scope, parts))
    run.add_catch(remove, assign=CAUGHT)
    return planned.next(run)


def _phases(scope: Construct, parts: Parts) -> sfn.IChainable:
    judged = (
        evaluate(scope, parts).next(report(scope, parts)).next(gate(scope, passed=register_and_announce(scope, parts)))
    )
    chosen = choose(scope, parts).next(deploy(scope, parts, then=judged))
    trained = train(scope, parts).next(tune(scope, parts, then=chosen))
    return prepare(scope, parts).next(trained)
