"""How the executions of the state machine stand."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from lambdas.teardown.rules import EXECUTION_TAG, Run

_STATES = {"RUNNING": Run.RUNNING, "PENDING_REDRIVE": Run.RUNNING, "SUCCEEDED": Run.SUCCEEDED}


class Runs:
    """Looks up the execution that the tag `execution` names, each once; those of other state machines are nobody's."""

    def __init__(self, step_functions: Any, state_machine_arn: str) -> None:
        self._step_functions = step_functions
        self._prefix = state_machine_arn.replace(":stateMachine:", ":execution:") + ":"
        self._known: dict[str, Run] = {}

    def of(self, tags: Mapping[str, str]) -> Run:
        arn = tags.get(EXECUTION_TAG, "")
        if not arn.startswith(self._prefix):
            return Run.NONE
        if arn not in self._known:
            self._known[arn] = self._look_up(arn)
        return self._known[arn]

    def _look_up(self, arn: str) -> Run:
        try:
            status = self._step_functions.describe_execution(executionArn=arn)["status"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ExecutionDoesNotExist", "InvalidArn"):
                return Run.FORGOTTEN
            raise
        return _STATES.get(status, Run.FAILED)
