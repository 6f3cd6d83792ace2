"""What of the project bills, for how much and until when; and how that is read and shown.

boto3 is real up to the HTTP request, which the small account below answers.
"""

import io
import json
import math
import os
import runpy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from billing.account import Account, App, CannotTell, Domain, Endpoint, Found
from billing.items import Item, NoPrice, billing_items, total
from billing.table import show
from lambdas.plan.cost import HOSTING_USD_PER_HOUR, TRAINING_USD_PER_HOUR

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 24, 17, 23, 30, tzinfo=UTC)
START = NOW - timedelta(hours=1)
XLARGE, MEDIUM, UNPRICED = "ml.m5.xlarge", "ml.t3.medium", "ml.c7i.large"
Document = dict[str, Any]


# --- endpoints --------------------------------------------------------------------------------------------------


def endpoint(*variants: Document, current: list[Document] | None = None, **changes: Any) -> Endpoint:
    """An endpoint on one instance, unless `variants` of its configuration say otherwise."""
    described = {
        "EndpointName": "fraud-1",
        "EndpointStatus": "InService",
        "CreationTime": START,
        "ProductionVariants": current or [],
    }
    config = {"ProductionVariants": list(variants) or [on_instances()]}
    return Endpoint(described | changes, config, {"expires-at": "2026-11-24T18:05:00Z"})


def on_instances(instance_type: str = XLARGE, count: int = 1, name: str = "main") -> Document:
    return {"VariantName": name, "InstanceType": instance_type, "InitialInstanceCount": count}


def serverless(**more: int) -> Document:
    return {"VariantName": "main", "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5, **more}}


def row(found: Found) -> Item:
    (item,) = billing_items(found)
    return item


def endpoint_row(given: Endpoint) -> Item:
    return row(Found(endpoints=(given,)))


def test_an_endpoint_bills_for_each_of_its_instances_until_its_date() -> None:
    item = endpoint_row(endpoint(on_instances(count=2)))

    assert item == Item(
        "endpoint",
        "fraud-1",
        START,
        datetime(2026, 11, 24, 18, 5, tzinfo=UTC),
        2 * HOSTING_USD_PER_HOUR[XLARGE],
        f"2 × {XLARGE}",
    )


def test_the_instances_that_there_are_now_count_not_those_at_first() -> None:
    item = endpoint_row(endpoint(on_instances(count=1), current=[{"VariantName": "main", "CurrentInstanceCount": 3}]))

    assert item.note == f"3 × {XLARGE}"
    assert item.usd_per_hour == 3 * HOSTING_USD_PER_HOUR[XLARGE]


@pytest.mark.parametrize("instance_type", [XLARGE, UNPRICED])
def test_an_endpoint_without_any_instance_left_bills_nothing_by_the_hour(instance_type: str) -> None:
    given = endpoint(on_instances(instance_type), current=[{"VariantName": "main", "CurrentInstanceCount": 0}])

    assert endpoint_row(given).usd_per_hour == 0.0


def test_shadow_variants_bill_too() -> None:
    given = endpoint()
    given = replace(given, config={**given.config, "ShadowProductionVariants": [on_instances(name="shadow")]})

    assert endpoint_row(given).usd_per_hour == 2 * HOSTING_USD_PER_HOUR[XLARGE]


@pytest.mark.parametrize("status", ["Creating", "Updating", "Deleting"])
def test_an_endpoint_that_changes_is_shown_with_its_status(status: str) -> None:
    given = endpoint(EndpointStatus=status)

    assert endpoint_row(given).note == f"1 × {XLARGE}, {status}"


def test_a_failed_endpoint_bills_nothing() -> None:
    assert billing_items(Found(endpoints=(endpoint(EndpointStatus="Failed"),))) == []


def test_a_serverless_endpoint_bills_by_use() -> None:
    item = endpoint_row(endpoint(serverless()))

    assert (item.usd_per_hour, item.note) == (NoPrice.BY_USE, "serverless")


def test_provisioned_concurrency_bills_by_the_hour_at_a_price_not_known() -> None:
    item = endpoint_row(endpoint(serverless(ProvisionedConcurrency=2)))

    assert (item.usd_per_hour, item.note) == (NoPrice.UNKNOWN, "serverless, 2 provisioned")


@pytest.mark.parametrize(
    "variants",
    [[on_instances(UNPRICED)], [on_instances(), on_instances(UNPRICED, name="other")], [{"VariantName": ""}]],
)
def test_an_endpoint_on_anything_without_a_known_price_has_no_known_rate(variants: list[Document]) -> None:
    assert endpoint_row(endpoint(*variants)).usd_per_hour == NoPrice.UNKNOWN


@pytest.mark.parametrize("current", [[], [{"VariantName": "main", "CurrentInstanceCount": 1}]])
def test_an_endpoint_whose_configuration_is_gone_bills_all_the_same(current: list[Document]) -> None:
    given = replace(endpoint(current=current), config={})

    assert endpoint_row(given).usd_per_hour == NoPrice.UNKNOWN


@pytest.mark.parametrize("tags", [{}, {"expires-at": ""}, {"expires-at": "soon"}])
def test_an_endpoint_whose_date_cannot_be_read_has_none(tags: dict[str, str]) -> None:
    assert endpoint_row(replace(endpoint(), tags=tags)).until == "no date"


# --- jobs -------------------------------------------------------------------------------------------------------


def training(**changes: Any) -> Document:
    return {
        "TrainingJobName": "fraud-1-trained",
        "TrainingJobStatus": "InProgress",
        "CreationTime": START - timedelta(minutes=2),
        "TrainingStartTime": START,
        "ResourceConfig": {"InstanceType": XLARGE, "InstanceCount": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **changes,
    }


def processing(**changes: Any) -> Document:
    return {
        "ProcessingJobName": "clean",
        "ProcessingJobStatus": "InProgress",
        "CreationTime": START,
        "ProcessingStartTime": START,
        "ProcessingResources": {"ClusterConfig": {"InstanceType": MEDIUM, "InstanceCount": 2}},
        **changes,
    }


def transform(**changes: Any) -> Document:
    return {
        "TransformJobName": "score",
        "TransformJobStatus": "InProgress",
        "CreationTime": START,
        "TransformStartTime": START,
        "TransformResources": {"InstanceType": XLARGE, "InstanceCount": 1},
        **changes,
    }


def training_row(**changes: Any) -> Item:
    return row(Found(training_jobs=(training(**changes),)))


def test_a_training_job_bills_for_its_instances_until_its_longest_run_time() -> None:
    resources = {"InstanceType": XLARGE, "InstanceCount": 3}

    item = training_row(ResourceConfig=resources)

    rate = 3 * TRAINING_USD_PER_HOUR[XLARGE]
    assert item == Item("training job", "fraud-1-trained", START, START + timedelta(hours=1), rate, f"3 × {XLARGE}")


def test_a_job_that_has_not_started_ends_some_time_after_its_start() -> None:
    item = training_row(TrainingStartTime=None)

    assert (item.since, item.until) == (START - timedelta(minutes=2), "60 min after its start")
    assert item.note == f"1 × {XLARGE}, starting"


def test_a_job_that_stops_bills_until_it_has() -> None:
    item = training_row(TrainingJobStatus="Stopping")

    assert (item.usd_per_hour, item.note) == (TRAINING_USD_PER_HOUR[XLARGE], f"1 × {XLARGE}, Stopping")


def test_groups_of_instances_add_up() -> None:
    groups = [{"InstanceType": XLARGE, "InstanceCount": 1}, {"InstanceType": MEDIUM, "InstanceCount": 2}]

    item = training_row(ResourceConfig={"InstanceGroups": groups})

    assert item.usd_per_hour == TRAINING_USD_PER_HOUR[XLARGE] + 2 * TRAINING_USD_PER_HOUR[MEDIUM]
    assert item.note == f"1 × {XLARGE}, 2 × {MEDIUM}"


def test_of_a_choice_of_instance_types_the_one_that_the_job_got_bills() -> None:
    item = training_row(ResourceConfig={"SelectedInstanceType": MEDIUM, "SelectedInstanceCount": 2})

    assert item.usd_per_hour == 2 * TRAINING_USD_PER_HOUR[MEDIUM]


@pytest.mark.parametrize("resources", [{}, {"InstanceType": UNPRICED, "InstanceCount": 1}])
def test_a_job_on_instances_without_a_known_price_has_no_known_rate(resources: Document) -> None:
    assert training_row(ResourceConfig=resources).usd_per_hour == NoPrice.UNKNOWN


def test_a_processing_job_bills_and_ends_when_it_is_done_unless_it_has_a_longest_run_time() -> None:
    limit = {"MaxRuntimeInSeconds": 600}

    without, within = billing_items(Found(processing_jobs=(processing(), processing(StoppingCondition=limit))))

    assert (without.kind, without.usd_per_hour, without.until) == ("processing job", 2 * 0.05, "done")
    assert within.until == START + timedelta(minutes=10)


def test_a_transform_job_bills_at_a_price_not_known() -> None:
    item = row(Found(transform_jobs=(transform(),)))

    assert (item.kind, item.name, item.usd_per_hour) == ("transform job", "score", NoPrice.UNKNOWN)
    assert item.until == "done"


@pytest.mark.parametrize("status", ["Completed", "Failed", "Stopped"])
def test_jobs_that_have_ended_since_they_were_listed_bill_nothing(status: str) -> None:
    found = Found(
        training_jobs=(training(TrainingJobStatus=status),),
        processing_jobs=(processing(ProcessingJobStatus=status),),
        transform_jobs=(transform(TransformJobStatus=status),),
    )

    assert billing_items(found) == []


# --- Studio -----------------------------------------------------------------------------------------------------


def idle(minutes: int, lifecycle: str = "ENABLED") -> Document:
    settings = {"LifecycleManagement": lifecycle, "IdleTimeoutInMinutes": minutes}
    return {"JupyterLabAppSettings": {"AppLifecycleManagement": {"IdleSettings": settings}}}


def app(app_type: str = "JupyterLab", instance_type: str | None = MEDIUM, **changes: Any) -> Document:
    spec = {"InstanceType": instance_type} if instance_type else {}
    return {
        "DomainId": "d-1",
        "AppType": app_type,
        "AppName": "default",
        "SpaceName": "desk",
        "Status": "InService",
        "CreationTime": START,
        "ResourceSpec": spec,
        **changes,
    }


def space(size: int | None = 20, app_type: str = "JupyterLab") -> Document:
    storage = {"SpaceStorageSettings": {"EbsStorageSettings": {"EbsVolumeSizeInGb": size}}} if size else {}
    summary = {"AppType": app_type, **storage}
    return {"DomainId": "d-1", "SpaceName": "desk", "CreationTime": START, "SpaceSettingsSummary": summary}


def private(minutes: int | None = None, app_type: str = "JupyterLab") -> Document:
    """A space of ana's as it is described, with idle minutes of its own or without."""
    own = {"AppLifecycleManagement": {"IdleSettings": {"IdleTimeoutInMinutes": minutes}}} if minutes else {}
    return {
        "DomainId": "d-1",
        "SpaceName": "desk",
        "SpaceSettings": {"AppType": app_type, f"{app_type}AppSettings": own},
        "OwnershipSettings": {"OwnerUserProfileName": "ana"},
        "SpaceSharingSettings": {"SharingType": "Private"},
    }


def studio(*, apps: tuple[Document | App, ...] = (), spaces: tuple[Document, ...] = (), **described: Any) -> Found:
    domain = {"DomainName": "fraud", "CreationTime": START, **described}
    known = tuple(each if isinstance(each, App) else App(each, {}, {}) for each in apps)
    return Found(domains=(Domain(domain, known, spaces),))


def test_an_app_bills_for_its_instance_until_it_has_been_idle() -> None:
    item = row(studio(apps=(app(),), DefaultUserSettings=idle(60)))

    assert item == Item("Studio app", "desk/default", START, "idle for 60 min", 0.05, f"JupyterLab, {MEDIUM}")


@pytest.mark.parametrize("settings", [{}, idle(60, "DISABLED")])
def test_an_app_without_idle_shutdown_bills_until_it_is_stopped(settings: Document) -> None:
    assert row(studio(apps=(app(),), DefaultUserSettings=settings)).until == "stopped"


def test_idle_shutdown_of_one_kind_of_app_says_nothing_about_another() -> None:
    assert row(studio(apps=(app("CodeEditor"),), DefaultUserSettings=idle(60))).until == "stopped"


@pytest.mark.parametrize(
    ("own", "until"),
    [
        ({}, "idle for 60 min"),
        ({"UserSettings": {}}, "idle for 60 min"),
        ({"UserSettings": idle(120)}, "idle for 120 min"),
        ({"UserSettings": idle(120, "DISABLED")}, "stopped"),
    ],
)
def test_an_app_ends_by_its_users_own_settings_where_there_are_some(own: Document, until: str) -> None:
    found = studio(apps=(App(app(), private(), own),), DefaultUserSettings=idle(60))

    assert row(found).until == until


def test_an_app_ends_by_its_spaces_own_minutes_where_there_are_some() -> None:
    found = studio(apps=(App(app(), private(90), {"UserSettings": idle(120)}),), DefaultUserSettings=idle(60))

    assert row(found).until == "idle for 90 min"


def test_a_shared_spaces_app_ends_by_the_domains_settings_for_spaces_alone() -> None:
    shared = private() | {"SpaceSharingSettings": {"SharingType": "Shared"}}
    found = App(app(), shared, {"UserSettings": idle(120)})

    without = row(studio(apps=(found,), DefaultUserSettings=idle(60)))
    having = row(studio(apps=(found,), DefaultUserSettings=idle(60), DefaultSpaceSettings=idle(240)))

    assert (without.until, having.until) == ("stopped", "idle for 240 min")


def test_an_app_outside_a_space_bears_its_users_name() -> None:
    item = row(studio(apps=(app("KernelGateway", SpaceName=None, UserProfileName="ana", AppName="kernel"),)))

    assert item.name == "ana/kernel"


@pytest.mark.parametrize("status", ["Pending", "Deleting"])
def test_an_app_that_changes_is_shown_with_its_status(status: str) -> None:
    assert row(studio(apps=(app(Status=status),))).note == f"JupyterLab, {MEDIUM}, {status}"


@pytest.mark.parametrize("status", ["Deleted", "Failed"])
def test_an_app_that_has_ended_bills_nothing(status: str) -> None:
    assert billing_items(studio(apps=(app(Status=status),))) == []


@pytest.mark.parametrize(
    "free", [app("JupyterServer", "system"), app("JupyterServer", None), app("RStudioServerPro", "system")]
)
def test_an_app_on_the_services_own_instance_bills_nothing(free: Document) -> None:
    assert billing_items(studio(apps=(free,))) == []


@pytest.mark.parametrize(("app_type", "rate"), [("KernelGateway", 0.05), ("Canvas", NoPrice.UNKNOWN)])
def test_for_some_apps_the_services_own_instance_has_a_price(app_type: str, rate: float) -> None:
    assert row(studio(apps=(app(app_type, "system"),))).usd_per_hour == rate


@pytest.mark.parametrize("instance_type", [UNPRICED, None])
def test_an_app_on_an_instance_without_a_known_price_has_no_known_rate(instance_type: str | None) -> None:
    assert row(studio(apps=(app(instance_type=instance_type),))).usd_per_hour == NoPrice.UNKNOWN


def test_a_space_bills_for_its_volume_also_while_no_app_runs() -> None:
    item = row(studio(spaces=(space(100),)))

    assert item == Item("space volume", "desk", START, "deleted", 100 * 0.112 / 730, "100 GB")


def test_a_space_whose_volume_has_a_size_not_told_has_no_known_rate() -> None:
    item = row(studio(spaces=(space(None),)))

    assert (item.usd_per_hour, item.note) == (NoPrice.UNKNOWN, "size not told")


def test_a_space_of_apps_that_have_no_volume_bills_nothing() -> None:
    assert billing_items(studio(spaces=(space(None, "KernelGateway"),))) == []


def test_the_domains_home_file_system_bills_for_what_is_stored() -> None:
    item = row(studio(HomeEfsFileSystemId="fs-1"))

    assert (item.kind, item.name, item.usd_per_hour) == ("file system", "fs-1", NoPrice.UNKNOWN)
    assert "by the stored GB" in item.note


def test_a_domain_by_itself_bills_nothing() -> None:
    assert billing_items(studio()) == []


# --- the total --------------------------------------------------------------------------------------------------


def item(rate: float | NoPrice, **changes: Any) -> Item:
    return replace(Item("endpoint", "fraud-1", START, "no date", rate, ""), **changes)


rates = st.one_of(st.floats(0, 1000, allow_subnormal=False), st.sampled_from(NoPrice))


@given(st.lists(rates))
def test_the_total_is_of_the_known_rates_and_tells_of_all_others(listed: list[float | NoPrice]) -> None:
    known = [rate for rate in listed if not isinstance(rate, NoPrice)]

    amount = total(map(item, listed))

    assert amount.usd_per_hour == math.fsum(known)
    assert amount.at_least == (NoPrice.UNKNOWN in listed)
    assert amount.by_use == (NoPrice.BY_USE in listed)


@given(st.lists(st.integers(0, 5), max_size=6), st.sampled_from([XLARGE, "ml.m5.2xlarge"]))
def test_the_endpoints_total_is_that_of_all_their_instances(counts: list[int], instance_type: str) -> None:
    found = Found(endpoints=tuple(endpoint(on_instances(instance_type, count)) for count in counts))

    amount = total(billing_items(found)).usd_per_hour

    assert amount == pytest.approx(sum(counts) * HOSTING_USD_PER_HOUR[instance_type])


# --- reading ----------------------------------------------------------------------------------------------------

PAGE = 2
OURS, THEIRS = {"team": "risk", "run-id": "1", "project": "fraud"}, {"project": "other"}
LISTS = {
    "Endpoint": "Endpoints",
    "TrainingJob": "TrainingJobSummaries",
    "ProcessingJob": "ProcessingJobSummaries",
    "TransformJob": "TransformJobSummaries",
    "Domain": "Domains",
    "App": "Apps",
    "Space": "Spaces",
}
NAMES = {"Domain": "DomainId"}
STUDIO = ("DescribeSpace", "DescribeUserProfile")


class Refused(Exception):
    """An error of the service: its code and message."""


GONE = Refused("ValidationException", "Could not find it.")


class Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@dataclass
class Sagemaker:
    """What there is by noun and name, and its tags; lists come in pages."""

    things: dict[tuple[str, str], tuple[Document, Mapping[str, str]]] = field(default_factory=dict)
    refusals: dict[str, Refused] = field(default_factory=dict)
    """What an operation is refused with."""
    asked: list[str] = field(default_factory=list)
    """The operations that were called."""

    def add(self, noun: str, document: Document, tags: Mapping[str, str] = OURS) -> None:
        name = document[NAMES.get(noun, f"{noun}Name")]
        arn = {f"{noun}Arn": f"arn:aws:sagemaker:us-east-1:123456789012:{noun}/{name}"}
        self.things[noun, name] = ({**document, **arn}, tags)

    def add_endpoint(self, name: str = "fraud-1", tags: Mapping[str, str] = OURS) -> None:
        config = {"EndpointConfigName": name}
        self.add("Endpoint", {**endpoint(EndpointName=name).described, **config}, tags)
        self.add("EndpointConfig", {"ProductionVariants": [on_instances()], **config}, tags)

    def client(self) -> Any:
        made = boto3.session.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="us-east-1").client("sagemaker")
        made.meta.events.register("before-send", self._respond)
        return made

    def _respond(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        self.asked.append(operation)
        try:
            status, body = 200, self._answer(operation, json.loads(request.body))
        except Refused as error:
            code, message = error.args
            status, body = 400, {"__type": code, "message": message}
        return AWSResponse(request.url, status, {}, Raw(json.dumps(body, default=datetime.timestamp).encode()))

    def _answer(self, operation: str, request: Document) -> Document:
        if operation in self.refusals:
            raise self.refusals[operation]
        if operation == "ListTags":
            _, tags = self._thing(*request["ResourceArn"].rpartition(":")[2].split("/"))
            return _page("Tags", [{"Key": key, "Value": value} for key, value in tags.items()], request)
        noun = operation.removeprefix("Describe")
        if noun != operation:
            return self._thing(noun, request[NAMES.get(noun, f"{noun}Name")])[0]
        noun = operation.removeprefix("List").removesuffix("s")
        documents = [document for (kind, _), (document, _) in self.things.items() if kind == noun]
        wanted = {f"{noun}Status": request.get("StatusEquals"), "DomainId": request.get("DomainIdEquals")}
        return _page(LISTS[noun], [document for document in documents if _matches(document, wanted)], request)

    def _thing(self, noun: str, name: str) -> tuple[Document, Mapping[str, str]]:
        if (noun, name) not in self.things:
            raise GONE
        return self.things[noun, name]


def _page(member: str, listed: list[Document], request: Document) -> Document:
    start = int(request.get("NextToken", 0))
    rest = {"NextToken": str(start + PAGE)} if len(listed) > start + PAGE else {}
    return {member: listed[start : start + PAGE], **rest}


def _matches(document: Document, wanted: Document) -> bool:
    return all(value is None or document.get(member) == value for member, value in wanted.items())


@pytest.fixture
def sagemaker() -> Sagemaker:
    return Sagemaker()


def everything() -> Sagemaker:
    """One of each kind of what bills."""
    account = Sagemaker()
    account.add_endpoint()
    for noun, job in (("TrainingJob", training()), ("ProcessingJob", processing()), ("TransformJob", transform())):
        account.add(noun, job)
    account.add("Domain", {"DomainId": "d-1", "DomainName": "fraud", "HomeEfsFileSystemId": "fs-1"})
    account.add("App", app(), {})
    account.add("Space", {**space(), **private()}, {})
    account.add("UserProfile", {"DomainId": "d-1", "UserProfileName": "ana", "UserSettings": idle(120)}, {})
    return account


def read(account: Sagemaker) -> Found:
    return Account("123456789012", "us-east-1", account.client()).read("fraud")


def names(account: Sagemaker) -> list[str]:
    return [item.name for item in billing_items(read(account))]


def test_everything_that_bills_is_found() -> None:
    kinds = [item.kind for item in billing_items(read(everything()))]

    assert kinds == [
        "endpoint",
        "training job",
        "processing job",
        "transform job",
        "Studio app",
        "space volume",
        "file system",
    ]


def test_what_is_found_tells_the_same_as_what_is_described() -> None:
    item = billing_items(read(everything()))[1]

    assert item == training_row()


def test_an_empty_account_has_nothing_that_bills(sagemaker: Sagemaker) -> None:
    assert read(sagemaker) == Found()


def test_the_projects_are_found_on_every_page_and_others_left_alone(sagemaker: Sagemaker) -> None:
    for number in range(5):
        sagemaker.add_endpoint(f"fraud-{number}")
        sagemaker.add_endpoint(f"other-{number}", THEIRS)
        sagemaker.add("TrainingJob", training(TrainingJobName=f"job-{number}"), OURS if number % 2 else {})

    assert names(sagemaker) == [*(f"fraud-{number}" for number in range(5)), "job-1", "job-3"]


def test_apps_and_spaces_of_another_projects_domain_are_left_alone(sagemaker: Sagemaker) -> None:
    for domain_id, tags in (("d-1", OURS), ("d-2", THEIRS)):
        sagemaker.add("Domain", {"DomainId": domain_id, "DomainName": domain_id}, tags)
        sagemaker.add("App", app(DomainId=domain_id, AppName=f"of-{domain_id}"))
        sagemaker.add("Space", space() | {"DomainId": domain_id, "SpaceName": f"of-{domain_id}"})

    assert names(sagemaker) == ["desk/of-d-1", "of-d-1"]


@pytest.mark.parametrize("status", ["InProgress", "Stopping"])
def test_jobs_under_way_are_found(sagemaker: Sagemaker, status: str) -> None:
    sagemaker.add("TrainingJob", training(TrainingJobStatus=status))
    sagemaker.add("TrainingJob", training(TrainingJobName="ended", TrainingJobStatus="Completed"))

    assert names(sagemaker) == ["fraud-1-trained"]


def test_a_job_that_begins_to_stop_between_the_lists_is_found_once(
    sagemaker: Sagemaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sagemaker.add("TrainingJob", training())
    monkeypatch.setitem(globals(), "_matches", lambda document, wanted: True)

    assert names(sagemaker) == ["fraud-1-trained"]


@pytest.mark.parametrize(
    "operation", ["ListTags", "DescribeEndpoint", "DescribeTrainingJob", "DescribeDomain", "ListApps", "ListSpaces"]
)
def test_what_vanishes_while_it_is_looked_at_is_passed_over(operation: str) -> None:
    account = everything()
    before = names(account)
    account.refusals[operation] = GONE

    assert set(names(account)) < set(before)


def app_of(account: Sagemaker) -> Item:
    (found,) = (item for item in billing_items(read(account)) if item.kind == "Studio app")
    return found


def test_an_apps_end_is_looked_up_at_its_spaces_owner() -> None:
    assert app_of(everything()).until == "idle for 120 min"


def test_an_app_outside_a_space_has_its_own_users_end() -> None:
    account = everything()
    account.add("App", app(SpaceName=None, UserProfileName="ana"), {})

    assert app_of(account).until == "idle for 120 min"


@pytest.mark.parametrize("operation", STUDIO)
def test_an_app_stays_in_view_when_its_space_or_its_user_vanishes(operation: str) -> None:
    account = everything()
    account.refusals[operation] = GONE

    assert app_of(account).until == "stopped"


@pytest.mark.parametrize("status", ["Deleted", "Failed"])
def test_nothing_is_asked_about_the_users_of_apps_that_have_ended(status: str) -> None:
    account = everything()
    account.add("App", app(Status=status), {})

    read(account)

    assert set(STUDIO) & set(account.asked) == set()


def test_an_endpoint_stays_in_view_when_its_configuration_vanishes() -> None:
    account = everything()
    account.refusals["DescribeEndpointConfig"] = GONE

    assert "fraud-1" in names(account)


@pytest.mark.parametrize("operation", ["ListEndpoints", "ListTags", "DescribeDomain", "ListTransformJobs"])
def test_a_refusal_is_told_with_the_operation_and_what_to_do(operation: str) -> None:
    account = everything()
    account.refusals[operation] = Refused("AccessDeniedException", "User ana is not authorized")

    with pytest.raises(CannotTell) as told:
        read(account)

    assert str(told.value) == (
        f"AWS refused {operation}: AccessDeniedException: User ana is not authorized. "
        "Use credentials that are valid and may list and describe SageMaker's resources."
    )


# --- on the screen ----------------------------------------------------------------------------------------------


def shown(*items: Item, width: int = 120, terminal: bool = False) -> str:
    screen = io.StringIO()
    show(Console(file=screen, width=width, force_terminal=terminal, color_system=None), list(items), NOW)
    return screen.getvalue()


def test_each_item_has_a_line_where_there_is_no_terminal() -> None:
    lines = shown(item(0.23, until=NOW + timedelta(minutes=42), note="1 × ml.m5.xlarge"), item(0.5), width=20)

    heading, first, second, *_ = lines.splitlines()
    assert heading.split() == ["kind", "name", "since", "until", "USD/hour"]
    assert first == (
        "endpoint  fraud-1 (1 × ml.m5.xlarge)  2026-11-24 16:23 UTC  2026-11-24 18:05 UTC, in 42 min  0.2300"
    )
    assert second.split("  ")[0] == "endpoint"


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_shows_names_whole_and_rates(width: int) -> None:
    name = "fraud-20261124-162330-a1b2"

    text = shown(item(0.23, name=name, until=NOW + timedelta(minutes=42)), width=width, terminal=True)

    assert name in text
    assert "0.2300" in text
    assert "in 42 min" in text


@pytest.mark.parametrize("width", [10, 40, 80, 200])
def test_a_terminal_of_any_width_shows_something(width: int) -> None:
    assert shown(item(0.23), width=width, terminal=True) != ""


def test_what_stands_in_brackets_is_shown_as_it_is() -> None:
    for terminal in (True, False):
        assert "1 [bold]" in shown(item(0.23, note="1 [bold]"), terminal=terminal)


@pytest.mark.parametrize(
    ("distance", "told"),
    [
        (timedelta(0), "in 0 min"),
        (timedelta(minutes=59, seconds=59), "in 59 min"),
        (timedelta(hours=1), "in 1 h 0 min"),
        (timedelta(hours=23, minutes=59), "in 23 h 59 min"),
        (timedelta(days=2, hours=3), "in 2 d 3 h"),
        (-timedelta(minutes=12), "12 min ago"),
        (-timedelta(hours=30), "1 d 6 h ago"),
    ],
)
def test_a_date_is_told_with_its_distance(distance: timedelta, told: str) -> None:
    assert told in shown(item(0.23, until=NOW + distance))


def test_dates_are_told_in_utc() -> None:
    elsewhere = START.astimezone(tz=datetime.fromisoformat("2026-01-01T00:00+05:30").tzinfo)

    assert "2026-11-24 16:23 UTC" in shown(item(0.23, since=elsewhere))


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ([0.23, 0.05], "Total: 0.2800 USD an hour\n"),
        ([0.23, NoPrice.UNKNOWN], "Total: at least 0.2300 USD an hour\n"),
        ([NoPrice.BY_USE], "Total: 0.0000 USD an hour, and what bills by use\n"),
        ([NoPrice.UNKNOWN, NoPrice.BY_USE], "Total: at least 0.0000 USD an hour, and what bills by use\n"),
    ],
)
def test_the_total_says_what_it_holds(listed: list[float | NoPrice], told: str) -> None:
    assert told in shown(*map(item, listed))


def test_it_is_said_whose_prices_these_are() -> None:
    assert "Prices are us-east-1's and approximate." in shown(item(0.23))


# --- the command ------------------------------------------------------------------------------------------------


class Sts:
    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "123456789012"}


def run(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("billing", run_name="__main__")
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().out


def run_against(
    account: Sagemaker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    clients = {"sagemaker": account.client(), "sts": Sts()}
    monkeypatch.setattr(boto3, "client", lambda service, **_: clients[service])
    return run(capsys)


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Without anything that boto3 could take a region or credentials from."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return monkeypatch


def test_nothing_that_bills_is_a_success(
    sagemaker: Sagemaker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = run_against(sagemaker, monkeypatch, capsys)

    assert code == 0
    assert text.splitlines() == ["Account 123456789012, us-east-1", "Nothing of project fraud bills now."]


def test_something_that_bills_is_told_by_the_exit_code_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = run_against(everything(), monkeypatch, capsys)

    assert code == 1
    assert "fraud-1-trained" in text


def test_a_serverless_endpoint_counts_as_something_that_bills(
    sagemaker: Sagemaker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sagemaker.add_endpoint()
    config, tags = sagemaker.things["EndpointConfig", "fraud-1"]
    sagemaker.things["EndpointConfig", "fraud-1"] = ({**config, "ProductionVariants": [serverless()]}, tags)

    assert run_against(sagemaker, monkeypatch, capsys)[0] == 1


def test_a_refusal_is_one_line_and_no_answer(
    sagemaker: Sagemaker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sagemaker.refusals["ListEndpoints"] = Refused("AccessDeniedException", "no [bold]")

    code, text = run_against(sagemaker, monkeypatch, capsys)

    assert (code, len(text.splitlines())) == (2, 1)
    assert "ListEndpoints: AccessDeniedException: no [bold]." in text


def test_no_region_is_one_line_and_no_answer(
    bare_environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = run(capsys)

    assert (code, len(text.splitlines())) == (2, 1)
    assert text.startswith("No AWS region is set. Set AWS_DEFAULT_REGION")


def test_no_credentials_are_one_line_and_no_answer(
    bare_environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bare_environment.setenv("AWS_DEFAULT_REGION", "us-east-1")

    code, text = run(capsys)

    assert (code, len(text.splitlines())) == (2, 1)
    assert text.startswith("There are no AWS credentials. Set AWS_ACCESS_KEY_ID")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("AWS_PROFILE", "nobody", "AWS could not be asked: The config profile (nobody) could not be found."),
        ("AWS_ENDPOINT_URL", "nonsense", "AWS could not be asked: Invalid endpoint: nonsense."),
        ("AWS_DEFAULT_REGION", "us east", "AWS could not be asked: Provided region_name 'us east'"),
    ],
)
def test_variables_that_lead_nowhere_are_one_line_and_no_answer(
    bare_environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, told: str
) -> None:
    bare_environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
    bare_environment.setenv(name, value)

    code, text = run(capsys)

    assert (code, len(text.splitlines())) == (2, 1)
    assert text.startswith(told)


def test_an_endpoint_that_cannot_be_reached_is_one_line_and_no_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable(service: str, **_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://localhost:1")

    monkeypatch.setattr(boto3, "client", unreachable)

    code, text = run(capsys)

    assert (code, len(text.splitlines())) == (2, 1)
    assert text.startswith('AWS could not be reached: Could not connect to the endpoint URL: "https://localhost:1".')
