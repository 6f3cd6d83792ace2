"""Whether every permission is needed, and enough."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from permissions.record import Record, Request
from permissions.statements import Statement, matches


@dataclass(frozen=True)
class Unexercised:
    """A permission that nothing here can use, though AWS asks for it, or the CDK gives it along."""

    role: str
    actions: tuple[str, ...]
    reason: str
    resources: tuple[str, ...] = ()
    """Patterns of resources as the templates name them; if there are any, the actions do not reach these alone."""

    def covers_action(self, action: str) -> bool:
        return action in self.actions and not self.resources

    def covers_resource(self, statement: Statement, resource: str) -> bool:
        """Whether the statement's actions do not reach the resource."""
        if self.resources:
            return any(matches(resource, pattern) for pattern in self.resources)
        return set(self.actions) >= set(statement.actions)


@dataclass(frozen=True)
class Line:
    """What became of a statement of a role."""

    role: str
    statement: Statement
    used: Sequence[tuple[Request, Statement]]
    """The requests that it allows, or denies, each with the statement as IAM holds it."""
    unexercised: Sequence[Unexercised]

    @cached_property
    def runs(self) -> tuple[str, ...]:
        """The modules of the tests whose requests it allows, shortened: "full run"."""
        return tuple(sorted({_module(request.test) for request, _ in self.used}))

    @cached_property
    def needed_by(self) -> str:
        """A test that would fail without it, since the role would be refused something; empty if there is none."""
        return next((request.test for request, _ in self.used if len(request.by) == 1 and self._matters(request)), "")

    def _matters(self, request: Request) -> bool:
        return self.statement.effect == "Deny" or not request.may_be_refused

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(entry.reason for entry in self.unexercised)

    @property
    def explained(self) -> bool:
        """Nothing here can use any of it."""
        return all(self._explains_action(action) for action in self.statement.actions) or all(
            self._explains_resource(resource) for resource in self.statement.resources
        )

    def _explains_action(self, action: str) -> bool:
        return any(entry.covers_action(action) for entry in self.unexercised)

    def _explains_resource(self, resource: str) -> bool:
        return any(entry.covers_resource(self.statement, resource) for entry in self.unexercised)

    @cached_property
    def unused(self) -> tuple[str, ...]:
        """What it allows and no run uses, and nothing explains; all of it if no run needs the statement."""
        if self.explained:
            return ()
        if not self.needed_by:
            return self.statement.actions
        return (*self._unused_actions(), *self._unused_resources())

    def _unused_actions(self) -> Iterator[str]:
        for action in self.statement.actions:
            used = any(matches(request.action, action) for request, _ in self.used)
            if not used and not self._explains_action(action):
                yield action

    def _unused_resources(self) -> Iterator[str]:
        for resource in self.unreached:
            if not self._explains_resource(resource):
                yield f"on {resource}"

    @cached_property
    def unreached(self) -> tuple[str, ...]:
        """The resources that no request is about."""
        reached: set[int] = set()
        for request, held in self.used:
            reached |= {at for at, pattern in enumerate(held.resources) if matches(request.resource, pattern)}
        return tuple(resource for at, resource in enumerate(self.statement.resources) if at not in reached)

    def __str__(self) -> str:
        says = f"{self.role}: {', '.join(self.statement.actions)} on {', '.join(self.statement.resources)}"
        conditions = f" if {self.statement.conditions}" if self.statement.conditions else ""
        used = ", ".join(self.runs) or "; ".join(self.reasons) or "nothing"
        needed = f" (without it fails {self.needed_by})" if self.needed_by else ""
        return f"{says}{conditions}: {used}{needed}"


@dataclass(frozen=True)
class Verdict:
    lines: tuple[Line, ...]
    missing: tuple[str, ...]
    """What roles were refused in tests that are not about refusals."""
    needless: tuple[Unexercised, ...]
    """What is said to be out of reach here, and is not, or is no permission of the role's."""

    @classmethod
    def of(cls, record: Record, unexercised: Sequence[Unexercised]) -> "Verdict":
        used: dict[tuple[str, Statement], list[tuple[Request, Statement]]] = defaultdict(list)
        for request in record.requests:
            for statement, held in zip(request.by, request.held, strict=True):
                if request.allowed == (statement.effect == "Allow"):
                    used[request.role, statement].append((request, held))
        lines = tuple(
            Line(role, statement, used[role, statement], tuple(_about(role, statement, unexercised)))
            for role, statement in sorted(record.statements, key=lambda each: (each[0], str(each[1])))
        )
        missing = sorted(
            {
                f"{request.role}: {request.action} on {request.resource}, in {request.test}"
                for request in record.requests
                if not request.allowed and not request.may_be_refused
            }
        )
        return cls(lines, tuple(missing), tuple(_needless(lines, unexercised)))

    @property
    def unused(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.unused)

    @property
    def good(self) -> bool:
        return not (self.unused or self.missing or self.needless)


def _about(role: str, statement: Statement, unexercised: Sequence[Unexercised]) -> Iterator[Unexercised]:
    for entry in unexercised:
        if entry.role == role and set(entry.actions) & set(statement.actions):
            yield entry


def _needless(lines: Sequence[Line], unexercised: Sequence[Unexercised]) -> Iterator[Unexercised]:
    for entry in unexercised:
        about = [line for line in lines if entry in line.unexercised]
        held = {action for line in about for action in line.statement.actions}
        if set(entry.actions) - held or (_are_reached if entry.resources else _are_used)(entry, about):
            yield entry


def _are_reached(entry: Unexercised, about: Sequence[Line]) -> bool:
    """Whether any of its resources is reached, by a statement that something needs."""
    idle = [each for line in about for each in (*line.unreached, *(() if line.needed_by else line.statement.resources))]
    return any(not any(matches(resource, pattern) for resource in idle) for pattern in entry.resources)


def _are_used(entry: Unexercised, about: Sequence[Line]) -> bool:
    return any(request.action in entry.actions for line in about for request, _ in line.used)


def _module(test: str) -> str:
    name = test.partition("::")[0].rpartition("/")[2]
    return name.removeprefix("test_").removesuffix(".py").removeprefix("zz_").replace("_", " ")
