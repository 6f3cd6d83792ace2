"""Studio's users in the settings: names, and what a user may have of its own."""

from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.settings import SettingsError
from stacks.user_profiles import UserProfile, problems_of
from tests.unit.test_settings import DEFAULTS, refusal, settings


def profiles(given: Any) -> tuple[UserProfile, ...]:
    return settings(user_profiles=given).user_profiles


def refused(given: Any) -> str:
    return refusal(DEFAULTS | {"user_profiles": given})


@pytest.mark.parametrize(
    "names", [[], ["ana"], ["ana", "Anna"], ["data-scientist", "d--s"], ["a" * 63], [f"user{n}" for n in range(50)]]
)
def test_profiles_are_any_number_of_names(names: list[str]) -> None:
    assert profiles(names) == tuple(UserProfile(name) for name in names)


def test_a_profile_may_have_instance_types_and_idle_minutes_of_its_own() -> None:
    ana = {"name": "ana", "instance_types": ["ml.m5.4xlarge", "ml.g5.xlarge"], "idle_minutes": 120}

    assert profiles([ana, {"name": "ben"}, "eva"]) == (
        UserProfile("ana", ("ml.m5.4xlarge", "ml.g5.xlarge"), 120),
        UserProfile("ben"),
        UserProfile("eva"),
    )


@pytest.mark.parametrize("given", ["ana", None, {"ana": 1}, 5, {"name": "ana"}])
def test_what_is_no_list_is_refused(given: Any) -> None:
    assert f"settings.user_profiles is {given!r}; allowed is a list" in refused(given)


@pytest.mark.parametrize("entry", [5, None, ["ana"], True])
def test_an_entry_that_is_neither_name_nor_object_is_refused(entry: Any) -> None:
    assert f"settings.user_profiles[1] is {entry!r}; allowed is a name, or an object" in refused(["eva", entry])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="an empty name"),
        pytest.param("a" * 64, id="too long"),
        pytest.param("-ana", id="hyphen first"),
        pytest.param("ana-", id="hyphen last"),
        pytest.param("ana maria", id="a space"),
        pytest.param("ana_maria", id="an underscore"),
        pytest.param("ana\n", id="a line break"),
        pytest.param("maría", id="an accent"),
        pytest.param(f"a{'-' * 62}a", id="too long by hyphens"),
    ],
)
def test_a_name_that_aws_refuses_is_refused_by_name(name: str) -> None:
    for entry in (name, {"name": name}):
        assert f"settings.user_profiles[1] has the name {name!r}; allowed are 1 to 63 letters" in refused(
            ["eva", entry]
        )


def test_an_object_without_a_name_is_refused() -> None:
    assert "settings.user_profiles[0] has the name None; allowed are" in refused([{"idle_minutes": 90}])


def test_more_profiles_than_fit_into_a_template_are_refused() -> None:
    assert "settings.user_profiles has 51 entries; allowed are 50" in refused([f"user{n}" for n in range(51)])


@pytest.mark.parametrize("given", [["ana", "ana"], ["ana", {"name": "ana", "idle_minutes": 90}], ["ana", "Ana"]])
def test_a_name_that_stands_there_twice_is_refused(given: Any) -> None:
    assert "settings.user_profiles names 'ana' twice" in refused(given)


def test_a_misspelt_override_is_refused_with_the_one_that_was_meant() -> None:
    message = refused([{"name": "ana", "instance_type": ["ml.m5.large"]}])

    assert "settings.user_profiles[0].instance_type is not known" in message
    assert "did you mean instance_types?" in message


@pytest.mark.parametrize("minutes", [59, 525_601, 60.0, "60", True, [], None])
def test_idle_minutes_of_its_own_are_held_to_what_aws_takes(minutes: Any) -> None:
    message = refused([{"name": "ana", "idle_minutes": minutes}])

    assert f"settings.user_profiles[0].idle_minutes is {minutes!r}; allowed is a whole number from 60" in message


@pytest.mark.parametrize("types", [[], "ml.m5.large", ["ml.m5.large"] * 2, [5], {}, None])
def test_instance_types_of_its_own_are_held_to_the_same_rule_as_everybodys(types: Any) -> None:
    message = refused([{"name": "ana", "instance_types": types}])

    assert f"settings.user_profiles[0].instance_types is {types!r}; allowed is a list" in message


def test_all_that_is_wrong_with_all_profiles_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        profiles(["ana_maria", {"name": "ben", "idle_minutes": 5}, 7])

    for place in ("[0]", "[1]", "[2]"):
        assert f"settings.user_profiles{place}" in str(error.value)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
ENTRIES = st.dictionaries(
    st.sampled_from(("name", "instance_types", "idle_minutes", "idle_minute")),
    ANYTHING | st.lists(st.sampled_from(("ml.t3.medium", "ml.m5.large", "ml.m5.lage")), max_size=3) | st.just("ana"),
)


@hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
@given(st.lists(ENTRIES | ANYTHING, max_size=4) | ANYTHING)
def test_anything_given_as_profiles_is_taken_or_refused_by_name(given_profiles: Any) -> None:
    if problems_of(given_profiles):
        assert "settings.user_profiles" in refused(given_profiles)
        return
    found = profiles(given_profiles)
    assert len(found) == len(given_profiles)
    assert len({profile.name.lower() for profile in found}) == len(found)
    assert all(len(profile.name) <= 63 for profile in found)
