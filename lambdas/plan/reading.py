"""From what the user gave to the complete execution input, or to everything that is wrong with it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TypeVar

from lambdas.plan.contradictions import contradictions
from lambdas.plan.environment import Environment
from lambdas.plan.errors import InvalidInput, Problem
from lambdas.plan.execution_input import (
    DEFAULT_PARALLEL_JOBS,
    LONGEST_IDLE_MINUTES,
    Candidates,
    Costs,
    Data,
    Endpoint,
    EndpointSection,
    ExecutionInput,
    Imbalance,
    Instances,
    Serverless,
    Threshold,
    Training,
    Tuning,
    TuningSection,
)
from lambdas.plan.objective import read_objective
from lambdas.plan.rules import OBJECT, read_section, unknown_fields
from lambdas.plan.searches import SEARCHES
from training_code.hyperparameters import HyperparameterError, objective_metric, validate, validate_ranges

SECTIONS = tuple(field.name for field in fields(ExecutionInput))
MOST_HYPERPARAMETERS = 100
"""AWS's limit (the SageMaker API's HyperParameters)."""
LARGEST_INPUT_BYTES = 64 * 1024
"""The plan, which has some of it twice, must fit into what a state may hand on (aws-facts 1.10)."""

Given = TypeVar("Given")
Checked = TypeVar("Checked")


def read_input(given: object, environment: Environment) -> ExecutionInput:
    """Complete `given` with the defaults. Raises InvalidInput with every problem that it has."""
    if not isinstance(given, dict):
        raise InvalidInput([Problem.of("input", given, "an object; {} takes all the defaults")])
    size = len(json.dumps(given))
    if size > LARGEST_INPUT_BYTES:
        raise InvalidInput([Problem("input", f"as JSON it has {size:,} bytes; allowed are {LARGEST_INPUT_BYTES:,}")])
    problems = unknown_fields(given, SECTIONS, "input")
    complete = ExecutionInput(
        data=read_section(Data, given.get("data", {}), "data", problems),
        training=read_section(Training, given.get("training", {}), "training", problems),
        hyperparameters=_read_hyperparameters(given.get("hyperparameters", {}), problems),
        imbalance=read_section(Imbalance, given.get("imbalance", {}), "imbalance", problems),
        tuning=_read_tuning(given.get("tuning", {}), problems),
        threshold=read_section(Threshold, given.get("threshold", {}), "threshold", problems),
        costs=read_section(Costs, given.get("costs", {}), "costs", problems),
        candidates=read_section(Candidates, given.get("candidates", {}), "candidates", problems),
        endpoint=_read_endpoint(given.get("endpoint", {}), environment, problems),
        objective=read_objective(given.get("objective", {}), problems),
    )
    problems = problems or contradictions(complete, given)  # what is wrong by itself need not go with anything
    if problems:
        raise InvalidInput(problems)
    return complete


def _by_the_table(
    check: Callable[[Given], Checked], given: Given, default: Given, path: str, problems: list[Problem]
) -> Checked:
    """What the table of hyperparameters makes of `given`; if that is wrong, of `default`, to go on with."""
    if isinstance(given, Mapping) and len(given) > MOST_HYPERPARAMETERS:
        problems.append(Problem(path, f"it has {len(given):,} fields; allowed are at most {MOST_HYPERPARAMETERS}"))
        given = default
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
    search = SEARCHES[section.search]
    ranges = search.ranges if section.ranges is None else section.ranges
    parallel = section.max_parallel_jobs or min(DEFAULT_PARALLEL_JOBS, section.max_jobs)
    if parallel > section.max_jobs:
        allowed = f"at most tuning.max_jobs, {section.max_jobs}"
        problems.append(Problem.of("tuning.max_parallel_jobs", parallel, allowed))
    return Tuning(
        enabled=section.enabled,
        max_jobs=section.max_jobs,
        max_parallel_jobs=parallel,
        strategy=section.strategy,
        objective=_by_the_table(
            objective_metric,
            section.objective_metric or search.objective,
            search.objective,
            "tuning.objective_metric",
            problems,
        ),
        ranges=_by_the_table(validate_ranges, ranges, search.ranges, "tuning.ranges", problems),
        early_stopping=section.early_stopping,
        warm_start_from=tuple(section.warm_start_from),
    )


def _read_endpoint(given: object, environment: Environment, problems: list[Problem]) -> Endpoint:
    section = read_section(EndpointSection, given, "endpoint", problems)
    endpoint = Endpoint(
        hosting=_read_hosting(section, problems),
        ttl_minutes=section.ttl_minutes or environment.default_ttl_minutes,
        idle_minutes=section.idle_minutes or environment.default_idle_minutes,
    )
    if endpoint.ttl_minutes > environment.max_ttl_minutes:
        allowed = f"at most {environment.max_ttl_minutes:,} minutes, the limit that the stack was deployed with"
        problems.append(Problem.of("endpoint.ttl_minutes", endpoint.ttl_minutes, allowed))
    if endpoint.idle_minutes > LONGEST_IDLE_MINUTES:
        allowed = f"at most {LONGEST_IDLE_MINUTES:,} minutes, a year"
        problems.append(Problem.of("endpoint.idle_minutes", endpoint.idle_minutes, allowed))
    return endpoint


def _read_hosting(section: EndpointSection, problems: list[Problem]) -> Serverless | Instances:
    if section.instance_type is not None:
        return Instances(section.instance_type, section.initial_instance_count or 1)
    if isinstance(section.serverless, dict):
        return read_section(Serverless, section.serverless, "endpoint.serverless", problems)
    return Serverless()
