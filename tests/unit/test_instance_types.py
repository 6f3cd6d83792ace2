"""The condition key sagemaker:InstanceTypes: which requests bring it, and what policies make of it."""

from typing import Any

import pytest
from ministack.core import iam_evaluator

from localcloud.sagemaker.errors import AccessDenied
from localcloud.sagemaker.platform import Conditions
from localcloud.sagemaker.service import SageMaker
from tests.unit.small_cloud import ACCOUNT, REGION, ROLE, Principal, SmallPlatform

KEY = "sagemaker:InstanceTypes"
DOMAIN_ID = "d-0123456789ab"
USER_SETTINGS = {"JupyterLabAppSettings": {"DefaultResourceSpec": {"InstanceType": "ml.t3.medium"}}}
TRAINING: dict[str, Any] = {
    "TrainingJobName": "fraud",
    "RoleArn": ROLE,
    "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "image"},
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
GROUPS = [
    {"InstanceType": instance_type, "InstanceCount": 1, "InstanceGroupName": name}
    for name, instance_type in (("a", "ml.m5.large"), ("b", "ml.c5.xlarge"), ("c", "ml.m5.large"))
]
TUNED = {
    "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "image"},
    **{member: TRAINING[member] for member in ("RoleArn", "OutputDataConfig", "StoppingCondition")},
}
CONFIGS = [
    {"InstanceType": name, "InstanceCount": 1, "VolumeSizeInGB": 5} for name in ("ml.c5.xlarge", "ml.c5.2xlarge")
]
TUNING_CONFIG = {"Strategy": "Bayesian", "ResourceLimits": {"MaxParallelTrainingJobs": 1}}
REQUESTS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("CreateTrainingJob", TRAINING, ["ml.m5.large"]),
    ("CreateTrainingJob", {**TRAINING, "ResourceConfig": {"InstanceGroups": GROUPS}}, ["ml.c5.xlarge", "ml.m5.large"]),
    (
        "CreateHyperParameterTuningJob",
        {
            "HyperParameterTuningJobName": "fraud",
            "HyperParameterTuningJobConfig": TUNING_CONFIG,
            "TrainingJobDefinition": {**TUNED, "ResourceConfig": TRAINING["ResourceConfig"]},
            "TrainingJobDefinitions": [{**TUNED, "HyperParameterTuningResourceConfig": {"InstanceConfigs": CONFIGS}}],
        },
        ["ml.c5.2xlarge", "ml.c5.xlarge", "ml.m5.large"],
    ),
    (
        "CreateTransformJob",
        {
            "TransformJobName": "fraud",
            "ModelName": "fraud",
            "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in"}}},
            "TransformOutput": {"S3OutputPath": "s3://bucket/out"},
            "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        },
        ["ml.m5.xlarge"],
    ),
    (
        "CreateProcessingJob",
        {
            "ProcessingJobName": "fraud",
            "RoleArn": ROLE,
            "AppSpecification": {"ImageUri": "image"},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 5}
            },
        },
        ["ml.t3.medium"],
    ),
    (
        "CreateEndpointConfig",
        {
            "EndpointConfigName": "fraud",
            "ProductionVariants": [
                {"VariantName": name, "ModelName": "fraud", "InstanceType": instance_type, "InitialInstanceCount": 1}
                for name, instance_type in (("a", "ml.m5.xlarge"), ("b", "ml.c5.xlarge"))
            ],
        },
        ["ml.c5.xlarge", "ml.m5.xlarge"],
    ),
    (
        "CreateApp",
        {
            "DomainId": DOMAIN_ID,
            "SpaceName": "desk",
            "AppType": "JupyterLab",
            "AppName": "default",
            "ResourceSpec": {"InstanceType": "ml.g5.xlarge"},
        },
        ["ml.g5.xlarge"],
    ),
    ("CreateSpace", {"DomainId": DOMAIN_ID, "SpaceName": "d", "SpaceSettings": USER_SETTINGS}, ["ml.t3.medium"]),
    ("UpdateSpace", {"DomainId": DOMAIN_ID, "SpaceName": "d", "SpaceSettings": USER_SETTINGS}, ["ml.t3.medium"]),
    (
        "CreateUserProfile",
        {"DomainId": DOMAIN_ID, "UserProfileName": "ana", "UserSettings": USER_SETTINGS},
        ["ml.t3.medium"],
    ),
    (
        "UpdateUserProfile",
        {"DomainId": DOMAIN_ID, "UserProfileName": "ana", "UserSettings": USER_SETTINGS},
        ["ml.t3.medium"],
    ),
    (
        "CreateDomain",
        {"DomainName": "fraud", "AuthMode": "IAM", "DefaultUserSettings": USER_SETTINGS},
        ["ml.t3.medium"],
    ),
    ("UpdateDomain", {"DomainId": DOMAIN_ID, "DefaultUserSettings": USER_SETTINGS}, ["ml.t3.medium"]),
]


def keys(action: str, operation: str, request: dict[str, Any]) -> Conditions:
    """With which keys the permission for an action is asked for, which the caller hasn't got."""
    caller = Principal(denied=frozenset({action}))
    with pytest.raises(AccessDenied):
        SageMaker(SmallPlatform()).call(operation, request, caller)
    asked_last, _, conditions = caller.asked[-1]
    assert asked_last == action
    return conditions


@pytest.mark.parametrize(("operation", "request_", "types"), REQUESTS, ids=[request[0] for request in REQUESTS])
def test_the_key_holds_every_instance_type_once(operation: str, request_: dict[str, Any], types: list[str]) -> None:
    assert keys(f"sagemaker:{operation}", operation, request_)[KEY] == types


def test_a_request_without_an_instance_type_has_no_such_key() -> None:
    request = {"DomainId": DOMAIN_ID, "SpaceName": "desk", "AppType": "JupyterLab", "AppName": "default"}
    assert keys("sagemaker:CreateApp", "CreateApp", request) == {}


def test_a_variable_of_that_name_is_no_instance_type() -> None:
    request = {**TRAINING, "Environment": {"InstanceType": "ml.p4d.24xlarge", "RoleArn": "not a role"}}
    assert keys("sagemaker:CreateTrainingJob", "CreateTrainingJob", request)[KEY] == ["ml.m5.large"]


def test_the_permission_to_tag_is_asked_for_without_the_key() -> None:
    request = {**TRAINING, "Tags": [{"Key": "project", "Value": "fraud"}]}
    conditions = keys("sagemaker:AddTags", "CreateTrainingJob", request)
    assert KEY not in conditions
    assert conditions["aws:RequestTag/project"] == "fraud"


# --- what the policies of roles make of it ----------------------------------------------------------------------

SMALL = {KEY: ["ml.t3.*", "ml.m5.large"]}


def decision(statement: dict[str, Any], types: list[str] | None) -> str:
    """What a policy with a statement for CreateApp, besides one that allows everything else, decides."""
    document = {"Statement": [{"Action": "sagemaker:CreateApp", "Resource": "*", **statement}]}
    context = iam_evaluator.EvalContext(
        principal_arn=ROLE,
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action="sagemaker:CreateApp",
        resource_arn="*",
        region=REGION,
        service_context={} if types is None else {KEY.lower(): types},
    )
    return str(iam_evaluator.evaluate(context, [iam_evaluator.parse_policy_document(document)]).decision)


@pytest.mark.parametrize(
    ("types", "decided"),
    [
        (["ml.t3.medium"], "Allow"),
        (["ml.m5.large", "ml.t3.large"], "Allow"),
        (["ml.m5.large", "ml.p4d.24xlarge"], "ImplicitDeny"),
        (["ml.m5.large.ish"], "ImplicitDeny"),
        (None, "Allow"),
    ],
)
def test_for_all_values_allows_what_names_nothing_else(types: list[str] | None, decided: str) -> None:
    assert decision({"Effect": "Allow", "Condition": {"ForAllValues:StringLike": SMALL}}, types) == decided


@pytest.mark.parametrize(
    ("types", "decided"),
    [(["ml.m5.large", "ml.p4d.24xlarge"], "Allow"), (["ml.p4d.24xlarge"], "ImplicitDeny"), (None, "ImplicitDeny")],
)
def test_for_any_value_allows_what_names_one_of_them(types: list[str] | None, decided: str) -> None:
    assert decision({"Effect": "Allow", "Condition": {"ForAnyValue:StringLike": SMALL}}, types) == decided


@pytest.mark.parametrize(
    ("types", "decided"), [(["ml.m5.large", "ml.p4d.24xlarge"], "Deny"), (["ml.t3.medium"], "ImplicitDeny")]
)
def test_for_any_value_denies_what_names_another(types: list[str], decided: str) -> None:
    assert decision({"Effect": "Deny", "Condition": {"ForAnyValue:StringNotLike": SMALL}}, types) == decided


@pytest.mark.parametrize(("types", "decided"), [(["ml.t3.medium"], "Allow"), (None, "ImplicitDeny")])
def test_that_the_key_is_there_can_be_asked_for(types: list[str] | None, decided: str) -> None:
    conditions = {"ForAllValues:StringLike": SMALL, "Null": {KEY: "false"}}
    assert decision({"Effect": "Allow", "Condition": conditions}, types) == decided
