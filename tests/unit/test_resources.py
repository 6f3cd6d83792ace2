"""The tables of resources: what is found in them by an ARN, and lists of them in pages."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.resources import Resource, Resources
from localcloud.sagemaker.service import SageMaker
from tests.unit.small_cloud import ACCOUNT, REGION, Principal, SmallPlatform

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def thing(name: str, arn: str = "", kind: str = "model") -> Resource:
    return Resource(kind, name, arn or f"arn:{kind}/{name.lower()}", {})


def with_things(*things: Resource) -> Resources:
    resources = Resources()
    for each in things:
        resources.add(each)
    return resources


def test_a_resource_is_found_by_its_arn_until_it_is_removed() -> None:
    fraud, endpoint = thing("fraud"), thing("fraud", kind="endpoint")
    resources = with_things(fraud, endpoint)
    assert resources.by_arn("arn:model/fraud") is fraud
    assert resources.by_arn("arn:endpoint/fraud") is endpoint

    resources.remove(fraud)

    assert resources.by_arn("arn:model/fraud") is None
    assert resources.by_arn("arn:endpoint/fraud") is endpoint


def test_names_that_share_an_arn_are_found_oldest_first() -> None:
    upper, lower = thing("Fraud"), thing("fraud")
    resources = with_things(upper, lower)
    assert resources.by_arn("arn:model/fraud") is upper

    resources.remove(upper)

    assert resources.by_arn("arn:model/fraud") is lower


def test_a_resource_in_another_s_place_is_found_by_its_own_arn() -> None:
    resources = with_things(thing("fraud", "arn:one"), thing("fraud", "arn:two"))
    assert resources.by_arn("arn:one") is None

    again = thing("fraud", "arn:two")
    resources.add(again)

    assert resources.by_arn("arn:two") is again
    assert list(resources) == [again]


def test_what_is_gone_already_can_be_removed_again() -> None:
    fraud = thing("fraud")
    resources = with_things(fraud)
    resources.remove(fraud)

    resources.remove(fraud)

    assert list(resources) == []


# --- lists ------------------------------------------------------------------------------------------------------


def models(**request: Any) -> dict[str, Any]:
    """A page of 25 models, one made a minute after the other: m-00 to m-24."""
    sagemaker = SageMaker(SmallPlatform())
    for number in range(25):
        arn, made = f"arn:model/m-{number:02}", FIRST + timedelta(minutes=number)
        description = {"ModelName": f"m-{number:02}", "ModelArn": arn, "CreationTime": made}
        sagemaker.resources(ACCOUNT, REGION).add(Resource("model", f"m-{number:02}", arn, description))
    return sagemaker.call("ListModels", request, Principal())


def names(page: dict[str, Any]) -> list[str]:
    return [model["ModelName"] for model in page["Models"]]


def test_a_page_has_ten_of_the_newest_unless_told_otherwise() -> None:
    assert names(models()) == [f"m-{number:02}" for number in range(24, 14, -1)]


@pytest.mark.parametrize("size", [1, 7, 25, 100])
def test_the_pages_together_have_everything_once(size: int) -> None:
    page = models(MaxResults=size, SortOrder="Ascending")
    found = names(page)
    while "NextToken" in page:
        page = models(MaxResults=size, SortOrder="Ascending", NextToken=page["NextToken"])
        found += names(page)

    assert found == [f"m-{number:02}" for number in range(25)]


@pytest.mark.parametrize("size", [0, 101])
def test_a_page_has_one_to_a_hundred_results(size: int) -> None:
    with pytest.raises(ValidationError, match="at 'maxResults' failed to satisfy constraint"):
        models(MaxResults=size)


@pytest.mark.parametrize(
    "token",
    ["anything", "", b64encode(b"-5").decode(), b64encode(b"9" * 5000).decode()],
    ids=["a word", "nothing", "a place before the first", "a place beyond all numbers"],
)
def test_a_token_that_no_page_gave_is_refused(token: str) -> None:
    with pytest.raises(ValidationError, match=r"^Invalid pagination token\.$"):
        models(NextToken=token)


def test_a_list_can_be_narrowed_by_name_and_time() -> None:
    page = models(
        NameContains="-1",
        CreationTimeAfter=(FIRST + timedelta(minutes=11)).timestamp(),
        CreationTimeBefore=(FIRST + timedelta(minutes=14)).timestamp(),
        SortBy="Name",
        SortOrder="Ascending",
    )

    assert names(page) == ["m-12", "m-13"]
