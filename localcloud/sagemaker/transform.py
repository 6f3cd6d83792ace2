"""Batch transform: CreateTransformJob, DescribeTransformJob, ListTransformJobs, StopTransformJob.

AWS has no operation that deletes a transform job: an ended one stays, and is listed, for ever.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker import events
from localcloud.sagemaker.containers import S3Uri, client
from localcloud.sagemaker.errors import ResourceInUse, ValidationError
from localcloud.sagemaker.hosting_rules import find
from localcloud.sagemaker.listing import page_of_jobs
from localcloud.sagemaker.resources import Resource, Resources
from localcloud.sagemaker.service import Call, Request, Response, everything, named, operation, tags_of
from localcloud.sagemaker.training_rules import limit_exceeded, refuse_unknown
from localcloud.sagemaker.transform_run import DEFAULT_PAYLOAD_MB, TransformRun

KIND = "transform-job"
ENDED = ("Completed", "Failed", "Stopped")

INSTANCE_QUOTA = 20
"""Instances across all transform jobs of an account and region; a new account on AWS may have none (aws-facts 9.3)."""

_LARGEST_PAYLOADS_MB = 100
"""Of one payload, and of all that are on their way at a time (CreateTransformJob's documentation)."""

_JOB_MEMBERS = (
    "TransformJobName",
    "ModelName",
    "MaxConcurrentTransforms",
    "MaxPayloadInMB",
    "BatchStrategy",
    "Environment",
    "TransformInput",
    "TransformOutput",
    "TransformResources",
)
_REQUEST_MEMBERS = (*_JOB_MEMBERS, "DataProcessing", "Tags")
_EVENT_MEMBERS = (
    *_JOB_MEMBERS,
    "TransformJobArn",
    "TransformJobStatus",
    "FailureReason",
    "CreationTime",
    "TransformStartTime",
    "TransformEndTime",
)
_SUMMARY_MEMBERS = (
    "TransformJobName",
    "TransformJobArn",
    "CreationTime",
    "TransformEndTime",
    "TransformJobStatus",
    "FailureReason",
)

_by_name = named(KIND, "TransformJobName")


@operation("CreateTransformJob", arn=_by_name)
def create_transform_job(call: Call, request: Request) -> Response:
    """The role is the model's, which CreateModel was handed: no permission to pass it is asked for here.

    Raises ValidationError, also when the role finds no input; ResourceInUse; ResourceLimitExceeded.
    """
    _check_job(request)
    name = request["TransformJobName"]
    model = deepcopy(find(call, "model", request["ModelName"]).description)
    _require_room(call, request)
    role = call.platform.assume(model["ExecutionRoleArn"], name, call.caller.region)
    _check_input(call, request, model["ExecutionRoleArn"], role)
    with call.resources.lock:
        _require_room(call, request)
        job = Resource(KIND, name, call.arn(KIND, name), _description(call, request), tags_of(request))
        job.runtime = TransformRun(call, job, model, role)
        call.resources.add(job)
    job.runtime.start()
    return {"TransformJobArn": job.arn}


def _require_room(call: Call, request: Request) -> None:
    """The name must be new, and the instances within the quota."""
    existing = call.resources.get(KIND, request["TransformJobName"])
    if existing is not None:
        raise ResourceInUse(
            "Job name must be unique within an AWS account and region, and a job with this name already exists "
            f"({existing.arn})"
        )
    used, asked = _running_instances(call.resources), request["TransformResources"]["InstanceCount"]
    if used + asked > INSTANCE_QUOTA:
        raise limit_exceeded("Number of instances across all transform jobs", INSTANCE_QUOTA, used, asked)


def _running_instances(resources: Resources) -> int:
    running = [job for job in resources.all(KIND) if not is_history(job)]
    return sum(job.description["TransformResources"]["InstanceCount"] for job in running)


def is_history(resource: Resource) -> bool:
    """Whether it is a transform job that has ended, of which AWS keeps the record."""
    return resource.kind == KIND and resource.description["TransformJobStatus"] in ENDED


def _check_input(call: Call, request: Request, role_arn: str, role: Mapping[str, str]) -> None:
    """CreateTransformJob looks for objects with the model's role, and says so in these words (AWS's)."""
    uri = S3Uri.parse(request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])
    try:
        found = client("s3", role).list_objects_v2(Bucket=uri.bucket, Prefix=uri.key, MaxKeys=1)["KeyCount"]
    except (ClientError, BotoCoreError):
        found = 0
    if not found:
        raise ValidationError(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
            f"exists in the selected region ({call.caller.region}), that objects exist under that S3 prefix, and that "
            f'the role "{role_arn}" has "s3:ListBucket" permissions on bucket "{uri.bucket}".'
        )


def _description(call: Call, request: Request) -> dict[str, Any]:
    given = {name: deepcopy(value) for name, value in request.items() if name != "Tags" and value is not None}
    return {
        **given,
        "TransformJobArn": call.arn(KIND, request["TransformJobName"]),
        "TransformJobStatus": "InProgress",
        "CreationTime": call.platform.now(),
    }


# --- what a job may ask for -----------------------------------------------------------------------------------


def _check_job(request: Request) -> None:
    refuse_unknown(request, _REQUEST_MEMBERS, "")
    _check_payloads(request)
    _check_source(request["TransformInput"])
    S3Uri.parse(request["TransformOutput"]["S3OutputPath"])
    _check_instances(request["TransformResources"])
    processing = request.get("DataProcessing") or {}
    for name, what_changes_nothing in (("InputFilter", "$"), ("OutputFilter", "$"), ("JoinSource", "None")):
        _allow(processing, f"DataProcessing.{name}", what_changes_nothing)


def _check_payloads(request: Request) -> None:
    """AWS's limits; a payload without one, MaxPayloadInMB 0, its built-in algorithms do not take either."""
    most = request.get("MaxPayloadInMB")
    if most == 0:
        raise ValidationError(
            "MaxPayloadInMB 0 is for algorithms that support HTTP chunked encoding; XGBoost does not. Set it to 1 or "
            "more, or leave it out."
        )
    most = most or DEFAULT_PAYLOAD_MB
    at_a_time = request.get("MaxConcurrentTransforms") or 1
    if most * at_a_time > _LARGEST_PAYLOADS_MB:
        raise ValidationError(
            f"MaxConcurrentTransforms * MaxPayloadInMB must not exceed {_LARGEST_PAYLOADS_MB} MB; it is "
            f"{at_a_time} * {most}."
        )


def _check_source(source: Mapping[str, Any]) -> None:
    _allow(source, "TransformInput.CompressionType", "None")
    _allow(source, "TransformInput.SplitType", "None", "Line")
    s3 = source["DataSource"]["S3DataSource"]
    _allow(s3, "TransformInput.DataSource.S3DataSource.S3DataType", "S3Prefix")
    S3Uri.parse(s3["S3Uri"])


def _check_instances(instances: Mapping[str, Any]) -> None:
    refuse_unknown(instances, ("InstanceType", "InstanceCount", "VolumeKmsKeyId"), "TransformResources.")
    if instances["InstanceCount"] > 1:
        raise ValidationError(
            f"The local cloud transforms on one instance, this machine; InstanceCount is {instances['InstanceCount']}. "
            "Set it to 1 here."
        )


def _allow(given: Mapping[str, Any], path: str, *allowed: str) -> None:
    """Raise ValidationError unless the member at the end of `path` is one of these, or not given."""
    value = given.get(path.rpartition(".")[2])
    if value is not None and value not in allowed:
        raise ValidationError(f"The local cloud does not know {path} {value} yet; it knows {', '.join(allowed)}.")


# --- jobs that are there --------------------------------------------------------------------------------------


@operation("DescribeTransformJob", arn=_by_name)
def describe_transform_job(call: Call, request: Request) -> Response:
    with call.resources.lock:
        return deepcopy(_require(call, request).description)


@operation("ListTransformJobs", arn=everything)
def list_transform_jobs(call: Call, request: Request) -> Response:
    return page_of_jobs(call, request, KIND, "TransformJobSummaries", _summary)


def _summary(job: Resource) -> dict[str, Any]:
    return {name: job.description[name] for name in _SUMMARY_MEMBERS if name in job.description}


@operation("StopTransformJob", arn=_by_name)
def stop_transform_job(call: Call, request: Request) -> Response:
    with call.resources.lock:
        job = _require(call, request)
        status = job.description["TransformJobStatus"]
        if status != "InProgress":
            raise ValidationError(f"The request was rejected because the transform job is in status {status}.")
        job.description["TransformJobStatus"] = "Stopping"
        job.runtime.stop()
    return {}


def event_detail(job: Resource) -> dict[str, Any]:
    """The detail of the event "SageMaker Transform Job State Change" (aws-facts 6.9, 1.7)."""
    return events.detail(job, _EVENT_MEMBERS)


def _require(call: Call, request: Request) -> Resource:
    """AWS says ValidationException here, though its model has ResourceNotFound."""
    name = request["TransformJobName"]
    return call.resources.require(KIND, name, ValidationError(f"Could not find requested job with name: {name}"))
