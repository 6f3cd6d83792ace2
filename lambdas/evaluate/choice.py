"""Which model was chosen and at which threshold it decides, as the job that chose them tells it."""

import io
import json
import math
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from lambdas.evaluate.errors import UnusableChoice

CHOICE_FILE = "choice.json"


@dataclass(frozen=True)
class Choice:
    """`text` is the file as the job wrote it; `average_precision` and the trained model's are on validation rows."""

    text: str
    source: str
    job_name: str
    average_precision: float
    trained_average_precision: float
    candidates: int
    threshold: float
    threshold_objective: str
    threshold_reached: bool

    @classmethod
    def unpack(cls, archive: bytes, job: str) -> "Choice":
        """From the output.tar.gz of the job called `job`. Raises UnusableChoice."""
        try:
            text = _unpack(archive)
            return cls._of(text, json.loads(text))
        except (KeyError, TypeError, ValueError, OSError, EOFError, tarfile.TarError, zlib.error) as error:
            raise UnusableChoice(
                f"The output.tar.gz of the job {job} has no {CHOICE_FILE} with the chosen model and its threshold "
                f"({type(error).__name__}: {error}). Look at the job's log, and start another run."
            ) from error

    @classmethod
    def _of(cls, text: str, document: Mapping[str, Any]) -> "Choice":
        chosen, threshold = document["chosen"], document["threshold"]
        if not math.isfinite(threshold["value"]):
            raise ValueError("the threshold is not finite")
        return cls(
            text=text,
            source=chosen["source"],
            job_name=chosen["job_name"],
            average_precision=chosen["average_precision"],
            trained_average_precision=document["trained"]["average_precision"],
            candidates=len(document["candidates"]),
            threshold=threshold["value"],
            threshold_objective=threshold["objective"],
            threshold_reached=threshold["reached"],
        )

    def chosen_as_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "job_name": self.job_name,
            "average_precision": self.average_precision,
            "trained_average_precision": self.trained_average_precision,
            "candidates": self.candidates,
        }

    def threshold_as_json(self) -> dict[str, Any]:
        return {
            "threshold": self.threshold,
            "threshold_objective": self.threshold_objective,
            "threshold_reached": self.threshold_reached,
        }


def _unpack(archive: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as members:
        for member in members:
            file = members.extractfile(member) if PurePosixPath(member.name) == PurePosixPath(CHOICE_FILE) else None
            if file:
                return file.read().decode()
    raise KeyError(CHOICE_FILE)
