"""The search of a tuning job: which hyperparameters to try next, given how the earlier ones did."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import optuna

from localcloud.sagemaker.errors import ValidationError

optuna.logging.set_verbosity(optuna.logging.WARNING)

_RANDOM_STARTS = 3
"""How many trials the Bayesian search draws at random before it has something to go by."""

TUNABLE = {
    **dict.fromkeys(("max_delta_step", "max_depth", "num_round"), "Integer"),
    **dict.fromkeys(("alpha", "eta", "gamma", "lambda", "min_child_weight", "subsample"), "Continuous"),
    **dict.fromkeys(("colsample_bylevel", "colsample_bynode", "colsample_bytree"), "Continuous"),
}
"""The hyperparameters that AWS lets a tuning job vary, in script mode too (aws-facts 2.8, 3.7)."""

Distribution = optuna.distributions.BaseDistribution


@dataclass(frozen=True)
class Range:
    """One hyperparameter's values: what the sampler draws, and how a draw becomes the string of a hyperparameter."""

    name: str
    distribution: Distribution
    text: Callable[[Any], str]
    draw: Callable[[str], Any]
    """The draw that becomes that string; it may lie outside of the distribution. Raises ValueError."""
    count: float
    """How many values there are."""


def parse_ranges(parameter_ranges: Mapping[str, Any]) -> list[Range]:
    """The ranges in a request's ParameterRanges. Raises ValidationError where AWS's rules for them are broken."""
    ranges = [_integer(each) for each in parameter_ranges.get("IntegerParameterRanges") or []]
    ranges += [_continuous(each) for each in parameter_ranges.get("ContinuousParameterRanges") or []]
    ranges += [_categorical(each) for each in parameter_ranges.get("CategoricalParameterRanges") or []]
    names = [each.name for each in ranges]
    if not names:
        raise ValidationError("ParameterRanges has no range: there is nothing to tune.")
    if len(set(names)) < len(names):
        raise ValidationError(f"Each hyperparameter may have one range only; given are {', '.join(names)}.")
    return ranges


def _require_tunable(name: str, kind: str) -> None:
    if name not in TUNABLE:
        raise ValidationError(
            f"The hyperparameter [{name}] isn't tunable for the sagemaker-xgboost algorithm, in script mode either. "
            f"Tunable are {', '.join(sorted(TUNABLE))}."
        )
    if kind not in (TUNABLE[name], "Categorical"):
        raise ValidationError(
            f"The hyperparameter [{name}] is {TUNABLE[name]}; put its range among the {TUNABLE[name]}ParameterRanges, "
            f"not the {kind}ParameterRanges."
        )


def _integer(given: Mapping[str, Any]) -> Range:
    _require_tunable(given["Name"], "Integer")
    low, high = _bounds(given, int)
    logarithmic = _logarithmic(given, low)
    distribution = optuna.distributions.IntDistribution(low, high, log=logarithmic)
    return Range(given["Name"], distribution, str, int, float(high - low + 1))


def _continuous(given: Mapping[str, Any]) -> Range:
    """A reverse logarithmic range is searched by the logarithm of 1 - x, so it lies in 0 <= x < 1 (aws-facts 4.3)."""
    _require_tunable(given["Name"], "Continuous")
    low, high = _bounds(given, float)
    distribution = optuna.distributions.FloatDistribution
    if given.get("ScalingType") == "ReverseLogarithmic":
        if not 0 <= low < high < 1:
            raise ValidationError(
                f"ReverseLogarithmic scaling needs 0 <= MinValue < MaxValue < 1; [{given['Name']}] is {low} to {high}."
            )
        mirrored = distribution(1 - high, 1 - low, log=True)
        return Range(
            given["Name"], mirrored, lambda x: repr(min(max(1 - x, low), high)), lambda text: 1 - float(text), math.inf
        )
    return Range(given["Name"], distribution(low, high, log=_logarithmic(given, low)), repr, float, math.inf)


def _categorical(given: Mapping[str, Any]) -> Range:
    _require_tunable(given["Name"], "Categorical")
    values = given["Values"]
    return Range(given["Name"], optuna.distributions.CategoricalDistribution(values), str, str, float(len(values)))


def _bounds(given: Mapping[str, Any], number: type[int] | type[float]) -> tuple[Any, Any]:
    try:
        low, high = number(given["MinValue"]), number(given["MaxValue"])
    except ValueError as error:
        raise ValidationError(
            f"MinValue '{given['MinValue']}' and MaxValue '{given['MaxValue']}' of [{given['Name']}] must be numbers "
            f"of type {number.__name__}."
        ) from error
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValidationError(f"MinValue of [{given['Name']}] must be less than its MaxValue; given: {low}, {high}.")
    return low, high


def _logarithmic(given: Mapping[str, Any], low: float) -> bool:
    """Auto is linear here. Logarithmic scaling is for values above 0 (aws-facts 4.3)."""
    scaling = given.get("ScalingType")
    if scaling == "ReverseLogarithmic":
        raise ValidationError(f"ReverseLogarithmic scaling is for continuous ranges only; [{given['Name']}] is none.")
    if scaling == "Logarithmic" and low <= 0:
        raise ValidationError(f"Logarithmic scaling needs values above 0; MinValue of [{given['Name']}] is {low}.")
    return scaling == "Logarithmic"


class Search:
    """Draws trials from ranges and learns from their values; the same seed and answers give the same trials."""

    def __init__(self, ranges: list[Range], strategy: str, *, maximize: bool, seed: int) -> None:
        self._ranges = {each.name: each for each in ranges}
        sampler = (
            optuna.samplers.RandomSampler(seed=seed)
            if strategy == "Random"
            else optuna.samplers.TPESampler(n_startup_trials=_RANDOM_STARTS, seed=seed)
        )
        self._study = optuna.create_study(sampler=sampler, direction="maximize" if maximize else "minimize")

    def ask(self) -> tuple[int, dict[str, str]]:
        """The next trial: its number, and its hyperparameters as strings."""
        trial = self._study.ask({name: each.distribution for name, each in self._ranges.items()})
        return trial.number, {name: self._ranges[name].text(value) for name, value in trial.params.items()}

    def learn(self, tried: Mapping[str, str], value: float) -> None:
        """Take in a trial of another search, if its hyperparameters lie in these ranges."""
        try:
            draws = {name: each.draw(tried[name]) for name, each in self._ranges.items()}
            distributions = {name: each.distribution for name, each in self._ranges.items()}
            trial = optuna.trial.create_trial(params=draws, distributions=distributions, value=value)
        except (KeyError, ValueError):
            return
        self._study.add_trial(trial)

    def tell(self, number: int, value: float | None) -> None:
        """How the trial did; None if it brought no value."""
        if value is None:
            self._study.tell(number, state=optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(number, value)
