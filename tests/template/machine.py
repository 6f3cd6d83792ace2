"""The state machine's definition, and its expressions evaluated."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonata import Jsonata  # type: ignore[import-untyped]

from tests.template.deployment import Deployment, Resource


@dataclass(frozen=True)
class State:
    name: str
    body: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.body["Type"])

    @property
    def action(self) -> str:
        """The API's name of the operation that a Task of SageMaker calls, such as CreateModel; else empty."""
        integration, _, action = self.body.get("Resource", "").removesuffix(".sync").rpartition(":")
        return f"{action[0].upper()}{action[1:]}" if integration.endswith("sagemaker") else ""


@dataclass(frozen=True)
class Machine:
    resource: Resource
    definition: Mapping[str, Any]

    @classmethod
    def of(cls, deployment: Deployment) -> "Machine":
        resource = deployment.one("AWS::StepFunctions::StateMachine")
        return cls(resource, json.loads(deployment.resolve(resource.properties["DefinitionString"], resource.stack)))

    @property
    def states(self) -> dict[str, State]:
        """All, those in branches too."""
        return {name: State(name, body) for states in self._levels(self.definition) for name, body in states.items()}

    def one_calling(self, action: str) -> State:
        (state,) = (state for state in self.states.values() if state.action == action)
        return state

    def _levels(self, machine: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        yield machine["States"]
        for state in machine["States"].values():
            for branch in state.get("Branches", []):
                yield from self._levels(branch)


def expressions(value: Any) -> Iterator[str]:
    """All that stands between `{%` and `%}` in a part of the definition."""
    if isinstance(value, str) and value.startswith("{%"):
        yield value[2:-2]
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from expressions(item)
    elif isinstance(value, list):
        for item in value:
            yield from expressions(item)


def evaluate(template: Any, variables: Mapping[str, Any]) -> Any:
    """The template with each expression replaced by its value."""
    if isinstance(template, Mapping):
        return {name: evaluate(item, variables) for name, item in template.items()}
    if isinstance(template, list):
        return [evaluate(item, variables) for item in template]
    if not isinstance(template, str) or not template.startswith("{%"):
        return template
    expression = Jsonata(template[2:-2])
    expression.register_lambda("parse", json.loads)  # Step Functions' own, for $eval
    frame = expression.create_frame()
    for name, value in variables.items():
        frame.bind(name, value)
    return expression.evaluate(None, frame)
