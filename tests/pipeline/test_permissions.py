"""What roles may do is enforced: a run fails where a permission is missing, and endpoints need their date."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import pytest

from localcloud.cloud import ACCOUNT, Item
from tests.pipeline.policies import denied, without
from tests.pipeline.running import PROJECT, Deployed, Run
from tests.pipeline.single_states import enter, variables

DATE = "2099-01-01T00:00:00Z"


class Taken(NamedTuple):
    """A permission of a role, and the last state that is entered without it."""

    role: str
    action: str
    state: str


TAKEN = (
    Taken("MachineRole", "lambda:InvokeFunction", "Plan the run"),
    Taken("PrepareRole", "s3:PutObject", "Prepare the data"),
    Taken("MachineRole", "iam:PassRole", "Train the model"),
    Taken("MachineRole", "sagemaker:CreateTrainingJob", "Train the model"),
    Taken("MachineRole", "sagemaker:CreateModel", "Create the model"),
)


class Stopped(NamedTuple):
    taken: Taken
    role: str
    """As IAM knows it."""
    run: Run
    left: frozenset[Item]


@pytest.fixture(scope="module", params=TAKEN, ids=lambda taken: f"{taken.role} without {taken.action}")
def stopped(request: pytest.FixtureRequest, deployed: Deployed, source: str) -> Stopped:
    needed: Taken = request.param
    role, before = deployed.resource("Pipeline", needed.role), deployed.sagemaker()
    with without(deployed, role, needed.action):
        run = deployed.run({"data": {"source": source}, "tuning": {"enabled": False}})
    return Stopped(needed, role, run, deployed.sagemaker() - before)


@pytest.mark.refuses("*")
def test_the_run_fails_where_the_permission_is_needed(stopped: Stopped) -> None:
    own = [state for state in stopped.run.states if state not in ("Remove what the run made", "Run failed")]
    assert (stopped.run.status, own[-1]) == ("FAILED", stopped.taken.state)


@pytest.mark.refuses("*")
def test_the_cause_says_access_denied_to_that_role_for_that_action(stopped: Stopped) -> None:
    cause = stopped.run.cause
    assert "AccessDenied" in cause
    assert f":assumed-role/{stopped.role}/" in cause
    assert stopped.taken.action in cause


@pytest.mark.refuses("*")
def test_nothing_stays_deployed(stopped: Stopped) -> None:
    assert not stopped.left


# --- states by themselves -----------------------------------------------------------------------------------------

NOWHERE = f"{PROJECT}-nowhere"
"""An endpoint that isn't there, of a run that isn't there."""


class Needed(NamedTuple):
    """A permission that a state needs, on a part of its `role`'s objects if `key` names them."""

    role: str
    action: str
    state: str
    key: str = ""


NEEDED = (
    Needed("PlanRole", "sagemaker:ListHyperParameterTuningJobs", "Plan the run"),
    Needed("PlanRole", "sagemaker:DescribeHyperParameterTuningJob", "Plan the run"),
    Needed("PlanRole", "sagemaker:ListModelPackages", "Plan the run"),
    Needed("PlanRole", "sagemaker:DescribeModelPackage", "Plan the run"),
    Needed("PlanRole", "s3:GetObject", "Plan the run"),
    Needed("PlanRole", "s3:PutObject", "Plan the run", "runs/*/output/registered-model/*"),
    Needed("PlanRole", "s3:PutObject", "Plan the run", "runs/*/code/*"),
    Needed("EvaluateRole", "s3:GetObject", "Evaluate"),
    Needed("EvaluateRole", "s3:PutObject", "Evaluate", "runs/*/choice.json"),
    Needed("EvaluateRole", "s3:PutObject", "Evaluate", "runs/*/evaluation.json"),
    Needed("EvaluateRole", "sagemaker:InvokeEndpoint", "Evaluate"),
    Needed("ReportRole", "s3:GetObject", "Write the report"),
    Needed("ReportRole", "s3:PutObject", "Write the report", "runs/*/tuning_history.json"),
    Needed("ReportRole", "s3:PutObject", "Write the report", "runs/*/report.html"),
    Needed("ReportRole", "sagemaker:DescribeTrainingJob", "Write the report"),
    Needed("ReportRole", "sagemaker:DescribeHyperParameterTuningJob", "Write the report"),
    Needed("ReportRole", "sagemaker:ListTrainingJobsForHyperParameterTuningJob", "Write the report"),
    Needed("ReportRole", "states:GetExecutionHistory", "Write the report"),
    Needed("MachineRole", "sagemaker:CreateModelPackage", "Register the model"),
    Needed("MachineRole", "ssm:PutParameter", "Announce the endpoint"),
    Needed("MachineRole", "sagemaker:AddTags", "Objective met"),
    Needed("RemoveRunRole", "ssm:GetParameter", "Remove what the run made"),
    Needed("RemoveRunRole", "ssm:PutParameter", "Remove what the run made"),
)


@pytest.fixture(scope="module")
def assigned(deployed: Deployed, full_run: Run) -> dict[str, Any]:
    """The variables of a run."""
    return variables(deployed, full_run)


@pytest.fixture(scope="module")
def after_a_run(full_run: Run, source: str) -> dict[str, Any]:
    """The input of a run that learns from another one, and competes with its model."""
    return {
        "data": {"source": source},
        "tuning": {"warm_start_from": [full_run.run_id]},
        "candidates": {"registered": True},
    }


@pytest.fixture
def sent_nowhere(deployed: Deployed) -> Iterator[None]:
    """Clients are sent to an endpoint that a removal has to withdraw."""
    usual = deployed.announced()
    deployed.announce(NOWHERE)
    yield
    deployed.announce(usual)


@pytest.mark.refuses("*")
@pytest.mark.usefixtures("sent_nowhere")
@pytest.mark.parametrize(
    "needed", NEEDED, ids=lambda needed: f"{needed.role} without {needed.action} {needed.key}".strip()
)
def test_a_state_fails_without_each_permission_of_its_role(
    deployed: Deployed, assigned: dict[str, Any], after_a_run: dict[str, Any], needed: Needed
) -> None:
    role = deployed.resource("Pipeline", needed.role)
    if needed.state == "Remove what the run made":
        assigned = {**assigned, "plan": {"name": NOWHERE}}

    with taken(deployed, role, needed):
        ended = enter(deployed, needed.state, assigned, after_a_run)

    assert ended["status"] == "FAILED"
    assert "AccessDenied" in ended["cause"]
    assert f":assumed-role/{role}/" in ended["cause"]
    assert needed.action in ended["cause"]


def taken(deployed: Deployed, role: str, needed: Needed) -> AbstractContextManager[None]:
    if not needed.key:
        return without(deployed, role, needed.action)
    return denied(deployed, role, {"Action": needed.action, "Resource": f"arn:aws:s3:::{deployed.bucket}/{needed.key}"})


@pytest.fixture
def lost_model(deployed: Deployed, full_run: Run) -> Iterator[None]:
    """The archive of the registered model is gone."""
    (package,) = deployed.registered(full_run)
    (container,) = package["InferenceSpecification"]["Containers"]
    key = container["ModelDataUrl"].removeprefix(f"s3://{deployed.bucket}/")
    content = deployed.read(key)
    deployed.client("s3").delete_object(Bucket=deployed.bucket, Key=key)
    yield
    deployed.client("s3").put_object(Bucket=deployed.bucket, Key=key, Body=content)


@pytest.mark.usefixtures("lost_model")
def test_that_the_registered_models_archive_is_gone_is_told(
    deployed: Deployed, assigned: dict[str, Any], after_a_run: dict[str, Any]
) -> None:
    ended = enter(deployed, "Plan the run", assigned, after_a_run)
    assert (ended["status"], "NoSuchKey" in ended["cause"]) == ("FAILED", True)


@pytest.mark.refuses("s3:ListBucket")
@pytest.mark.usefixtures("lost_model")
def test_who_may_not_list_the_bucket_is_not_told_that_an_object_is_gone(
    deployed: Deployed, assigned: dict[str, Any], after_a_run: dict[str, Any]
) -> None:
    with without(deployed, deployed.resource("Pipeline", "PlanRole"), "s3:ListBucket"):
        ended = enter(deployed, "Plan the run", assigned, after_a_run)
    assert (ended["status"], "AccessDenied" in ended["cause"]) == ("FAILED", True)


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


@pytest.mark.refuses("sagemaker:CreateEndpoint")
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
