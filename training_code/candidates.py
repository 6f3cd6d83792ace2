"""The models that may be deployed, each judged by its scores of the validation rows."""

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import xgboost as xgb
from sklearn.metrics import average_precision_score, roc_auc_score

if TYPE_CHECKING or __package__:
    from training_code.container import MODEL_FILE, Rows
else:
    from container import MODEL_FILE, Rows

TRAINED, REGISTERED, TUNED = "trained", "registered", "tuned"
REGISTERED_MODEL = "registered-model"
_SOURCES = (TRAINED, REGISTERED, TUNED)
_ARCHIVES = "*/output/model.tar.gz"


class UnusableCandidate(ValueError):
    """A model that cannot be compared with the others; the message says why."""


class NoTrainedModel(RuntimeError):
    """The model that all others are measured against is not there, or cannot be used."""


@dataclass(frozen=True)
class Candidate:
    """`source` is the first of trained, registered and tuned that it is; the figures are of the validation rows."""

    job_name: str
    source: str
    average_precision: float
    roc_auc: float
    archive: Path


@dataclass(frozen=True)
class Skipped:
    job_name: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """The usable candidates, the best first, and those left out, by name."""

    candidates: Sequence[Candidate]
    skipped: Sequence[Skipped]

    @property
    def chosen(self) -> Candidate:
        return self.candidates[0]

    @property
    def trained(self) -> Candidate:
        return next(each for each in self.candidates if each.source == TRAINED)


def compare(channel: Path, validation: Rows, trained_job: str) -> Comparison:
    """Compare the `<job name>/output/model.tar.gz` of a channel by their average precision on the validation rows.

    Of equals the trained model comes first, then the registered one, then the tuned ones by name. What cannot be used
    is skipped, but for the model of `trained_job`: raises NoTrainedModel, with the reason.
    """
    matrix = validation.matrix()
    candidates, skipped = [], []
    for archive in sorted(channel.glob(_ARCHIVES)):
        job_name = archive.parents[1].name
        try:
            scores = score(load(read_model(archive)), matrix)
        except UnusableCandidate as error:
            skipped.append(Skipped(job_name, str(error)))
            continue
        candidates.append(
            Candidate(
                job_name,
                _source(job_name, trained_job),
                float(average_precision_score(validation.labels, scores)),
                float(roc_auc_score(validation.labels, scores)),
                archive,
            )
        )
    if not any(each.source == TRAINED for each in candidates):
        reason = next((each.reason for each in skipped if each.job_name == trained_job), "there is no such archive")
        raise NoTrainedModel(
            f"the channel {channel.name} has no usable {trained_job}/output/model.tar.gz: {reason}; "
            "trained_job must be the job that trained the model to compare with"
        )
    return Comparison(sorted(candidates, key=_rank), skipped)


def _source(job_name: str, trained_job: str) -> str:
    if job_name == trained_job:
        return TRAINED
    return REGISTERED if job_name == REGISTERED_MODEL else TUNED


def _rank(candidate: Candidate) -> tuple[float, int, str]:
    return -candidate.average_precision, _SOURCES.index(candidate.source), candidate.job_name


def read_model(archive: Path) -> bytes:
    """Return the one member that is the model, and nothing else of the archive; nothing is unpacked to the disk.

    Raises UnusableCandidate. The archive is decompressed as a whole, so that its checksum vouches for the model:
    XGBoost may crash on a damaged one.
    """
    try:
        content = gzip.decompress(archive.read_bytes())
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            found = [tar.extractfile(member) for member in tar if _is_model(member)]
            model = found[0].read() if found and found[0] else b""
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise UnusableCandidate("its archive cannot be read") from error
    if not model:
        raise UnusableCandidate(f"its archive has no file {MODEL_FILE}")
    return model


def _is_model(member: tarfile.TarInfo) -> bool:
    """PurePosixPath takes ./xgboost-model for xgboost-model, but not ../xgboost-model nor /xgboost-model."""
    return member.isfile() and PurePosixPath(member.name) == PurePosixPath(MODEL_FILE)


def load(model: bytes) -> xgb.Booster:
    """Raise UnusableCandidate for what XGBoost does not know for a model; a pickle is never opened."""
    booster = xgb.Booster()
    try:
        booster.load_model(bytearray(model))
    except ValueError as error:  # XGBoostError is one, and so are errors of decoding
        raise UnusableCandidate("XGBoost cannot load its model") from error
    return booster


def score(booster: xgb.Booster, rows: xgb.DMatrix) -> np.ndarray:
    """Return a probability a row, as float32; raise UnusableCandidate if the model does not give that."""
    if booster.num_features() != rows.num_col():
        raise UnusableCandidate(
            f"its model takes {booster.num_features()} features, but the validation rows have {rows.num_col()}"
        )
    try:
        scores: np.ndarray = booster.predict(rows)
    except ValueError as error:
        raise UnusableCandidate("its model cannot score the validation rows") from error
    if scores.ndim != 1 or not np.all((scores >= 0) & (scores <= 1)):
        raise UnusableCandidate("its scores are not probabilities")
    return scores


def feature_importance(booster: xgb.Booster) -> list[tuple[int, float]]:
    """Return the features that the model splits by, counted from 0, with their shares of the gain, the highest first.

    The gain is XGBoost's, the mean over a feature's splits. A linear model has no splits, so nothing is returned.
    """
    if json.loads(booster.save_config())["learner"]["gradient_booster"]["name"] == "gblinear":
        return []
    scores = booster.get_score(importance_type="gain")
    gains = {int(name.removeprefix("f")): gain for name, gain in scores.items() if isinstance(gain, float)}
    total = sum(gains.values())
    return sorted(((feature, gain / total) for feature, gain in gains.items()), key=lambda share: (-share[1], share[0]))
