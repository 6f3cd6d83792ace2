"""The project's model: the deployed state machine, run on a local cloud."""

import io
import json
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import xgboost as xgb

from bench.lesson import AveragePrecision, average_precision
from localcloud.cdk import CdkApp
from localcloud.cloud import Cloud, start

INPUT: Mapping[str, Any] = {"tuning": {"search": "fine", "max_parallel_jobs": 1}}
"""What the machine is started with, besides the data and the seed; one job at a time, so that the search repeats."""

_ROOT = Path(__file__).parent.parent
_POLL_SECONDS = 0.5


class RunFailed(Exception):
    """An execution did not succeed; the message is its cause."""


@dataclass(frozen=True)
class Outcome:
    """The trained and the chosen model of one run."""

    trained: AveragePrecision
    chosen: AveragePrecision
    source: str
    """Where the chosen one comes from: trained or tuned."""


@dataclass(frozen=True)
class Pipeline:
    cloud: Cloud
    bucket: str
    machine: str

    def upload(self, path: Path) -> str:
        """The data's address."""
        self.cloud.client("s3").upload_file(str(path), self.bucket, f"raw/{path.name}")
        return f"s3://{self.bucket}/raw/{path.name}"

    def run(self, source: str, seed: int) -> Outcome:
        """Raises RunFailed."""
        result = self._execute({**INPUT, "data": {"source": source, "seed": seed}})
        prefix = f"runs/{result['run_id']}/"
        choice = json.loads(self._read(f"{prefix}choice.json"))
        trained = choice["trained"]
        model = self._model(f"{prefix}output/{trained['job_name']}/output/model.tar.gz")
        on_test = average_precision(model, self._rows(f"{prefix}test/test.csv"))
        chosen = AveragePrecision(choice["chosen"]["average_precision"], result["evaluation"]["average_precision"])
        return Outcome(AveragePrecision(trained["average_precision"], on_test), chosen, choice["chosen"]["source"])

    def _execute(self, execution_input: Mapping[str, Any]) -> dict[str, Any]:
        step_functions = self.cloud.client("stepfunctions")
        started = step_functions.start_execution(stateMachineArn=self.machine, input=json.dumps(execution_input))
        while True:
            described = step_functions.describe_execution(executionArn=started["executionArn"])
            if described["status"] == "SUCCEEDED":
                return dict(json.loads(described["output"]))
            if described["status"] != "RUNNING":
                raise RunFailed(f"{described['status']}: {described.get('error')}: {described.get('cause')}")
            time.sleep(_POLL_SECONDS)

    def _read(self, key: str) -> bytes:
        content: bytes = self.cloud.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def _model(self, key: str) -> xgb.Booster:
        with tarfile.open(fileobj=io.BytesIO(self._read(key))) as archive:
            (member,) = (member for member in archive if member.name.rpartition("/")[2] == "xgboost-model")
            file = archive.extractfile(member)
            assert file is not None  # noqa: S101 - it is a file
            return xgb.Booster(model_file=bytearray(file.read()))

    def _rows(self, key: str) -> pd.DataFrame:
        return pd.read_csv(io.BytesIO(self._read(key)), header=None).rename(columns={0: "Class"})


@contextmanager
def deployed(folder: Path) -> Iterator[Pipeline]:
    """The stack on a local cloud, which ends with the block."""
    with start(folder) as cloud:
        app = CdkApp(cloud, _ROOT, folder / "cdk.out")
        app.synth()
        app.bootstrap()
        app.deploy()
        settings = json.loads((_ROOT / "cdk.json").read_text())["context"]["settings"]
        outputs = app.outputs(settings["project"])
        yield Pipeline(cloud, outputs["BucketName"], outputs["StateMachineArn"])
