"""A synthesised stack with its nested stacks, read the way CloudFormation will resolve it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from permissions.statements import as_tuple

ACCOUNT = "123456789012"
REGION = "eu-west-1"
_PSEUDO_PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
}
ROOT_STACK = ""
NESTED = "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class Resource:
    stack: str
    """The nested stack's name, or ROOT_STACK."""
    name: str
    """The logical id."""
    body: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.body["Type"])

    @property
    def properties(self) -> dict[str, Any]:
        return dict(self.body.get("Properties", {}))

    @property
    def reference(self) -> str:
        """What a reference to it resolves to here."""
        return f"<{self.stack}/{self.name}>"

    def attribute(self, name: str) -> str:
        return f"<{self.stack}/{self.name}.{name}>"


@dataclass(frozen=True)
class Statement:
    """A statement of an identity policy, resolved."""

    role: str
    """The role's reference."""
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]]

    def allows(self, action: str, resource: str | None = None) -> bool:
        """Whether it allows the action, if its conditions hold; on any resource, unless one is given."""
        return (
            self.effect == "Allow"
            and any(fnmatchcase(action, pattern) for pattern in self.actions)
            and (resource is None or any(fnmatchcase(resource, pattern) for pattern in self.resources))
        )


@dataclass(frozen=True)
class Deployment:
    folder: Path
    project: str
    templates: Mapping[str, Any]
    """The template of each stack by its name: "Data", "Studio", …, and ROOT_STACK."""

    @classmethod
    def read(cls, folder: Path, project: str) -> "Deployment":
        root = json.loads((folder / f"{project}.template.json").read_text())
        assets = json.loads((folder / f"{project}.assets.json").read_text())["files"]
        templates = {ROOT_STACK: root}
        for name, resource in root["Resources"].items():
            if resource["Type"] == NESTED:
                asset = resource["Properties"]["TemplateURL"]["Fn::Join"][1][-1].strip("/").removesuffix(".json")
                template = json.loads((folder / assets[asset]["source"]["path"]).read_text())
                templates[_stack_name(name)] = template
        return cls(folder, project, templates)

    @property
    def resources(self) -> list[Resource]:
        return [
            Resource(stack, name, body)
            for stack, template in self.templates.items()
            for name, body in template["Resources"].items()
        ]

    def all(self, type_: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.type == type_]

    def one(self, type_: str) -> Resource:
        (resource,) = self.all(type_)
        return resource

    def named(self, type_: str, prefix: str) -> Resource:
        """The one whose logical id begins so."""
        (resource,) = (resource for resource in self.all(type_) if resource.name.startswith(prefix))
        return resource

    def statements(self) -> list[Statement]:
        """Every statement of every role; the CDK puts those that are too many for one policy in a managed one."""
        return [
            statement
            for policy in [*self.all("AWS::IAM::Policy"), *self.all("AWS::IAM::ManagedPolicy")]
            for role in policy.properties["Roles"]
            for statement in self._statements_of(policy, str(self.resolve(role, policy.stack)))
        ]

    def statements_of(self, role: Resource) -> list[Statement]:
        return [statement for statement in self.statements() if statement.role == role.reference]

    def _statements_of(self, policy: Resource, role: str) -> Iterator[Statement]:
        for statement in self.resolve(policy.properties["PolicyDocument"], policy.stack)["Statement"]:
            yield Statement(
                role,
                statement["Effect"],
                as_tuple(statement["Action"]),
                as_tuple(statement["Resource"]),
                statement.get("Condition", {}),
            )

    def resolve(self, value: Any, stack: str, region: str = REGION) -> Any:
        """With every intrinsic function replaced; what is known only once deployed becomes `<stack/name.attribute>`."""
        if isinstance(value, list):
            return [self.resolve(item, stack, region) for item in value]
        if not isinstance(value, dict):
            return value
        function, argument = next(iter(value.items()), ("", None))
        if len(value) == 1 and (function == "Ref" or function.startswith("Fn::")):
            return self._call(function, argument, stack, region)
        return {key: self.resolve(item, stack, region) for key, item in value.items()}

    def _call(self, function: str, argument: Any, stack: str, region: str) -> Any:
        match function:
            case "Ref":
                return self._refer(argument, stack, region)
            case "Fn::GetAtt":
                return self._attribute(*argument, stack=stack, region=region)
            case "Fn::Join":
                return argument[0].join(str(self.resolve(part, stack, region)) for part in argument[1])
            case "Fn::FindInMap":
                name, top, second = (self.resolve(part, stack, region) for part in argument)
                return self.templates[stack]["Mappings"][name][top][second]
        return f"<{function} {json.dumps(argument)}>"

    def _refer(self, name: str, stack: str, region: str) -> Any:
        if name == "AWS::Region":
            return region
        if name in _PSEUDO_PARAMETERS:
            return _PSEUDO_PARAMETERS[name]
        if name in self.templates[stack]["Resources"]:
            return f"<{stack}/{name}>"
        given = next(
            resource.properties.get("Parameters", {})
            for resource in self.all(NESTED)
            if _stack_name(resource.name) == stack
        )
        return self.resolve(given[name], ROOT_STACK, region) if name in given else f"<{stack}/{name}>"

    def _attribute(self, name: str, attribute: str, *, stack: str, region: str) -> Any:
        if self.templates[stack]["Resources"][name]["Type"] == NESTED:
            nested = _stack_name(name)
            output = self.templates[nested]["Outputs"][attribute.removeprefix("Outputs.")]
            return self.resolve(output["Value"], nested, region)
        return f"<{stack}/{name}.{attribute}>"


def _stack_name(logical_id: str) -> str:
    """The CDK makes `DataNestedStackDataNestedStackResource…` of `Data`."""
    return logical_id.partition("NestedStack")[0]
