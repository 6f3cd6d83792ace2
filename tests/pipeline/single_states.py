"""A state of the deployed machine by itself, in the machine's role: it sends what it sends in a run."""

import json
from collections.abc import Mapping
from typing import Any

from localcloud.cloud import ACCOUNT
from tests.pipeline.running import Deployed, Run, arn

NAME = "one-state-alone"


def variables(deployed: Deployed, run: Run) -> dict[str, Any]:
    """What the states of a tuned run have left for one another by its end."""
    return {
        "plan": _result(deployed, run, "Plan the run")["Payload"],
        "prepared": _result(deployed, run, "Prepare the data")["Payload"],
        "tuning_job": f"{run.name}-0",
        "choose_job": f"{run.name}-choice-0",
        "endpoint_arn": arn("endpoint", run.name),
        "execution_arn": run.arn,
        **{name: run.output[name] for name in ("model_data", "model_package", "expires_at", "evaluation")},
        "report": {name: run.output[name] for name in ("report", "report_url")},
    }


def _result(deployed: Deployed, run: Run, state: str) -> Any:
    """What the task of a state gave in the run."""
    entered = ""
    for event in deployed.history(run.arn):
        entered = event.get("stateEnteredEventDetails", {}).get("name", entered)
        if entered == state and "taskSucceededEventDetails" in event:
            return json.loads(event["taskSucceededEventDetails"]["output"])
    raise LookupError(f"{run.arn} has no result of {state}")


def enter(deployed: Deployed, state: str, assigned: Mapping[str, Any], given: Any = None) -> dict[str, Any]:
    """The end of an execution that is in this state alone, and once: with these variables, and `given` as its input.

    The variable `execution_arn` stands for the state's own execution.
    """
    step_functions = deployed.client("stepfunctions")
    machine = step_functions.create_state_machine(
        name=NAME,
        definition=json.dumps(_definition(deployed, state, assigned)),
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/{deployed.resource('Pipeline', 'MachineRole')}",
    )["stateMachineArn"]
    try:
        sent = json.dumps({"assigned": assigned, "given": given})
        execution = step_functions.start_execution(stateMachineArn=machine, input=sent)["executionArn"]
        return deployed.ended(execution)
    finally:
        step_functions.delete_state_machine(stateMachineArn=machine)


def _definition(deployed: Deployed, state: str, assigned: Mapping[str, Any]) -> dict[str, Any]:
    machine = deployed.client("stepfunctions").describe_state_machine(
        stateMachineArn=deployed.outputs["StateMachineArn"]
    )
    found = _states(json.loads(machine["definition"]))[state]
    alone = {key: value for key, value in found.items() if key not in ("Next", "Retry", "Catch")}
    alone = json.loads(json.dumps(alone).replace("$states.context.Execution.Id", "$execution_arn"))
    assign = {
        "Type": "Pass",
        "Assign": {name: f"{{% $states.input.assigned.{name} %}}" for name in assigned},
        "Output": "{% $states.input.given %}",
        "Next": state,
    }
    states = {"Assign": assign, state: {**alone, "End": True}}
    return {"QueryLanguage": "JSONata", "StartAt": "Assign", "States": states}


def _states(definition: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """All of them by name, those in branches too."""
    found = dict(definition["States"])
    for state in definition["States"].values():
        for branch in state.get("Branches", []):
            found |= _states(branch)
    return found
