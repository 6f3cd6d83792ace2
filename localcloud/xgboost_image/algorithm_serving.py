"""Answering with the image's own handler (aws-facts 2.18, 2.19)."""

import csv
import json
import os
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path

import numpy as np
import xgboost as xgb

from localcloud.xgboost_image import encoding
from localcloud.xgboost_image.errors import without_stack_trace
from localcloud.xgboost_image.server import Answer, Invocation, Refused

_ENCODERS: dict[str, Callable[[np.ndarray], str]] = {
    encoding.CSV: encoding.to_csv,
    encoding.JSON: encoding.to_json,
    encoding.JSONLINES: encoding.to_jsonlines,
}
_VOTING = ("multi:softmax", "binary:hinge")


class ModelProblem(Exception):
    """The model directory does not hold what the image can load."""


class AlgorithmModel:
    """All model files of a directory; several are an ensemble, whether meant as one or not."""

    def __init__(self, directory: Path) -> None:
        files = sorted(path for path in directory.glob("*") if path.is_file() and not path.name.startswith("."))
        if not files:
            raise ModelProblem(f"Unable to load model: {directory} has no files")
        ensemble = os.environ.get("SAGEMAKER_INFERENCE_ENSEMBLE", "true") == "true"
        self._boosters = [_load(path) for path in (files if ensemble else files[:1])]

    def answer(self, invocation: Invocation) -> Answer:
        if not invocation.body:
            return Answer(HTTPStatus.NO_CONTENT)
        rows = _parse(invocation)
        accept = encoding.media_type(invocation.accept)
        if accept not in _ENCODERS:
            raise Refused(
                HTTPStatus.NOT_ACCEPTABLE,
                f"Accept type {accept} is not supported on this machine. Supported: {', '.join(_ENCODERS)}",
            )
        try:
            prediction = _predict(self._boosters, rows)
        except xgb.core.XGBoostError as error:
            reason = without_stack_trace(error)
            raise Refused(HTTPStatus.BAD_REQUEST, f"Unable to evaluate payload provided: {reason}") from error
        return Answer(HTTPStatus.OK, _ENCODERS[accept](prediction).encode(), accept)


def _load(path: Path) -> xgb.Booster:
    """The image would try to unpickle the file first; what the 3.2 image trains needs no pickle."""
    booster = xgb.Booster({"nthread": 1})
    try:
        booster.load_model(path)
    except xgb.core.XGBoostError as error:
        reason = without_stack_trace(error)
        raise ModelProblem(f"Unable to load model: Model at {path} cannot be loaded:\n{reason}") from error
    return booster


def _parse(invocation: Invocation) -> xgb.DMatrix:
    content_type = encoding.media_type(invocation.content_type)
    if content_type not in ("csv", encoding.CSV):
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-type {content_type} is not supported on this machine; use csv"
        )
    try:
        return encoding.csv_to_dmatrix(invocation.body.decode())
    except (csv.Error, ValueError) as error:
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Loading csv data failed with Exception, please ensure data is in csv format:\n {type(error)}\n {error}",
        ) from error


def _predict(boosters: Sequence[xgb.Booster], rows: xgb.DMatrix) -> np.ndarray:
    predictions: np.ndarray = np.array([booster.predict(rows, validate_features=False) for booster in boosters])
    if len(predictions) == 1:
        return np.asarray(predictions[0])
    if json.loads(boosters[0].save_config())["learner"]["objective"]["name"] in _VOTING:
        return np.apply_along_axis(lambda votes: np.bincount(votes.astype(int)).argmax(), 0, predictions)
    return np.asarray(np.mean(predictions, axis=0))
