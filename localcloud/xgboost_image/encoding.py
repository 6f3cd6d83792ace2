"""CSV rows in, predictions out, the way the image's encoders do it (aws-facts 2.19)."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xgboost as xgb

CSV = "text/csv"
JSON = "application/json"
JSONLINES = "application/jsonlines"
RECORDIO = "application/x-recordio-protobuf"


def media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def csv_to_dmatrix(text: str) -> xgb.DMatrix:
    """Read rows without a label; an empty field is a missing value. Raises csv.Error or ValueError.

    A newline at the end begins another row, which is then too short: strip it.
    """
    lines = text.split("\n")
    sniffed = csv.Sniffer().sniff(lines[0][:512]).delimiter
    delimiter = "," if sniffed.isalnum() else sniffed
    rows = [[field or "nan" for field in line.split(delimiter)] for line in lines]
    return xgb.DMatrix(np.array(rows).astype(float))


def to_csv(predictions: np.ndarray | Sequence[Any]) -> str:
    """A line a row, with a column for each class that has a score.

    A float32 array is written with as few digits as tell its numbers apart; a list of its numbers, which are Python's
    then, with all that a double needs.
    """
    rows = np.array(predictions)
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(rows.reshape(len(rows), -1))
    return lines.getvalue()


def to_lines(predictions: Sequence[Any]) -> str:
    """What batch transform gets of the image's own algorithm, whatever it wants: a row of classes is a Python list."""
    return "".join(f"{prediction}\n" for prediction in predictions)


def to_json(predictions: Sequence[Any]) -> str:
    return json.dumps({"predictions": [{"score": prediction} for prediction in predictions]})
