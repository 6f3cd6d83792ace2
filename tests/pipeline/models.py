"""A run's artefacts and its endpoint's answers, as a test reads them."""

import io
import tarfile
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xgboost as xgb

from tests.pipeline.running import Deployed, Run

ROWS_A_REQUEST = 500


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


def archive(deployed: Deployed, model_data: str) -> dict[str, bytes]:
    """The files in a model.tar.gz, by name; `model_data` is its address."""
    packed = io.BytesIO(deployed.read(model_data.removeprefix(f"s3://{deployed.bucket}/")))
    with tarfile.open(fileobj=packed, mode="r:gz") as tar:
        files = {member.name.removeprefix("./"): tar.extractfile(member) for member in tar if member.isfile()}
        return {name: file.read() for name, file in files.items() if file is not None}


def booster(deployed: Deployed, model_data: str) -> xgb.Booster:
    return xgb.Booster(model_file=bytearray(archive(deployed, model_data)["xgboost-model"]))


def aucpr(model: xgb.Booster, part: Rows) -> float:
    """XGBoost's own figure, by which the runs compare their models."""
    model.set_param({"eval_metric": "aucpr"})
    return float(model.eval(part.matrix, "validation").rpartition(":")[2])


def answers(deployed: Deployed, endpoint: str, lines: tuple[str, ...]) -> np.ndarray:
    """What the endpoint says to rows of CSV, as many at a time as a request takes."""
    runtime = deployed.client("sagemaker-runtime")
    texts: list[str] = []
    for start in range(0, len(lines), ROWS_A_REQUEST):
        body = "\n".join(lines[start : start + ROWS_A_REQUEST])
        answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=body)
        texts += answer["Body"].read().decode().replace(",", "\n").split()
    return np.array([float(text) for text in texts])
