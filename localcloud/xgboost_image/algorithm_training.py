"""Training with the image's own algorithm."""

import logging
from typing import Any

import xgboost as xgb

from localcloud.xgboost_image import channels, hyperparameters
from localcloud.xgboost_image.container import MODEL_FILE, Container
from localcloud.xgboost_image.errors import AlgorithmError, without_stack_trace

logger = logging.getLogger(__name__)


def train(container: Container) -> None:
    """Train as the channels and hyperparameters of `container` say; leave one file in its model directory."""
    settings = hyperparameters.check(container.config("hyperparameters"))
    configured = container.config("inputdataconfig")
    channels.check(configured)
    csv_weights = settings.pop("csv_weights", 0)
    data: dict[str, xgb.DMatrix] = {
        name: channels.read(container.channel(name), csv_weights)
        for name in ("train", "validation")
        if name in configured
    }
    for name, rows in data.items():
        logger.info("%s matrix has %d rows and %d columns", name.capitalize(), rows.num_row(), rows.num_col())
    booster = _fit(settings, data)
    container.model.mkdir(parents=True, exist_ok=True)
    booster.save_model(container.model / MODEL_FILE)


def _fit(settings: dict[str, Any], data: dict[str, xgb.DMatrix]) -> xgb.Booster:
    num_round = settings.pop("num_round")
    callbacks = [xgb.callback.EvaluationMonitor(), *_early_stopping(settings, has_validation="validation" in data)]
    if "updater" in settings:
        settings["updater"] = ",".join(settings["updater"])
    try:
        return xgb.train(
            settings,
            data["train"],
            num_boost_round=num_round,
            evals=[(rows, name) for name, rows in data.items()],
            callbacks=callbacks,
            verbose_eval=False,
        )
    except (xgb.core.XGBoostError, ValueError) as error:
        raise AlgorithmError(f"XGB train call failed with exception:\n {without_stack_trace(error)}") from error


def _early_stopping(settings: dict[str, Any], *, has_validation: bool) -> list[xgb.callback.TrainingCallback]:
    """Take the image's own settings out; the tuning objective is measured and watched first (aws-facts 2.15)."""
    rounds = settings.pop("early_stopping_rounds", None)
    metrics = settings.get("eval_metric", [])
    watched = metrics[-1] if metrics else None
    if objective := settings.pop("_tuning_objective_metric", None):
        watched = objective.removeprefix("validation:")
        settings["eval_metric"] = sorted({*metrics, watched})
    if not (rounds and watched and has_validation):
        return []
    return [
        xgb.callback.EarlyStopping(
            rounds=rounds,
            data_name="validation",
            metric_name=watched,
            maximize=watched in hyperparameters.MAXIMIZE_METRICS,
            save_best=True,
        )
    ]
