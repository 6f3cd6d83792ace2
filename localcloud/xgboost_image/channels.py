"""The data channels of an algorithm mode job: what the image accepts, and how it reads CSV (aws-facts 2.12, 2.13)."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xgboost as xgb

from localcloud.xgboost_image import content_types
from localcloud.xgboost_image.errors import NotEmulated, UserError, without_stack_trace

_KNOWN = ("train", "validation", "code")


def check(configured: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise UserError for channels that the image refuses, NotEmulated for data that is not CSV files."""
    if "train" not in configured:
        raise UserError("Missing required channel: train")
    for name, configuration in configured.items():
        if name not in _KNOWN:
            raise UserError(f"Extraneous channel found: {name}")
        if configuration.get("TrainingInputMode", "File") != "File":
            raise UserError(f"Channel configuration for '{name}' channel is not supported: {dict(configuration)}")
        if name != "code":
            _check_content_type(name, configuration.get("ContentType"))


def _check_content_type(channel: str, given: str | None) -> None:
    if content_types.data_format(given) != content_types.CSV:
        described = given or "missing, which the image takes for text/libsvm"
        raise NotEmulated(
            f"the ContentType of the channel {channel} is {described}; on this machine it must be text/csv"
        )


def read(folder: Path, csv_weights: int) -> xgb.DMatrix:
    """Read a channel with XGBoost's own text parser, as the image does; a header becomes a row of zeros.

    That parser rounds some decimals to a neighbour of the nearest float32, so that a model may differ a little from
    one that is trained on the same rows in memory.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name[0] not in "._"]
    if not any(path.stat().st_size for path in files):
        name = "training" if folder.name == "train" else folder.name
        raise UserError(f"No data in {name} channel path {folder}")
    delimiters = [_delimiter(path) for path in files]
    weights = "&weight_column=1" if csv_weights else ""
    uri = f"{';'.join(map(str, files))}?format=csv&label_column=0&delimiter={delimiters[0]}{weights}"
    try:
        return xgb.DMatrix(uri)
    except xgb.core.XGBoostError as error:
        raise UserError(f"Failed to load csv data with exception:\n{without_stack_trace(error)}") from error


def _delimiter(path: Path) -> str:
    with path.open(errors="ignore") as lines:
        first = lines.readline()
    try:
        return csv.Sniffer().sniff(first).delimiter
    except csv.Error as error:
        raise UserError(f"Could not determine delimiter on line 1 of {path.name}:\n{error}") from error
