"""Failing on purpose: what a task of an execution is to meet, as AWS's tasks do on a bad day.

A fault is for one state of one execution, so that executions beside it go on as always.
"""

import threading
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """How a task fails. Those of jobs are for `.sync` tasks, those of functions for Lambda's."""

    API_ERROR = "API error"
    """The service answers with an error of its own; nothing was done."""
    THROTTLING = "throttling"
    ANSWER_LOST = "answer lost"
    """It is done, and the answer is an error."""
    TIME_OUT = "time-out"
    """It is done, and no answer comes until the state's time is up."""
    FUNCTION_CRASH = "function crash"
    """The function's process ends before it has done anything."""
    FUNCTION_CRASH_LATE = "function crash, work done"
    JOB_FAILED = "job Failed"
    """The job's container is killed."""
    JOB_STOPPED = "job Stopped"
    """Somebody stops the job."""
    JOB_TIME_OUT = "job time-out"
    """The job's MaxRuntimeInSeconds are over."""
    ENDPOINT_FAILED = "endpoint fails to start"
    """The model's artefact is gone when the endpoint is created."""
    ABORTED = "execution aborted"
    """The execution is stopped just before the task's call, which is on its way."""
    ABORTED_UNHEARD = "execution aborted, job not stopped"
    """As above, and the attempt to stop the job is in vain (aws-facts 1.10: best effort)."""
    EXECUTION_TIME_OUT = "execution time-out"
    """The time of the whole execution is up just before the task's call, which is on its way."""


@dataclass(frozen=True)
class Fault:
    """What a state of an execution meets, at its first `times` attempts."""

    execution: str
    """Its name."""
    state: str
    kind: FaultKind
    times: int

    @property
    def message(self) -> str:
        """Names the fault in the cause of what fails by it."""
        return f"{self.kind} on purpose in {self.state}"


class Faults:
    """Those that are still to come."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting += [fault] * fault.times

    def take(self, execution: str, state: str) -> Fault | None:
        """The fault of the attempt that begins; it is used up by that."""
        with self._lock:
            found = next((f for f in self._waiting if (f.execution, f.state) == (execution, state)), None)
            if found is not None:
                self._waiting.remove(found)
            return found
