"""The bucket, and the role in which jobs and models run."""

from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from localcloud.sagemaker.images import require_xgboost
from stacks.xgboost_image import ACCOUNTS, REPOSITORY, VERSION
from tests.template.deployment import REGION, Deployment, Resource
from tests.template.regions import awss_registries

HOLDING = [
    "AWS::S3::Bucket",
    "AWS::SageMaker::Domain",
    "AWS::SageMaker::UserProfile",
    "AWS::SageMaker::ModelPackageGroup",
    "AWS::StepFunctions::StateMachine",
]
"""The types in which lies what runs and people have made: data, spaces, models, histories."""


def denials(deployment: Deployment) -> list[dict[str, Any]]:
    """What the bucket's own policy denies to everybody."""
    policy = deployment.one("AWS::S3::BucketPolicy")
    document = deployment.resolve(policy.properties["PolicyDocument"], policy.stack)
    everybody = [{"AWS": "*"}, "*"]
    return [item for item in document["Statement"] if item["Effect"] == "Deny" and item["Principal"] in everybody]


def covers(statement: dict[str, Any], bucket: Resource) -> bool:
    """Whether it is about every action on the bucket and on what is in it."""
    arn = bucket.attribute("Arn")
    return statement["Action"] == "s3:*" and set(statement["Resource"]) == {arn, f"{arn}/*"}


def test_the_bucket_is_encrypted(deployment: Deployment) -> None:
    rules = deployment.one("AWS::S3::Bucket").properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]

    assert [rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] for rule in rules] == ["AES256"]


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param({"Bool": {"aws:SecureTransport": "false"}}, id="no TLS"),
        pytest.param({"NumericLessThan": {"s3:TlsVersion": 1.2}}, id="TLS before 1.2"),
    ],
)
def test_the_bucket_refuses_insecure_transport(deployment: Deployment, condition: dict[str, Any]) -> None:
    bucket = deployment.one("AWS::S3::Bucket")

    refused = [statement for statement in denials(deployment) if statement["Condition"] == condition]

    assert len(refused) == 1
    assert covers(refused[0], bucket)


def test_the_bucket_is_closed_to_the_public(deployment: Deployment) -> None:
    blocked = deployment.one("AWS::S3::Bucket").properties["PublicAccessBlockConfiguration"]

    assert blocked == dict.fromkeys(
        ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"], True
    )


def test_nothing_is_kept_when_the_stack_is_deleted(deployment: Deployment) -> None:
    kept = [
        resource.reference
        for resource in deployment.resources
        if resource.body.get("DeletionPolicy", "Delete") != "Delete"
        or resource.body.get("UpdateReplacePolicy", "Delete") != "Delete"
    ]

    assert kept == []


@pytest.mark.parametrize("type_", ["AWS::S3::Bucket", "AWS::Logs::LogGroup"])
def test_what_the_cdk_would_keep_is_deleted_with_the_stack(deployment: Deployment, type_: str) -> None:
    policies = {resource.body.get("DeletionPolicy") for resource in deployment.all(type_)}

    assert policies == {"Delete"}


def create_only(type_: str) -> set[str]:
    """The properties of a type that can't be changed without another resource in its place."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_).schema
    return {path.split("/")[2] for path in schema.get("createOnlyProperties", [])}


@pytest.mark.parametrize("type_", HOLDING)
def test_no_setting_but_the_project_puts_another_resource_in_the_place_of_what_people_made(
    deployment: Deployment, richest: Deployment, type_: str
) -> None:
    """What CloudFormation replaces it deletes."""
    fixed = create_only(type_)

    before = {resource.reference: resource.properties for resource in deployment.all(type_)}
    after = {resource.reference: resource.properties for resource in richest.all(type_)}

    assert fixed
    assert before.keys() <= after.keys()
    for reference, properties in before.items():
        changed = {name for name in fixed if properties.get(name) != after[reference].get(name)}
        assert changed == set(), reference


def test_log_groups_that_sagemaker_makes_for_the_project_go_with_the_stack(deployment: Deployment) -> None:
    """They have no date by which their lines go: who makes them is SageMaker, and others share them."""
    purge = deployment.statements_of(deployment.named("AWS::IAM::Role", "PurgeRole"))
    made = {
        resource.removesuffix(":*")
        for statement in deployment.statements()
        if statement.allows("logs:CreateLogGroup")
        for resource in statement.resources
    }

    assert made
    assert [
        group for group in sorted(made) if not any(item.allows("logs:DeleteLogGroup", group) for item in purge)
    ] == []


def test_jobs_write_nothing_but_their_output(deployment: Deployment) -> None:
    role = deployment.named("AWS::IAM::Role", "ExecutionRole")
    bucket = deployment.one("AWS::S3::Bucket").attribute("Arn")

    writable = {
        resource
        for statement in deployment.statements_of(role)
        if statement.allows("s3:PutObject") or statement.allows("s3:DeleteObject")
        for resource in statement.resources
    }

    assert writable == {f"{bucket}/runs/*/output/*"}


def test_jobs_write_metrics_of_sagemaker_alone(deployment: Deployment) -> None:
    role = deployment.named("AWS::IAM::Role", "ExecutionRole")

    (metrics,) = (item for item in deployment.statements_of(role) if item.allows("cloudwatch:PutMetricData"))

    assert metrics.conditions == {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]}}


def image_uri(deployment: Deployment, region: str) -> str:
    function = deployment.named("AWS::Lambda::Function", "Plan")
    variables = function.properties["Environment"]["Variables"]
    return str(deployment.resolve(variables["IMAGE_URI"], function.stack, region))


@pytest.mark.parametrize("region", sorted(ACCOUNTS))
def test_the_image_is_one_of_aws_in_every_region(deployment: Deployment, region: str) -> None:
    uri = image_uri(deployment, region)

    require_xgboost(uri)
    assert uri == f"{ACCOUNTS[region]}.dkr.ecr.{region}.amazonaws.com/{REPOSITORY}:{VERSION}"


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "ap-southeast-3"])
def test_the_execution_role_may_pull_the_image_of_its_region(deployment: Deployment, region: str) -> None:
    policy = deployment.named("AWS::IAM::Policy", "ExecutionRole")
    document = deployment.resolve(policy.properties["PolicyDocument"], policy.stack, region)

    (pulled,) = (item["Resource"] for item in document["Statement"] if "ecr:BatchGetImage" in item["Action"])

    assert pulled == f"arn:aws:ecr:{region}:{ACCOUNTS[region]}:repository/{REPOSITORY}"


def test_the_table_of_images_is_that_of_awss_own_sdk() -> None:
    """But for regions that are left out, of which test_cfn_lint.py tells why."""
    registries = awss_registries()

    assert {region: registries.get(region) for region in ACCOUNTS} == ACCOUNTS
