"""The file system of a container, /opt/ml on AWS (aws-facts 3.4)."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODEL_FILE = "xgboost-model"


@dataclass(frozen=True)
class Container:
    base: Path

    @classmethod
    def of_this_process(cls) -> "Container":
        return cls(Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")))

    @property
    def code(self) -> Path:
        return self.base / "code"

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def input(self) -> Path:
        return self.base / "input"

    @property
    def output(self) -> Path:
        return self.base / "output"

    def channel(self, name: str) -> Path:
        return self.input / "data" / name

    def config(self, name: str) -> dict[str, Any]:
        """Return one of hyperparameters, inputdataconfig and resourceconfig."""
        document: dict[str, Any] = json.loads((self.input / "config" / f"{name}.json").read_text())
        return document

    def fail(self, reason: str) -> None:
        self.output.mkdir(parents=True, exist_ok=True)
        (self.output / "failure").write_text(reason)
