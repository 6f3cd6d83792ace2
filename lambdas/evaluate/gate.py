"""The business objective: which metrics must reach which minimum."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Requirement:
    metric: str
    minimum: float
    value: float

    @property
    def passed(self) -> bool:
        return self.value >= self.minimum

    def __str__(self) -> str:
        """The value is cut, not rounded, so that one just below the minimum doesn't read as the minimum."""
        verb = "reaches" if self.passed else "is below"
        return f"{self.metric} {math.floor(self.value * 10_000) / 10_000} {verb} the minimum {self.minimum}"

    def as_json(self) -> dict[str, Any]:
        return {"metric": self.metric, "minimum": self.minimum, "value": self.value, "passed": self.passed}


@dataclass(frozen=True)
class Gate:
    """Without requirements everything passes."""

    requirements: tuple[Requirement, ...]

    @classmethod
    def of(cls, minimums: Mapping[str, float], values: Mapping[str, float]) -> "Gate":
        return cls(tuple(Requirement(metric, minimum, values[metric]) for metric, minimum in minimums.items()))

    @property
    def passed(self) -> bool:
        return all(requirement.passed for requirement in self.requirements)

    @property
    def reason(self) -> str:
        """What falls short; empty if nothing does."""
        return "; ".join(str(requirement) for requirement in self.requirements if not requirement.passed)
