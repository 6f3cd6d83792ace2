"""A run's artefacts and its endpoint's answers, as a test reads them."""

import io
import json
import tarfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

from tests.pipeline.running import Deployed, Run

ROWS_A_REQUEST = 500
MODEL_FILE = "xgboost-model"


@dataclass(frozen=True)
class Rows:
    """A part of the prepared data; `lines` are the features as CSV text."""

    labels: np.ndarray
    features: np.ndarray
    lines: tuple[str, ...]

    @property
    def matrix(self) -> xgb.DMatrix:
        return xgb.DMatrix(self.features, label=self.labels)


def prepared(deployed: Deployed, run: Run, part: str) -> bytes:
    return deployed.read(f"{run.prefix}{part}/{part}.csv")


def rows(deployed: Deployed, run: Run, part: str) -> Rows:
    """`part` is train, validation or test."""
    csv = prepared(deployed, run, part)
    table = pd.read_csv(io.BytesIO(csv), header=None).to_numpy(dtype=np.float32)
    lines = tuple(line.partition(",")[2] for line in csv.decode().splitlines())
    return Rows(table[:, 0], table[:, 1:], lines)


def document(deployed: Deployed, run: Run, name: str) -> dict[str, Any]:
    """One of the JSON files that a run leaves."""
    found: dict[str, Any] = json.loads(deployed.read(f"{run.prefix}{name}"))
    return found


def archive(deployed: Deployed, address: str) -> dict[str, bytes]:
    """The files in a tar.gz, by name."""
    packed = io.BytesIO(deployed.read(address.removeprefix(f"s3://{deployed.bucket}/")))
    with tarfile.open(fileobj=packed, mode="r:gz") as tar:
        files = {member.name.removeprefix("./"): tar.extractfile(member) for member in tar if member.isfile()}
        return {name: file.read() for name, file in files.items() if file is not None}


def artifact(deployed: Deployed, job: str) -> str:
    """The address of what a training job left."""
    described = deployed.client("sagemaker").describe_training_job(TrainingJobName=job)
    return str(described["ModelArtifacts"]["S3ModelArtifacts"])


def tuned_jobs(deployed: Deployed, run: Run) -> list[dict[str, Any]]:
    """The training jobs of a run's tuning job, described."""
    sagemaker = deployed.client("sagemaker")
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=f"{run.name}-0"
    )
    names = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    return [sagemaker.describe_training_job(TrainingJobName=name) for name in names]


def booster(deployed: Deployed, model_data: str) -> xgb.Booster:
    return xgb.Booster(model_file=bytearray(archive(deployed, model_data)[MODEL_FILE]))


def answers(deployed: Deployed, endpoint: str, lines: tuple[str, ...]) -> np.ndarray:
    """What the endpoint says to rows of CSV, as many at a time as a request takes."""
    runtime = deployed.client("sagemaker-runtime")
    texts: list[str] = []
    for start in range(0, len(lines), ROWS_A_REQUEST):
        body = "\n".join(lines[start : start + ROWS_A_REQUEST])
        answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=body)
        texts += answer["Body"].read().decode().replace(",", "\n").split()
    return np.array([float(text) for text in texts])
