"""Automatic model tuning: Create-, Describe-, List-, Stop- and DeleteHyperParameterTuningJob, and its training jobs."""

from copy import deepcopy
from typing import Any

from localcloud.sagemaker import events, training
from localcloud.sagemaker.errors import ResourceInUse, ResourceNotFound, ValidationError
from localcloud.sagemaker.listing import page, page_of_jobs
from localcloud.sagemaker.metrics import DEFINITIONS
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call, Context, Request, Response, everything, named, operation, tags_of
from localcloud.sagemaker.training import limits_of
from localcloud.sagemaker.training_rules import DEFAULT_MAX_RUNTIME_SECONDS, limit_exceeded, refuse_unknown
from localcloud.sagemaker.tuning_rules import check_tuning_job
from localcloud.sagemaker.tuning_run import OBJECTIVE_HYPERPARAMETER, TuningRun, counters
from localcloud.sagemaker.warm_start import check_warm_start, parent_names

KIND = "hyper-parameter-tuning-job"
ENDED = ("Completed", "Failed", "Stopped")

TUNING_JOB_QUOTA = 100
"""Tuning jobs at the same time in an account and region (aws-facts 4.6)."""

_EVENT_MEMBERS = (
    "HyperParameterTuningJobName",
    "HyperParameterTuningJobArn",
    "HyperParameterTuningJobConfig",
    "TrainingJobDefinition",
    "HyperParameterTuningJobStatus",
    "FailureReason",
    "CreationTime",
    "HyperParameterTuningEndTime",
    "LastModifiedTime",
)
_SUMMARY_MEMBERS = (
    "HyperParameterTuningJobName",
    "HyperParameterTuningJobArn",
    "HyperParameterTuningJobStatus",
    "CreationTime",
    "HyperParameterTuningEndTime",
    "LastModifiedTime",
    "TrainingJobStatusCounters",
    "ObjectiveStatusCounters",
)

_by_name = named(KIND, "HyperParameterTuningJobName")


def _limits_of(call: Call, request: Request) -> Context:
    """Those of its training jobs."""
    return limits_of(call, request.get("TrainingJobDefinition") or {})


@operation("CreateHyperParameterTuningJob", arn=_by_name, context=_limits_of)
def create_hyper_parameter_tuning_job(call: Call, request: Request) -> Response:
    name = request["HyperParameterTuningJobName"]
    check_tuning_job(request, call.caller.region)
    with call.resources.lock:
        if call.resources.get(KIND, name) is not None:
            raise ResourceInUse(
                f"A hyperparameter tuning job with the name, {name}, already exists. Choose a different name."
            )
        parents = [_require_parent(call, parent) for parent in parent_names(request)]
        check_warm_start(request, parents)
        _require_room(call, request)
        call.platform.assume(request["TrainingJobDefinition"]["RoleArn"], name, call.caller.region)
        job = Resource(KIND, name, call.arn(KIND, name), _description(call, request), tags_of(request))
        job.runtime = TuningRun(call, job, parents)
        call.resources.add(job)
    job.runtime.start()
    return {"HyperParameterTuningJobArn": job.arn}


def _require_parent(call: Call, name: str) -> Resource:
    missing = ValidationError(f"The parent tuning job {name} does not exist; a warm start needs one that has ended.")
    return call.resources.require(KIND, name, missing)


def _require_room(call: Call, request: Request) -> None:
    """Room among the tuning jobs, and instances for as many training jobs as may run at the same time."""
    running = [job for job in call.resources.all(KIND) if job.description["HyperParameterTuningJobStatus"] not in ENDED]
    if len(running) >= TUNING_JOB_QUOTA:
        limit = "Number of concurrent hyperparameter tuning jobs"
        raise limit_exceeded(limit, TUNING_JOB_QUOTA, len(running), 1, "Jobs")
    parallel = request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxParallelTrainingJobs"]
    instances = request["TrainingJobDefinition"]["ResourceConfig"]["InstanceCount"]
    training.require_instances(call.resources, parallel * instances)


def _description(call: Call, request: Request) -> dict[str, Any]:
    config = deepcopy(request["HyperParameterTuningJobConfig"])
    definition = deepcopy(request["TrainingJobDefinition"])
    definition["StaticHyperParameters"] = {
        **(definition.get("StaticHyperParameters") or {}),
        OBJECTIVE_HYPERPARAMETER: config["HyperParameterTuningJobObjective"]["MetricName"],
    }
    definition["AlgorithmSpecification"]["MetricDefinitions"] = deepcopy(DEFINITIONS)
    definition["StoppingCondition"].setdefault("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS)
    now = call.platform.now()
    warm_start = {"WarmStartConfig": deepcopy(request["WarmStartConfig"])} if request.get("WarmStartConfig") else {}
    return {
        "HyperParameterTuningJobName": request["HyperParameterTuningJobName"],
        "HyperParameterTuningJobArn": call.arn(KIND, request["HyperParameterTuningJobName"]),
        "HyperParameterTuningJobConfig": {"TrainingJobEarlyStoppingType": "Off", **config},
        "TrainingJobDefinition": definition,
        "HyperParameterTuningJobStatus": "InProgress",
        "CreationTime": now,
        "LastModifiedTime": now,
        **warm_start,
        **counters([], ""),
    }


@operation("DescribeHyperParameterTuningJob", arn=_by_name)
def describe_hyper_parameter_tuning_job(call: Call, request: Request) -> Response:
    with call.resources.lock:
        return deepcopy(_require(call, request).description)


@operation("ListHyperParameterTuningJobs", arn=everything)
def list_hyper_parameter_tuning_jobs(call: Call, request: Request) -> Response:
    return page_of_jobs(call, request, KIND, "HyperParameterTuningJobSummaries", _summary)


def _summary(job: Resource) -> dict[str, Any]:
    config = job.description["HyperParameterTuningJobConfig"]
    chosen = {name: job.description[name] for name in _SUMMARY_MEMBERS if name in job.description}
    return deepcopy({**chosen, "Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]})


@operation("ListTrainingJobsForHyperParameterTuningJob", arn=_by_name)
def list_training_jobs_for_hyper_parameter_tuning_job(call: Call, request: Request) -> Response:
    """By name, first to last, unless the request says otherwise, as AWS does."""
    _check_listing(
        request, ("HyperParameterTuningJobName", "NextToken", "MaxResults", "StatusEquals", "SortBy", "SortOrder")
    )
    with call.resources.lock:
        run: TuningRun = _require(call, request).runtime
        children = {child.job.name: child for child in run.children()}
        return page(
            [child.job for child in children.values()],
            {"SortBy": "Name", "SortOrder": "Ascending", **request},
            "TrainingJobSummaries",
            lambda job: run.summary(children[job.name]),
        )


def _check_listing(request: Request, known: tuple[str, ...]) -> None:
    refuse_unknown(request, known, "")
    if request.get("SortBy") not in (None, "Name", "CreationTime"):
        raise ValidationError(
            f"The local cloud does not sort by {request['SortBy']} yet; it sorts by Name and CreationTime."
        )


@operation("StopHyperParameterTuningJob", arn=_by_name)
def stop_hyper_parameter_tuning_job(call: Call, request: Request) -> Response:
    """Its training jobs stop too (aws-facts 4.8)."""
    with call.resources.lock:
        job = _require(call, request)
        status = job.description["HyperParameterTuningJobStatus"]
        if status != "InProgress":
            raise ValidationError(
                f"The request was rejected because the hyperparameter tuning job is in status {status}."
            )
        begin_to_stop(job)
    return {}


def begin_to_stop(job: Resource) -> None:
    """A job that is InProgress, for who holds the lock; one that is not stays as it is."""
    if job.description["HyperParameterTuningJobStatus"] == "InProgress":
        job.description["HyperParameterTuningJobStatus"] = "Stopping"
        job.runtime.stop()


@operation("DeleteHyperParameterTuningJob", arn=_by_name)
def delete_hyper_parameter_tuning_job(call: Call, request: Request) -> Response:
    """Deletes the tuning job's own entry; its training jobs stay, as on AWS."""
    with call.resources.lock:
        job = _require(call, request)
        status = job.description["HyperParameterTuningJobStatus"]
        if status not in ENDED:
            raise ResourceInUse(
                f"Hyperparameter tuning job {job.name} is in status {status}; only a job that is {', '.join(ENDED)} "
                "can be deleted."
            )
        call.resources.remove(job)
    return {}


def event_detail(job: Resource) -> dict[str, Any]:
    """The detail of the event "SageMaker HyperParameter Tuning Job State Change": of the best job, only its name.

    Its metric, its hyperparameters and its model are for Describe to tell (aws-facts 1.7).
    """
    detail = events.detail(job, _EVENT_MEMBERS)
    best = job.description.get("BestTrainingJob")
    if best is not None:
        detail["BestTrainingJob"] = {"TrainingJobName": best["TrainingJobName"]}
    return detail


def _require(call: Call, request: Request) -> Resource:
    name = request["HyperParameterTuningJobName"]
    missing = ResourceNotFound(f"Amazon SageMaker can't find a tuning job with the name {name}.")
    return call.resources.require(KIND, name, missing)
