"""What roles may do is enforced: a run fails where a permission is missing, and endpoints need their date."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.exceptions import ClientError

from localcloud.cloud import ACCOUNT, REGION, Item
from tests.pipeline.policies import without
from tests.pipeline.running import PROJECT, Deployed, Run, wait_until

DATE = "2099-01-01T00:00:00Z"


class Taken(NamedTuple):
    """A permission of a role, and the last state that is entered without it."""

    role: str
    action: str
    state: str


TAKEN = (
    Taken("MachineRole", "lambda:InvokeFunction", "Plan the run"),
    Taken("PlanRole", "s3:PutObject", "Plan the run"),
    Taken("PrepareRole", "s3:PutObject", "Prepare the data"),
    Taken("MachineRole", "iam:PassRole", "Train the model"),
    Taken("MachineRole", "sagemaker:CreateTrainingJob", "Train the model"),
    Taken("MachineRole", "sagemaker:CreateModel", "Create the model"),
    Taken("EvaluateRole", "sagemaker:InvokeEndpoint", "Evaluate"),
)


class Denied(NamedTuple):
    taken: Taken
    role: str
    """As IAM knows it."""
    run: Run
    left: frozenset[Item]


@pytest.fixture(scope="module", params=TAKEN, ids=lambda taken: f"{taken.role} without {taken.action}")
def denied(request: pytest.FixtureRequest, deployed: Deployed, source: str) -> Denied:
    taken: Taken = request.param
    role, before = deployed.resource("Pipeline", taken.role), deployed.sagemaker()
    with without(deployed, role, taken.action):
        run = deployed.run({"data": {"source": source}, "tuning": {"enabled": False}})
    return Denied(taken, role, run, deployed.sagemaker() - before)


def test_the_run_fails_where_the_permission_is_needed(denied: Denied) -> None:
    own = [state for state in denied.run.states if state not in ("Remove what the run made", "Run failed")]
    assert (denied.run.status, own[-1]) == ("FAILED", denied.taken.state)


def test_the_cause_says_access_denied_to_that_role_for_that_action(denied: Denied) -> None:
    cause = denied.run.cause
    assert "AccessDenied" in cause
    assert f":assumed-role/{denied.role}/" in cause
    assert denied.taken.action in cause


def test_nothing_stays_deployed(denied: Denied) -> None:
    assert not denied.left


# --- endpoints ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def machine(deployed: Deployed) -> Iterator[str]:
    """A state machine with the pipeline's role, whose one state creates the endpoint that its input describes."""
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sagemaker:createEndpoint",
        "Arguments": "{% $states.input %}",
        "End": True,
    }
    definition = {"QueryLanguage": "JSONata", "StartAt": "Create", "States": {"Create": state}}
    step_functions = deployed.client("stepfunctions")
    arn = step_functions.create_state_machine(
        name="asks-for-an-endpoint",
        definition=json.dumps(definition),
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/{deployed.resource('Pipeline', 'MachineRole')}",
    )["stateMachineArn"]
    yield arn
    step_functions.delete_state_machine(stateMachineArn=arn)


def ask(deployed: Deployed, machine: str, tags: dict[str, str]) -> dict[str, Any]:
    """The end of an execution that asks for an endpoint with these tags, of a configuration that isn't there."""
    wanted = {
        "EndpointName": f"{PROJECT}-asked",
        "EndpointConfigName": f"{PROJECT}-nowhere",
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    execution = deployed.client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(wanted))
    return deployed.ended(execution["executionArn"])


@pytest.mark.parametrize(
    "tags",
    [{}, {"project": PROJECT}, {"expires-at": DATE}, {"project": "other", "expires-at": DATE}],
    ids=["no tag", "no date", "no project", "another project"],
)
def test_the_machines_role_gets_no_endpoint_without_the_project_and_a_date(
    deployed: Deployed, machine: str, tags: dict[str, str]
) -> None:
    ended = ask(deployed, machine, tags)
    assert ended["status"] == "FAILED"
    assert "not authorized to perform: sagemaker:CreateEndpoint" in ended["cause"]
    assert "AccessDenied" in ended["cause"]


def test_with_both_the_same_call_is_allowed(deployed: Deployed, machine: str) -> None:
    ended = ask(deployed, machine, {"project": PROJECT, "expires-at": DATE})
    assert "AccessDenied" not in ended["cause"]
    assert "Could not find endpoint configuration" in ended["cause"]


# --- Studio's users -----------------------------------------------------------------------------------------------

MODEL, CONFIG, ENDPOINT = f"{PROJECT}-by-a-user", f"{PROJECT}-by-a-user-config", f"{PROJECT}-by-a-user-endpoint"


@pytest.fixture(scope="module")
def user(deployed: Deployed) -> Any:
    """SageMaker as a user of Studio has it: with the credentials of the Studio role."""
    iam, role = deployed.client("iam"), deployed.resource("Studio", "UserRole")
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    mine = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    opened = {**trust, "Statement": [*trust["Statement"], mine]}
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(opened))
    assumed = deployed.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="ana")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
    keys = assumed["Credentials"]
    return boto3.client(
        "sagemaker",
        endpoint_url=deployed.app.cloud.endpoint,
        region_name=REGION,
        verify=deployed.app.cloud.environment["AWS_CA_BUNDLE"],
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


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
def test_a_user_deploys_with_both_and_moves_the_date_and_no_other_tag(deployed: Deployed, user: Any) -> None:
    tags = {"project": PROJECT, "expires-at": DATE}
    endpoint = user.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=CONFIG, Tags=listed(tags))["EndpointArn"]
    wait_until(
        lambda: user.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] == "InService", "the endpoint serves"
    )

    user.add_tags(ResourceArn=endpoint, Tags=listed({"expires-at": "2099-01-02T00:00:00Z"}))
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:AddTags"):
        user.add_tags(ResourceArn=endpoint, Tags=listed({"project": "other"}))

    assert deployed.tags(endpoint) == {"project": PROJECT, "expires-at": "2099-01-02T00:00:00Z"}
    user.delete_endpoint(EndpointName=ENDPOINT)


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
