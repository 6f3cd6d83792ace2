"""The business objective: which metrics must reach which minimum."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Minimum:
    """Of a metric; with `lower_bound` of the lower end of its interval."""

    minimum: float
    lower_bound: bool


@dataclass(frozen=True)
class Requirement:
    """`value` is what is held against the minimum: the metric, or its lower bound. None is undefined."""

    metric: str
    asked: Minimum
    value: float | None

    @property
    def passed(self) -> bool:
        return self.value is not None and self.value >= self.asked.minimum

    def __str__(self) -> str:
        """The value is cut, not rounded, so that one just below the minimum doesn't read as the minimum."""
        name = f"lower bound of {self.metric}" if self.asked.lower_bound else self.metric
        if self.value is None:
            return f"{name} is undefined for these test rows, and does not reach the minimum {self.asked.minimum}"
        verb = "reaches" if self.passed else "is below"
        return f"{name} {math.floor(self.value * 10_000) / 10_000} {verb} the minimum {self.asked.minimum}"

    def as_json(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "minimum": self.asked.minimum,
            "lower_bound": self.asked.lower_bound,
            "value": self.value,
            "passed": self.passed,
        }


@dataclass(frozen=True)
class Gate:
    """Without requirements everything passes."""

    requirements: tuple[Requirement, ...]

    @classmethod
    def of(
        cls,
        objective: Mapping[str, Minimum],
        values: Mapping[str, float | None],
        bounds: Mapping[str, tuple[float, float]],
    ) -> "Gate":
        """A metric that has no value, or no bounds where its lower one is asked for, is undefined."""
        lows = {metric: low for metric, (low, _) in bounds.items()}
        return cls(
            tuple(
                Requirement(metric, asked, (lows if asked.lower_bound else values).get(metric))
                for metric, asked in objective.items()
            )
        )

    @property
    def passed(self) -> bool:
        return all(requirement.passed for requirement in self.requirements)

    @property
    def reason(self) -> str:
        """What falls short; empty if nothing does."""
        return "; ".join(str(requirement) for requirement in self.requirements if not requirement.passed)

    def as_json(self) -> dict[str, Any]:
        return {
            "objective": [requirement.as_json() for requirement in self.requirements],
            "passed": self.passed,
            "reason": self.reason,
        }
