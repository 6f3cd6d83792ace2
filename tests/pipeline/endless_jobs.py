"""Jobs by hand that go on and on, for those who have to stop them."""

import io
import tarfile
from collections.abc import Mapping
from typing import Any

from tests.pipeline.running import Deployed, Run

_SCRIPT = b"import time\n\ntime.sleep(3600)\n"
_CODE = "runs/endless/code/sourcedir.tar.gz"
_PARTS = ("RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition")


def start_search(deployed: Deployed, run: Run, name: str, tags: Mapping[str, str]) -> None:
    """A tuning job on a run's rows, that tries one thing for ever."""
    definition, hyperparameters = _like(deployed, run)
    tuned = hyperparameters.pop("eta")
    deployed.client("sagemaker").create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": tuned}]},
        },
        TrainingJobDefinition={**definition, "StaticHyperParameters": hyperparameters},
        Tags=_listed(tags),
    )


def start_job(deployed: Deployed, run: Run, name: str, tags: Mapping[str, str]) -> None:
    """A training job on a run's rows."""
    definition, hyperparameters = _like(deployed, run)
    deployed.client("sagemaker").create_training_job(
        TrainingJobName=name, **definition, HyperParameters=hyperparameters, Tags=_listed(tags)
    )


def _like(deployed: Deployed, run: Run) -> tuple[dict[str, Any], dict[str, str]]:
    """What the run's training job was, but for its script, which does nothing."""
    job = deployed.client("sagemaker").describe_training_job(TrainingJobName=f"{run.name}-0")
    algorithm = {part: job["AlgorithmSpecification"][part] for part in ("TrainingImage", "TrainingInputMode")}
    definition = {"AlgorithmSpecification": algorithm, **{part: job[part] for part in _PARTS}}
    deployed.client("s3").put_object(Bucket=deployed.bucket, Key=_CODE, Body=_packed())
    return definition, {**job["HyperParameters"], "sagemaker_submit_directory": f"s3://{deployed.bucket}/{_CODE}"}


def _packed() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("train.py")
        entry.size = len(_SCRIPT)
        archive.addfile(entry, io.BytesIO(_SCRIPT))
    return packed.getvalue()


def status(deployed: Deployed, name: str) -> str:
    """Of a training job."""
    return str(deployed.client("sagemaker").describe_training_job(TrainingJobName=name)["TrainingJobStatus"])


def status_of_search(deployed: Deployed, name: str) -> str:
    described = deployed.client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    return str(described["HyperParameterTuningJobStatus"])


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
