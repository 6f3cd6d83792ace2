"""The settings of cdk.json: what is allowed, and what is said about what is not."""

import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.instance_types import is_instance_type
from stacks.settings import Settings, SettingsError
from stacks.user_profiles import UserProfile

CDK_JSON = Path(__file__).parents[2] / "cdk.json"
DEFAULTS: dict[str, Any] = json.loads(CDK_JSON.read_text())["context"]["settings"]
LONGEST_MINUTES = 525_600
BOUNDS = {
    "studio_max_job_minutes": (1, 28 * 24 * 60),
    "studio_idle_minutes": (60, LONGEST_MINUTES),
    "endpoint_ttl_minutes": (10, LONGEST_MINUTES),
    "endpoint_max_ttl_minutes": (10, LONGEST_MINUTES),
    "endpoint_idle_minutes": (5, LONGEST_MINUTES),
    "sweep_minutes": (1, 60),
    "expiry_warning_minutes": (1, LONGEST_MINUTES),
    "retrain_every_days": (0, 365),
}
SWITCHES = ["janitor_dry_run", "studio_home_efs", "retrain_on_new_data"]
LISTS = ["user_profiles", "studio_instance_types", "notification_emails"]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=8,
)


def settings(**changes: Any) -> Settings:
    return Settings.from_context(DEFAULTS | changes)


def refusal(context: Any) -> str:
    with pytest.raises(SettingsError) as refused:
        Settings.from_context(context)
    return str(refused.value)


def test_the_defaults_are_allowed() -> None:
    assert settings() == Settings(
        project="fraud",
        user_profiles=(UserProfile("data-scientist"),),
        studio_instance_types=("ml.t3.medium", "ml.m5.large", "ml.m5.xlarge"),
        studio_max_job_minutes=60,
        studio_image_uri="",
        studio_idle_minutes=60,
        endpoint_ttl_minutes=60,
        endpoint_max_ttl_minutes=1440,
        endpoint_idle_minutes=30,
        sweep_minutes=5,
        expiry_warning_minutes=15,
        janitor_dry_run=False,
        notification_emails=(),
        studio_home_efs=False,
        log_retention_days=30,
        retrain_every_days=0,
        retrain_on_new_data=False,
        retrain_input={},
    )


@pytest.mark.parametrize("project", ["ab", "fraud", "f1234567", "a0"])
def test_a_project_is_two_to_eight_lower_case_letters_and_digits(project: str) -> None:
    assert settings(project=project).project == project


@pytest.mark.parametrize(
    "project", ["", "f", "f12345678", "1fraud", "Fraud", "my-team", "fraud\n", "müsli", None, 5, []]
)
def test_any_other_project_is_refused(project: Any) -> None:
    message = refusal(DEFAULTS | {"project": project})

    assert f"settings.project is {project!r}; allowed are 2 to 8 lower-case letters and digits" in message


@pytest.mark.parametrize("types", [["ml.t3.medium"], ["ml.m5.large", "ml.g4dn.xlarge", "ml.p4de.24xlarge"]], ids=len)
def test_studios_users_get_one_or_more_instance_types(types: list[str]) -> None:
    assert settings(studio_instance_types=types).studio_instance_types == tuple(types)


@pytest.mark.parametrize(
    "types",
    [
        pytest.param([], id="none"),
        pytest.param("ml.t3.medium", id="no list"),
        pytest.param(None, id="nothing"),
        pytest.param(["ml.t3.medium", "ml.t3.medium"], id="twice the same"),
        pytest.param([5], id="a number"),
        pytest.param([["ml.t3.medium"]], id="a list in the list"),
    ],
)
def test_what_is_no_list_of_instance_types_is_refused(types: Any) -> None:
    message = refusal(DEFAULTS | {"studio_instance_types": types})

    assert f"settings.studio_instance_types is {types!r}; allowed is a list of one or more different" in message


@pytest.mark.parametrize(
    ("given_type", "meant"),
    [
        ("ml.m5.xlrage", "ml.m5.xlarge"),
        ("m5.xlarge", "ml.m5.xlarge"),
        ("ml.m5.*", None),
        ("ml.nonsense.large", None),
        ("*", None),
        ("ml.t3.medium\n", "ml.t3.medium"),
    ],
)
def test_an_instance_type_that_there_is_not_is_refused_with_the_one_that_was_meant(
    given_type: str, meant: str | None
) -> None:
    message = refusal(DEFAULTS | {"studio_instance_types": ["ml.t3.medium", given_type]})

    assert f"settings.studio_instance_types has {given_type!r}, which is not an instance type" in message
    assert meant is None or f"did you mean {meant}?" in message


def test_every_instance_type_that_sagemaker_has_is_known() -> None:
    """As botocore's model of the service lists them, but for two kinds that nobody can choose for these."""
    shapes = botocore.session.get_session().get_component("data_loader").load_service_model("sagemaker", "service-2")
    kinds = ("Training", "ProductionVariant", "App", "Transform", "Processing")
    names = {name for kind in kinds for name in shapes["shapes"][f"{kind}InstanceType"]["enum"]}

    unknown = {name for name in names if not is_instance_type(name)}

    assert unknown == {"system", "ml.geospatial.interactive"}


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/studio:1",
        "123456789012.dkr.ecr.eu-south-2.amazonaws.com/team/studio-image:2026.11_b",
        f"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/studio@sha256:{'0' * 64}",
    ],
)
def test_an_image_for_studio_is_given_by_its_address_in_ecr(uri: str) -> None:
    assert settings(studio_image_uri=uri).studio_image_uri == uri


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param(None, id="nothing"),
        pytest.param("studio:1", id="no registry"),
        pytest.param("public.ecr.aws/sagemaker/studio:1", id="the public registry"),
        pytest.param("123456789012.dkr.ecr.us-east-1.amazonaws.com/studio", id="no tag"),
        pytest.param("123456789012.dkr.ecr.us-east-1.amazonaws.com/Studio:1", id="a capital letter"),
        pytest.param("123456789012.dkr.ecr.us-east-1.amazonaws.com/studio:1 ", id="a space"),
        pytest.param("https://123456789012.dkr.ecr.us-east-1.amazonaws.com/studio:1", id="a web address"),
        pytest.param("\u0661" * 12 + ".dkr.ecr.us-east-1.amazonaws.com/studio:1", id="other digits"),
        pytest.param("123456789012.dkr.ecr.us-east-1.amazonaws.com/studio:\u00e4", id="an accent"),
    ],
)
def test_other_images_are_refused(uri: Any) -> None:
    assert f"settings.studio_image_uri is {uri!r}; allowed is" in refusal(DEFAULTS | {"studio_image_uri": uri})


@pytest.mark.parametrize(
    "addresses", [[], ["ana@example.com"], ["ana@example.com", "ops+fraud@mail.example.co.uk"]], ids=len
)
def test_notices_go_to_any_number_of_addresses(addresses: list[str]) -> None:
    assert settings(notification_emails=addresses).notification_emails == tuple(addresses)


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param("ana@example.com", id="no list"),
        pytest.param(None, id="nothing"),
        pytest.param(["ana@example.com", "ana@example.com"], id="twice the same"),
        pytest.param([""], id="an empty one"),
        pytest.param(["ana"], id="no domain"),
        pytest.param(["ana@localhost"], id="a domain without a dot"),
        pytest.param(["@example.com"], id="nobody"),
        pytest.param(["ana@ben@example.com"], id="two signs"),
        pytest.param(["ana maria@example.com"], id="a space"),
        pytest.param(["ana@example.com\n"], id="a line break"),
        pytest.param([5], id="a number"),
        pytest.param([None], id="no text"),
        pytest.param([{}], id="a mapping in the list"),
    ],
)
def test_any_other_addresses_are_refused(addresses: Any) -> None:
    message = refusal(DEFAULTS | {"notification_emails": addresses})

    assert f"settings.notification_emails is {addresses!r}; allowed is a list of different e-mail addresses" in message


@pytest.mark.parametrize("given", [{}, {"data": {"source": "s3://b/k"}}, {"tuning": {"max_jobs": 3}}])
def test_runs_that_start_by_themselves_have_an_input(given: dict[str, Any]) -> None:
    assert settings(retrain_input=given).retrain_input == given


def test_the_longest_input_of_a_run_fits_into_a_rule_of_eventbridge_with_what_is_added() -> None:
    events = botocore.session.get_session().get_service_model("events")
    longest = events.shape_for("TransformerInput").metadata["max"]
    empty = json.dumps({"data": {"label_column": ""}})
    given = {"data": {"label_column": "x" * (8000 - len(empty))}}
    added = json.dumps({"data": {"source": f"s3://{'b' * 63}/<detail-object-key>"}, "candidates": {"registered": True}})

    assert settings(retrain_input=given).retrain_input == given
    assert len(json.dumps(given)) + len(added) <= longest


def test_a_longer_input_of_a_run_is_refused_by_its_length() -> None:
    assert "at most 8,000 characters" in refusal(DEFAULTS | {"retrain_input": {"data": {"label_column": "x" * 8000}}})


@pytest.mark.parametrize("given", [None, [], "{}", {"data": "s3://b/k"}, {"data": None}])
def test_what_is_no_executions_input_is_refused(given: Any) -> None:
    message = refusal(DEFAULTS | {"retrain_input": given})

    assert f"settings.retrain_input is {given!r}; allowed is an object like the execution's input" in message


@pytest.mark.parametrize("name", BOUNDS)
def test_minutes_lie_within_their_bounds(name: str) -> None:
    least, most = BOUNDS[name]
    rest = {"endpoint_ttl_minutes": 10, "endpoint_max_ttl_minutes": LONGEST_MINUTES}

    assert getattr(settings(**rest | {name: least}), name) == least
    assert getattr(settings(**rest | {name: most}), name) == most
    for outside in (least - 1, most + 1, -1):
        message = refusal(DEFAULTS | {name: outside})
        assert f"settings.{name} is {outside}; allowed is a whole number from {least} to {most}." in message


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("value", [60.0, "60", True, None, [60]])
def test_minutes_are_whole_numbers(name: str, value: Any) -> None:
    assert f"settings.{name} is {value!r}; allowed is a whole number" in refusal(DEFAULTS | {name: value})


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", [True, False])
def test_a_switch_is_on_or_off(name: str, *, value: bool) -> None:
    assert getattr(settings(**{name: value}), name) is value


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", [0, 1, "true", "false", "", None, []])
def test_a_switch_knows_nothing_between(name: str, value: Any) -> None:
    assert f"settings.{name} is {value!r}; allowed are true and false" in refusal(DEFAULTS | {name: value})


@pytest.mark.parametrize("days", [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365])
def test_logs_are_kept_for_as_long_as_cloudwatch_offers(days: int) -> None:
    assert settings(log_retention_days=days).log_retention_days == days


@pytest.mark.parametrize("days", [0, 2, 366, -1, 30.0, "30", True, None, [30], {}])
def test_other_retentions_are_refused_with_those_that_there_are(days: Any) -> None:
    message = refusal(DEFAULTS | {"log_retention_days": days})

    assert f"settings.log_retention_days is {days!r}; allowed are 1, 3, 5, 7, 14, 30, 60, 90, 120," in message


def test_a_lifetime_above_the_longest_is_refused() -> None:
    message = refusal(DEFAULTS | {"endpoint_ttl_minutes": 61, "endpoint_max_ttl_minutes": 60})

    assert "settings.endpoint_ttl_minutes is 61; it must not be above settings.endpoint_max_ttl_minutes (60)" in message


def test_the_longest_lifetime_may_be_the_usual_one() -> None:
    assert settings(endpoint_ttl_minutes=60, endpoint_max_ttl_minutes=60).endpoint_max_ttl_minutes == 60


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_setting_that_is_missing_is_named(name: str) -> None:
    message = refusal({key: value for key, value in DEFAULTS.items() if key != name})

    assert f"settings.{name} is missing." in message


@pytest.mark.parametrize(
    ("given_name", "meant"),
    [("user_profile", "user_profiles"), ("Project", "project"), ("endpoint_ttl", "endpoint_ttl_minutes")],
)
def test_a_misspelt_setting_is_refused_with_the_one_that_was_meant(given_name: str, meant: str) -> None:
    message = refusal(DEFAULTS | {given_name: 1})

    assert f"settings.{given_name} is not a setting; did you mean {meant}?" in message


def test_a_setting_like_no_other_is_refused_with_those_that_there_are() -> None:
    message = refusal(DEFAULTS | {"xyz": 1})

    assert "settings.xyz is not a setting; known are project, user_profiles," in message


def test_everything_that_is_wrong_is_said_at_once() -> None:
    context = DEFAULTS | {"project": "X", "studio_idle_minutes": 5, "xyz": 1}
    del context["log_retention_days"]

    message = refusal(context)

    assert message.startswith("cdk.json: ")
    for name in ("project", "studio_idle_minutes", "xyz", "log_retention_days"):
        assert f"settings.{name} is " in message


@pytest.mark.parametrize("context", ["fraud", 5, ["project"], [{}]])
def test_settings_that_are_no_mapping_are_refused(context: Any) -> None:
    assert "settings" in refusal(context)


@given(
    changes=st.dictionaries(st.sampled_from(sorted(DEFAULTS)) | st.text(), json_values, max_size=4),
    left_out=st.sets(st.sampled_from(sorted(DEFAULTS)), max_size=2),
)
def test_any_mapping_gives_settings_or_a_settings_error(changes: dict[str, Any], left_out: set[str]) -> None:
    context = {name: value for name, value in (DEFAULTS | changes).items() if name not in left_out}

    try:
        found = Settings.from_context(context)
    except SettingsError:
        return
    assert context.keys() == DEFAULTS.keys()
    expected = {name: type(value) for name, value in DEFAULTS.items()} | dict.fromkeys(LISTS, tuple)
    assert {name: type(getattr(found, name)) for name in DEFAULTS} == expected
