"""The tables of resources, and what is found in them by an ARN."""

from localcloud.sagemaker.resources import Resource, Resources


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
