"""What the run's training jobs come to."""

from dataclasses import dataclass

from lambdas.report.jobs import TrainingJob, Tuning

_SECONDS_AN_HOUR = 3600


@dataclass(frozen=True)
class Charge:
    """`seconds` are billed ones, of all instances together."""

    what: str
    jobs: int
    seconds: int


@dataclass(frozen=True)
class Costs:
    """`usd_per_hour` is the price of one instance, None where it is not known."""

    charges: tuple[Charge, ...]
    usd_per_hour: float | None

    @classmethod
    def of(
        cls, usd_per_hour: float | None, trained: TrainingJob, tuning: Tuning | None, chooser: TrainingJob
    ) -> "Costs":
        tuned = [] if tuning is None else [_charge("Tune the model", [tuned.job for tuned in tuning.jobs])]
        charges = (_charge("Train the model", [trained]), *tuned, _charge("Choose the model", [chooser]))
        return cls(charges, usd_per_hour)

    @property
    def total(self) -> Charge:
        return Charge(
            "In all", sum(charge.jobs for charge in self.charges), sum(charge.seconds for charge in self.charges)
        )

    def usd(self, charge: Charge) -> float | None:
        return None if self.usd_per_hour is None else charge.seconds / _SECONDS_AN_HOUR * self.usd_per_hour


def _charge(what: str, jobs: list[TrainingJob]) -> Charge:
    return Charge(what, len(jobs), sum(job.billed_seconds for job in jobs))
