"""What a run may cost, from a few published prices."""

from dataclasses import dataclass

from lambdas.plan.execution_input import Endpoint, ExecutionInput, Instances

TRAINING_USD_PER_HOUR = {"ml.m5.xlarge": 0.23, "ml.m5.large": 0.115, "ml.m5.4xlarge": 0.922, "ml.t3.medium": 0.05}
HOSTING_USD_PER_HOUR = {"ml.m5.xlarge": 0.23, "ml.m5.large": 0.115, "ml.m5.2xlarge": 0.461}
"""us-east-1 (aws-facts 10.1, 10.2); the training prices are approximate.

Hosting on ml.m5.large and training on ml.m5.4xlarge are AWS's price list as others quote it in 2026.
"""

TYPICAL_JOB_MINUTES = 5
"""Starting the instance, loading the image and training on data of the lesson's size."""

NOT_INCLUDED = "volumes, storage, logs and requests, and a serverless endpoint, which bills by use"


@dataclass(frozen=True)
class Cost:
    """Of something billed by the hour; `usd_per_hour` is None where the price is in no table here."""

    usd_per_hour: float | None
    typical_minutes: float
    longest_minutes: float

    def as_json(self) -> dict[str, float | None]:
        return {
            "typical": self._usd(self.typical_minutes),
            "upper_bound": self._usd(self.longest_minutes),
            "usd_per_hour": self.usd_per_hour,
            "typical_minutes": self.typical_minutes,
            "longest_minutes": self.longest_minutes,
        }

    def _usd(self, minutes: float) -> float | None:
        return None if self.usd_per_hour is None else round(self.usd_per_hour * minutes / 60, 2)


def estimate(given: ExecutionInput) -> dict[str, object]:
    """The costs in US dollars with the prices and the billed times that they rest on, as plain JSON."""
    train_and_choose = 2
    jobs = train_and_choose + (given.tuning.max_jobs if given.tuning.enabled else 0)
    training = Cost(
        TRAINING_USD_PER_HOUR.get(given.training.instance_type),
        jobs * TYPICAL_JOB_MINUTES,
        jobs * given.training.max_runtime_in_seconds / 60,
    )
    return {
        "region": "us-east-1",
        "training_jobs": jobs,
        "training": training.as_json(),
        "endpoint": _endpoint(given.endpoint).as_json(),
        "not_included": NOT_INCLUDED,
    }


def _endpoint(endpoint: Endpoint) -> Cost:
    """Typical is one that nobody calls after its evaluation, so that it goes when it has been idle."""
    if not isinstance(endpoint.hosting, Instances):
        return Cost(None, 0, 0)
    instances = endpoint.hosting.initial_instance_count
    return Cost(
        HOSTING_USD_PER_HOUR.get(endpoint.hosting.instance_type),
        instances * min(endpoint.ttl_minutes, endpoint.idle_minutes),
        instances * endpoint.ttl_minutes,
    )
