"""What a training job may ask for: AWS's rules for its XGBoost image, and the limits of this machine, by name.

The same members stand in CreateTrainingJob's request and in a tuning job's TrainingJobDefinition.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from localcloud.sagemaker.containers import S3Uri
from localcloud.sagemaker.errors import ResourceLimitExceeded, ValidationError
from localcloud.sagemaker.images import require_own_region, require_xgboost

Members = Mapping[str, Any]

DEFAULT_MAX_RUNTIME_SECONDS = 86_400
_LONGEST_WAIT_WITHOUT_CHECKPOINTS = 3_600

_JOB_MEMBERS = (
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "Environment",
    "EnableManagedSpotTraining",
    "EnableInterContainerTrafficEncryption",
    "RetryStrategy",
)
_S3_MEMBERS = ("S3DataType", "S3Uri", "S3DataDistributionType")
_CHANNEL_MEMBERS = ("ChannelName", "DataSource", "ContentType", "CompressionType", "RecordWrapperType", "InputMode")


def check_job(job: Members, others: Iterable[str], region: str) -> None:
    """Raise ValidationError unless the job may run in the region; `others` are members that only its request has."""
    refuse_unknown(job, [*_JOB_MEMBERS, *others], "")
    _check_algorithm(job["AlgorithmSpecification"])
    require_own_region(job["AlgorithmSpecification"]["TrainingImage"], region)
    _check_channels(job.get("InputDataConfig") or [])
    _check_output(job["OutputDataConfig"])
    _check_instances(job.get("ResourceConfig") or {})
    _check_stopping(job.get("StoppingCondition") or {}, spot=bool(job.get("EnableManagedSpotTraining")))


def refuse_unknown(given: Members, known: Iterable[str], where: str) -> None:
    """Raise ValidationError for the first member that is given, not empty or false, and not among the known ones."""
    for name, value in given.items():
        if value and name not in known:
            raise ValidationError(f"The local cloud does not know {where}{name} yet; leave it out.")


def limit_exceeded(limit: str, most: int, used: int, asked: int, unit: str = "Instances") -> ResourceLimitExceeded:
    """AWS's words when an account's quota is used up."""
    return ResourceLimitExceeded(
        f"The account-level service limit '{limit}' is {most} {unit}, with current utilization of {used} {unit} and a "
        f"request delta of {asked} {unit}. Please contact AWS support to request an increase for this limit."
    )


def _check_algorithm(algorithm: Members) -> None:
    require_xgboost(algorithm.get("TrainingImage"))
    if algorithm.get("MetricDefinitions"):  # even in script mode (aws-facts 3.6)
        raise ValidationError(
            "You can't override the metric definitions for Amazon SageMaker algorithms. Please retry the request "
            "without specifying metric definitions."
        )
    refuse_unknown(algorithm, ("TrainingImage", "TrainingInputMode"), "AlgorithmSpecification.")
    _allow_only(algorithm, "TrainingInputMode", "File")


def _check_channels(channels: list[Members]) -> None:
    """`train` must be there (aws-facts 2.13)."""
    names = [channel["ChannelName"] for channel in channels]
    if "train" not in names:
        raise ValidationError(f"The algorithm requires the channel 'train'; InputDataConfig has {names or 'none'}.")
    if len(set(names)) < len(names):
        raise ValidationError(f"The channel names in InputDataConfig must be unique; given are {', '.join(names)}.")
    for channel in channels:
        _check_channel(channel)


def _check_channel(channel: Members) -> None:
    where = f"InputDataConfig.{channel['ChannelName']}."
    refuse_unknown(channel, _CHANNEL_MEMBERS, where)
    refuse_unknown(channel["DataSource"], ("S3DataSource",), f"{where}DataSource.")
    source = channel["DataSource"].get("S3DataSource")
    if not source:
        raise ValidationError(f"{where}DataSource names no data: give it an S3DataSource.")
    refuse_unknown(source, _S3_MEMBERS, f"{where}DataSource.S3DataSource.")
    _allow_only(source, "S3DataType", "S3Prefix")
    _allow_only(channel, "CompressionType", "None")
    _allow_only(channel, "RecordWrapperType", "None")
    _allow_only(channel, "InputMode", "File")
    S3Uri.parse(source["S3Uri"])


def _check_output(output: Members) -> None:
    S3Uri.parse(output["S3OutputPath"])
    _allow_only(output, "CompressionType", "GZIP")


def _check_instances(instances: Members) -> None:
    refuse_unknown(instances, ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId"), "ResourceConfig.")
    for name in ("InstanceType", "InstanceCount", "VolumeSizeInGB"):
        if not instances.get(name):
            raise ValidationError(f"ResourceConfig.{name} must be given, and not 0.")
    if instances["InstanceCount"] > 1:
        raise ValidationError(
            f"The local cloud trains on one instance, this machine; InstanceCount is {instances['InstanceCount']}. "
            "Set it to 1 here."
        )


def _check_stopping(stopping: Members, *, spot: bool) -> None:
    """Spot training must say how long it may wait; long waits are for jobs with checkpoints (aws-facts 2.17)."""
    refuse_unknown(stopping, ("MaxRuntimeInSeconds", "MaxWaitTimeInSeconds"), "StoppingCondition.")
    runtime = stopping.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS)
    wait = stopping.get("MaxWaitTimeInSeconds")
    if not spot and wait is not None:
        raise ValidationError("MaxWaitTimeInSeconds is only for managed spot training; set EnableManagedSpotTraining.")
    if spot and (wait is None or wait < runtime):
        raise ValidationError(
            f"Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds, "
            f"which is {runtime}; given is {wait}."
        )
    if wait is not None and wait > _LONGEST_WAIT_WITHOUT_CHECKPOINTS:
        raise ValidationError(
            f"MaxWaitTimeInSeconds is {wait}; without checkpoints, which the local cloud does not keep, it may be "
            f"{_LONGEST_WAIT_WITHOUT_CHECKPOINTS} at most."
        )


def _allow_only(given: Members, name: str, allowed: str) -> None:
    if given.get(name) not in (None, allowed):
        raise ValidationError(f"The local cloud does not know {name} {given[name]} yet; it knows {allowed}.")
