"""Answering with the functions of the user's script (aws-facts 3.5)."""

import importlib
import json
import sys
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from localcloud.xgboost_image import encoding
from localcloud.xgboost_image.server import Answer, Invocation, default_accept

_TEXT_TYPES = (encoding.CSV, encoding.JSON)
_REPOSITORY = Path(__file__).resolve().parents[2]


class ScriptProblem(Exception):
    """The script does not fit together."""


def load_module(program: str, code: Path) -> ModuleType:
    """Import the script, which must not see the modules of this repository: on AWS they are not there."""
    sys.path[:] = [str(code), *(entry for entry in sys.path if entry and Path(entry) != _REPOSITORY)]
    return importlib.import_module(program.removesuffix(".py"))


class ScriptModel:
    """The script's model_fn with its transform_fn, or with its input_fn, predict_fn and output_fn or their defaults.

    The toolkit takes a request without a Content-Type for JSON, and answers JSON to those who want anything. What the
    script returns is HTML to it, unless it is a pair, of the answer and its type.
    """

    execution_parameters = None

    def __init__(self, script: ModuleType, model_dir: Path) -> None:
        parts = [name for name in ("input_fn", "predict_fn", "output_fn") if hasattr(script, name)]
        if hasattr(script, "transform_fn") and parts:
            raise ScriptProblem("Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn")
        if not hasattr(script, "model_fn"):
            raise NotImplementedError("Please provide a model_fn implementation.")
        self._transform = getattr(script, "transform_fn", self._default_transform)
        self._input = getattr(script, "input_fn", _default_input)
        self._predict = getattr(script, "predict_fn", _default_predict)
        self._output = getattr(script, "output_fn", _default_output)
        self._model = script.model_fn(str(model_dir))

    def answer(self, invocation: Invocation) -> Answer:
        content_type = invocation.content_type or encoding.JSON
        accept = invocation.accept if invocation.accept not in (None, "", "*/*") else default_accept(encoding.JSON)
        data = invocation.body.decode(errors="replace") if content_type in _TEXT_TYPES else invocation.body
        result = self._transform(self._model, data, content_type, accept)
        body, answered = result if isinstance(result, tuple) else (result, "text/html")
        return Answer(HTTPStatus.OK, body.encode() if isinstance(body, str) else bytes(body), answered)

    def _default_transform(self, model: Any, data: str | bytes, content_type: str, accept: str) -> Any:
        return self._output(self._predict(self._input(data, content_type), model), accept)


def _default_input(data: str | bytes, content_type: str) -> Any:
    if encoding.media_type(content_type) != encoding.CSV:
        raise ValueError(f"Content type {content_type} is not supported by this machine's default input_fn")
    return encoding.csv_to_dmatrix(data if isinstance(data, str) else data.decode())


def _default_predict(data: Any, model: Any) -> Any:
    return model.predict(data, validate_features=False)


def _default_output(prediction: Any, accept: str) -> tuple[str, str]:
    if accept == encoding.CSV:
        return encoding.to_csv(prediction), accept
    if accept == encoding.JSON:
        return json.dumps(np.asarray(prediction).tolist()), accept
    raise ValueError(f"Accept type {accept} is not supported by this machine's default output_fn")
