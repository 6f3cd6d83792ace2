"""The business objective as given: for each metric a minimum, or an object that has one."""

from collections.abc import Mapping

from lambdas.plan.errors import Problem
from lambdas.plan.execution_input import OBJECTIVE, Minimum
from lambdas.plan.rules import OBJECT, TRUE_OR_FALSE, Rule, broken_rules, unknown_fields


def read_objective(given: object, problems: list[Problem]) -> Mapping[str, Minimum]:
    """What breaks a rule is noted in `problems`, and left out."""
    if not isinstance(given, dict):
        problems.append(Problem.of("objective", given, OBJECT.allowed))
        return {}
    problems += unknown_fields(given, OBJECTIVE, "objective")
    found = {metric: _minimum(metric, value, problems) for metric, value in given.items() if metric in OBJECTIVE}
    return {metric: minimum for metric, minimum in found.items() if minimum is not None}


def _minimum(metric: str, given: object, problems: list[Problem]) -> Minimum | None:
    rule, path = OBJECTIVE[metric], f"objective.{metric}"
    if not isinstance(given, dict):
        rule = Rule(f'{rule.allowed}, or an object such as {{"minimum": 0.8, "lower_bound": true}}', rule.accepts)
        found = broken_rules({metric: given}, {metric: rule}, "objective")
        given = {"minimum": given}
    else:
        rules = {"minimum": rule, "lower_bound": TRUE_OR_FALSE}
        found = unknown_fields(given, rules, path) + broken_rules(given, rules, path)
        if "minimum" not in given:
            found.append(Problem(path, "it has no minimum; give one"))
    problems += found
    return None if found else Minimum(**given)
