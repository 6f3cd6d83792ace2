"""Planning a run, and leaving its training code where the container finds it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lambdas.plan.code_archive import pack
from lambdas.plan.environment import Environment
from lambdas.plan.execution import Execution
from lambdas.plan.reading import read_input
from lambdas.plan.run_plan import RunPlan


class Store(Protocol):
    def write(self, bucket: str, key: str, content: bytes) -> None: ...


@dataclass(frozen=True)
class Planning:
    """`training_code` is the folder whose modules run in the container."""

    environment: Environment
    store: Store
    training_code: Path

    def plan(self, given: object, execution: Execution) -> RunPlan:
        """Raises InvalidInput before anything is written."""
        plan = RunPlan.of(read_input(given, self.environment), execution, self.environment)
        if plan.is_script_mode:
            self.store.write(self.environment.bucket, plan.code_key, pack(self.training_code))
        return plan
