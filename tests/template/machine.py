"""The state machine's definition, and its expressions evaluated."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel
from jsonata import Jsonata  # type: ignore[import-untyped]
from jsonata.utils import Utils  # type: ignore[import-untyped]

from tests.template.deployment import Deployment, Resource


@cache
def service_model(service: str) -> ServiceModel:
    """AWS's own of an API, as botocore has it."""
    model: ServiceModel = botocore.session.get_session().get_service_model(service)
    return model


@dataclass(frozen=True)
class State:
    name: str
    body: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.body["Type"])

    @property
    def service(self) -> str:
        """Whose API a Task calls, such as sagemaker; empty for other states."""
        return str(self.body.get("Resource", "").rpartition(":")[0].rpartition(":")[2])

    @property
    def operation(self) -> str:
        """The API's name of what a Task calls, such as CreateModel; empty for other states."""
        action = self.body.get("Resource", "").removesuffix(".sync").rpartition(":")[2]
        return f"{action[:1].upper()}{action[1:]}"

    @property
    def operation_model(self) -> OperationModel:
        model: OperationModel = service_model(self.service).operation_model(self.operation)
        return model

    @property
    def action(self) -> str:
        """The operation of SageMaker that a Task calls; else empty."""
        return self.operation if self.service == "sagemaker" else ""

    @property
    def is_waited_for(self) -> bool:
        return str(self.body.get("Resource", "")).endswith(".sync")

    @property
    def is_function(self) -> bool:
        return self.service == "lambda"


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


class Nothing(Exception):
    """An expression comes to nothing, which fails the state in Step Functions (States.QueryEvaluationError)."""


def evaluate(template: Any, variables: Mapping[str, Any]) -> Any:
    """The template with each expression replaced by its value. Raises Nothing."""
    if isinstance(template, Mapping):
        return {name: evaluate(item, variables) for name, item in template.items()}
    if isinstance(template, list):
        return [evaluate(item, variables) for item in template]
    if not isinstance(template, str) or not template.startswith("{%"):
        return template
    expression = _compiled(template[2:-2])
    frame = expression.create_frame()
    for name, value in variables.items():
        frame.bind(name, value)
    value = expression.evaluate(None, frame)
    if value is None:  # JSON's null is NULL_VALUE until it is converted
        raise Nothing(template)
    return Utils.convert_nulls(value)


@cache
def _compiled(expression: str) -> Jsonata:
    compiled = Jsonata(expression)
    compiled.register_lambda("parse", json.loads)  # Step Functions' own, for $eval
    compiled.set_output_convert_nulls(False)
    return compiled
