"""The image's two commands as processes, the way the platform starts them, and the lesson's model to compare with."""

import functools
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import xgboost as xgb

from localcloud.xgboost_image.container import Container
from tests.unit.synthetic_transactions import LESSON, LESSON_ROUNDS, transactions

REPOSITORY = Path(__file__).parents[2]
TRAIN = transactions(1500, seed=1)
VALIDATION = transactions(500, seed=2)
CHANNEL = {"ContentType": "text/csv", "TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}
LESSON_STRINGS = {name: str(value) for name, value in LESSON.items()} | {
    "num_round": str(LESSON_ROUNDS),
    "eval_metric": "auc,aucpr",
}


def features(table: pd.DataFrame) -> xgb.DMatrix:
    return xgb.DMatrix(table.iloc[:, 1:].to_numpy(), label=table.iloc[:, 0].to_numpy())


@functools.cache
def plain() -> xgb.Booster:
    """What XGBoost makes of the lesson's hyperparameters without any of this."""
    return xgb.train(LESSON, features(TRAIN), num_boost_round=LESSON_ROUNDS)


def configure(base: Path, given: Mapping[str, str], channel: Mapping[str, str] = CHANNEL) -> Container:
    config = base / "input" / "config"
    config.mkdir(parents=True, exist_ok=True)
    (config / "hyperparameters.json").write_text(json.dumps(given))
    (config / "inputdataconfig.json").write_text(json.dumps({"train": channel, "validation": channel}))
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))
    return Container(base)


def environment(base: Path, **more: str) -> dict[str, str]:
    """With one thread, since several wait for one another with all their might where processors are short."""
    own = {"PYTHONPATH": str(REPOSITORY), "SAGEMAKER_BASE_DIR": str(base), "OMP_NUM_THREADS": "1"}
    return {**os.environ, **own, **more}


def run_train(base: Path, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    command = [python, "-m", "localcloud.xgboost_image", "train"]
    return subprocess.run(command, env=environment(base), cwd=base, capture_output=True, text=True, check=False)


def booster(path: Path) -> xgb.Booster:
    loaded = xgb.Booster()
    loaded.load_model(path)
    return loaded


def archive(path: Path, files: Mapping[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            tar.addfile(member, io.BytesIO(content.encode()))
    return path


def project_code(path: Path) -> Path:
    """The project's own code as a run packs it: the folder's files at the root."""
    return archive(path, {file.name: file.read_text() for file in (REPOSITORY / "training_code").glob("*.py")})


class Endpoint:
    """A serving process, ready to answer; what it logs is in a file."""

    def __init__(self, base: Path, *, python: str = sys.executable, **variables: str) -> None:
        self._log = base / "serving.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [python, "-m", "localcloud.xgboost_image", "serve"],
                env=environment(base, SAGEMAKER_BIND_TO_PORT=str(self.port), **variables),
                cwd=base,
                stderr=log,
            )
        while not self._is_ready():
            assert self.process.poll() is None, self.log
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return self.request("GET", "/ping")[0] == 200
        except ConnectionError:
            return False

    @property
    def log(self) -> str:
        return self._log.read_text()

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
        status, text, _ = self.request_with_type(method, path, body, **headers)
        return status, text

    def request_with_type(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, str, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text, response.headers["Content-Type"]

    def invoke(self, body: bytes, content_type: str = "text/csv", accept: str = "text/csv") -> tuple[int, str]:
        return self.request("POST", "/invocations", body, Content_Type=content_type, Accept=accept)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait()


def csv_of(table: pd.DataFrame) -> bytes:
    text: str = table.iloc[:, 1:].to_csv(header=False, index=False)
    return text.encode()
