"""What the roles may do, and no more."""

import re

import pytest

from tests.template.deployment import ACCOUNT, REGION, Deployment, Resource, Statement
from tests.template.machine import Machine

WITHOUT_RESOURCE_LEVEL = {
    # IAM knows no resource for lists, a registry's token, and metrics (the namespace is a condition).
    "sagemaker:ListApps": "a list",
    "sagemaker:ListDomains": "a list",
    "sagemaker:ListEndpointConfigs": "a list",
    "sagemaker:ListEndpoints": "a list",
    "sagemaker:ListHyperParameterTuningJobs": "a list",
    "sagemaker:ListModels": "a list",
    "sagemaker:ListSpaces": "a list",
    "sagemaker:ListTrainingJobs": "a list",
    "sagemaker:ListUserProfiles": "a list",
    "ecr:GetAuthorizationToken": "the token is the account's",
    "cloudwatch:PutMetricData": "metrics have no ARN",
    # As AWS's guide to Step Functions has it for SageMaker jobs (aws-facts 1.2).
    "sagemaker:ListTags": "the guide's policy for .sync",
    # As the same guide has it for a state machine's log; deliveries have no ARN that could be known beforehand.
    "logs:CreateLogDelivery": "a log delivery",
    "logs:GetLogDelivery": "a log delivery",
    "logs:UpdateLogDelivery": "a log delivery",
    "logs:DeleteLogDelivery": "a log delivery",
    "logs:ListLogDeliveries": "a list",
    "logs:PutResourcePolicy": "the account's policy for log deliveries",
    "logs:DescribeResourcePolicies": "a list",
    "logs:DescribeLogGroups": "a list",
}


def sagemaker(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"


def machine_role(deployment: Deployment) -> Resource:
    return deployment.named("AWS::IAM::Role", "MachineRole")


def allowing(deployment: Deployment, role: Resource, action: str) -> list[Statement]:
    return [statement for statement in deployment.statements_of(role) if statement.allows(action)]


def test_no_role_may_do_everything_of_a_service(deployment: Deployment) -> None:
    actions = {action for statement in deployment.statements() for action in statement.actions}

    assert {action for action in actions if not re.fullmatch(r"[a-z0-9-]+:[A-Z]\w+\*?", action)} == set()


def test_only_what_has_no_resource_level_is_allowed_on_everything(deployment: Deployment) -> None:
    unbounded = {
        action for statement in deployment.statements() if "*" in statement.resources for action in statement.actions
    }

    assert unbounded == WITHOUT_RESOURCE_LEVEL.keys()


def test_no_statement_allows_all_but_something(deployment: Deployment) -> None:
    documents = [policy.properties["PolicyDocument"] for policy in deployment.all("AWS::IAM::Policy")]

    assert {
        key for document in documents for statement in document["Statement"] for key in statement if "Not" in key
    } == set()


def test_no_role_has_a_policy_but_its_own(deployment: Deployment) -> None:
    roles = deployment.all("AWS::IAM::Role")

    assert len(roles) > 1
    assert [role.name for role in roles if role.properties.keys() & {"ManagedPolicyArns", "Policies"}] == []
    assert all(len(policy.properties["Roles"]) == 1 for policy in deployment.all("AWS::IAM::Policy"))


@pytest.mark.parametrize(
    ("role", "service"),
    [
        ("ExecutionRole", "sagemaker.amazonaws.com"),
        ("UserRole", "sagemaker.amazonaws.com"),
        ("MachineRole", "states.amazonaws.com"),
        ("PlanRole", "lambda.amazonaws.com"),
        ("PrepareRole", "lambda.amazonaws.com"),
        ("EvaluateRole", "lambda.amazonaws.com"),
        ("RemoveRunRole", "lambda.amazonaws.com"),
        ("PurgeRole", "lambda.amazonaws.com"),
    ],
)
def test_a_role_is_assumed_by_its_service_alone(deployment: Deployment, role: str, service: str) -> None:
    trust = deployment.named("AWS::IAM::Role", role).properties["AssumeRolePolicyDocument"]["Statement"]

    assert [(item["Action"], item["Principal"]) for item in trust] == [("sts:AssumeRole", {"Service": service})]


def test_roles_are_passed_to_sagemaker_alone_and_only_the_execution_role(deployment: Deployment) -> None:
    execution_role = deployment.named("AWS::IAM::Role", "ExecutionRole")

    passing = [statement for statement in deployment.statements() if statement.allows("iam:PassRole")]

    assert {statement.role for statement in passing} == {machine_role(deployment).reference}
    for statement in passing:
        assert statement.resources == (execution_role.attribute("Arn"),)
        assert statement.conditions == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_no_endpoint_is_created_without_its_date_and_project(deployment: Deployment) -> None:
    creating = [statement for statement in deployment.statements() if statement.allows("sagemaker:CreateEndpoint")]

    assert {statement.role for statement in creating} == {machine_role(deployment).reference}
    for statement in creating:
        assert statement.conditions["Null"] == {"aws:RequestTag/expires-at": "false"}
        assert statement.conditions["StringEquals"] == {"aws:RequestTag/project": "fraud"}


def test_nobody_takes_an_endpoints_date_away(deployment: Deployment) -> None:
    assert [statement for statement in deployment.statements() if statement.allows("sagemaker:DeleteTags")] == []


@pytest.mark.parametrize("kind", ["training-job", "hyper-parameter-tuning-job", "model", "endpoint-config", "endpoint"])
def test_the_machine_tags_only_with_the_project(deployment: Deployment, kind: str) -> None:
    arn = sagemaker(kind, "fraud-1")

    reaching = [
        statement
        for statement in deployment.statements_of(machine_role(deployment))
        if statement.allows("sagemaker:AddTags", arn)
    ]

    assert reaching != []
    for statement in reaching:
        assert statement.conditions["StringEquals"] == {"aws:RequestTag/project": "fraud"}


@pytest.mark.parametrize("kind", ["CreateTrainingJob", "CreateHyperParameterTuningJob"])
def test_jobs_bear_the_projects_tag(deployment: Deployment, kind: str) -> None:
    creating = allowing(deployment, machine_role(deployment), f"sagemaker:{kind}")

    assert [statement.conditions for statement in creating] == [{"StringEquals": {"aws:RequestTag/project": "fraud"}}]


def test_what_changes_sagemaker_is_bounded_by_name_tag_or_domain(deployment: Deployment) -> None:
    unbounded = [
        (statement.role, action)
        for statement in deployment.statements()
        for action in statement.actions
        if re.match(r"sagemaker:(?!List|Describe)", action) and not _bounded(statement)
    ]

    assert unbounded == []


def _bounded(statement: Statement) -> bool:
    by_tag = statement.conditions.get("StringEquals", {}).get("aws:ResourceTag/project") == "fraud"
    by_name = all(
        re.search(r":[a-z-]+/(fraud-\*|<Studio/Domain\.DomainId>/\*)$", resource) for resource in statement.resources
    )
    return by_tag or by_name


def test_the_machine_may_make_every_call_that_it_makes_and_no_other(deployment: Deployment, machine: Machine) -> None:
    called = {state.action for state in machine.states.values() if state.action}
    synced = {
        state.action.removeprefix("Create")
        for state in machine.states.values()
        if state.body.get("Resource", "").endswith(".sync")
    }

    allowed = {
        action.removeprefix("sagemaker:")
        for statement in deployment.statements_of(machine_role(deployment))
        for action in statement.actions
        if action.startswith("sagemaker:")
    }

    waiting = {f"{verb}{job}" for verb in ("Describe", "Stop") for job in synced}
    assert allowed == called | waiting | {"AddTags", "ListTags"}


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("CreateTrainingJob", "training-job"),
        ("StopTrainingJob", "training-job"),
        ("CreateHyperParameterTuningJob", "hyper-parameter-tuning-job"),
        ("StopHyperParameterTuningJob", "hyper-parameter-tuning-job"),
        ("CreateModel", "model"),
        ("CreateEndpointConfig", "endpoint-config"),
        ("CreateEndpoint", "endpoint"),
        ("CreateEndpoint", "endpoint-config"),
        ("DescribeEndpoint", "endpoint"),
    ],
)
def test_the_machine_reaches_what_bears_the_projects_name_and_nothing_else(
    deployment: Deployment, action: str, kind: str
) -> None:
    statements = allowing(deployment, machine_role(deployment), f"sagemaker:{action}")

    def reached(name: str) -> bool:
        return any(statement.allows(f"sagemaker:{action}", sagemaker(kind, name)) for statement in statements)

    assert reached("fraud-261123-164105-0a1b2c")
    assert not reached("fraudulent-1")


def test_the_machine_makes_the_rules_that_step_functions_waits_with(deployment: Deployment) -> None:
    statements = deployment.statements_of(machine_role(deployment))

    (events,) = (item for item in statements if any(action.startswith("events:") for action in item.actions))

    # aws-facts 1.2 and 1.3
    rules = ["StepFunctionsGetEventsForSageMakerTrainingJobsRule", "StepFunctionsGetEventsForSageMakerTuningJobsRule"]
    assert set(events.actions) == {"events:PutTargets", "events:PutRule", "events:DescribeRule"}
    assert set(events.resources) == {f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}" for rule in rules}
    assert events.conditions == {}


def test_the_machine_calls_the_functions_of_its_states_alone(deployment: Deployment, machine: Machine) -> None:
    called = {
        state.body["Arguments"]["FunctionName"]
        for state in machine.states.values()
        if state.body.get("Resource", "").endswith("lambda:invoke")
    }

    (invoking,) = allowing(deployment, machine_role(deployment), "lambda:InvokeFunction")

    assert {resource.removesuffix(":*") for resource in invoking.resources} == called


def test_the_purge_destroys_only_what_bears_the_projects_tag(deployment: Deployment) -> None:
    statements = deployment.statements_of(deployment.named("AWS::IAM::Role", "PurgeRole"))

    destroying = [
        statement
        for statement in statements
        if any(re.match(r"sagemaker:(Delete|Stop)", action) for action in statement.actions)
    ]

    assert destroying != []
    for statement in destroying:
        assert statement.conditions == {"StringEquals": {"aws:ResourceTag/project": "fraud"}}


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        # CloudWatch Logs asks for a log group's permissions as `…:log-stream:`, and for the list of all groups under
        # an empty name (hashicorp/terraform-provider-aws#8804, maxbanton/cwh#83).
        ("DescribeLogGroups", "log-group::log-stream:"),
        ("DescribeLogStreams", "log-group:/aws/sagemaker/TrainingJobs:log-stream:"),
        ("DeleteLogStream", "log-group:/aws/sagemaker/TrainingJobs:log-stream:fraud-1/algo-1-1"),
        ("DeleteLogGroup", "log-group:/aws/sagemaker/TrainingJobs:log-stream:"),
        ("DeleteLogGroup", "log-group:/aws/sagemaker/Endpoints/fraud-1:log-stream:"),
    ],
)
def test_the_purge_may_remove_the_logs_of_jobs_and_endpoints(
    deployment: Deployment, action: str, resource: str
) -> None:
    role = deployment.named("AWS::IAM::Role", "PurgeRole")
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:{resource}"

    assert any(statement.allows(f"logs:{action}", arn) for statement in deployment.statements_of(role))


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("DeleteLogStream", "log-group:/aws/sagemaker/TrainingJobs:log-stream:other-1/algo-1-1"),
        ("DeleteLogGroup", "log-group:/aws/sagemaker/Endpoints/other-1:log-stream:"),
        ("DeleteLogGroup", "log-group:/aws/lambda/other:log-stream:"),
    ],
)
def test_the_purge_may_not_remove_the_logs_of_others(deployment: Deployment, action: str, resource: str) -> None:
    role = deployment.named("AWS::IAM::Role", "PurgeRole")
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:{resource}"

    assert not any(statement.allows(f"logs:{action}", arn) for statement in deployment.statements_of(role))
