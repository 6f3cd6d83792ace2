"""The hyperparameters of AWS's XGBoost image, declared once for the training script, the tuner and the checks alike.

Names, ranges and what can be tuned are the image's own (aws-facts 2.7, 2.8). Both training modes get the same ones, so
what only one of them can honour is refused with its reason; the script has a few of its own besides. Standard library
only: a Lambda function imports it too.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal, NamedTuple, Protocol

NumberType = Literal["Integer", "Continuous"]
Value = int | float | str | list[str]


class HyperparameterError(ValueError):
    """Something given cannot be used; `problems` has a sentence for each thing wrong."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class Domain(Protocol):
    """The values that a hyperparameter may have; its `str` says which."""

    def parse(self, text: str) -> Value:
        """Return the value as XGBoost takes it; raise ValueError if it is not in the domain."""
        ...


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`; a round bracket in `ends` leaves that end itself out."""

    low: float
    high: float
    ends: str = "[]"

    def __contains__(self, value: float) -> bool:
        above = value >= self.low if self.ends[0] == "[" else value > self.low
        below = value <= self.high if self.ends[1] == "]" else value < self.high
        return above and below

    def __str__(self) -> str:
        return f"{self.ends[0]}{self.low}, {self.high}{self.ends[1]}"


@dataclass(frozen=True)
class Number:
    type: NumberType
    interval: Interval

    def parse(self, text: str) -> int | float:
        value = int(text) if self.type == "Integer" else float(text)
        if value not in self.interval:
            raise ValueError(text)
        return value

    def __str__(self) -> str:
        noun = "an integer" if self.type == "Integer" else "a number"
        return f"{noun} in {self.interval}"


@dataclass(frozen=True)
class Choice:
    values: tuple[str, ...]
    reason: str = ""

    def parse(self, text: str) -> str:
        if text not in self.values:
            raise ValueError(text)
        return text

    def __str__(self) -> str:
        return " or ".join(self.values) + self.reason


@dataclass(frozen=True)
class CommaList:
    values: tuple[str, ...]

    def parse(self, text: str) -> str:
        if not set(text.split(",")) <= set(self.values):
            raise ValueError(text)
        return text

    def __str__(self) -> str:
        return f"a comma-separated list of {', '.join(self.values)}"


@dataclass(frozen=True)
class Pattern:
    pattern: str
    example: str

    def parse(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise ValueError(text)
        return text

    def __str__(self) -> str:
        return f"a text such as {self.example}"


# --- Metrics ---------------------------------------------------------------------------------------------------------

_THRESHOLDS_WRONGLY = "since AWS's 3.x images count every probability above 0 as a positive answer when they compute it"
_OTHER_OBJECTIVE = "since it is not made for binary:logistic"
_IMAGE_ONLY = "since XGBoost does not compute it itself and script mode could not report it"

_MAXIMIZED = ("auc", "aucpr", "map", "ndcg")
_MINIMIZED = ("error", "logloss", "mae", "mphe", "rmse", "rmsle")
_METRICS_WITH_THRESHOLD = ("error", "map", "ndcg")

# The rest of the image's metrics (aws-facts 2.9), with the reason why they are of no use here (2.11).
_REFUSED_METRICS: Mapping[str, str] = {
    "accuracy": _THRESHOLDS_WRONGLY,
    "balanced_accuracy": _THRESHOLDS_WRONGLY,
    "f1": _THRESHOLDS_WRONGLY,
    "f1_binary": _THRESHOLDS_WRONGLY,
    "f1_macro": _THRESHOLDS_WRONGLY,
    "precision": _THRESHOLDS_WRONGLY,
    "precision_macro": _THRESHOLDS_WRONGLY,
    "precision_micro": _THRESHOLDS_WRONGLY,
    "recall": _THRESHOLDS_WRONGLY,
    "recall_macro": _THRESHOLDS_WRONGLY,
    "recall_micro": _THRESHOLDS_WRONGLY,
    "mse": _IMAGE_ONLY,
    "r2": _IMAGE_ONLY,
    "aft-nloglik": _OTHER_OBJECTIVE,
    "cox-nloglik": _OTHER_OBJECTIVE,
    "gamma-deviance": _OTHER_OBJECTIVE,
    "gamma-nloglik": _OTHER_OBJECTIVE,
    "interval-regression-accuracy": _OTHER_OBJECTIVE,
    "mape": _OTHER_OBJECTIVE,
    "merror": _OTHER_OBJECTIVE,
    "mlogloss": _OTHER_OBJECTIVE,
    "poisson-nloglik": _OTHER_OBJECTIVE,
    "tweedie-nloglik": _OTHER_OBJECTIVE,
}


@dataclass(frozen=True)
class ObjectiveMetric:
    """What a tuning job optimises; `type` is AWS's word for the direction."""

    metric: str
    type: Literal["Maximize", "Minimize"]

    @property
    def name(self) -> str:
        return f"validation:{self.metric}"


OBJECTIVE_METRICS: Mapping[str, ObjectiveMetric] = {
    found.name: found
    for found in (
        *(ObjectiveMetric(metric, "Maximize") for metric in _MAXIMIZED),
        *(ObjectiveMetric(metric, "Minimize") for metric in _MINIMIZED),
    )
}


def objective_metric(name: str) -> ObjectiveMetric:
    """Return the tuning objective called `name`, such as validation:auc; raise HyperparameterError if unusable."""
    if name in OBJECTIVE_METRICS:
        return OBJECTIVE_METRICS[name]
    reason = _REFUSED_METRICS.get(name.removeprefix("validation:"), "since the image does not report it")
    raise HyperparameterError(
        [f"objective metric {name!r} is of no use, {reason}; allowed are {', '.join(OBJECTIVE_METRICS)}"]
    )


def is_maximized(metric: str) -> bool:
    """Tell whether more is better for an evaluation metric such as aucpr or map@5."""
    return metric.partition("@")[0] in _MAXIMIZED


class UnusableMetric(ValueError):
    """A metric that the image has but that must not be relied on; the message says why."""


@dataclass(frozen=True)
class EvaluationMetrics:
    """Metrics that XGBoost itself computes; error, map and ndcg may have a threshold, as in error@0.3."""

    def parse(self, text: str) -> list[str]:
        metrics = text.split(",")
        for metric in metrics:
            name, at, threshold = metric.partition("@")
            if name in _REFUSED_METRICS:
                raise UnusableMetric(f"{name} is of no use, {_REFUSED_METRICS[name]}")
            if name not in _MAXIMIZED + _MINIMIZED:
                raise ValueError(name)
            if at and not (name in _METRICS_WITH_THRESHOLD and float(threshold) in Interval(0, inf, "[)")):
                raise ValueError(threshold)
        return metrics

    def __str__(self) -> str:
        return f"a comma-separated list of {', '.join(_MAXIMIZED + _MINIMIZED)}"


# --- The table -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hyperparameter:
    """`default` is the lesson's, `tunable` the type of AWS's range for it, `refused` why nobody may set it here."""

    name: str
    domain: Domain
    default: str | None = None
    tunable: NumberType | None = None
    alias: str | None = None
    refused: str | None = None


_UPDATERS = (
    *("grow_colmaker", "distcol", "grow_histmaker", "grow_local_histmaker", "grow_quantile_histmaker", "grow_skmaker"),
    *("sync", "refresh", "prune", "shotgun", "coord_descent"),
)
_FLAG = Number("Integer", Interval(0, 1))
_COUNT = Number("Integer", Interval(1, inf, "[)"))
_SIZE = Number("Integer", Interval(0, inf, "[)"))
_UNIT = Number("Continuous", Interval(0, 1))
_SHARE = Number("Continuous", Interval(0, 1, "(]"))
_NOT_NEGATIVE = Number("Continuous", Interval(0, inf, "[)"))
_POSITIVE = Number("Continuous", Interval(0, inf, "()"))
_TRUTH = Choice(("true", "false"))
_GROUP = r"\[\s*[1-9]\d*(\s*,\s*[1-9]\d*)*\s*\]"
_IMAGE_PARTS = "only the image's own algorithm does it, not script mode"

HYPERPARAMETERS: tuple[Hyperparameter, ...] = (
    Hyperparameter(
        "objective",
        Choice(("binary:logistic",), ", since the endpoint's answers must be probabilities"),
        default="binary:logistic",
    ),
    Hyperparameter("num_round", _COUNT, default="100", tunable="Integer"),
    Hyperparameter("max_depth", _SIZE, default="5", tunable="Integer"),
    Hyperparameter("eta", _UNIT, default="0.2", tunable="Continuous", alias="learning_rate"),
    Hyperparameter("gamma", _NOT_NEGATIVE, default="4", tunable="Continuous", alias="min_split_loss"),
    Hyperparameter("min_child_weight", _NOT_NEGATIVE, default="6", tunable="Continuous"),
    Hyperparameter("subsample", _SHARE, default="0.8", tunable="Continuous"),
    Hyperparameter("eval_metric", EvaluationMetrics(), default="auc,aucpr"),
    Hyperparameter("early_stopping_rounds", _COUNT),
    Hyperparameter("alpha", _NOT_NEGATIVE, tunable="Continuous", alias="reg_alpha"),
    Hyperparameter("lambda", _NOT_NEGATIVE, tunable="Continuous", alias="reg_lambda"),
    Hyperparameter("colsample_bytree", _SHARE, tunable="Continuous"),
    Hyperparameter("colsample_bylevel", _SHARE, tunable="Continuous"),
    Hyperparameter("colsample_bynode", _SHARE, tunable="Continuous"),
    Hyperparameter("max_delta_step", _NOT_NEGATIVE, tunable="Integer"),
    Hyperparameter("booster", Choice(("gbtree", "gblinear", "dart"))),
    Hyperparameter("verbosity", Number("Integer", Interval(0, 3))),
    Hyperparameter("nthread", _COUNT),
    Hyperparameter("seed", Number("Integer", Interval(-(2**31), 2**31 - 1, "()"))),
    # gpu_hist passes the image's own check, but XGBoost 3.2 knows it no more (aws-facts 2.7).
    Hyperparameter("tree_method", Choice(("auto", "exact", "approx", "hist"))),
    Hyperparameter("sketch_eps", Number("Continuous", Interval(0, 1, "()"))),
    Hyperparameter("scale_pos_weight", _POSITIVE),
    Hyperparameter("updater", CommaList(_UPDATERS)),
    Hyperparameter("dsplit", Choice(("row", "col"))),
    Hyperparameter("refresh_leaf", _FLAG),
    Hyperparameter("process_type", Choice(("default", "update"))),
    Hyperparameter("grow_policy", Choice(("depthwise", "lossguide"))),
    Hyperparameter("max_leaves", _SIZE),
    Hyperparameter("max_bin", _SIZE),
    Hyperparameter("predictor", Choice(("auto", "cpu_predictor"))),
    Hyperparameter("monotone_constraints", Pattern(r"\(\s*(-1|0|1)(\s*,\s*(-1|0|1))*\s*,?\s*\)", "(1,0,-1)")),
    Hyperparameter(
        "interaction_constraints",
        Pattern(rf"\[\s*{_GROUP}(\s*,\s*{_GROUP})*\s*\]", "[[1,2],[3,4]]"),
    ),
    Hyperparameter("sample_type", Choice(("uniform", "weighted"))),
    Hyperparameter("normalize_type", Choice(("tree", "forest"))),
    Hyperparameter("rate_drop", _UNIT),
    Hyperparameter("one_drop", _FLAG),
    Hyperparameter("skip_drop", _UNIT),
    Hyperparameter("lambda_bias", _UNIT),
    Hyperparameter("tweedie_variance_power", Number("Continuous", Interval(1, 2, "()"))),
    Hyperparameter("base_score", Number("Continuous", Interval(0, 1, "()"))),
    Hyperparameter("num_parallel_tree", _COUNT),
    Hyperparameter("aft_loss_distribution", Choice(("normal", "logistic", "extreme"))),
    Hyperparameter("aft_loss_distribution_scale", _POSITIVE),
    Hyperparameter("deterministic_histogram", _TRUTH),
    Hyperparameter("sampling_method", Choice(("uniform", "gradient_based"))),
    Hyperparameter("prob_buffer_row", _POSITIVE),
    Hyperparameter("num_class", Number("Integer", Interval(2, inf, "[)")), refused="binary:logistic has no classes"),
    Hyperparameter("csv_weights", _FLAG, refused="the prepared CSV files have no column of weights"),
    Hyperparameter("save_model_on_termination", _TRUTH, refused=_IMAGE_PARTS),
    Hyperparameter("use_dask_gpu_training", _TRUTH, refused=_IMAGE_PARTS),
    Hyperparameter("_num_cv_round", _COUNT, refused=_IMAGE_PARTS),
    Hyperparameter(
        "_kfold",
        Number("Integer", Interval(2, inf, "[)")),
        refused="it leaves several models, which the endpoint would average",
    ),
    Hyperparameter(
        "_tuning_objective_metric",
        Choice(tuple(OBJECTIVE_METRICS)),
        refused="the tuning job sets it from its objective metric",
    ),
)

# The training script's own beside the image's, which the image's algorithm would refuse; left out, nothing is done
# about the rarity of positives. An execution's input has them in its section imbalance.
SCRIPT_HYPERPARAMETERS: tuple[Hyperparameter, ...] = (
    *HYPERPARAMETERS,
    Hyperparameter("imbalance", Choice(("scale_pos_weight", "over_sampling", "under_sampling", "smote"))),
    Hyperparameter("sampling_ratio", _SHARE, default="1"),
)


def _by_name(table: Iterable[Hyperparameter]) -> Mapping[str, Hyperparameter]:
    return {name: each for each in table for name in (each.name, each.alias) if name}


_BY_NAME = _by_name(HYPERPARAMETERS)
_ELSEWHERE = {
    "silent": "it left with the image's version 0.72; use verbosity",
    "imbalance": "it is a section of the input of its own; use imbalance.method",
    "sampling_ratio": "it has its place in another section of the input; use imbalance.sampling_ratio",
}


# --- Values ----------------------------------------------------------------------------------------------------------


def validate(given: Mapping[str, object], table: Sequence[Hyperparameter] = HYPERPARAMETERS) -> dict[str, str]:
    """Return `given` as the strings that SageMaker takes, completed with the table's defaults, in the table's order.

    An alias comes back under the image's name for it. Raises HyperparameterError with all that is wrong.
    """
    recognised, problems = _recognise(given, _by_name(table))
    values = {hyperparameter.name: _as_text(value) for hyperparameter, value in recognised.items()}
    problems += [problem for found in recognised for problem in _value_problems(found, values[found.name])]
    if problems:
        raise HyperparameterError(problems)
    defaults = {each.name: each.default for each in table if each.default is not None}
    complete = defaults | values
    return {each.name: complete[each.name] for each in table if each.name in complete}


def _recognise(
    given: Mapping[str, object], known: Mapping[str, Hyperparameter]
) -> tuple[dict[Hyperparameter, object], list[str]]:
    recognised: dict[Hyperparameter, object] = {}
    problems = []
    for name, value in given.items():
        hyperparameter = known.get(name)
        if hyperparameter is None:
            problems.append(_unknown(name, known))
        elif hyperparameter.refused:
            problems.append(f"{name} cannot be set: {hyperparameter.refused}")
        elif hyperparameter in recognised:
            problems.append(f"{hyperparameter.name} and its alias {hyperparameter.alias} are both given; give one")
        else:
            recognised[hyperparameter] = value
    return recognised, problems


def _unknown(name: str, known: Mapping[str, Hyperparameter]) -> str:
    if name in _ELSEWHERE:
        return f"unknown hyperparameter {name!r}: {_ELSEWHERE[name]}"
    usable = [other for other, hyperparameter in known.items() if not hyperparameter.refused]
    nearest = difflib.get_close_matches(name, usable, n=1, cutoff=0)
    return f"unknown hyperparameter {name!r}; the nearest known is {nearest[0]!r}"


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # JSON has one kind of number only: 5.0 is as good an integer as 5
    return str(value)


def _value_problems(hyperparameter: Hyperparameter, text: str) -> list[str]:
    try:
        hyperparameter.domain.parse(text)
    except UnusableMetric as error:
        return [f"{hyperparameter.name} is {text!r}: {error}; allowed is {hyperparameter.domain}"]
    except ValueError:
        return [f"{hyperparameter.name} is {text!r}; allowed is {hyperparameter.domain}"]
    return []


class TrainArguments(NamedTuple):
    """What `xgboost.train` takes."""

    params: dict[str, Value]
    num_boost_round: int
    early_stopping_rounds: int | None


def to_xgboost(values: Mapping[str, str]) -> TrainArguments:
    """Return what `validate` gave as typed arguments; `params["eval_metric"]` is a list."""
    params = {name: _BY_NAME[name].domain.parse(text) for name, text in values.items()}
    num_boost_round = params.pop("num_round")
    early_stopping_rounds = params.pop("early_stopping_rounds", None)
    if not isinstance(num_boost_round, int) or not isinstance(early_stopping_rounds, int | None):
        raise TypeError("num_round and early_stopping_rounds are declared as integers")
    return TrainArguments(params, num_boost_round, early_stopping_rounds)


# --- Ranges for tuning -----------------------------------------------------------------------------------------------

LESSON_RANGES: Mapping[str, Mapping[str, object]] = {
    "eta": {"min": 0, "max": 1},
    "min_child_weight": {"min": 0, "max": 10},
    "alpha": {"min": 0, "max": 2},
    "max_depth": {"min": 1, "max": 10},
}
_SCALINGS = ("Auto", "Linear", "Logarithmic", "ReverseLogarithmic")


@dataclass(frozen=True)
class ParameterRange:
    """Where automatic model tuning looks for a hyperparameter, both ends included."""

    name: str
    type: NumberType
    min: float
    max: float
    scaling: str


def validate_ranges(given: Mapping[str, object]) -> tuple[ParameterRange, ...]:
    """Return the ranges of `{name: {"min": 0, "max": 1, "scaling": "Auto"}}`; `scaling` may be left out.

    Raises HyperparameterError with all that is wrong: unknown or not tunable (aws-facts 2.8), empty, outside of what
    the hyperparameter itself allows, or of a scaling that does not fit (4.3).
    """
    recognised, problems = _recognise(given, _BY_NAME)
    if not given:
        problems.append(f"no range to tune is given; tunable are {_tunable_names()}")
    ranges = []
    for hyperparameter, body in recognised.items():
        try:
            ranges.append(_parameter_range(hyperparameter, body))
        except HyperparameterError as error:
            problems += error.problems
    if problems:
        raise HyperparameterError(problems)
    return tuple(ranges)


def to_parameter_ranges(ranges: Iterable[ParameterRange]) -> dict[str, list[dict[str, str]]]:
    """Return the ParameterRanges of CreateHyperParameterTuningJob, whose numbers are strings (aws-facts 4.2)."""
    rendered: dict[str, list[dict[str, str]]] = {"ContinuousParameterRanges": [], "IntegerParameterRanges": []}
    for each in ranges:
        rendered[f"{each.type}ParameterRanges"].append(
            {
                "Name": each.name,
                "MinValue": str(each.min),
                "MaxValue": str(each.max),
                "ScalingType": each.scaling,
            }
        )
    return rendered


def _tunable_names() -> str:
    return ", ".join(each.name for each in HYPERPARAMETERS if each.tunable)


def _parameter_range(hyperparameter: Hyperparameter, body: object) -> ParameterRange:
    name, number_type = hyperparameter.name, hyperparameter.tunable
    if number_type is None:
        raise HyperparameterError([f"{name} cannot be tuned; tunable are {_tunable_names()}"])
    if not isinstance(body, Mapping) or not {"min", "max"} <= body.keys() <= {"min", "max", "scaling"}:
        raise HyperparameterError([f"the range of {name} is {body!r}; allowed are min, max and, if wanted, scaling"])
    ends = [_as_number(body[end], number_type) for end in ("min", "max")]
    low, high = ends
    if low is None or high is None:
        kind = "integers" if number_type == "Integer" else "numbers"
        raise HyperparameterError([f"the range of {name} is {body!r}; its min and max must be {kind}"])
    found = ParameterRange(name, number_type, low, high, str(body.get("scaling", "Auto")))
    problems = [*_end_problems(found, hyperparameter.domain), *_scaling_problems(found)]
    if problems:
        raise HyperparameterError(problems)
    return found


def _as_number(value: object, number_type: NumberType) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if number_type == "Integer":
        return int(value) if value == value // 1 else None
    return value


def _end_problems(found: ParameterRange, domain: Domain) -> Iterable[str]:
    if not found.min < found.max:
        yield f"the range of {found.name} is from {found.min} to {found.max}; its min must be below its max"
    for end in (found.min, found.max):
        try:
            domain.parse(str(end))
        except ValueError:
            yield f"the range of {found.name} reaches {end}; the hyperparameter must be {domain}"


def _scaling_problems(found: ParameterRange) -> Iterable[str]:
    if found.scaling not in _SCALINGS:
        yield f"the scaling of {found.name} is {found.scaling!r}; allowed are {', '.join(_SCALINGS)}"
    if found.scaling == "Logarithmic" and found.min <= 0:
        yield f"the scaling of {found.name} is Logarithmic, which needs a min above 0, not {found.min}; use Auto"
    if found.scaling == "ReverseLogarithmic" and not (found.type == "Continuous" and 0 <= found.min < found.max < 1):
        yield (
            f"the scaling of {found.name} is ReverseLogarithmic, which needs a continuous range in [0, 1), "
            f"not {found.type} from {found.min} to {found.max}; use Auto"
        )
