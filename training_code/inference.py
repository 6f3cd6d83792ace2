"""Answer the endpoint's requests in script mode: CSV rows without a label in, a fraud probability for each row out."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import xgboost as xgb

CSV = "text/csv"
JSON = "application/json"


class UnsupportedType(ValueError):
    """The request has, or wants, a content type that is not spoken here."""


class BadRequest(ValueError):
    """The request's rows are not what the model takes; the message never quotes their values."""


def model_fn(model_dir: str) -> xgb.Booster:
    booster = xgb.Booster({"nthread": 1})  # requests are answered in parallel by the server, not within one
    booster.load_model(Path(model_dir) / "xgboost-model")
    return booster


def input_fn(data: str | bytes, content_type: str) -> np.ndarray:
    """Return the rows as float32; an empty field is a missing value."""
    if _media_type(content_type) != CSV:
        raise UnsupportedType(f"the content type is {content_type!r}; allowed is {CSV}")
    text = data if isinstance(data, str) else bytes(data).decode()
    rows = [_numbers(number, fields) for number, fields in _rows(text)]
    if not rows:
        raise BadRequest("the request has no rows; send one a line, without the label")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise BadRequest(f"row {number} has {len(row)} fields, but row 1 has {len(rows[0])}")
    return np.array(rows, dtype=np.float32)


def predict_fn(data: np.ndarray, model: xgb.Booster) -> np.ndarray:
    """Return a probability a row; XGBoost itself would take missing columns at the end for missing values."""
    expected = model.num_features()
    if data.shape[1] != expected:
        raise BadRequest(f"the rows have {data.shape[1]} features, but the model takes {expected}; leave out the label")
    prediction: np.ndarray = model.predict(xgb.DMatrix(data))
    return prediction


def output_fn(prediction: np.ndarray, accept: str) -> tuple[str, str]:
    """Return a line a row, or the JSON of the image's own algorithm (aws-facts 2.19), and which of the two it is."""
    wanted = _media_type(accept)
    if wanted in (CSV, "*/*", ""):
        return "".join(f"{score}\n" for score in prediction), CSV
    if wanted == JSON:
        return json.dumps({"predictions": [{"score": score} for score in prediction.tolist()]}), JSON
    raise UnsupportedType(f"the answer wanted is {accept!r}; allowed are {CSV} and {JSON}")


def _media_type(header: str | None) -> str:
    return (header or "").partition(";")[0].strip().lower()


def _rows(text: str) -> Iterator[tuple[int, Sequence[str]]]:
    rows = (fields for fields in csv.reader(io.StringIO(text)) if fields)
    return enumerate(rows, start=1)


def _numbers(row: int, fields: Sequence[str]) -> list[float]:
    numbers = []
    for column, field in enumerate(fields, start=1):
        try:
            numbers.append(float(field) if field.strip() else np.nan)
        except ValueError:
            raise BadRequest(f"row {row}, column {column} is not a number") from None
    return numbers
