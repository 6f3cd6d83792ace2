"""Planning a run, and leaving in the bucket what its jobs need besides the data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lambdas.plan.code_archive import pack
from lambdas.plan.earlier_runs import RegisteredModel, TuningJob
from lambdas.plan.environment import Environment
from lambdas.plan.errors import InvalidInput, Problem, UnreadableObject
from lambdas.plan.execution import Execution
from lambdas.plan.execution_input import ExecutionInput
from lambdas.plan.names import run_id
from lambdas.plan.reading import read_input
from lambdas.plan.run_plan import Earlier, RunPlan
from lambdas.plan.sagemaker_limits import of_a_range, of_a_tag, of_combinations, of_hyperparameters


class Store(Protocol):
    def write(self, bucket: str, key: str, content: bytes) -> None: ...

    def copy(self, source: str, bucket: str, key: str) -> None:
        """Raises UnreadableObject."""
        ...


class Runs(Protocol):
    """The earlier ones, as SageMaker knows them."""

    def tuning_job(self, run: str) -> TuningJob | None: ...

    def registered_model(self, group: str) -> RegisteredModel | None: ...


@dataclass(frozen=True)
class Planning:
    """`training_code` is the folder whose modules run in the container."""

    environment: Environment
    store: Store
    runs: Runs
    training_code: Path

    def plan(self, given: object, execution: Execution) -> RunPlan:
        """Raises InvalidInput before anything is written."""
        complete = read_input(given, self.environment)
        code = pack(self.training_code, sampling=False)
        plan = RunPlan(run_id(execution), execution.id, complete, self.environment, self._earlier(complete), code)
        _check_warm_start(plan)
        _check_sagemakers_limits(plan)
        self._copy_registered_model(plan)
        self.store.write(self.environment.bucket, plan.code_key, plan.code)
        if complete.imbalance.samples:
            sampling = pack(self.training_code, sampling=True)
            self.store.write(self.environment.bucket, plan.training_code_key, sampling)
        return plan

    def _earlier(self, given: ExecutionInput) -> Earlier:
        wanted = given.tuning.warm_start_from if given.tuning.enabled else ()
        found = {run: self.runs.tuning_job(f"{self.environment.project}-{run}") for run in wanted}
        missing = [run for run, job in found.items() if job is None]
        if missing:
            what = f"there is no tuning job of {', '.join(missing)} to learn from; give runs that have tuned a model"
            raise InvalidInput([Problem("tuning.warm_start_from", what)])
        group = self.environment.model_package_group
        registered = self.runs.registered_model(group) if given.candidates.registered else None
        return Earlier(tuple(job for job in found.values() if job), registered)

    def _copy_registered_model(self, plan: RunPlan) -> None:
        """To where the models lie that this run trains: there the choice looks for candidates."""
        registered = plan.earlier.registered_model
        if registered is None:
            return
        if registered.model_data is None:
            raise _unreadable(registered, "its version in the registry names no archive")
        try:
            self.store.copy(registered.model_data, self.environment.bucket, plan.registered_model_key)
        except UnreadableObject as error:
            raise _unreadable(registered, f"{registered.model_data}: {error}") from error


def _unreadable(registered: RegisteredModel, why: str) -> InvalidInput:
    what = (
        f"the last approved model, {registered.arn}, can't be read: {why}; reject that version in the registry, or "
        "leave candidates out"
    )
    return InvalidInput([Problem("candidates.registered", what)])


def _check_warm_start(plan: RunPlan) -> None:
    """AWS lets a tuning job learn from those alone that had its objective and its hyperparameters (aws-facts 4.11).

    Which of them are tuned may differ.
    """
    objective, names = plan.input.tuning.objective.name, frozenset(plan.all_hyperparameters)
    problems = []
    for parent in plan.earlier.tuning_jobs:
        if parent.objective != objective:
            what = f"{parent.name} tuned for {parent.objective}, and this run for {objective}; give the same"
            problems.append(Problem("tuning.warm_start_from", what))
        if parent.hyperparameters != names:
            others = ", ".join(sorted(parent.hyperparameters ^ names))
            what = f"{parent.name} and this run must have the same hyperparameters, tuned or not; not so {others}"
            problems.append(Problem("tuning.warm_start_from", what))
    if problems:
        raise InvalidInput(problems)


def _check_sagemakers_limits(plan: RunPlan) -> None:
    tuning = plan.input.tuning
    problems = [*of_a_tag(plan.execution_arn), *of_hyperparameters(plan.hyperparameters)]
    if tuning.enabled:
        problems += [problem for tuned in tuning.ranges for problem in of_a_range(tuned)]
        problems += of_combinations(tuning.ranges, tuning.max_jobs)
    if problems:
        raise InvalidInput(problems)
