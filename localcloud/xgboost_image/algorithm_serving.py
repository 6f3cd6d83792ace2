"""Answering with the image's own handler (aws-facts 2.18, 2.19)."""

import csv
import json
import os
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb

from localcloud.xgboost_image import content_types, encoding
from localcloud.xgboost_image.errors import NotEmulated, UserError, without_stack_trace
from localcloud.xgboost_image.server import Answer, Invocation, Refused, default_accept, page

MAX_CONTENT_LENGTH = 6 * 1024**2
_SELECTED_OUTPUT = "SAGEMAKER_INFERENCE_OUTPUT"
_ACCEPTED = [encoding.JSON, encoding.JSONLINES, encoding.RECORDIO, encoding.CSV]
_VOTING = ("multi:softmax", "binary:hinge")


class ModelProblem(Exception):
    """The model directory does not hold what the image can load."""


class AlgorithmModel:
    """All model files of a directory; several are an ensemble, whether meant as one or not.

    Raises ModelProblem, and NotEmulated where the answers are to be other than the models' predictions.
    """

    execution_parameters: Mapping[str, Any] = {
        "MaxConcurrentTransforms": os.cpu_count(),
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": MAX_CONTENT_LENGTH // 1024**2,
    }

    def __init__(self, directory: Path) -> None:
        if _SELECTED_OUTPUT in os.environ:
            raise NotEmulated(f"{_SELECTED_OUTPUT} is not emulated on this machine; leave it out")
        files = sorted(path for path in directory.glob("*") if path.is_file() and not path.name.startswith("."))
        if not files:
            raise ModelProblem(f"Unable to load model: {directory} has no files")
        ensemble = os.environ.get("SAGEMAKER_INFERENCE_ENSEMBLE", "true") == "true"
        self._boosters = [_load(path) for path in (files if ensemble else files[:1])]

    def answer(self, invocation: Invocation) -> Answer:
        if len(invocation.body) > MAX_CONTENT_LENGTH:
            return page(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if not invocation.body:
            return Answer(HTTPStatus.NO_CONTENT)
        rows = _parse(invocation)
        try:
            predictions = _predict(self._boosters, rows).tolist()
        except xgb.core.XGBoostError as error:
            reason = without_stack_trace(error)
            raise Refused(HTTPStatus.BAD_REQUEST, f"Unable to evaluate payload provided: {reason}") from error
        accept = _accept(invocation)
        return Answer(HTTPStatus.OK, _encode(predictions, accept).encode(), accept)


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
    try:
        return _rows(invocation.content_type, invocation.body)
    except (UserError, NotEmulated) as error:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(error)) from error


def _rows(content_type: str | None, body: bytes) -> xgb.DMatrix:
    if content_types.data_format(content_type) != content_types.CSV:
        raise NotEmulated(f"The Content-Type {content_type} is not emulated on this machine; use {encoding.CSV}")
    try:
        return encoding.csv_to_dmatrix(body.strip().decode())
    except (csv.Error, ValueError) as error:
        raise UserError(
            f"Loading csv data failed with Exception, please ensure data is in csv format:\n {type(error)}\n {error}"
        ) from error


def _accept(invocation: Invocation) -> str:
    given = (invocation.accept or "").partition(";")[0].strip()
    if given in ("", "*/*"):
        return default_accept(encoding.CSV)
    if given.lower() not in _ACCEPTED:
        raise Refused(
            HTTPStatus.NOT_ACCEPTABLE,
            f"Accept type {given} is not supported. Please use supported accept types: {_ACCEPTED}.",
        )
    return given.lower()


def _encode(predictions: Sequence[Any], accept: str) -> str:
    """Raises NotImplementedError for two types that the image accepts and, unless the output is selected, can't write:
    its toolkit has no encoder for them."""
    if os.environ.get("SAGEMAKER_BATCH"):
        return encoding.to_lines(predictions)
    if accept == encoding.JSON:
        return encoding.to_json(predictions)
    if accept == encoding.CSV:
        return encoding.to_csv(predictions)
    raise NotImplementedError(f"Content type {accept} is not supported by this framework.")


def _predict(boosters: Sequence[xgb.Booster], rows: xgb.DMatrix) -> np.ndarray:
    predictions: np.ndarray = np.array([booster.predict(rows, validate_features=False) for booster in boosters])
    if len(predictions) == 1:
        return np.asarray(predictions[0])
    if json.loads(boosters[0].save_config())["learner"]["objective"]["name"] in _VOTING:
        return np.apply_along_axis(lambda votes: np.bincount(votes.astype(int)).argmax(), 0, predictions)
    return np.asarray(np.mean(predictions, axis=0))
