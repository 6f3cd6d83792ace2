"""The right to create an endpoint, which comes with the duty to say when it ends."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam

from stacks.settings import Settings

_A_DATE = "20??-??-??T??:??*"
"""As far as IAM can tell: it knows no arithmetic on dates. A date too far off is put right by the janitor."""


def create_dated_endpoint(settings: Settings, resources: Sequence[str]) -> iam.PolicyStatement:
    """Creating endpoints, only with the project's tag and a date of removal in the very request."""
    return iam.PolicyStatement(
        actions=["sagemaker:CreateEndpoint", "sagemaker:AddTags"],
        resources=list(resources),
        conditions={
            "StringEquals": {"aws:RequestTag/project": settings.project},
            "StringLike": {"aws:RequestTag/expires-at": _A_DATE},
        },
    )


def tag_endpoints(settings: Settings, resources: Sequence[str], keys: Sequence[str]) -> iam.PolicyStatement:
    """Setting these tags, and no others, on endpoints of the project."""
    return iam.PolicyStatement(
        actions=["sagemaker:AddTags"],
        resources=list(resources),
        conditions={
            "StringEquals": {"aws:ResourceTag/project": settings.project},
            "ForAllValues:StringEquals": {"aws:TagKeys": list(keys)},
        },
    )
