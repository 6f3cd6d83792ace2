"""The image's own check of an algorithm mode job's hyperparameters (aws-facts 2.7), with the image's words."""

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.xgboost_image.errors import NotEmulated, UserError

MAXIMIZE_METRICS = (
    *("accuracy", "auc", "aucpr", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "map", "ndcg", "precision"),
    *("precision_macro", "precision_micro", "r2", "recall", "recall_macro", "recall_micro"),
)
MINIMIZE_METRICS = (
    *("aft-nloglik", "cox-nloglik", "error", "gamma-deviance", "gamma-nloglik", "interval-regression-accuracy"),
    *("logloss", "mae", "mape", "merror", "mlogloss", "mphe", "mse", "poisson-nloglik", "rmse", "rmsle"),
    "tweedie-nloglik",
)
_METRICS = (*MAXIMIZE_METRICS, *MINIMIZE_METRICS)
# The image computes these itself, with scikit-learn.
_CUSTOM_METRICS = {
    *("accuracy", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "mse", "precision", "precision_macro"),
    *("precision_micro", "r2", "recall", "recall_macro", "recall_micro"),
}
_UPDATERS = (
    *("grow_colmaker", "distcol", "grow_histmaker", "grow_local_histmaker", "grow_quantile_histmaker", "grow_skmaker"),
    *("sync", "refresh", "prune", "shotgun", "coord_descent"),
)
_OBJECTIVES = r"binary:(logistic|logitraw|hinge)|count:poisson|multi:(softmax|softprob)|(rank|reg|survival):\w+"
_ALIASES = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha"}


@dataclass(frozen=True)
class _Rule:
    """How a value is parsed, and the range that it, or each of several, must be in, as the image prints it."""

    parse: Callable[[str], Any]
    range: str
    contains: Callable[[Any], bool]
    refusal: str = "{value} is not in {range}"


_ONE_OF_SEVERAL = "value {value} not in range {range}"


def _interval(parse: Callable[[str], float], text: str) -> _Rule:
    low, high = (float(end) for end in text[1:-1].split(","))

    def contains(value: float) -> bool:
        above = value >= low if text[0] == "[" else value > low
        return above and (value <= high if text[-1] == "]" else value < high)

    return _Rule(parse, text, contains)


def _integer(text: str) -> _Rule:
    return _interval(int, text)


def _number(text: str) -> _Rule:
    return _interval(float, text)


def _choice(*values: str) -> _Rule:
    return _Rule(str, str(list(values)), lambda value: value in values)


def _comma_list(is_known: Callable[[str], bool], known: tuple[str, ...]) -> _Rule:
    return _Rule(
        lambda text: text.split(","), str(list(known)), lambda values: all(map(is_known, values)), _ONE_OF_SEVERAL
    )


def _is_metric(metric: str) -> bool:
    name, at, threshold = metric.partition("@")
    if at:
        return name in ("error", "ndcg", "map") and re.fullmatch(r"[\d.]+", threshold) is not None
    return name in _METRICS


def _nested(is_known: Callable[[Any], bool], text: str) -> _Rule:
    return _Rule(ast.literal_eval, text, lambda values: all(map(is_known, values)), _ONE_OF_SEVERAL)


RULES: Mapping[str, _Rule] = {
    "num_round": _integer("[1, +inf)"),
    "num_class": _integer("[2, +inf)"),
    "csv_weights": _integer("[0, 1]"),
    "early_stopping_rounds": _integer("[1, +inf)"),
    "booster": _choice("gbtree", "gblinear", "dart"),
    "verbosity": _integer("[0, 3]"),
    "nthread": _integer("[1, +inf)"),
    "eta": _number("[0, 1]"),
    "gamma": _number("[0, +inf)"),
    "max_depth": _integer("[0, +inf)"),
    "min_child_weight": _number("[0, +inf)"),
    "max_delta_step": _number("[0, +inf)"),
    "subsample": _number("(0, 1]"),
    "colsample_bytree": _number("(0, 1]"),
    "colsample_bylevel": _number("(0, 1]"),
    "colsample_bynode": _number("(0, 1]"),
    "lambda": _number("[0, +inf)"),
    "alpha": _number("[0, +inf)"),
    "tree_method": _choice("auto", "exact", "approx", "hist", "gpu_hist"),
    "sketch_eps": _number("(0, 1)"),
    "scale_pos_weight": _number("(0, +inf)"),
    "updater": _comma_list(_UPDATERS.__contains__, _UPDATERS),
    "dsplit": _choice("row", "col"),
    "refresh_leaf": _integer("[0, 1]"),
    "process_type": _choice("default", "update"),
    "grow_policy": _choice("depthwise", "lossguide"),
    "max_leaves": _integer("[0, +inf)"),
    "max_bin": _integer("[0, +inf)"),
    "predictor": _choice("auto", "cpu_predictor", "gpu_predictor"),
    "monotone_constraints": _nested((-1, 0, 1).__contains__, "[-1, 0, 1]"),
    "interaction_constraints": _nested(lambda group: all(item >= 1 for item in group), "[1, +inf)"),
    "sample_type": _choice("uniform", "weighted"),
    "normalize_type": _choice("tree", "forest"),
    "rate_drop": _number("[0, 1]"),
    "one_drop": _integer("[0, 1]"),
    "skip_drop": _number("[0, 1]"),
    "lambda_bias": _number("[0, 1]"),
    "tweedie_variance_power": _number("(1, 2)"),
    "objective": _Rule(str, _OBJECTIVES, lambda value: re.fullmatch(_OBJECTIVES, value) is not None),
    "base_score": _number("[0, +inf)"),
    "eval_metric": _comma_list(_is_metric, _METRICS),
    "seed": _integer(f"({-(2**31)}, {2**31 - 1})"),
    "num_parallel_tree": _integer("[1, +inf)"),
    "save_model_on_termination": _choice("true", "false"),
    "_kfold": _integer("[2, +inf)"),
    "_num_cv_round": _integer("[1, +inf)"),
    "_tuning_objective_metric": _choice(*(f"validation:{metric}" for metric in _METRICS)),
    "aft_loss_distribution": _choice("normal", "logistic", "extreme"),
    "aft_loss_distribution_scale": _number("(0, +inf)"),
    "deterministic_histogram": _choice("true", "false"),
    "sampling_method": _choice("uniform", "gradient_based"),
    "prob_buffer_row": _number("(0, +inf)"),
    "use_dask_gpu_training": _choice("true", "false"),
}
_INACTIVE = {"save_model_on_termination": "false", "use_dask_gpu_training": "false"}


def check(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the hyperparameters parsed, aliases resolved; raise UserError for the first that is wrong."""
    resolved = {_ALIASES.get(name, name): value for name, value in given.items()}
    if "num_round" not in resolved:
        raise UserError("Missing required hyperparameter: num_round")
    parsed = {name: _parse(name, value) for name, value in resolved.items()}
    _check_dependencies(parsed)
    _refuse_what_is_not_emulated(parsed)
    return {name: value for name, value in parsed.items() if name not in _INACTIVE}


def _parse(name: str, text: str) -> Any:
    rule = RULES.get(name)
    if rule is None:
        raise UserError(f"Extraneous hyperparameter found: {name}")
    try:
        value = rule.parse(text)
        allowed = rule.contains(value)
    except (ValueError, TypeError, SyntaxError) as error:
        raise UserError(f"Hyperparameter {name}: could not parse value (caused by {type(error).__name__})") from error
    if not allowed:
        raise UserError(f"Hyperparameter {name}: {rule.refusal.format(value=value, range=rule.range)}")
    return value


def _check_dependencies(parsed: Mapping[str, Any]) -> None:
    objective = parsed.get("objective", "")
    if objective.startswith("multi:") and "num_class" not in parsed:
        raise UserError("Require input for parameter 'num_class' for multi-classification")
    if "auc" in parsed.get("eval_metric", ()) and not objective.startswith(("binary:", "rank:")):
        raise UserError("Metric 'auc' can only be applied for classification and ranking problems.")


def _refuse_what_is_not_emulated(parsed: Mapping[str, Any]) -> None:
    for name in ("_kfold", "_num_cv_round"):
        if name in parsed:
            raise NotEmulated(f"{name}: cross-validation is not emulated on this machine")
    for name, inactive in _INACTIVE.items():
        if parsed.get(name, inactive) != inactive:
            raise NotEmulated(f"{name} is not emulated on this machine; leave it out")
    metrics = {*parsed.get("eval_metric", ()), parsed.get("_tuning_objective_metric", "").removeprefix("validation:")}
    if custom := sorted(metrics & _CUSTOM_METRICS):
        raise NotEmulated(f"{', '.join(custom)}: the image's own metrics are not emulated on this machine, and wrong")
