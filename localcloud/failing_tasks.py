"""Tasks of executions that fail on purpose: see localcloud.faults."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from boto3.session import Session
from botocore.exceptions import ClientError

from localcloud import ministack_adapter as ministack
from localcloud.faults import Fault, FaultKind
from localcloud.sagemaker import training, tuning
from localcloud.sagemaker.containers import S3Uri
from localcloud.sagemaker.resources import Resource, Resources
from localcloud.task_errors import task_error

Task = Callable[[], Any]

_REFUSALS: dict[FaultKind, Mapping[str, tuple[int, str]]] = {
    FaultKind.API_ERROR: {
        "lambda": (500, "ServiceException"),
        "sagemaker": (500, "InternalFailure"),
        "ssm": (500, "InternalServerError"),
    },
    FaultKind.THROTTLING: {
        "lambda": (429, "TooManyRequestsException"),
        "sagemaker": (400, "ThrottlingException"),
        "ssm": (400, "ThrottlingException"),
    },
}
"""Status and error code, by service."""

_ENDINGS = {
    FaultKind.ABORTED: "ABORTED",
    FaultKind.ABORTED_UNHEARD: "ABORTED",
    FaultKind.EXECUTION_TIME_OUT: "TIMED_OUT",
}


def meet(fault: Fault, service: str, call: Task, *, sdk: bool) -> Any:
    """Carry out a task's call as the fault has it; raises TaskError where the fault is one."""
    if fault.kind in _REFUSALS:
        raise _refusal(fault, service, _REFUSALS[fault.kind], sdk=sdk)
    if fault.kind is FaultKind.FUNCTION_CRASH:
        raise _crash(fault)
    if fault.kind in _ENDINGS:
        ministack.end_execution(ministack.current_execution(), _ENDINGS[fault.kind])
    answer = call()
    if fault.kind is FaultKind.FUNCTION_CRASH_LATE:
        raise _crash(fault)
    if fault.kind is FaultKind.ANSWER_LOST:
        raise _refusal(fault, service, _REFUSALS[FaultKind.API_ERROR], sdk=sdk)
    if fault.kind is FaultKind.TIME_OUT:
        raise ministack.TaskError("States.Timeout", fault.message)
    return answer


def _refusal(fault: Fault, service: str, answers: Mapping[str, tuple[int, str]], *, sdk: bool) -> Exception:
    status, code = answers[service]
    answer: Any = {
        "Error": {"Code": code, "Message": fault.message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return task_error(service, ClientError(answer, fault.state), sdk=sdk)


def _crash(fault: Fault) -> Exception:
    """As Lambda tells of a process that ended (Lambda Developer Guide, "Troubleshoot execution issues")."""
    message = f"RequestId: 0 Error: Runtime exited with error: signal: killed: {fault.message}"
    return ministack.TaskError(
        "Runtime.ExitError", json.dumps({"errorType": "Runtime.ExitError", "errorMessage": message})
    )


def strike(kind: FaultKind, resources: Resources, job: Resource) -> None:
    """End a job that runs, and the training jobs of a tuning job, the way that the fault wants it."""
    with resources.lock:
        if job.kind == tuning.KIND and kind is FaultKind.JOB_STOPPED:
            tuning.begin_to_stop(job)
        elif job.kind == tuning.KIND:
            for child in job.runtime.children():
                strike(kind, resources, child.job)
        elif job.description["TrainingJobStatus"] not in training.ENDED:
            _STRIKES.get(kind, _spare)(job)


def _spare(job: Resource) -> None:
    """The fault is none of jobs."""


_STRIKES: dict[FaultKind, Callable[[Resource], None]] = {
    FaultKind.JOB_FAILED: lambda job: job.runtime.kill(),
    FaultKind.JOB_STOPPED: training.begin_to_stop,
    FaultKind.JOB_TIME_OUT: lambda job: job.runtime.expire(),
}


def lose_model(resources: Resources, endpoint_config: str) -> None:
    """Delete the artefact that an endpoint of the configuration would serve, as the account's administrator."""
    config = resources.get("endpoint-config", endpoint_config)
    assert config is not None
    model = resources.get("model", config.description["ProductionVariants"][0]["ModelName"])
    assert model is not None
    artifact = S3Uri.parse(model.description["PrimaryContainer"]["ModelDataUrl"])
    administrator = Session(
        aws_access_key_id=ministack.current_account(),
        aws_secret_access_key="local",  # noqa: S106 - there is no password here
        region_name=ministack.current_region(),
    )
    administrator.client("s3").delete_object(Bucket=artifact.bucket, Key=artifact.key)
