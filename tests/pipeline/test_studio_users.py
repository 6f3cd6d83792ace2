"""What Studio's users may do on the deployed stack, and what they are refused. What they must be able to do is in the
notebooks, which run with the same rights (test_notebooks.py)."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from notebooks.space import client, user_environment
from tests.pipeline.running import PROJECT, Deployed, Run, arn, wait_until

USER = "data-scientist"
"""As cdk.json names it."""
DATE = "2099-01-01T00:00:00Z"
MODEL, CONFIG, ENDPOINT = f"{PROJECT}-by-a-user", f"{PROJECT}-by-a-user-config", f"{PROJECT}-by-a-user-endpoint"
JOB_LOGS = "/aws/sagemaker/TrainingJobs"
ALLOWED, COSTLY = "ml.m5.xlarge", "ml.p4d.24xlarge"


@pytest.fixture(scope="module")
def environment(deployed: Deployed) -> Mapping[str, str]:
    return user_environment(deployed.app.cloud, deployed.outputs["DomainId"], USER)


@pytest.fixture(scope="module")
def user(environment: Mapping[str, str]) -> Any:
    """SageMaker as a user of Studio has it."""
    return client(environment, "sagemaker")


def listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@pytest.fixture(scope="module")
def deployable(deployed: Deployed, user: Any, full_run: Run) -> Iterator[None]:
    """A model and a configuration that the user has made of the run's artefact."""
    model = deployed.client("sagemaker").describe_model(ModelName=full_run.name)
    container = {key: model["PrimaryContainer"][key] for key in ("Image", "ModelDataUrl", "Environment")}
    own = listed({"project": PROJECT})
    user.create_model(ModelName=MODEL, PrimaryContainer=container, ExecutionRoleArn=model["ExecutionRoleArn"], Tags=own)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": MODEL,
        "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 1},
    }
    user.create_endpoint_config(EndpointConfigName=CONFIG, ProductionVariants=[variant], Tags=own)
    yield
    user.delete_endpoint_config(EndpointConfigName=CONFIG)
    user.delete_model(ModelName=MODEL)


@pytest.mark.refuses("sagemaker:CreateEndpoint")
@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"project": PROJECT},
        {"expires-at": DATE},
        {"project": PROJECT, "expires-at": "never"},
        {"project": PROJECT, "expires-at": "2100-01-01T00:00:00Z"},
    ],
    ids=["no tag", "no date", "no project", "a date that is none", "a date of another century"],
)
@pytest.mark.usefixtures("deployable")
def test_a_user_gets_no_endpoint_without_the_project_and_a_date(user: Any, tags: dict[str, str]) -> None:
    with pytest.raises(ClientError) as refused:
        user.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=CONFIG, Tags=listed(tags))
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert "sagemaker:CreateEndpoint" in refused.value.response["Error"]["Message"]


@pytest.mark.usefixtures("deployable")
def test_a_user_deploys_with_both_and_moves_the_date(deployed: Deployed, user: Any) -> None:
    tags = {"project": PROJECT, "expires-at": DATE}
    endpoint = user.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=CONFIG, Tags=listed(tags))["EndpointArn"]
    wait_until(
        lambda: user.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] == "InService", "the endpoint serves"
    )

    user.add_tags(ResourceArn=endpoint, Tags=listed({"expires-at": "2099-01-02T00:00:00Z"}))

    assert deployed.tags(endpoint) == {"project": PROJECT, "expires-at": "2099-01-02T00:00:00Z"}
    user.delete_endpoint(EndpointName=ENDPOINT)


@pytest.mark.refuses("sagemaker:AddTags")
def test_a_user_changes_no_other_tag_of_an_endpoint(user: Any, full_run: Run) -> None:
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:AddTags"):
        user.add_tags(ResourceArn=arn("endpoint", full_run.name), Tags=listed({"project": "other"}))


@pytest.mark.refuses("sagemaker:AddTags", "sagemaker:DeleteModel")
@pytest.mark.usefixtures("deployable")
def test_a_user_makes_nobody_elses_things_the_projects(deployed: Deployed, user: Any, full_run: Run) -> None:
    described = deployed.client("sagemaker").describe_model(ModelName=full_run.name)
    made = deployed.client("sagemaker").create_model(
        ModelName="somebody-elses-model",
        PrimaryContainer={key: described["PrimaryContainer"][key] for key in ("Image", "ModelDataUrl", "Environment")},
        ExecutionRoleArn=described["ExecutionRoleArn"],
    )
    with pytest.raises(ClientError, match="not authorized"):
        user.add_tags(ResourceArn=made["ModelArn"], Tags=listed({"project": PROJECT}))
    with pytest.raises(ClientError, match="not authorized"):
        user.delete_model(ModelName="somebody-elses-model")
    deployed.client("sagemaker").delete_model(ModelName="somebody-elses-model")


@pytest.mark.usefixtures("deployable")
def test_a_user_sees_what_an_endpoint_would_run_on(user: Any) -> None:
    (variant,) = user.describe_endpoint_config(EndpointConfigName=CONFIG)["ProductionVariants"]
    assert variant["ModelName"] == MODEL


# --- jobs ---------------------------------------------------------------------------------------------------------


def on(instance_type: str) -> dict[str, Any]:
    return {"InstanceType": instance_type, "InstanceCount": 1, "VolumeSizeInGB": 10}


def job(deployed: Deployed, run: Run, **changes: Any) -> dict[str, Any]:
    """A training job that a user may start, but for the changes."""
    described = deployed.client("sagemaker").describe_training_job(TrainingJobName=f"{run.name}-0")
    return {
        "TrainingJobName": f"{PROJECT}-by-a-user",
        "AlgorithmSpecification": {
            "TrainingImage": described["AlgorithmSpecification"]["TrainingImage"],
            "TrainingInputMode": "File",
        },
        "HyperParameters": {"objective": "binary:logistic", "num_round": "100000000"},
        "RoleArn": described["RoleArn"],
        "InputDataConfig": described["InputDataConfig"][:1],
        "OutputDataConfig": {"S3OutputPath": f"s3://{deployed.bucket}/runs/by-a-user/output"},
        "ResourceConfig": {"InstanceType": ALLOWED, "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "Tags": listed({"project": PROJECT}),
        **changes,
    }


@pytest.mark.refuses("sagemaker:CreateTrainingJob")
@pytest.mark.parametrize(
    "changes",
    [
        {"ResourceConfig": on(COSTLY)},
        {"Tags": []},
        {"Tags": listed({"project": "other"})},
        {"TrainingJobName": "by-a-user"},
        {"StoppingCondition": {"MaxRuntimeInSeconds": 3601}},
        {"ResourceConfig": {**on(ALLOWED), "KeepAlivePeriodInSeconds": 60}},
    ],
    ids=[
        *("a costly instance type", "no tag", "another project's tag", "a name that is not the project's"),
        *("an hour and a second", "an instance that stays"),
    ],
)
def test_a_user_starts_no_job_that_the_project_would_not_find_or_that_costs_much(
    deployed: Deployed, user: Any, full_run: Run, changes: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:CreateTrainingJob"):
        user.create_training_job(**job(deployed, full_run, **changes))


@pytest.mark.refuses("sagemaker:CreateHyperParameterTuningJob")
def test_a_user_tunes_on_no_costly_instance_type(deployed: Deployed, user: Any, full_run: Run) -> None:
    given = job(deployed, full_run, ResourceConfig=on(COSTLY))
    members = ("RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition")

    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:CreateHyperParameterTuningJob"):
        user.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=f"{PROJECT}-by-a-user",
            HyperParameterTuningJobConfig={
                "Strategy": "Bayesian",
                "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
                "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0", "MaxValue": "1"}]},
            },
            TrainingJobDefinition={
                "AlgorithmSpecification": given["AlgorithmSpecification"],
                "StaticHyperParameters": given["HyperParameters"],
                **{member: given[member] for member in members},
            },
            Tags=given["Tags"],
        )


def test_a_user_sees_what_a_search_has_tried(user: Any, full_run: Run) -> None:
    name = f"{full_run.name}-0"
    found = user.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert all(job["TrainingJobName"].startswith(name) for job in found["TrainingJobSummaries"])
    assert found["TrainingJobSummaries"]


@pytest.mark.refuses("iam:PassRole")
def test_a_user_hands_on_no_other_role_than_the_execution_role(deployed: Deployed, user: Any, full_run: Run) -> None:
    iam = deployed.client("iam")
    another = iam.get_role(RoleName=deployed.resource("Pipeline", "MachineRole"))["Role"]["Arn"]

    with pytest.raises(ClientError, match="not authorized to perform: iam:PassRole"):
        user.create_training_job(**job(deployed, full_run, RoleArn=another))
    with pytest.raises(ClientError, match="not authorized to perform: iam:PassRole"):
        user.create_model(ModelName=f"{PROJECT}-passed", ExecutionRoleArn=another, Tags=listed({"project": PROJECT}))


@pytest.mark.refuses("sagemaker:StopTrainingJob")
def test_a_user_stops_a_job_of_the_projects_and_nobody_elses(deployed: Deployed, user: Any, full_run: Run) -> None:
    given = job(deployed, full_run)
    user.create_training_job(**given)
    theirs = job(deployed, full_run, TrainingJobName=f"{PROJECT}-theirs", Tags=listed({"project": "other"}))
    deployed.client("sagemaker").create_training_job(**theirs)

    user.stop_training_job(TrainingJobName=given["TrainingJobName"])
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:StopTrainingJob"):
        user.stop_training_job(TrainingJobName=theirs["TrainingJobName"])

    deployed.client("sagemaker").stop_training_job(TrainingJobName=theirs["TrainingJobName"])
    for name in (given["TrainingJobName"], theirs["TrainingJobName"]):
        wait_until(lambda name=name: status(deployed, name) == "Stopped", f"{name} is stopped")  # type: ignore[misc]
        deployed.client("sagemaker").delete_training_job(TrainingJobName=name)


def status(deployed: Deployed, name: str) -> str:
    described = deployed.client("sagemaker").describe_training_job(TrainingJobName=name)
    return str(described["TrainingJobStatus"])


# --- hosting on other terms ---------------------------------------------------------------------------------------


@pytest.mark.refuses("sagemaker:CreateEndpointConfig")
def test_a_user_configures_no_endpoint_on_a_costly_instance_type(user: Any) -> None:
    variant = {"VariantName": "AllTraffic", "ModelName": MODEL, "InstanceType": COSTLY, "InitialInstanceCount": 1}

    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:CreateEndpointConfig"):
        user.create_endpoint_config(
            EndpointConfigName=f"{PROJECT}-costly", ProductionVariants=[variant], Tags=listed({"project": PROJECT})
        )


@pytest.mark.refuses("sagemaker:DeleteEndpoint", "sagemaker:InvokeEndpoint")
@pytest.mark.usefixtures("deployable")
def test_a_user_deletes_and_calls_no_endpoint_of_another_project(
    deployed: Deployed, user: Any, environment: Mapping[str, str]
) -> None:
    name = f"{PROJECT}-another-projects"
    deployed.client("sagemaker").create_endpoint(
        EndpointName=name, EndpointConfigName=CONFIG, Tags=listed({"project": "other"})
    )

    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:DeleteEndpoint"):
        user.delete_endpoint(EndpointName=name)
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:InvokeEndpoint"):
        client(environment, "sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=b"1")

    described = deployed.client("sagemaker").describe_endpoint
    wait_until(lambda: described(EndpointName=name)["EndpointStatus"] == "InService", "the endpoint serves")
    deployed.client("sagemaker").delete_endpoint(EndpointName=name)


# --- spaces and apps ----------------------------------------------------------------------------------------------


PRIVATE = {"SharingType": "Private"}


def space_of(deployed: Deployed, owner: str, **settings: Any) -> dict[str, Any]:
    """A request for a private space."""
    return {
        "DomainId": deployed.outputs["DomainId"],
        "SpaceName": "by-a-user",
        "OwnershipSettings": {"OwnerUserProfileName": owner},
        "SpaceSharingSettings": PRIVATE,
        "SpaceSettings": {"AppType": "JupyterLab", **settings},
    }


@pytest.fixture
def space(deployed: Deployed, user: Any) -> Iterator[dict[str, str]]:
    """The name of a space of the user's."""
    name = {"DomainId": deployed.outputs["DomainId"], "SpaceName": "by-a-user"}
    user.create_space(**space_of(deployed, USER))
    wait_until(lambda: user.describe_space(**name)["Status"] == "InService", "the space is there")
    yield name
    user.delete_space(**name)
    wait_until(lambda: not user.list_spaces(SpaceNameContains="by-a-user")["Spaces"], "the space is gone")


@pytest.mark.parametrize("app_type", ["JupyterLab", "CodeEditor"])
def test_a_user_opens_a_tagged_space_of_its_own_for_either_editor(deployed: Deployed, user: Any, app_type: str) -> None:
    space = {"DomainId": deployed.outputs["DomainId"], "SpaceName": f"for-{app_type.lower()}"}
    app = {**space, "AppType": app_type, "AppName": "default"}
    larger = {"SpaceStorageSettings": {"EbsStorageSettings": {"EbsVolumeSizeInGb": 6}}}
    own = listed({"project": PROJECT})

    user.create_space(**{**space_of(deployed, USER), **space, "SpaceSettings": {"AppType": app_type}}, Tags=own)
    wait_until(lambda: user.describe_space(**space)["Status"] == "InService", "the space is there")
    user.update_space(**space, SpaceSettings=larger)
    wait_until(lambda: user.describe_space(**space)["Status"] == "InService", "the space is larger")
    user.create_app(**app, ResourceSpec={"InstanceType": ALLOWED}, Tags=own)
    wait_until(lambda: user.describe_app(**app)["Status"] == "InService", "the editor runs")
    listed_apps = user.list_apps(DomainIdEquals=space["DomainId"], SpaceNameEquals=space["SpaceName"])["Apps"]
    arns = (user.describe_space(**space)["SpaceArn"], user.describe_app(**app)["AppArn"])
    tags = [user.list_tags(ResourceArn=each)["Tags"] for each in arns]
    user.delete_app(**app)
    wait_until(lambda: user.describe_app(**app)["Status"] == "Deleted", "the editor has ended")
    user.delete_space(**space)

    assert [each["AppType"] for each in listed_apps] == [app_type]
    assert tags == [own, own]


def test_a_user_finds_its_domain_and_itself(deployed: Deployed, user: Any) -> None:
    domain = {"DomainId": deployed.outputs["DomainId"]}

    (found,) = user.list_domains()["Domains"]
    profiles = user.list_user_profiles(DomainIdEquals=found["DomainId"])["UserProfiles"]
    described = user.describe_domain(**domain)
    oneself = user.describe_user_profile(**domain, UserProfileName=USER)

    assert found["DomainId"] == described["DomainId"] == oneself["DomainId"] == domain["DomainId"]
    assert USER in [profile["UserProfileName"] for profile in profiles]
    assert {"Key": "project", "Value": PROJECT} in user.list_tags(ResourceArn=described["DomainArn"])["Tags"]
    assert user.list_tags(ResourceArn=oneself["UserProfileArn"])["Tags"]


@pytest.mark.refuses("sagemaker:CreateSpace")
def test_a_user_makes_no_space_that_keeps_a_costly_instance_type(deployed: Deployed, user: Any) -> None:
    """Its app need not name one then."""
    costly = {"JupyterLabAppSettings": {"DefaultResourceSpec": {"InstanceType": COSTLY}}}

    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:CreateSpace"):
        user.create_space(**space_of(deployed, USER, **costly))


@pytest.mark.refuses("sagemaker:CreateApp")
@pytest.mark.parametrize(
    ("app_type", "instance_type"),
    [("JupyterLab", COSTLY), ("KernelGateway", ALLOWED), ("Canvas", ALLOWED), ("RStudioServerPro", ALLOWED)],
)
def test_a_user_runs_no_app_that_costs_much_or_that_never_ends(
    user: Any, space: dict[str, str], app_type: str, instance_type: str
) -> None:
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:CreateApp"):
        user.create_app(**space, AppType=app_type, AppName="default", ResourceSpec={"InstanceType": instance_type})


@pytest.fixture
def somebody_else(deployed: Deployed) -> Iterator[dict[str, str]]:
    """The name of a space of another user's."""
    sagemaker, domain = deployed.client("sagemaker"), deployed.outputs["DomainId"]
    other = {"DomainId": domain, "UserProfileName": "somebody-else"}
    name = {"DomainId": domain, "SpaceName": "theirs"}
    sagemaker.create_user_profile(**other)
    wait_until(lambda: sagemaker.describe_user_profile(**other)["Status"] == "InService", "the profile is there")
    sagemaker.create_space(**{**space_of(deployed, "somebody-else"), **name})
    wait_until(lambda: sagemaker.describe_space(**name)["Status"] == "InService", "their space is there")
    yield name
    sagemaker.delete_space(**name)
    wait_until(lambda: not sagemaker.list_spaces(SpaceNameContains="theirs")["Spaces"], "their space is gone")
    sagemaker.delete_user_profile(**other)


@pytest.mark.refuses("sagemaker:CreateApp", "sagemaker:CreateSpace", "sagemaker:DeleteSpace")
def test_a_user_neither_makes_nor_opens_nor_deletes_spaces_of_somebody_else(
    deployed: Deployed, user: Any, somebody_else: dict[str, str]
) -> None:
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:CreateSpace"):
        user.create_space(**space_of(deployed, "somebody-else"))
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:CreateApp"):
        user.create_app(**somebody_else, AppType="JupyterLab", AppName="default")
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:DeleteSpace"):
        user.delete_space(**somebody_else)


# --- data and logs ------------------------------------------------------------------------------------------------


@pytest.mark.refuses("s3:DeleteObject", "s3:PutObject")
def test_a_user_writes_data_and_runs_and_nothing_else_of_the_bucket(
    deployed: Deployed, environment: Mapping[str, str]
) -> None:
    s3 = client(environment, "s3")

    for key in ("raw/by-a-user.csv", f"runs/{PROJECT}-by-a-user/train.csv"):
        s3.put_object(Bucket=deployed.bucket, Key=key, Body=b"1")
        assert s3.get_object(Bucket=deployed.bucket, Key=key)["Body"].read() == b"1"
    for key in ("elsewhere.csv", "runs/of-the-pipeline/report.html"):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=deployed.bucket, Key=key, Body=b"1")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=deployed.bucket, Key="raw/by-a-user.csv")

    for key in ("raw/by-a-user.csv", f"runs/{PROJECT}-by-a-user/train.csv"):
        deployed.client("s3").delete_object(Bucket=deployed.bucket, Key=key)


@pytest.mark.refuses("s3:GetObject")
def test_a_user_reads_the_notebooks_and_none_of_the_deployments_other_packages(
    deployed: Deployed, environment: Mapping[str, str]
) -> None:
    """They lie in one bucket, which all CDK applications of the account share."""
    buckets = deployed.client("s3").list_buckets()["Buckets"]
    (shared,) = (bucket["Name"] for bucket in buckets if bucket["Name"].startswith("cdk-"))
    keys = {found["Key"] for found in deployed.client("s3").list_objects_v2(Bucket=shared)["Contents"]}

    readable = {key for key in keys if readable_by(environment, shared, key)}

    assert len(keys) > 1
    assert len(readable) == 1


def readable_by(environment: Mapping[str, str], bucket: str, key: str) -> bool:
    try:
        client(environment, "s3").head_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return True


def test_a_user_reads_the_logs_of_the_projects_jobs(environment: Mapping[str, str], full_run: Run) -> None:
    logs, job = client(environment, "logs"), f"{full_run.name}-0"
    (stream, *_) = logs.describe_log_streams(logGroupName=JOB_LOGS, logStreamNamePrefix=job)["logStreams"]
    assert logs.get_log_events(logGroupName=JOB_LOGS, logStreamName=stream["logStreamName"])["events"]


@pytest.mark.refuses("logs:GetLogEvents")
def test_a_user_reads_no_other_logs(deployed: Deployed, environment: Mapping[str, str]) -> None:
    group, theirs = JOB_LOGS, "theirs/algo-1"
    deployed.client("logs").create_log_stream(logGroupName=group, logStreamName=theirs)

    with pytest.raises(ClientError, match="AccessDenied"):
        client(environment, "logs").get_log_events(logGroupName=group, logStreamName=theirs)

    deployed.client("logs").delete_log_stream(logGroupName=group, logStreamName=theirs)
