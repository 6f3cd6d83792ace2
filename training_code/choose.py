"""Choose the best of the run's models, and the threshold of its scores: `python -m choose --trained_job … …`.

It runs as a training job of its own in AWS's image (so its channel of models is called train, aws-facts 2.13). The
model that it leaves is the chosen one's, byte for byte; the threshold lies beside it in a file with a dot, which the
image's own serving ignores (aws-facts 2.18). What it compared is in its output data, as choice.json.
"""

import argparse
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING or __package__:
    from training_code.candidates import (
        Comparison,
        NoTrainedModel,
        compare,
        feature_importance,
        load,
        read_model,
        score,
    )
    from training_code.container import MODEL_FILE, DataProblem, Rows, folders, read_channel, run
    from training_code.hyperparameters import Choice, Domain, Interval, Number, Value
    from training_code.thresholds import LEAST_COST, OBJECTIVES, Costs, Objective, Threshold, choose_threshold
else:
    from candidates import Comparison, NoTrainedModel, compare, feature_importance, load, read_model, score
    from container import MODEL_FILE, DataProblem, Rows, folders, read_channel, run
    from hyperparameters import Choice, Domain, Interval, Number, Value
    from thresholds import LEAST_COST, OBJECTIVES, Costs, Objective, Threshold, choose_threshold

logger = logging.getLogger(__name__)

DECISION_FILE = ".decision.json"
CHOICE_FILE = "choice.json"
AMOUNT = "amount"


_VARIABLES = ("SM_CHANNEL_TRAIN", "SM_CHANNEL_VALIDATION", "SM_MODEL_DIR", "SM_OUTPUT_DATA_DIR")


@dataclass(frozen=True)
class Environment:
    """The part of a training container's environment that is used here (aws-facts 3.3)."""

    models: Path
    validation: Path
    model_dir: Path
    output_data_dir: Path


@dataclass(frozen=True)
class CostRule:
    """What a false alarm costs, and a missed fraud: a number, or "amount" for the row's own, one of its features."""

    missed_fraud: float | str
    false_alarm: float
    amount_feature: int | None

    def of(self, rows: Rows) -> Costs:
        """Raise DataProblem if the rows do not have the amounts of all frauds."""
        if isinstance(self.missed_fraud, str):
            return Costs(self._amounts(rows), self.false_alarm)
        return Costs(np.full(len(rows.labels), self.missed_fraud), self.false_alarm)

    def _amounts(self, rows: Rows) -> np.ndarray:
        width = rows.features.shape[1]
        if self.amount_feature is None or self.amount_feature >= width:
            raise DataProblem(
                f"amount_feature is {self.amount_feature}, but the validation rows have {width} features; "
                f"allowed is an integer in [0, {width - 1}]"
            )
        amounts = rows.features[:, self.amount_feature].astype(np.float64)
        unknown = int(np.count_nonzero((rows.labels == 1) & ~np.isfinite(amounts)))
        if unknown:
            raise DataProblem(f"{unknown} frauds of the validation rows have no amount; give missed_fraud as a number")
        return amounts


@dataclass(frozen=True)
class Settings:
    """Raises ValueError for an objective that needs costs without them."""

    trained_job: str
    objective: Objective
    costs: CostRule | None

    def __post_init__(self) -> None:
        if self.objective.name == LEAST_COST and self.costs is None:
            raise ValueError(
                f"threshold_objective is {LEAST_COST}, which needs missed_fraud and false_alarm; give both"
            )


@dataclass(frozen=True)
class MissedFraud:
    """The domain of missed_fraud."""

    cost: Domain

    def parse(self, text: str) -> Value:
        return text if text == AMOUNT else self.cost.parse(text)

    def __str__(self) -> str:
        return f"{self.cost} or {AMOUNT}"


_COST = Number("Continuous", Interval(0, inf, "[)"))


def parse_settings(argv: Sequence[str]) -> Settings:
    """Read `--name value …`; anything wrong ends the process with 2, and the last line of stderr says what."""
    parser = argparse.ArgumentParser(usage="choose.py [--name value …]", allow_abbrev=False)
    parser.add_argument("--trained_job", required=True)
    parser.add_argument("--threshold_objective", required=True, type=_in(Choice(OBJECTIVES)))
    parser.add_argument("--threshold_minimum", type=_in(Number("Continuous", Interval(0, 1, "(]"))))
    parser.add_argument("--missed_fraud", type=_in(MissedFraud(_COST)))
    parser.add_argument("--false_alarm", type=_in(_COST))
    parser.add_argument("--amount_feature", type=_in(Number("Integer", Interval(0, inf, "[)"))))
    given = parser.parse_args(argv)
    try:
        objective = Objective(given.threshold_objective, given.threshold_minimum)
        return Settings(given.trained_job, objective, _cost_rule(given))
    except ValueError as error:
        parser.error(str(error))


def _in(domain: Domain) -> Callable[[str], Value]:
    def parse(text: str) -> Value:
        try:
            return domain.parse(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is given; allowed is {domain}") from None

    return parse


def _cost_rule(given: argparse.Namespace) -> CostRule | None:
    if given.missed_fraud is None and given.false_alarm is None:
        return None
    if given.missed_fraud is None or given.false_alarm is None:
        raise ValueError("missed_fraud and false_alarm belong together; give both, or neither")
    if given.missed_fraud == AMOUNT and given.amount_feature is None:
        raise ValueError(f"missed_fraud is {AMOUNT}, but amount_feature, the place of the amount, is missing; give it")
    return CostRule(given.missed_fraud, given.false_alarm, given.amount_feature)


@dataclass(frozen=True)
class Decision:
    """What is deployed, and what speaks for it."""

    comparison: Comparison
    threshold: Threshold
    feature_importance: Sequence[tuple[int, float]]

    def as_choice(self, validation: Rows) -> dict[str, Any]:
        """The document of what was compared, whose figures are all of the validation rows."""
        chosen, trained = self.comparison.chosen, self.comparison.trained
        return {
            "candidates": [
                {name: getattr(each, name) for name in ("job_name", "source", "average_precision", "roc_auc")}
                for each in self.comparison.candidates
            ],
            "skipped": [asdict(each) for each in self.comparison.skipped],
            "chosen": {
                "job_name": chosen.job_name,
                "source": chosen.source,
                "average_precision": chosen.average_precision,
            },
            "trained": {"job_name": trained.job_name, "average_precision": trained.average_precision},
            "threshold": asdict(self.threshold),
            "validation": {"rows": len(validation.labels), "positives": validation.positives},
            "feature_importance": [{"feature": feature, "gain": gain} for feature, gain in self.feature_importance],
        }

    def as_decision(self) -> dict[str, Any]:
        """What goes along with the model."""
        return {
            "threshold": self.threshold.value,
            "threshold_objective": self.threshold.objective,
            "job_name": self.comparison.chosen.job_name,
        }


def main(argv: Sequence[str]) -> None:
    settings = parse_settings(argv)
    environment = Environment(*folders(os.environ, _VARIABLES))
    validation = read_channel(environment.validation)
    costs = settings.costs.of(validation) if settings.costs else None
    comparison = compare(environment.models, validation, settings.trained_job)
    model = read_model(comparison.chosen.archive)
    booster = load(model)
    threshold = choose_threshold(validation.labels, score(booster, validation.matrix()), settings.objective, costs)
    decision = Decision(comparison, threshold, feature_importance(booster))
    _log(decision)
    _write(environment.model_dir / MODEL_FILE, model)
    _write(environment.model_dir / DECISION_FILE, _json(decision.as_decision()))
    _write(environment.output_data_dir / CHOICE_FILE, _json(decision.as_choice(validation)))


def _log(decision: Decision) -> None:
    for skipped in decision.comparison.skipped:
        logger.info("%s is left out: %s", skipped.job_name, skipped.reason)
    for each in decision.comparison.candidates:
        logger.info("%s (%s): average precision %.6f", each.job_name, each.source, each.average_precision)
    chosen, threshold = decision.comparison.chosen, decision.threshold
    logger.info("chosen is %s, with the threshold %s (%s)", chosen.job_name, threshold.value, threshold.objective)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2, allow_nan=False).encode()


if __name__ == "__main__":
    run(main, NoTrainedModel)
