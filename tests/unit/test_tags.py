"""Tags of resources: what AWS takes, and who may give them."""

from typing import Any

import pytest

from localcloud.sagemaker.errors import AccessDenied, ValidationError
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import SageMaker
from tests.unit.small_cloud import ACCOUNT, REGION, Principal, SmallPlatform

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/fraud"
VARIANT = {"VariantName": "all", "ModelName": "fraud", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
PROJECT = {"Key": "project", "Value": "fraud"}


def with_model(caller: Principal, **tags: str) -> SageMaker:
    sagemaker = SageMaker(SmallPlatform())
    sagemaker.resources(ACCOUNT, REGION).add(Resource("model", "fraud", ARN, {"ModelName": "fraud"}, tags))
    return sagemaker


@pytest.fixture
def caller() -> Principal:
    return Principal()


def add(sagemaker: SageMaker, caller: Principal, *tags: dict[str, str]) -> dict[str, Any]:
    return sagemaker.call("AddTags", {"ResourceArn": ARN, "Tags": list(tags)}, caller)


def group(tags: list[dict[str, str]]) -> dict[str, Any]:
    return {"ModelPackageGroupName": "models", "Tags": tags}


def test_a_tag_of_the_same_key_is_overwritten(caller: Principal) -> None:
    sagemaker = with_model(caller, project="other", stage="dev")

    add(sagemaker, caller, PROJECT)

    listed = sagemaker.call("ListTags", {"ResourceArn": ARN}, caller)["Tags"]
    assert listed == [PROJECT, {"Key": "stage", "Value": "dev"}]


@pytest.mark.parametrize("operation", ["AddTags", "CreateModelPackageGroup"])
def test_a_key_stands_in_a_request_once(caller: Principal, operation: str) -> None:
    request = {"AddTags": {"ResourceArn": ARN, "Tags": [PROJECT] * 2}, "CreateModelPackageGroup": group([PROJECT] * 2)}

    with pytest.raises(ValidationError, match="Duplicate tag key: project"):
        with_model(caller).call(operation, request[operation], caller)


def test_keys_are_told_apart_by_case(caller: Principal) -> None:
    answer = add(with_model(caller), caller, PROJECT, {"Key": "Project", "Value": "fraud"})

    assert len(answer["Tags"]) == 2


@pytest.mark.parametrize("key", ["aws:project", "AWS:project"])
def test_keys_of_aws_s_own_are_refused(caller: Principal, key: str) -> None:
    with pytest.raises(ValidationError, match=f"given are {key}"):
        with_model(caller).call("CreateModelPackageGroup", group([{"Key": key, "Value": ""}]), caller)


def test_the_tag_of_step_functions_is_none_of_those(caller: Principal) -> None:
    tag = {"Key": "AWS_STEP_FUNCTIONS_EXECUTION_ARN", "Value": "arn:aws:states:eu-west-1:123456789012:execution:a:b"}

    assert add(with_model(caller), caller, tag)["Tags"] == [tag]


@pytest.mark.parametrize(
    "tag",
    [
        pytest.param({"Key": "", "Value": "a"}, id="a key of nothing"),
        pytest.param({"Key": "k" * 129, "Value": "a"}, id="a key of 129"),
        pytest.param({"Key": "k", "Value": "a" * 257}, id="a value of 257"),
        pytest.param({"Key": "k?", "Value": "a"}, id="a key with another character"),
        pytest.param({"Key": "k", "Value": "a?"}, id="a value with another character"),
    ],
)
def test_a_tag_that_aws_does_not_take_is_refused(caller: Principal, tag: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"at 'tags\.1\.member\."):
        add(with_model(caller), caller, tag)


def test_the_longest_tag_is_taken(caller: Principal) -> None:
    tag = {"Key": "k" * 128, "Value": "v" * 256}

    assert add(with_model(caller), caller, tag)["Tags"] == [tag]


def test_a_request_has_at_most_50_tags(caller: Principal) -> None:
    tags = [{"Key": f"k{number}", "Value": ""} for number in range(51)]

    with pytest.raises(ValidationError, match=r"at 'tags' .* length less than or equal to 50"):
        add(with_model(caller), caller, *tags)


def test_a_resource_has_at_most_50_tags(caller: Principal) -> None:
    sagemaker = with_model(caller, **{f"k{number}": "" for number in range(50)})
    add(sagemaker, caller, {"Key": "k0", "Value": "changed"})

    with pytest.raises(ValidationError, match="would have 51 tags; at most 50"):
        add(sagemaker, caller, PROJECT)

    assert len(sagemaker.call("ListTags", {"ResourceArn": ARN}, caller)["Tags"]) == 50


def test_tags_that_are_not_there_can_be_deleted(caller: Principal) -> None:
    sagemaker = with_model(caller, project="fraud")

    sagemaker.call("DeleteTags", {"ResourceArn": ARN, "TagKeys": ["stage", "project"]}, caller)

    assert sagemaker.call("ListTags", {"ResourceArn": ARN}, caller) == {"Tags": []}


@pytest.mark.parametrize("operation", ["AddTags", "DeleteTags", "ListTags"])
def test_what_is_not_there_has_no_tags(caller: Principal, operation: str) -> None:
    needed: dict[str, dict[str, Any]] = {"AddTags": {"Tags": [PROJECT]}, "DeleteTags": {"TagKeys": ["project"]}}

    with pytest.raises(ValidationError, match=f"Could not find resource with ARN {ARN}2"):
        with_model(caller).call(operation, {"ResourceArn": f"{ARN}2", **needed.get(operation, {})}, caller)


CREATED: dict[str, tuple[dict[str, Any], str]] = {
    "CreateEndpointConfig": (
        {"EndpointConfigName": "fraud", "ProductionVariants": [VARIANT]},
        f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint-config/fraud",
    ),
    "CreateModelPackageGroup": (
        {"ModelPackageGroupName": "fraud"},
        f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/fraud",
    ),
}


@pytest.mark.parametrize("operation", CREATED)
def test_who_creates_with_tags_may_add_them_by_that_very_call(operation: str) -> None:
    (request, arn), caller = CREATED[operation], Principal()

    with_model(caller).call(operation, {**request, "Tags": [PROJECT]}, caller)

    tags = {"aws:RequestTag/project": "fraud", "aws:TagKeys": ["project"], "sagemaker:TaggingAction": operation}
    assert ("sagemaker:AddTags", arn, tags) in caller.asked


@pytest.mark.parametrize("operation", CREATED)
def test_without_the_permission_to_add_tags_nothing_is_created(operation: str) -> None:
    (request, arn), caller = CREATED[operation], Principal(frozenset({"sagemaker:AddTags"}))
    sagemaker = with_model(caller)

    with pytest.raises(AccessDenied, match="sagemaker:AddTags"):
        sagemaker.call(operation, {**request, "Tags": [PROJECT]}, caller)

    assert sagemaker.resources(ACCOUNT, REGION).by_arn(arn) is None


@pytest.mark.parametrize("operation", CREATED)
def test_who_creates_without_tags_need_not_add_any(operation: str) -> None:
    request, arn = CREATED[operation]
    caller = Principal(frozenset({"sagemaker:AddTags"}))
    sagemaker = with_model(caller)

    sagemaker.call(operation, request, caller)

    assert sagemaker.resources(ACCOUNT, REGION).by_arn(arn) is not None


def test_the_permission_to_add_a_tag_is_asked_with_the_new_tags_and_those_that_are_there(caller: Principal) -> None:
    add(with_model(caller, stage="dev"), caller, PROJECT)

    assert caller.asked == [
        (
            "sagemaker:AddTags",
            ARN,
            {"aws:RequestTag/project": "fraud", "aws:TagKeys": ["project"], "aws:ResourceTag/stage": "dev"},
        )
    ]
