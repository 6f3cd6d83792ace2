"""How much an account may serve at a time in a region."""

from collections.abc import Iterable

from localcloud.sagemaker.errors import ResourceLimitExceeded
from localcloud.sagemaker.hosting import Deployment

INSTANCES_PER_TYPE = 4
"""`<type> for endpoint usage`: what an account reported for ml.m5.large; new ones may have 0 (aws-facts 9.3)."""

SERVERLESS_ENDPOINTS = 50
"""aws-facts 6.6"""

SERVERLESS_CONCURRENCY = 1000
"""Of all serverless endpoints together, in a big region (aws-facts 6.6)."""


def check_quotas(wanted: Deployment, others: Iterable[Deployment]) -> None:
    """Raise ResourceLimitExceeded if `wanted` and what is deployed already come to more than the quotas."""
    serving = list(others)
    if wanted.serverless is None:
        _check_instances(wanted, serving)
        return
    configs = [deployment.serverless for deployment in serving if deployment.serverless is not None]
    _check("Number of serverless endpoints", "Endpoints", SERVERLESS_ENDPOINTS, len(configs), 1)
    concurrency = sum(config["MaxConcurrency"] for config in configs)
    _check(
        "Maximum total concurrency that can be allocated across all serverless endpoints",
        "Units",
        SERVERLESS_CONCURRENCY,
        concurrency,
        wanted.serverless["MaxConcurrency"],
    )


def _check_instances(wanted: Deployment, serving: Iterable[Deployment]) -> None:
    instance_type = wanted.variant["InstanceType"]
    used = sum(
        deployment.variant["InitialInstanceCount"]
        for deployment in serving
        if deployment.variant.get("InstanceType") == instance_type
    )
    count = wanted.variant["InitialInstanceCount"]
    _check(f"{instance_type} for endpoint usage", "Instances", INSTANCES_PER_TYPE, used, count)


def _check(quota: str, unit: str, limit: int, used: int, wanted: int) -> None:
    if used + wanted > limit:
        raise ResourceLimitExceeded(
            f"The account-level service limit '{quota}' is {limit} {unit}, with current utilization of {used} {unit} "
            f"and a request delta of {wanted} {unit}. Please contact AWS support to request an increase for this limit."
        )
