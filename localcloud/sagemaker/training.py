"""Training jobs: CreateTrainingJob, DescribeTrainingJob, ListTrainingJobs, StopTrainingJob, DeleteTrainingJob."""

from copy import deepcopy
from typing import Any

from localcloud.sagemaker import events
from localcloud.sagemaker.errors import ResourceInUse, ValidationError
from localcloud.sagemaker.listing import page_of_jobs
from localcloud.sagemaker.metrics import DEFINITIONS
from localcloud.sagemaker.resources import Resource, Resources
from localcloud.sagemaker.service import Call, Context, Request, Response, everything, named, operation, tags_of
from localcloud.sagemaker.training_rules import (
    DEFAULT_MAX_RUNTIME_SECONDS,
    check_job,
    limit_exceeded,
)
from localcloud.sagemaker.training_run import TrainingRun, enter

KIND = "training-job"
ENDED = ("Completed", "Failed", "Stopped")

INSTANCE_QUOTA = 20
"""Instances across all training jobs of an account and region.

A new account on AWS may have 4, or none of the type in question (aws-facts 9.3); here there is room for a few runs
that tune at the same time.
"""

_EVENT_MEMBERS = (
    "TrainingJobName",
    "TrainingJobArn",
    "TuningJobArn",
    "TrainingJobStatus",
    "SecondaryStatus",
    "FailureReason",
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "ModelArtifacts",
    "CreationTime",
    "TrainingStartTime",
    "TrainingEndTime",
    "LastModifiedTime",
    "SecondaryStatusTransitions",
)
_SUMMARY_MEMBERS = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingEndTime",
    "LastModifiedTime",
    "TrainingJobStatus",
    "SecondaryStatus",
)

_by_name = named(KIND, "TrainingJobName")


def limits_of(call: Call, job: Request) -> Context:
    """The condition keys of a job's time, and of the time that its instances wait for another one (aws-facts 5.18)."""
    keys = {
        "sagemaker:MaxRuntimeInSeconds": (job.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds"),
        "sagemaker:KeepAlivePeriod": (job.get("ResourceConfig") or {}).get("KeepAlivePeriodInSeconds"),
    }
    return {key: str(value) for key, value in keys.items() if value is not None}


@operation("CreateTrainingJob", arn=_by_name, context=limits_of)
def create_training_job(call: Call, request: Request) -> Response:
    check_job(request, ("TrainingJobName", "HyperParameters", "Tags"), call.caller.region)
    return {"TrainingJobArn": launch(call, request).arn}


def launch(call: Call, request: Request, tuning_job_arn: str = "") -> Resource:
    """Make and start the job of a request that `check_job` has let through; a tuning job's child says whose it is.

    Raises ResourceInUse, ResourceLimitExceeded, and ValidationError when the role cannot be assumed.
    """
    name = request["TrainingJobName"]
    with call.resources.lock:
        require_unused_name(call, name)
        require_instances(call.resources, request["ResourceConfig"]["InstanceCount"])
        role = call.platform.assume(request["RoleArn"], name, call.caller.region)
        job = Resource(KIND, name, call.arn(KIND, name), _description(call, request), tags_of(request))
        if tuning_job_arn:
            job.description["TuningJobArn"] = tuning_job_arn
        job.runtime = TrainingRun(call, job, role)
        call.resources.add(job)
    job.runtime.start()
    return job


def require_unused_name(call: Call, name: str) -> None:
    existing = call.resources.get(KIND, name)
    if existing is not None:
        raise ResourceInUse(
            "Training job names must be unique within an AWS account and Region, and a training job with this name "
            f"already exists ({existing.arn})"
        )


def require_instances(resources: Resources, asked: int) -> None:
    """Raise ResourceLimitExceeded unless that many more instances may run at the same time."""
    running = [job for job in resources.all(KIND) if job.description["TrainingJobStatus"] not in ENDED]
    used = sum(job.description["ResourceConfig"]["InstanceCount"] for job in running)
    if used + asked > INSTANCE_QUOTA:
        raise limit_exceeded("Number of instances across all training jobs", INSTANCE_QUOTA, used, asked)


def _description(call: Call, request: Request) -> dict[str, Any]:
    given = {name: deepcopy(value) for name, value in request.items() if name != "Tags" and value is not None}
    now = call.platform.now()
    description = {
        "TrainingJobArn": call.arn(KIND, request["TrainingJobName"]),
        "TrainingJobStatus": "InProgress",
        "CreationTime": now,
        "SecondaryStatusTransitions": [],
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        **given,
    }
    description["AlgorithmSpecification"]["MetricDefinitions"] = deepcopy(DEFINITIONS)
    description["StoppingCondition"] = {
        "MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_SECONDS,
        **(description.get("StoppingCondition") or {}),
    }
    enter(description, "Starting", now)
    return description


@operation("DescribeTrainingJob", arn=_by_name)
def describe_training_job(call: Call, request: Request) -> Response:
    with call.resources.lock:
        return deepcopy(_require(call, request).description)


@operation("ListTrainingJobs", arn=everything)
def list_training_jobs(call: Call, request: Request) -> Response:
    return page_of_jobs(call, request, KIND, "TrainingJobSummaries", _summary)


def _summary(job: Resource) -> dict[str, Any]:
    return {name: job.description[name] for name in _SUMMARY_MEMBERS if name in job.description}


@operation("StopTrainingJob", arn=_by_name)
def stop_training_job(call: Call, request: Request) -> Response:
    with call.resources.lock:
        job = _require(call, request)
        status = job.description["TrainingJobStatus"]
        if status != "InProgress":
            raise ValidationError(f"The request was rejected because the training job is in status {status}.")
        stop(call, job)
    return {}


def stop(call: Call, job: Resource) -> None:
    """Begin to stop a job that is InProgress; one that is not stays as it is."""
    with call.resources.lock:
        begin_to_stop(job)


def begin_to_stop(job: Resource) -> None:
    """As `stop`, for who holds the lock."""
    if job.description["TrainingJobStatus"] == "InProgress":
        job.description["TrainingJobStatus"] = "Stopping"
        job.runtime.stop()


@operation("DeleteTrainingJob", arn=_by_name)
def delete_training_job(call: Call, request: Request) -> Response:
    with call.resources.lock:
        job = _require(call, request)
        status = job.description["TrainingJobStatus"]
        if status not in ENDED:
            raise ResourceInUse(
                f"Training job {job.name} is in status {status}; only a job that is {', '.join(ENDED)} can be deleted."
            )
        call.resources.remove(job)
    return {}


def event_detail(job: Resource) -> dict[str, Any]:
    """The detail of the event "SageMaker Training Job State Change"; it has no metrics (aws-facts 1.8)."""
    return events.detail(job, _EVENT_MEMBERS)


def _require(call: Call, request: Request) -> Resource:
    """AWS says ValidationException here, though its model has ResourceNotFound."""
    return call.resources.require(KIND, request["TrainingJobName"], ValidationError("Requested resource not found."))
