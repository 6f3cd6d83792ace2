"""From what the user gave to the complete execution input, or to everything that is wrong with it."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from lambdas.plan.environment import Environment
from lambdas.plan.errors import InvalidInput, Problem
from lambdas.plan.execution_input import (
    LESSON_OBJECTIVE,
    OBJECTIVE,
    Data,
    Endpoint,
    EndpointSection,
    ExecutionInput,
    Instances,
    Serverless,
    Training,
    Tuning,
    TuningSection,
)
from lambdas.plan.rules import OBJECT, broken_rules, read_section, unknown_fields
from training_code.hyperparameters import (
    LESSON_RANGES,
    HyperparameterError,
    objective_metric,
    validate,
    validate_ranges,
)

LESSON_PARALLEL_JOBS = 3
SECTIONS = ("data", "training", "hyperparameters", "tuning", "endpoint", "objective")

Given = TypeVar("Given")
Checked = TypeVar("Checked")


def read_input(given: object, environment: Environment) -> ExecutionInput:
    """Complete `given` with the defaults. Raises InvalidInput with every problem that it has."""
    if not isinstance(given, dict):
        raise InvalidInput([Problem.of("input", given, "an object; {} takes all the defaults")])
    problems = unknown_fields(given, SECTIONS, "input")
    complete = ExecutionInput(
        data=read_section(Data, given.get("data", {}), "data", problems),
        training=read_section(Training, given.get("training", {}), "training", problems),
        hyperparameters=_read_hyperparameters(given.get("hyperparameters", {}), problems),
        tuning=_read_tuning(given.get("tuning", {}), problems),
        endpoint=_read_endpoint(given.get("endpoint", {}), environment, problems),
        objective=_read_objective(given.get("objective", {}), problems),
    )
    if problems:
        raise InvalidInput(problems)
    return complete


def _by_the_table(
    check: Callable[[Given], Checked], given: Given, default: Given, path: str, problems: list[Problem]
) -> Checked:
    """What the table of hyperparameters makes of `given`; if that is wrong, of `default`, to go on with."""
    try:
        return check(given)
    except HyperparameterError as error:
        problems += [Problem(path, problem) for problem in error.problems]
        return check(default)


def _read_hyperparameters(given: object, problems: list[Problem]) -> Mapping[str, str]:
    if not isinstance(given, dict):
        problems.append(Problem.of("hyperparameters", given, OBJECT.allowed))
        return {}
    return _by_the_table(validate, given, {}, "hyperparameters", problems)


def _read_tuning(given: object, problems: list[Problem]) -> Tuning:
    section = read_section(TuningSection, given, "tuning", problems)
    ranges = LESSON_RANGES if section.ranges is None else section.ranges
    parallel = section.max_parallel_jobs or min(LESSON_PARALLEL_JOBS, section.max_jobs)
    if parallel > section.max_jobs:
        allowed = f"at most tuning.max_jobs, {section.max_jobs}"
        problems.append(Problem.of("tuning.max_parallel_jobs", parallel, allowed))
    return Tuning(
        enabled=section.enabled,
        max_jobs=section.max_jobs,
        max_parallel_jobs=parallel,
        strategy=section.strategy,
        objective=_by_the_table(
            objective_metric, section.objective_metric, LESSON_OBJECTIVE, "tuning.objective_metric", problems
        ),
        ranges=_by_the_table(validate_ranges, ranges, LESSON_RANGES, "tuning.ranges", problems),
    )


def _read_endpoint(given: object, environment: Environment, problems: list[Problem]) -> Endpoint:
    section = read_section(EndpointSection, given, "endpoint", problems)
    problems += _contradictions(given)
    endpoint = Endpoint(
        hosting=_read_hosting(section, problems),
        ttl_minutes=section.ttl_minutes or environment.default_ttl_minutes,
        idle_minutes=section.idle_minutes or environment.default_idle_minutes,
    )
    if endpoint.ttl_minutes > environment.max_ttl_minutes:
        allowed = f"at most {environment.max_ttl_minutes:,} minutes, the limit that the stack was deployed with"
        problems.append(Problem.of("endpoint.ttl_minutes", endpoint.ttl_minutes, allowed))
    return endpoint


def _contradictions(given: object) -> list[Problem]:
    if not isinstance(given, dict):
        return []
    problems = []
    if "serverless" in given and "instance_type" in given:
        problems.append(Problem("endpoint", "serverless and instance_type are both given; allowed is one of them"))
    if "initial_instance_count" in given and "instance_type" not in given:
        problems.append(Problem("endpoint.initial_instance_count", "it is given without instance_type; give both"))
    return problems


def _read_hosting(section: EndpointSection, problems: list[Problem]) -> Serverless | Instances:
    if section.instance_type is not None:
        return Instances(section.instance_type, section.initial_instance_count or 1)
    if isinstance(section.serverless, dict):
        return read_section(Serverless, section.serverless, "endpoint.serverless", problems)
    return Serverless()


def _read_objective(given: object, problems: list[Problem]) -> Mapping[str, float]:
    if not isinstance(given, dict):
        problems.append(Problem.of("objective", given, OBJECT.allowed))
        return {}
    problems += unknown_fields(given, OBJECTIVE, "objective") + broken_rules(given, OBJECTIVE, "objective")
    return given
