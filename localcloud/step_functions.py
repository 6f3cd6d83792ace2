"""Task states, carried out as AWS does: each is a signed call by the state machine's own role.

So the role's policies decide about it, and a permission that is missing fails the task with AccessDenied.
"""

import json
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

from localcloud import ministack_adapter as ministack
from localcloud.failing_tasks import lose_model, meet, strike
from localcloud.faults import Fault, FaultKind, Faults
from localcloud.sagemaker import training, transform, tuning
from localcloud.sagemaker.resources import Resource, Resources
from localcloud.sagemaker.service import SageMaker
from localcloud.task_errors import SDK_NAMES, task_error

_POLL_SECONDS = 0.1
_LONGEST_LAMBDA_SECONDS = 900
_session = Session()
"""One for all clients: it has read AWS's service models once."""
_session_lock = threading.Lock()
_PATIENT = Config(read_timeout=_LONGEST_LAMBDA_SECONDS + 10, retries={"total_max_attempts": 1})


class SyncJob:
    """What `.sync` needs to know of a kind of job."""

    def __init__(self, kind: str, member: str, stop: str, detail: Callable[[Resource], dict[str, Any]]) -> None:
        self.kind = kind
        self.name_member = member
        self.status_member = member.replace("Name", "Status")
        self.stop = stop
        self.detail = detail


_SYNC_JOBS = {
    "createTrainingJob": SyncJob("training-job", "TrainingJobName", "stop_training_job", training.event_detail),
    "createHyperParameterTuningJob": SyncJob(
        "hyper-parameter-tuning-job",
        "HyperParameterTuningJobName",
        "stop_hyper_parameter_tuning_job",
        tuning.event_detail,
    ),
    "createTransformJob": SyncJob("transform-job", "TransformJobName", "stop_transform_job", transform.event_detail),
}


class Tasks:
    """Runs Task states; `service` is looked into only for how a job that was started goes on, as AWS's events tell."""

    def __init__(self, service: SageMaker, faults: Faults) -> None:
        self._service = service
        self._faults = faults

    def run(self, resource: str, arguments: dict[str, Any], timeout: float | None) -> Any:
        """Carry out the task; raises TaskError with the error's name and cause as Step Functions gives them."""
        deadline = None if timeout is None else time.monotonic() + timeout
        service = resource.split(":::")[1].removeprefix("aws-sdk:").split(":")[0]
        fault = self._faults.take(ministack.current_execution().name, ministack.current_state())
        if fault is not None and fault.kind is FaultKind.ENDPOINT_FAILED:
            lose_model(self._resources, arguments["EndpointConfigName"])
        if fault is None:
            return self._carry_out(resource, arguments, deadline, None)
        call = partial(self._carry_out, resource, arguments, deadline, fault)
        return meet(fault, service, call, sdk=":::aws-sdk:" in resource)

    @property
    def _resources(self) -> Resources:
        return self._service.resources(ministack.current_account(), ministack.current_region())

    def _carry_out(self, resource: str, arguments: dict[str, Any], deadline: float | None, fault: Fault | None) -> Any:
        service, action = resource.split(":::")[1].removeprefix("aws-sdk:").split(":")[:2]
        action, _, pattern = action.partition(".")
        if ":::aws-sdk:" in resource:
            return _call(service, action, arguments, sdk=True)
        if (service, action) == ("lambda", "invoke"):
            return _invoke_function(arguments)
        if service == "sagemaker" and pattern == "sync":
            if action not in _SYNC_JOBS:
                raise ministack.TaskError("States.Runtime", f"{action} has no .sync (aws-facts 1.1).")
            arguments = _with_tags_of_step_functions(arguments)
        if service == "sagemaker" and pattern in ("", "sync"):
            response = _call(service, action, arguments, sdk=False)
            is_heard = fault is None or fault.kind is not FaultKind.ANSWER_LOST
            return self._wait(action, arguments, deadline, fault) if pattern and is_heard else response
        raise ministack.TaskError("States.Runtime", f"The local cloud has no Step Functions integration {resource}.")

    def _wait(
        self, action: str, arguments: dict[str, Any], deadline: float | None, fault: Fault | None
    ) -> dict[str, Any]:
        """The job's end; it is stopped when the execution ends, or the state's time is up, before it."""
        job, execution = _SYNC_JOBS[action], ministack.current_execution()
        resources = self._resources
        name = arguments[job.name_member]
        # Which AWS's policy for .sync asks for (aws-facts 1.2).
        _call("sagemaker", action.replace("create", "describe"), {job.name_member: name}, sdk=False)
        while True:
            resource = resources.get(job.kind, name)
            status = "Deleted" if resource is None else resource.description[job.status_member]
            if resource is not None and status == "Completed":
                return job.detail(resource)
            if resource is None or status in ("Failed", "Stopped"):
                detail = {job.status_member: status} if resource is None else job.detail(resource)
                raise ministack.TaskError("States.TaskFailed", json.dumps(detail, default=str))
            if fault is not None and resource is not None:
                strike(fault.kind, resources, resource)
            if not execution.running or (deadline is not None and time.monotonic() > deadline):
                if fault is not None and fault.kind is FaultKind.ABORTED_UNHEARD:
                    raise ministack.TaskError("States.Timeout", "")
                getattr(_client("sagemaker", execution), job.stop)(**{job.name_member: name})
                raise ministack.TaskError("States.Timeout", "")
            time.sleep(_POLL_SECONDS)


def _invoke_function(arguments: dict[str, Any]) -> dict[str, Any]:
    client = _client("lambda", ministack.current_execution())
    try:
        answer = client.invoke(
            FunctionName=arguments["FunctionName"], Payload=json.dumps(arguments.get("Payload", {})).encode()
        )
    except ClientError as error:
        raise task_error("lambda", error, sdk=False) from error
    payload = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        raise ministack.TaskError(payload.get("errorType", "Lambda.Unknown"), json.dumps(payload))
    return {"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": answer["StatusCode"]}


def _with_tags_of_step_functions(arguments: dict[str, Any]) -> dict[str, Any]:
    """Step Functions tags the job that it starts, for which its role needs AddTags (aws-facts 1.5)."""
    own = {
        "MANAGED_BY_AWS": "STARTED_BY_STEP_FUNCTIONS",
        "AWS_STEP_FUNCTIONS_EXECUTION_ARN": ministack.current_execution().arn,
    }
    return {**arguments, "Tags": [*arguments.get("Tags", []), *({"Key": k, "Value": v} for k, v in own.items())]}


def _call(service: str, action: str, arguments: dict[str, Any], *, sdk: bool) -> Any:
    client = _client(SDK_NAMES.get(service, service), ministack.current_execution())
    operation = action[0].upper() + action[1:]
    method = next((m for m, name in client.meta.method_to_api_mapping.items() if name == operation), None)
    if method is None:
        raise ministack.TaskError("States.Runtime", f"{service} has no action {action}.")
    try:
        response = getattr(client, method)(**arguments)
    except ParamValidationError as error:
        raise ministack.TaskError("States.Runtime", str(error)) from error
    except ClientError as error:
        raise task_error(service, error, sdk=sdk) from error
    response.pop("ResponseMetadata", None)
    return json.loads(json.dumps(response, default=_encode))


def _encode(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _client(service: str, execution: ministack.Execution) -> Any:
    return _signing_client(service, execution.arn, execution.role_arn, ministack.current_region())


@lru_cache(maxsize=64)
def _signing_client(service: str, execution_arn: str, role_arn: str, region: str) -> Any:
    credentials = ministack.role_credentials(role_arn, "states.amazonaws.com", execution_arn.rsplit(":", 1)[-1])
    with _session_lock:
        return _session.client(
            service,
            aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=credentials["AWS_SESSION_TOKEN"],
            region_name=region,
            config=_PATIENT,
        )
