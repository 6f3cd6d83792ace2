"""Tuning jobs with the least around them: their requests, a team, and training jobs that do not train."""

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from localcloud.sagemaker import training, tuning
from localcloud.sagemaker.errors import ResourceLimitExceeded, ResourceNotFound
from localcloud.sagemaker.resources import Resource, Resources
from localcloud.sagemaker.service import Call, Request, SageMaker
from tests.unit.small_cloud import REGION, ROLE, Principal, SmallPlatform

IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
LONGEST_SECONDS = 30
NOW = datetime(2026, 1, 1, tzinfo=UTC)
Change = Callable[[dict[str, Any]], object]


def channel(name: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://bucket/runs/1/{name}/"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def request_for(name: str = "fraud-1") -> dict[str, Any]:
    """A tuning job within the rules."""
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "RandomSeed": 1,
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 3},
            "ParameterRanges": {
                "ContinuousParameterRanges": [
                    {"Name": "eta", "MinValue": "0", "MaxValue": "1", "ScalingType": "Auto"},
                    {"Name": "min_child_weight", "MinValue": "0", "MaxValue": "10"},
                    {"Name": "alpha", "MinValue": "0", "MaxValue": "2"},
                ],
                "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "10"}],
            },
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {"num_round": "100", "objective": "binary:logistic"},
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": ROLE,
            "InputDataConfig": [channel("train"), channel("validation")],
            "OutputDataConfig": {"S3OutputPath": "s3://bucket/runs/1/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        },
        "Tags": [{"Key": "project", "Value": "fraud"}],
    }


class TrustingPlatform(SmallPlatform):
    """SageMaker may assume every role; nothing uses the credentials in these tests."""

    def assume(self, role_arn: str, session_name: str, region: str) -> dict[str, str]:
        return {}


SAGEMAKER = SageMaker(TrustingPlatform())
WARY_SAGEMAKER = SageMaker(SmallPlatform())
ACCOUNTS = (f"{number:012d}" for number in itertools.count(1))


class Team:
    """Somebody with the API in hand, in an account of their own."""

    def __init__(self, *denied: str, sagemaker: SageMaker = SAGEMAKER) -> None:
        self.caller = Principal(frozenset(denied), account=next(ACCOUNTS))
        self._sagemaker = sagemaker

    @property
    def resources(self) -> Resources:
        return self._sagemaker.resources(self.caller.account, REGION)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self._sagemaker.call(operation, request, self.caller)

    def tunes(self, request: dict[str, Any]) -> None:
        self.call("CreateHyperParameterTuningJob", **request)

    def describe(self, name: str = "fraud-1") -> dict[str, Any]:
        return self.call("DescribeHyperParameterTuningJob", HyperParameterTuningJobName=name)

    def job(self, name: str = "fraud-1") -> Resource:
        return self.resources.require("hyper-parameter-tuning-job", name, ResourceNotFound())

    def waits_for(self, holds: Callable[[dict[str, Any]], bool], name: str = "fraud-1") -> dict[str, Any]:
        deadline = time.monotonic() + LONGEST_SECONDS
        while not holds(self.describe(name)):
            assert time.monotonic() < deadline, self.describe(name)
            time.sleep(0.02)
        return self.describe(name)

    def waits_for_the_end(self, name: str = "fraud-1") -> dict[str, Any]:
        return self.waits_for(lambda job: job["HyperParameterTuningJobStatus"] in tuning.ENDED, name)


@dataclass
class Log:
    """What a training job has logged of its objective, by round."""

    rounds: dict[int, float] = field(default_factory=dict)

    def series(self, metric: str) -> Mapping[int, float]:
        return dict(self.rounds)


class TrainingJobs:
    """Stands where training jobs would train: each ends when told to, with a status and metrics."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.requests: list[Request] = []
        self.jobs: list[Resource] = []
        self.outcome: Callable[[int], tuple[str, float | None]] | None = None
        self.refusals = 0

    def launch(self, call: Call, request: Request, tuning_job_arn: str) -> Resource:
        if self.refusals:
            self.refusals -= 1
            raise ResourceLimitExceeded("no room")
        name = request["TrainingJobName"]
        description = {"TrainingJobName": name, "TrainingJobArn": call.arn("training-job", name), "CreationTime": NOW}
        job = Resource("training-job", name, description["TrainingJobArn"], description)
        job.description |= {"TrainingJobStatus": "InProgress", "SecondaryStatus": "Training"}
        job.runtime = Log()
        with self.lock:
            self.requests.append(request)
            self.jobs.append(job)
        if self.outcome is not None:
            self.end(job, *self.outcome(len(self.jobs)))
        return job

    def stop(self, call: Call, job: Resource) -> None:
        if job.description["TrainingJobStatus"] == "InProgress":
            self.end(job, "Stopped", next(reversed(job.runtime.rounds.values()), None))

    def end(self, job: Resource, status: str, value: float | None) -> None:
        metrics = [] if value is None else [{"MetricName": "validation:auc", "Value": value, "Timestamp": NOW}]
        job.description["FinalMetricDataList"] = metrics
        job.description |= {"SecondaryStatus": status, "TrainingJobStatus": status}


def stand_in(monkeypatch: pytest.MonkeyPatch) -> TrainingJobs:
    """Put training jobs that do not train in the place of those that do."""
    jobs = TrainingJobs()
    monkeypatch.setattr(training, "launch", jobs.launch)
    monkeypatch.setattr(training, "stop", jobs.stop)
    return jobs


def set_in(*path: str | int, to: Any) -> Change:
    def change(request: dict[str, Any]) -> None:
        place: Any = request
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


CONFIG = "HyperParameterTuningJobConfig"
LIMITS = (CONFIG, "ResourceLimits")
RANGES = (CONFIG, "ParameterRanges")
OBJECTIVE = (CONFIG, "HyperParameterTuningJobObjective")
DEFINITION = "TrainingJobDefinition"
