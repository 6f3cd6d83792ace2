"""What bills: rows from what AWS answered, and their total. Nothing here asks AWS, or the clock."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from billing.account import App, Document, Domain, Endpoint, Found
from billing.prices import (
    HOURS_PER_MONTH,
    PROCESSING_USD_PER_HOUR,
    SPACE_VOLUME_USD_PER_GB_MONTH,
    STUDIO_USD_PER_HOUR,
)
from lambdas.plan.cost import HOSTING_USD_PER_HOUR, TRAINING_USD_PER_HOUR
from lambdas.teardown.rules import EXPIRES_AT_TAG, read_time

NO_DATE = "no date"

# Transform jobs: no price was found.
_JOB_PRICES: Mapping[str, Mapping[str, float]] = {
    "Training": TRAINING_USD_PER_HOUR,
    "Processing": PROCESSING_USD_PER_HOUR,
    "Transform": {},
}

_APPS_WITH_SYSTEM_AT_A_PRICE = {"KernelGateway": "ml.t3.medium", "Canvas": "system"}
"""What the instance type `system` is where it is not free.

KernelGateway's is the SageMaker API's word (ResourceSpec, InstanceType); Canvas bills by the session.
"""

_APPS_WITH_A_VOLUME = ("JupyterLab", "CodeEditor")


class NoPrice(StrEnum):
    """Why there is no number of dollars an hour."""

    UNKNOWN = "unknown"
    BY_USE = "by use"


Rate = float | NoPrice


@dataclass(frozen=True)
class Item:
    """Something that bills now, or will as soon as it has started."""

    kind: str
    name: str
    since: datetime | None
    until: datetime | str
    """The date by which it ends, or what ends it."""
    usd_per_hour: Rate
    note: str


@dataclass(frozen=True)
class Total:
    usd_per_hour: float
    """Of all items whose rate is known."""
    at_least: bool
    """There are items whose rate is not known."""
    by_use: bool
    """There are items that bill by use."""


def total(items: Iterable[Item]) -> Total:
    rates = [item.usd_per_hour for item in items]
    return Total(
        math.fsum(rate for rate in rates if not isinstance(rate, NoPrice)),
        at_least=NoPrice.UNKNOWN in rates,
        by_use=NoPrice.BY_USE in rates,
    )


def billing_items(found: Found) -> list[Item]:
    """Endpoints come first, then jobs, then Studio."""
    return [*_hosting(found.endpoints), *_jobs(found), *_studio(found.domains)]


# --- endpoints --------------------------------------------------------------------------------------------------


def _hosting(endpoints: Iterable[Endpoint]) -> Iterator[Item]:
    for endpoint in endpoints:
        described = endpoint.described
        status = described["EndpointStatus"]
        if status != "Failed":
            variants = _variants(endpoint)
            yield Item(
                "endpoint",
                described["EndpointName"],
                described["CreationTime"],
                read_time(endpoint.tags.get(EXPIRES_AT_TAG)) or NO_DATE,
                _sum([_variant_rate(variant) for variant in variants]),
                _note(*map(_variant_note, variants), "" if status == "InService" else status),
            )


def _variants(endpoint: Endpoint) -> list[Document]:
    """The configuration knows the instances' type, the endpoint how many there are now, once it is InService."""
    merged: dict[str, dict[str, Any]] = {}
    for document in (endpoint.config, endpoint.described):
        for member in ("ProductionVariants", "ShadowProductionVariants"):
            for variant in document.get(member, []):
                merged.setdefault(variant["VariantName"], {}).update(variant)
    return list(merged.values())


def _variant_rate(variant: Document) -> Rate:
    serverless = _serverless(variant)
    if serverless:
        return NoPrice.UNKNOWN if serverless.get("ProvisionedConcurrency") else NoPrice.BY_USE
    return _instances_rate(HOSTING_USD_PER_HOUR, variant.get("InstanceType"), _count(variant))


def _variant_note(variant: Document) -> str:
    serverless = _serverless(variant)
    if not serverless:
        return _instances_note(variant.get("InstanceType"), _count(variant))
    provisioned = serverless.get("ProvisionedConcurrency")
    return f"serverless, {provisioned} provisioned" if provisioned else "serverless"


def _serverless(variant: Document) -> Document:
    return variant.get("CurrentServerlessConfig") or variant.get("ServerlessConfig") or {}


def _count(variant: Document) -> int:
    count: int = variant.get("CurrentInstanceCount", variant.get("InitialInstanceCount", 1))
    return count


# --- jobs -------------------------------------------------------------------------------------------------------


def _jobs(found: Found) -> Iterator[Item]:
    """A tuning job bills nothing itself; its training jobs bear its tags (aws-facts 4.8)."""
    for described in found.training_jobs:
        resources = described.get("ResourceConfig", {})
        yield from _job("Training", described, resources.get("InstanceGroups") or [_selected(resources)])
    for described in found.processing_jobs:
        yield from _job("Processing", described, [_selected(described["ProcessingResources"]["ClusterConfig"])])
    for described in found.transform_jobs:
        yield from _job("Transform", described, [described["TransformResources"]])


def _selected(resources: Document) -> Document:
    """A job that was given a choice of instance types names the one that it got apart."""
    selected = {member: resources.get(f"Selected{member}") for member in ("InstanceType", "InstanceCount")}
    return {**resources, **{member: value for member, value in selected.items() if value}}


def _job(noun: str, described: Document, groups: Iterable[Document]) -> Iterator[Item]:
    status = described[f"{noun}JobStatus"]
    if status not in ("InProgress", "Stopping"):
        return
    instances = [(group.get("InstanceType"), group.get("InstanceCount", 1)) for group in groups]
    started = described.get(f"{noun}StartTime")
    yield Item(
        f"{noun.lower()} job",
        described[f"{noun}JobName"],
        started or described["CreationTime"],
        _end(started, described.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")),
        _sum([_instances_rate(_JOB_PRICES[noun], kind, count) for kind, count in instances]),
        _note(
            *(_instances_note(kind, count) for kind, count in instances),
            "" if started else "starting",
            "" if status == "InProgress" else status,
        ),
    )


def _end(started: datetime | None, longest_seconds: int | None) -> datetime | str:
    if longest_seconds is None:
        return "done"
    if started is None:
        return f"{longest_seconds // 60} min after its start"
    return started + timedelta(seconds=longest_seconds)


# --- Studio -----------------------------------------------------------------------------------------------------


def _studio(domains: Iterable[Domain]) -> Iterator[Item]:
    for domain in domains:
        for app in domain.apps:
            yield from _app(app, domain.described)
        for space in domain.spaces:
            yield from _volume(space)
        yield from _home(domain.described)


def _app(found: App, domain: Document) -> Iterator[Item]:
    app = found.listed
    app_type, status = app["AppType"], app["Status"]
    instance_type = app.get("ResourceSpec", {}).get("InstanceType")
    if instance_type == "system" or app_type == "JupyterServer":
        instance_type = _APPS_WITH_SYSTEM_AT_A_PRICE.get(app_type, "")
    if instance_type == "" or status in ("Deleted", "Failed"):
        return
    yield Item(
        "Studio app",
        f"{app.get('SpaceName') or app['UserProfileName']}/{app['AppName']}",
        app.get("CreationTime"),
        _idle(found, domain),
        _instances_rate(STUDIO_USD_PER_HOUR, instance_type, 1),
        _note(app_type, instance_type or "instance type not told", "" if status == "InService" else status),
    )


def _idle(app: App, domain: Document) -> str:
    """By the settings that hold for the app: the nearer ones take the place of the general ones."""
    idle: dict[str, Any] = {}
    for settings in _settings(app, domain):
        of_type = settings.get(f"{app.listed['AppType']}AppSettings", {})
        idle |= of_type.get("AppLifecycleManagement", {}).get("IdleSettings", {})
    if idle.get("LifecycleManagement") == "ENABLED" and "IdleTimeoutInMinutes" in idle:
        return f"idle for {idle['IdleTimeoutInMinutes']} min"
    return "stopped"


def _settings(app: App, domain: Document) -> Iterator[Document]:
    """A user's settings hold in private spaces alone (aws-facts 5.14)."""
    if app.space.get("SpaceSharingSettings", {}).get("SharingType") == "Shared":
        yield domain.get("DefaultSpaceSettings", {})
    else:
        yield domain.get("DefaultUserSettings", {})
        yield app.profile.get("UserSettings", {})
    yield app.space.get("SpaceSettings", {})


def _volume(space: Document) -> Iterator[Item]:
    """A space keeps its volume while no app runs in it."""
    settings = space.get("SpaceSettingsSummary", {})
    size = settings.get("SpaceStorageSettings", {}).get("EbsStorageSettings", {}).get("EbsVolumeSizeInGb")
    if size is not None:
        rate: Rate = size * SPACE_VOLUME_USD_PER_GB_MONTH / HOURS_PER_MONTH
        yield Item("space volume", space["SpaceName"], space.get("CreationTime"), "deleted", rate, f"{size} GB")
    elif settings.get("AppType") in _APPS_WITH_A_VOLUME:
        unknown = NoPrice.UNKNOWN
        yield Item("space volume", space["SpaceName"], space.get("CreationTime"), "deleted", unknown, "size not told")


def _home(domain: Document) -> Iterator[Item]:
    if domain.get("HomeEfsFileSystemId"):
        note = f"{domain['DomainName']}'s home, by the stored GB"
        yield Item(
            "file system",
            domain["HomeEfsFileSystemId"],
            domain.get("CreationTime"),
            "deleted",
            NoPrice.UNKNOWN,
            note,
        )


# --- instances --------------------------------------------------------------------------------------------------


def _instances_rate(prices: Mapping[str, float], instance_type: str | None, count: int) -> Rate:
    if count == 0:
        return 0.0
    price = prices.get(instance_type or "")
    return NoPrice.UNKNOWN if price is None else count * price


def _instances_note(instance_type: str | None, count: int) -> str:
    return f"{count} × {instance_type or 'an instance type not told'}"


def _sum(rates: list[Rate]) -> Rate:
    """Of the parts of one thing: unknown if a part is, or if there are none to look at."""
    numbers = [rate for rate in rates if not isinstance(rate, NoPrice)]
    if NoPrice.UNKNOWN in rates or not rates:
        return NoPrice.UNKNOWN
    return math.fsum(numbers) if numbers else NoPrice.BY_USE


def _note(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
