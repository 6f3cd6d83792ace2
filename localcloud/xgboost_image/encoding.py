"""CSV rows in, predictions out, the way the image's encoders do it (aws-facts 2.19)."""

import csv
import json

import numpy as np
import xgboost as xgb

CSV = "text/csv"
JSON = "application/json"
JSONLINES = "application/jsonlines"


def media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def csv_to_dmatrix(text: str) -> xgb.DMatrix:
    """Read rows without a label; an empty field is a missing value. Raises csv.Error or ValueError."""
    lines = text.strip().split("\n")
    sniffed = csv.Sniffer().sniff(lines[0][:512]).delimiter
    delimiter = "," if sniffed.isalnum() else sniffed
    rows = [[field or "nan" for field in line.split(delimiter)] for line in lines]
    return xgb.DMatrix(np.array(rows).astype(float))


def to_csv(prediction: np.ndarray) -> str:
    return "".join(f"{score}\n" for score in prediction)


def to_json(prediction: np.ndarray) -> str:
    return json.dumps({"predictions": _scores(prediction)})


def to_jsonlines(prediction: np.ndarray) -> str:
    return "".join(f"{json.dumps(score)}\n" for score in _scores(prediction))


def _scores(prediction: np.ndarray) -> list[dict[str, float]]:
    return [{"score": score} for score in prediction.tolist()]
