"""The definition against the states language: cfn-lint's schema of it, and the rules that this doesn't have."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from tests.template.deployment import REGION
from tests.template.machine import Machine
from tests.template.states_language import LARGEST_DEFINITION_BYTES, problems


def found_by_cfn_lint(definition: Any) -> list[str]:
    """As an object: what stands in a text with references in it, as in the template, cfn-lint leaves alone."""
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": "arn:aws:iam::123456789012:role/deployed", "Definition": definition},
    }
    found = lint(json.dumps({"Resources": {"Machine": machine}}), config=ManualArgs(regions=[REGION]))
    return [f"{match.rule.id} {match.message}" for match in found]


def test_every_field_is_one_of_its_states(machine: Machine) -> None:
    assert found_by_cfn_lint(machine.definition) == []


def test_the_definition_has_no_problem_that_step_functions_would_tell_at_its_creation(machine: Machine) -> None:
    assert problems(machine.definition) == []


# --- each rule is able to fail ----------------------------------------------------------------------------------


def sound() -> dict[str, Any]:
    """A machine as small as shows the rules: a task, a choice, and a branch under a catch."""
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "First",
        "States": {
            "First": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": {"FunctionName": "f", "Payload": "{% $states.input %}"},
                "Assign": {"plan": "{% $states.result.Payload %}"},
                "Retry": [{"ErrorEquals": ["Lambda.ServiceException"]}, {"ErrorEquals": ["States.ALL"]}],
                "Next": "Wanted?",
            },
            "Wanted?": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $plan.wanted %}", "Next": "Branches"}],
                "Default": "Failed",
            },
            "Branches": {
                "Type": "Parallel",
                "Branches": [
                    {
                        "StartAt": "Inside",
                        "States": {"Inside": {"Type": "Pass", "Assign": {"inside": "{% $plan %}"}, "End": True}},
                    }
                ],
                "Catch": [
                    {
                        "ErrorEquals": ["States.ALL"],
                        "Assign": {"failure": "{% $states.errorOutput %}"},
                        "Next": "Told",
                    }
                ],
                "End": True,
            },
            "Told": {"Type": "Fail", "Error": "{% $failure.Error %}", "Cause": "{% $string($failure.Cause) %}"},
            "Failed": {"Type": "Fail", "Error": "Unwanted", "Cause": "It was not wanted"},
        },
    }


Break = Callable[[dict[str, Any]], Any]

BREAKS: dict[str, tuple[Break, str]] = {
    "a state that nothing leads to": (
        lambda states: states.update(Alone={"Type": "Succeed"}),
        "Alone: no state leads here",
    ),
    "a target that is not there": (lambda states: states["First"].update(Next="Nowhere"), "there is no state Nowhere"),
    "a target inside a branch": (lambda states: states["First"].update(Next="Inside"), "there is no state Inside"),
    "a circle without an end": (
        lambda states: states.update(Failed={"Type": "Pass", "Next": "Failed"}),
        "Failed: no end is reached from here",
    ),
    "two states of one name": (
        lambda states: states["Branches"]["Branches"][0]["States"].update(First={"Type": "Succeed"}),
        "First: 2 states have this name",
    ),
    "a name of 81 characters": (
        lambda states: states.update({"x" * 81: {"Type": "Succeed"}}),
        "the name is longer than 80",
    ),
    "neither Next nor End": (lambda states: states["Branches"].pop("End"), "not just one of Next and End"),
    "a choice without a default": (lambda states: states["Wanted?"].pop("Default"), "Wanted?: it has no Default"),
    "everything retried first": (lambda states: states["First"]["Retry"].reverse(), "is never come to"),
    "everything among others": (
        lambda states: states["First"]["Retry"][1]["ErrorEquals"].append("States.Timeout"),
        "States.ALL does not stand alone",
    ),
    "an error that is retried twice": (
        lambda states: states["First"]["Retry"].insert(1, {"ErrorEquals": ["Lambda.ServiceException"]}),
        "is never come to",
    ),
    "an error that Step Functions has not": (
        lambda states: states["First"]["Retry"][0].update(ErrorEquals=["States.TaskTimeout"]),
        "States.TaskTimeout is no error of Step Functions",
    ),
    "an error that is never caught": (
        lambda states: states["First"]["Retry"][0].update(ErrorEquals=["States.DataLimitExceeded"]),
        "States.DataLimitExceeded can't be caught",
    ),
    "a variable that one way leaves out": (
        lambda states: states["Failed"].update(Cause="{% $failure.Cause %}"),
        "Failed: $failure may not be assigned yet",
    ),
    "a variable of its own state": (
        lambda states: states["First"].update(Output="{% $plan %}"),
        "First: $plan may not be assigned yet",
    ),
    "a variable of a branch": (
        lambda states: states["Branches"].update(Output="{% $inside %}"),
        "Branches: $inside may not be assigned yet",
    ),
    "a variable of the same name inside": (
        lambda states: states["Branches"]["Branches"][0]["States"]["Inside"].update(Assign={"plan": 1}),
        "$plan is assigned outside, too",
    ),
    "a result before the call": (
        lambda states: states["First"].update(Arguments="{% $states.result %}"),
        "there is no result in Arguments",
    ),
    "an error outside of a catch": (
        lambda states: states["Told"].update(Cause="{% $states.errorOutput.Cause %}"),
        "there is no error in Cause",
    ),
    "something that $states has not": (
        lambda states: states["First"].update(Output="{% $states.output %}"),
        "$states has no output",
    ),
    "a document": (lambda states: states["First"].update(Output="{% $.input %}"), "there is no document"),
    "a function that JSONata has not": (
        lambda states: states["Told"].update(Cause="{% $str($failure.Cause) %}"),
        "there is no function $str",
    ),
    "the function that Step Functions leaves out": (
        lambda states: states["Told"].update(Cause="{% $eval($failure.Cause) %}"),
        "there is no function $eval",
    ),
    "an expression that does not end": (
        lambda states: states["First"].update(Output="{% $states.input % }"),
        "does not end with",
    ),
    "a definition of more than a mebibyte": (
        lambda states: states["First"].update(Comment="x" * LARGEST_DEFINITION_BYTES),
        "the definition has",
    ),
}


def test_a_sound_machine_has_no_problem() -> None:
    assert problems(sound()) == []
    assert found_by_cfn_lint(sound()) == []


@pytest.mark.parametrize(("break_", "told"), BREAKS.values(), ids=BREAKS)
def test_what_breaks_a_rule_is_told(break_: Break, told: str) -> None:
    broken = copy.deepcopy(sound())
    break_(broken["States"])

    assert any(told in problem for problem in problems(broken)), problems(broken)
