"""The lesson's model, made as in its notebook: plain XGBoost, and nothing of this project."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import xgboost as xgb
from sklearn.metrics import average_precision_score

_LABEL = "Class"
_ROUNDS = 100
_PARAMETERS = {
    "max_depth": 5,
    "eta": 0.2,
    "gamma": 4,
    "min_child_weight": 6,
    "subsample": 0.8,
    "objective": "binary:logistic",
}


@dataclass(frozen=True)
class AveragePrecision:
    """Of one model on the two parts that it was not trained on."""

    validation: float
    test: float


def read(path: Path) -> pd.DataFrame:
    """A CSV file, or the one in a zip."""
    if not zipfile.is_zipfile(path):
        return pd.read_csv(path)
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".csv") and not name.startswith("__MACOSX"))
        with archive.open(name) as file:
            return pd.read_csv(file)


def split(table: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """70 % to train on, 20 % to validate, 10 % to test, as the lesson does with seed 1729."""
    shuffled, rows = table.sample(frac=1, random_state=seed), len(table)
    train_end, validation_end = int(0.7 * rows), int(0.9 * rows)
    return shuffled[:train_end], shuffled[train_end:validation_end], shuffled[validation_end:]


def lesson(table: pd.DataFrame, seed: int) -> AveragePrecision:
    train, validation, test = split(table, seed)
    model = xgb.train(_PARAMETERS, _matrix(train), _ROUNDS)
    return AveragePrecision(average_precision(model, validation), average_precision(model, test))


def average_precision(model: xgb.Booster, part: pd.DataFrame) -> float:
    return float(average_precision_score(part[_LABEL], model.predict(_matrix(part))))


def _matrix(part: pd.DataFrame) -> xgb.DMatrix:
    return xgb.DMatrix(part.drop(columns=_LABEL).to_numpy("float32"), label=part[_LABEL].to_numpy())
