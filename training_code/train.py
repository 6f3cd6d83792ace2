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

import xgboost as xgb

if TYPE_CHECKING or __package__:
    from training_code import hyperparameters
    from training_code.container import MODEL_FILE, EnvironmentProblem, Rows, folders, read_channel, run
    from training_code.sampling import Sampling, resample
else:
    import hyperparameters
    from container import MODEL_FILE, EnvironmentProblem, Rows, folders, read_channel, run
    from sampling import Sampling, resample

logger = logging.getLogger(__name__)

_PERIOD = 10
_INJECTED = "_tuning_objective_metric"
_WEIGHT = "scale_pos_weight"


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
        return cls(*folders(variables, ("SM_CHANNEL_TRAIN", "SM_CHANNEL_VALIDATION", "SM_MODEL_DIR")))


@dataclass(frozen=True)
class Settings:
    """How to train: what `xgboost.train` takes, the metric that early stopping watches, and what is done about few
    positives: the training rows are sampled, or each positive weighs as many negatives as there are to it."""

    arguments: hyperparameters.TrainArguments
    watched_metric: str
    sampling: Sampling | None
    is_weighted: bool


def parse_settings(argv: Sequence[str]) -> Settings:
    """Read `--name value …`; raise HyperparameterError with all that is wrong or unknown."""
    parser = argparse.ArgumentParser(usage="train.py [--hyperparameter value …]", allow_abbrev=False)
    for known in hyperparameters.SCRIPT_HYPERPARAMETERS:
        names = [f"--{name}" for name in (known.name, known.alias) if name]
        parser.add_argument(*names, dest=known.name, help=str(known.domain), default=argparse.SUPPRESS)
    recognised, rest = parser.parse_known_args(argv)
    unknown = [word for word in rest if word.startswith("--")] or rest
    given = vars(recognised) | {word.removeprefix("--").partition("=")[0]: "" for word in unknown}
    # The tuning job adds its objective to the hyperparameters of the jobs that it starts (aws-facts 4.7).
    objective = given.pop(_INJECTED, None)
    return _settings(hyperparameters.validate(given, hyperparameters.SCRIPT_HYPERPARAMETERS), objective)


def _settings(values: dict[str, str], objective: str | None) -> Settings:
    """The tuning objective is always measured, and watched before the last eval_metric (aws-facts 2.15)."""
    imbalance, ratio = values.pop("imbalance", None), float(values.pop("sampling_ratio"))
    if imbalance == _WEIGHT and _WEIGHT in values:
        raise hyperparameters.HyperparameterError([f"{_WEIGHT} is given, and imbalance asks to compute it; give one"])
    seed = int(values.get("seed", "0"))
    sampling = None if imbalance in (None, _WEIGHT) else Sampling(imbalance, ratio, seed)
    arguments = hyperparameters.to_xgboost(values)
    metrics = values["eval_metric"].split(",")
    watched = metrics[-1] if objective is None else hyperparameters.objective_metric(objective).metric
    arguments.params["eval_metric"] = metrics if watched in metrics else [*metrics, watched]
    return Settings(arguments, watched, sampling, is_weighted=imbalance == _WEIGHT)


def fit(settings: Settings, train: Rows, validation: Rows) -> xgb.Booster:
    """Train, and print metrics as the image's metric definitions look for them (aws-facts 2.9).

    Early stopping needs them after each round; else every tenth round and the last are enough, since ranking all
    training rows for AUC takes longer than growing the tree.
    """
    params, rounds, early_stopping_rounds = settings.arguments
    if settings.is_weighted:
        params = params | {_WEIGHT: train.negatives / train.positives}
    matrix = train.matrix()
    evals = [(matrix, "train"), (validation.matrix(), "validation")]
    if early_stopping_rounds is None:
        return xgb.train(params, matrix, num_boost_round=rounds, callbacks=[PeriodicEvaluation(evals, last=rounds - 1)])
    stopping = early_stopping(settings, early_stopping_rounds)
    return xgb.train(params, matrix, num_boost_round=rounds, evals=evals, callbacks=[stopping])


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
    settings = parse_settings(argv)
    environment = Environment.read(os.environ)
    train, validation = read_channel(environment.train), read_channel(environment.validation)
    _log("train", train)
    _log("validation", validation)
    if settings.sampling:
        train = resample(train, settings.sampling)
        _log(f"train after {settings.sampling.method}", train)
    save(fit(settings, train, validation), environment.model_dir)


def _log(name: str, rows: Rows) -> None:
    logger.info("%s: %d rows of %d features, %d positive", name, *rows.features.shape, rows.positives)


if __name__ == "__main__":
    run(main, hyperparameters.HyperparameterError)
