"""The right to create an endpoint, which comes with the duty to say when it ends."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam

from stacks.settings import Settings

_A_DATE = "20??-??-??T??:??*"
"""A date of this century: IAM knows no arithmetic. What is too far off, the janitor sets right."""


def create_dated_endpoint(settings: Settings, resources: Sequence[str]) -> iam.PolicyStatement:
    """Creating endpoints, only with the project's tag and a date of removal in the very request."""
    return iam.PolicyStatement(
        actions=["sagemaker:CreateEndpoint"],
        resources=list(resources),
        conditions={
            "StringEquals": {"aws:RequestTag/project": settings.project},
            "StringLike": {"aws:RequestTag/expires-at": _A_DATE},
        },
    )


def from_own_configuration(settings: Settings, resources: Sequence[str]) -> iam.PolicyStatement:
    """Creating an endpoint asks for its configuration, too (aws-facts 1.13), whose instances are whoever's made it."""
    return iam.PolicyStatement(
        actions=["sagemaker:CreateEndpoint"],
        resources=list(resources),
        conditions={"StringEquals": {"aws:ResourceTag/project": settings.project}},
    )


def tag_at_creation(resources: Sequence[str], nouns: Sequence[str]) -> iam.PolicyStatement:
    """The tags in the request that creates something; what is there already can't be tagged so."""
    return iam.PolicyStatement(
        actions=["sagemaker:AddTags"],
        resources=list(resources),
        conditions={"StringEquals": {"sagemaker:TaggingAction": [f"Create{noun}" for noun in nouns]}},
    )


def tag_own(settings: Settings, resources: Sequence[str], keys: Sequence[str]) -> iam.PolicyStatement:
    """Setting these tags, and no others, on what is the project's."""
    return iam.PolicyStatement(
        actions=["sagemaker:AddTags"],
        resources=list(resources),
        conditions={
            "StringEquals": {"aws:ResourceTag/project": settings.project},
            "ForAllValues:StringEquals": {"aws:TagKeys": list(keys)},
        },
    )
