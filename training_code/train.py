"""Train XGBoost on the channels of a training job; script mode runs it as `python -m train --max_depth 5 …`.

The folder is the whole program: in AWS's image it is the root, elsewhere it may be imported as `training_code.train`.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xgboost as xgb

if TYPE_CHECKING or __package__:
    from training_code import hyperparameters
else:
    import hyperparameters

logger = logging.getLogger(__name__)

MODEL_FILE = "xgboost-model"
_PERIOD = 10
_INJECTED = "_tuning_objective_metric"
# The image's pandas 2.2 may read a decimal as a neighbour of the nearest float; later ones read it right unasked.
_EXACT: Any = {"float_precision": "round_trip"} if pd.__version__.startswith("2.") else {}


class EnvironmentProblem(RuntimeError):
    """The script does not run the way a training job of this project runs it."""


class DataProblem(ValueError):
    """A channel's files are not what training needs; the message never quotes their values."""


@dataclass(frozen=True)
class Environment:
    """The part of a training container's environment that is used here (aws-facts 3.3)."""

    train: Path
    validation: Path
    model_dir: Path

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> "Environment":
        """Raise EnvironmentProblem for a missing variable, and for several hosts, which would not share their work."""
        hosts = json.loads(variables.get("SM_HOSTS", "[]"))
        if len(hosts) > 1:
            raise EnvironmentProblem(f"{len(hosts)} hosts are given; script mode trains on 1, so use mode builtin")
        names = ("SM_CHANNEL_TRAIN", "SM_CHANNEL_VALIDATION", "SM_MODEL_DIR")
        if missing := [name for name in names if name not in variables]:
            raise EnvironmentProblem(f"{', '.join(missing)} is not set; a job needs the channels train and validation")
        return cls(*(Path(variables[name]) for name in names))


@dataclass(frozen=True)
class Settings:
    """How to train: what `xgboost.train` takes, and the metric that early stopping watches."""

    arguments: hyperparameters.TrainArguments
    watched_metric: str


def parse_settings(argv: Sequence[str]) -> Settings:
    """Read `--name value …`; raise HyperparameterError with all that is wrong or unknown."""
    parser = argparse.ArgumentParser(usage="train.py [--hyperparameter value …]", allow_abbrev=False)
    for known in hyperparameters.HYPERPARAMETERS:
        names = [f"--{name}" for name in (known.name, known.alias) if name]
        parser.add_argument(*names, dest=known.name, help=str(known.domain), default=argparse.SUPPRESS)
    recognised, rest = parser.parse_known_args(argv)
    unknown = [word for word in rest if word.startswith("--")] or rest
    given = vars(recognised) | {word.removeprefix("--").partition("=")[0]: "" for word in unknown}
    # The tuning job adds its objective to the hyperparameters of the jobs that it starts (aws-facts 4.7).
    objective = given.pop(_INJECTED, None)
    return _settings(hyperparameters.validate(given), objective)


def _settings(values: Mapping[str, str], objective: str | None) -> Settings:
    """The tuning objective is always measured, and watched before the last eval_metric (aws-facts 2.15)."""
    arguments = hyperparameters.to_xgboost(values)
    metrics = values["eval_metric"].split(",")
    if objective is None:
        return Settings(arguments, watched_metric=metrics[-1])
    watched = hyperparameters.objective_metric(objective).metric
    arguments.params["eval_metric"] = metrics if watched in metrics else [*metrics, watched]
    return Settings(arguments, watched_metric=watched)


def read_channel(folder: Path) -> xgb.DMatrix:
    """Read all CSV files of a channel: no header, the label (0 or 1) first; an empty field is a missing value.

    Files whose names start with a dot or an underscore are skipped, as the image does (aws-facts 2.12).
    """
    files = sorted(path for path in folder.glob("*") if path.is_file() and path.name[0] not in "._")
    if not files:
        raise DataProblem(f"the channel {folder.name} has no files; it needs at least one CSV file")
    tables = [read_csv(path) for path in files]
    widths = {table.shape[1] for table in tables}
    if len(widths) > 1:
        raise DataProblem(f"the files of the channel {folder.name} differ in their number of columns: {sorted(widths)}")
    rows = np.concatenate(tables)
    if set(np.unique(rows[:, 0])) != {0, 1}:
        raise DataProblem(f"the first column of the channel {folder.name} must be the label, with both 0 and 1 in it")
    return xgb.DMatrix(rows[:, 1:], label=rows[:, 0])


def read_csv(path: Path) -> np.ndarray:
    """Return the file's rows as float32, each the nearest to the decimal number that is written."""
    try:
        table: pd.DataFrame = pd.read_csv(path, header=None, **_EXACT)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DataProblem(f"{path.name} is no CSV file: {error}") from error
    not_numbers = [column + 1 for column, kind in enumerate(table.dtypes) if kind.kind not in "iuf"]
    if not_numbers:
        raise DataProblem(
            f"{path.name} must hold numbers only, and no header; columns {not_numbers}, counted from 1, have others"
        )
    rows: np.ndarray = table.to_numpy(dtype=np.float32)
    return rows


def fit(settings: Settings, train: xgb.DMatrix, validation: xgb.DMatrix) -> xgb.Booster:
    """Train, and print metrics as the image's metric definitions look for them (aws-facts 2.9).

    Early stopping needs them after each round; else every tenth round and the last are enough, since ranking all
    training rows for AUC takes longer than growing the tree.
    """
    params, rounds, early_stopping_rounds = settings.arguments
    evals = [(train, "train"), (validation, "validation")]
    if early_stopping_rounds is None:
        return xgb.train(params, train, num_boost_round=rounds, callbacks=[PeriodicEvaluation(evals, last=rounds - 1)])
    stopping = early_stopping(settings, early_stopping_rounds)
    return xgb.train(params, train, num_boost_round=rounds, evals=evals, callbacks=[stopping])


class PeriodicEvaluation(xgb.callback.TrainingCallback):
    """Evaluates every tenth round and the last, and prints what XGBoost itself would print."""

    def __init__(self, evals: list[tuple[xgb.DMatrix, str]], last: int) -> None:
        super().__init__()
        self._evals = evals
        self._last = last

    def after_iteration(self, model: xgb.Booster, epoch: int, evals_log: dict[str, Any]) -> bool:
        if epoch % _PERIOD == 0 or epoch == self._last:
            sys.stdout.write(model.eval_set(self._evals, epoch) + "\n")
        return False


def early_stopping(settings: Settings, rounds: int) -> xgb.callback.EarlyStopping:
    metric = settings.watched_metric
    return xgb.callback.EarlyStopping(
        rounds=rounds,
        metric_name=metric,
        data_name="validation",
        maximize=hyperparameters.is_maximized(metric),
        save_best=True,
    )


def save(booster: xgb.Booster, model_dir: Path) -> None:
    """Leave one file: the image would average its answers with those of any other file beside it (aws-facts 2.18)."""
    model_dir.mkdir(parents=True, exist_ok=True)
    booster.save_model(model_dir / MODEL_FILE)


def main(argv: Sequence[str]) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = parse_settings(argv)
    environment = Environment.read(os.environ)
    train, validation = read_channel(environment.train), read_channel(environment.validation)
    for name, rows in (("train", train), ("validation", validation)):
        logger.info("%s: %d rows of %d features", name, rows.num_row(), rows.num_col())
    save(fit(settings, train, validation), environment.model_dir)


if __name__ == "__main__":
    main(sys.argv[1:])
