"""What the roles may do, and no more."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from stacks.sagemaker_kinds import HOSTING, PACKAGES, RUN_JOBS, USER_JOBS
from tests.template.conftest import Deploy
from tests.template.deployment import ACCOUNT, REGION, Deployment, Resource, Statement
from tests.template.machine import Machine

WITHOUT_RESOURCE_LEVEL = {
    # IAM knows no resource for lists, a registry's token, and metrics (the namespace is a condition).
    "sagemaker:ListApps": "a list",
    "sagemaker:ListDomains": "a list",
    "sagemaker:ListEndpointConfigs": "a list",
    "sagemaker:ListEndpoints": "a list",
    "sagemaker:ListHyperParameterTuningJobs": "a list",
    "sagemaker:ListModelPackageGroups": "a list",
    "sagemaker:ListModelPackages": "a list",
    "sagemaker:ListModels": "a list",
    "sagemaker:ListProcessingJobs": "a list",
    "sagemaker:ListSpaces": "a list",
    "sagemaker:ListTrainingJobs": "a list",
    "sagemaker:ListTransformJobs": "a list",
    "sagemaker:ListUserProfiles": "a list",
    "ecr:GetAuthorizationToken": "the token is the account's",
    "cloudwatch:GetMetricData": "metrics have no ARN",
    "cloudwatch:PutMetricData": "metrics have no ARN",
    # The domain's file system is found by its tag, and its security groups by their names.
    "elasticfilesystem:DescribeFileSystems": "a list",
    "ec2:DescribeSecurityGroups": "a list",
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


def user_role(deployment: Deployment) -> Resource:
    """Of the one user that cdk.json names."""
    return deployment.named("AWS::IAM::Role", "ProfiledatascientistRole")


def hosting_roles(deployment: Deployment) -> set[str]:
    """In which endpoints are made: by the state machine and by hand."""
    return {machine_role(deployment).reference, user_role(deployment).reference}


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
        ("ProfiledatascientistRole", "sagemaker.amazonaws.com"),
        ("NobodyRole", "sagemaker.amazonaws.com"),
        ("MachineRole", "states.amazonaws.com"),
        ("PlanRole", "lambda.amazonaws.com"),
        ("PrepareRole", "lambda.amazonaws.com"),
        ("EvaluateRole", "lambda.amazonaws.com"),
        ("RemoveRunRole", "lambda.amazonaws.com"),
        ("JanitorRole", "lambda.amazonaws.com"),
        ("PurgeRole", "lambda.amazonaws.com"),
    ],
)
def test_a_role_is_assumed_by_its_service_alone(deployment: Deployment, role: str, service: str) -> None:
    trust = deployment.named("AWS::IAM::Role", role).properties["AssumeRolePolicyDocument"]["Statement"]

    assert [(item["Action"], item["Principal"]) for item in trust] == [("sts:AssumeRole", {"Service": service})]


def test_roles_are_passed_to_sagemaker_alone_and_only_the_execution_role(deployment: Deployment) -> None:
    execution_role = deployment.named("AWS::IAM::Role", "ExecutionRole")

    passing = [statement for statement in deployment.statements() if statement.allows("iam:PassRole")]

    assert {statement.role for statement in passing} == hosting_roles(deployment)
    for statement in passing:
        assert statement.resources == (execution_role.attribute("Arn"),)
        assert statement.conditions == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_no_endpoint_is_created_without_its_date_and_project(deployment: Deployment) -> None:
    endpoint = sagemaker("endpoint", "fraud-1")
    creating = [item for item in deployment.statements() if item.allows("sagemaker:CreateEndpoint", endpoint)]

    assert {statement.role for statement in creating} == hosting_roles(deployment)
    for statement in creating:
        assert statement.conditions["StringEquals"] == {"aws:RequestTag/project": "fraud"}
        assert statement.conditions["StringLike"].keys() == {"aws:RequestTag/expires-at"}


@pytest.mark.parametrize(
    ("written", "passes"),
    [
        ("2026-11-24T17:41:05.123Z", True),
        ("2026-11-24T17:41:05+01:00", True),
        ("2026-11-24T17:41", True),
        ("", False),
        ("*", False),
        ("never", False),
        ("9999-12-31T23:59:59Z", False),
    ],
)
def test_an_endpoints_date_has_to_look_like_one(deployment: Deployment, written: str, *, passes: bool) -> None:
    for statement in deployment.statements():
        if statement.allows("sagemaker:CreateEndpoint", sagemaker("endpoint", "fraud-1")):
            pattern = statement.conditions["StringLike"]["aws:RequestTag/expires-at"]
            assert fnmatchcase(written, pattern) == passes


def test_nobody_takes_an_endpoints_date_away(deployment: Deployment) -> None:
    assert [statement for statement in deployment.statements() if statement.allows("sagemaker:DeleteTags")] == []


@pytest.mark.parametrize("kind", ["training-job", "hyper-parameter-tuning-job", "model", "endpoint-config", "endpoint"])
def test_the_machine_tags_only_the_projects(deployment: Deployment, kind: str) -> None:
    arn = sagemaker(kind, "fraud-1")

    reaching = [
        statement
        for statement in deployment.statements_of(machine_role(deployment))
        if statement.allows("sagemaker:AddTags", arn)
    ]

    assert reaching != []
    for statement in reaching:
        assert statement.conditions["StringEquals"] in (
            {"aws:RequestTag/project": "fraud"},  # what it is making
            {"sagemaker:TaggingAction": ["CreateEndpoint"]},
            {"aws:ResourceTag/project": "fraud"},  # what is there
        )


@pytest.mark.parametrize(
    ("role", "keys"),
    [
        ("MachineRole", ["passed-at"]),
        ("JanitorRole", ["expires-at", "warned-for"]),
        ("ProfiledatascientistRole", ["expires-at"]),
    ],
)
def test_a_tag_of_an_endpoint_is_changed_by_whom_it_concerns_alone(
    deployment: Deployment, role: str, keys: list[str]
) -> None:
    statements = deployment.statements_of(deployment.named("AWS::IAM::Role", role))

    (changing,) = (
        statement
        for statement in statements
        if statement.allows("sagemaker:AddTags", sagemaker("endpoint", "fraud-1")) and not _at_creation(statement)
    )

    assert changing.actions == ("sagemaker:AddTags",)
    assert changing.conditions == {
        "StringEquals": {"aws:ResourceTag/project": "fraud"},
        "ForAllValues:StringEquals": {"aws:TagKeys": keys},
    }


def test_the_janitor_marks_parts_of_an_endpoint_as_due_and_no_more(deployment: Deployment) -> None:
    for kind in ("endpoint-config", "model"):
        (marking,) = (
            statement
            for statement in janitor_statements(deployment)
            if statement.allows("sagemaker:AddTags", sagemaker(kind, "by-hand"))
        )

        assert marking.actions == ("sagemaker:AddTags",)
        assert marking.conditions == {
            "StringEquals": {"aws:ResourceTag/project": "fraud"},
            "ForAllValues:StringEquals": {"aws:TagKeys": ["removal-due"]},
        }


@pytest.mark.parametrize("kind", HOSTING)
def test_a_user_tags_nothing_that_is_somebody_elses(deployment: Deployment, kind: str) -> None:
    """Else a user could make the janitor and the purge remove it."""
    statements = deployment.statements_of(user_role(deployment))

    reaching = [item for item in statements if item.allows("sagemaker:AddTags", sagemaker(kind, "fraud-theirs"))]

    assert reaching != []
    for statement in reaching:
        own = statement.conditions["StringEquals"].get("aws:ResourceTag/project") == "fraud"
        assert own or _at_creation(statement)


def test_jobs_and_models_pull_awss_image_and_no_other(deployment: Deployment) -> None:
    """Its account in this region: aws-facts 2.3; the actions: 1.3."""
    image = f"arn:aws:ecr:{REGION}:141502667606:repository/sagemaker-xgboost"
    role = deployment.named("AWS::IAM::Role", "ExecutionRole")

    pulling = {
        (action, resource)
        for statement in deployment.statements_of(role)
        for action in statement.actions
        for resource in statement.resources
        if action.startswith("ecr:")
    }

    layers = ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage")
    assert pulling == {("ecr:GetAuthorizationToken", "*"), *((f"ecr:{action}", image) for action in layers)}


@pytest.mark.parametrize("role", ["ProfiledatascientistRole", "MachineRole"])
def test_who_tags_at_creation_creates_with_the_projects_tag_alone(deployment: Deployment, role: str) -> None:
    statements = deployment.statements_of(deployment.named("AWS::IAM::Role", role))
    making = {action for item in statements if _at_creation(item) for action in _tagging_actions(item)}
    kinds = {f"Create{noun}": kind for kind, noun in (HOSTING | RUN_JOBS).items()}

    creating = [
        item
        for item in statements
        for action in making & kinds.keys()
        if item.allows(f"sagemaker:{action}", sagemaker(kinds[action], "fraud-1"))
    ]

    assert "CreateEndpoint" in making
    for statement in creating:
        assert statement.conditions["StringEquals"] == {"aws:RequestTag/project": "fraud"}


def test_a_users_endpoint_serves_by_a_configuration_of_the_projects(deployment: Deployment) -> None:
    """Somebody else's may have instances of any type and number."""
    config = sagemaker("endpoint-config", "fraud-theirs")

    reaching = allowing(deployment, user_role(deployment), "sagemaker:CreateEndpoint")

    assert [item.conditions for item in reaching if item.allows("sagemaker:CreateEndpoint", config)] == [
        {"StringEquals": {"aws:ResourceTag/project": "fraud"}}
    ]


def _makes(statement: Statement) -> bool:
    return any(action.startswith("sagemaker:Create") for action in statement.actions)


def _tagging_actions(statement: Statement) -> list[str]:
    """The calls in whose course alone it allows tagging; none if it does in any."""
    return list(statement.conditions.get("StringEquals", {}).get("sagemaker:TaggingAction", []))


def _at_creation(statement: Statement) -> bool:
    """Whether it allows tagging in the very call that creates something, and nothing else."""
    calls = _tagging_actions(statement)
    return statement.actions == ("sagemaker:AddTags",) and calls != [] and all(c.startswith("Create") for c in calls)


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
    conditions = statement.conditions.get("StringEquals", {})
    by_tag = conditions.get("aws:ResourceTag/project") == "fraud"
    by_tag_of_what_is_made = _makes(statement) and conditions.get("aws:RequestTag/project") == "fraud"
    names = r":[a-z-]+/(fraud-\*|fraud-models(/\*)?|<Studio/Domain\.DomainId>(/.+)?)$"
    by_name = all(re.search(names, resource) for resource in statement.resources)
    return by_tag or by_name or by_tag_of_what_is_made or _at_creation(statement)


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


# --- Studio's users ---------------------------------------------------------------------------------------------


TAGGED = {"StringEquals": {"aws:RequestTag/project": "fraud"}}
ENDING = {
    "NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": "3600"},
    "Null": {"sagemaker:KeepAlivePeriod": "true"},
}
AFFORDABLE = {"ForAllValues:StringEquals": {"sagemaker:InstanceTypes": ["ml.t3.medium", "ml.m5.large", "ml.m5.xlarge"]}}


@pytest.mark.parametrize(
    ("action", "kind", "conditions"),
    [
        ("CreateModel", "model", TAGGED),
        ("CreateEndpointConfig", "endpoint-config", TAGGED | AFFORDABLE),
        ("CreateTrainingJob", "training-job", TAGGED | AFFORDABLE | ENDING),
        ("CreateHyperParameterTuningJob", "hyper-parameter-tuning-job", TAGGED | AFFORDABLE | ENDING),
    ],
)
def test_what_a_user_makes_by_hand_bears_the_projects_tag_and_runs_on_the_instance_types_of_the_settings(
    deployment: Deployment, action: str, kind: str, conditions: dict[str, Any]
) -> None:
    (making,) = allowing(deployment, user_role(deployment), f"sagemaker:{action}")

    assert making.allows(f"sagemaker:{action}", sagemaker(kind, "fraud-by-hand"))
    assert making.conditions == conditions


OWN_SPACE = {
    "StringEquals": {"sagemaker:SpaceSharingType": "Private"},
    "ArnEquals": {
        "sagemaker:OwnerUserProfileArn": [sagemaker("user-profile", "<Studio/Domain.DomainId>/data-scientist")]
    },
}


@pytest.mark.parametrize("action", ["CreateApp", "CreateSpace", "UpdateSpace"])
def test_a_user_opens_private_spaces_of_its_own_on_the_instance_types_of_the_settings_alone(
    deployment: Deployment, action: str
) -> None:
    (opening,) = allowing(deployment, user_role(deployment), f"sagemaker:{action}")

    assert opening.conditions == OWN_SPACE | AFFORDABLE


@pytest.mark.parametrize("action", ["DeleteApp", "DeleteSpace"])
def test_a_user_closes_spaces_of_its_own_alone(deployment: Deployment, action: str) -> None:
    (closing,) = allowing(deployment, user_role(deployment), f"sagemaker:{action}")

    assert closing.conditions == OWN_SPACE


@pytest.mark.parametrize(
    ("app", "allowed"),
    [
        *((name, True) for name in ("JupyterLab", "jupyterlab", "CodeEditor", "codeeditor")),
        *((name, False) for name in ("Canvas", "canvas", "KernelGateway", "RStudioServerPro", "TensorBoard")),
    ],
)
def test_a_user_opens_no_kind_of_app_that_is_never_idle(deployment: Deployment, app: str, *, allowed: bool) -> None:
    arn = sagemaker("app", f"<Studio/Domain.DomainId>/mine/{app}/default")
    opening = allowing(deployment, user_role(deployment), "sagemaker:CreateApp")

    assert any(item.allows("sagemaker:CreateApp", arn) for item in opening) == allowed


def test_a_user_enters_studio_as_nobody_else(deployment: Deployment) -> None:
    (entering,) = allowing(deployment, user_role(deployment), "sagemaker:CreatePresignedDomainUrl")

    assert entering.resources == (sagemaker("user-profile", "<Studio/Domain.DomainId>/data-scientist"),)


def test_a_name_with_capitals_is_known_as_given_and_as_arns_are_written(deploy: Deploy) -> None:
    deployment = deploy(user_profiles=["Ana"])
    role = deployment.named("AWS::IAM::Role", "ProfileAnaRole")

    (entering,) = allowing(deployment, role, "sagemaker:CreatePresignedDomainUrl")

    names = [resource.rpartition("/")[2] for resource in entering.resources]
    assert names == ["Ana", "ana"]


def test_users_whom_the_settings_do_not_name_may_do_nothing(deployment: Deployment) -> None:
    assert deployment.statements_of(deployment.named("AWS::IAM::Role", "NobodyRole")) == []


@pytest.mark.parametrize("kind", RUN_JOBS)
def test_a_users_jobs_are_named_like_the_projects(deployment: Deployment, kind: str) -> None:
    """Their logs are found, read and removed by name."""
    creating = allowing(deployment, user_role(deployment), f"sagemaker:Create{RUN_JOBS[kind]}")

    assert not any(item.allows(f"sagemaker:Create{RUN_JOBS[kind]}", sagemaker(kind, "mine")) for item in creating)


@pytest.mark.parametrize(("action", "stream"), [("logs:GetLogEvents", ":log-stream:fraud-sdk/algo-1")])
def test_a_user_reads_the_logs_of_the_projects_jobs_alone(deployment: Deployment, action: str, stream: str) -> None:
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/TrainingJobs"
    reading = allowing(deployment, user_role(deployment), action)

    assert [item.allows(action, f"{group}{stream}") for item in reading] == [True]
    for other in (":log-stream:theirs/algo-1", "Other:log-stream:fraud-sdk/algo-1"):
        assert not any(item.allows(action, f"{group}{other}") for item in reading)


def test_what_a_users_script_prints_is_logged_in_the_domains_streams_alone(deployment: Deployment) -> None:
    (writing,) = (
        statement
        for statement in allowing(deployment, user_role(deployment), "logs:PutLogEvents")
        if not statement.conditions
    )

    assert writing.resources == (
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/studio:log-stream:<Studio/Domain.DomainId>/*",
    )


def test_a_user_with_instance_types_of_its_own_may_do_what_the_others_may_but_on_those(deploy: Deploy) -> None:
    demanding = {"name": "ana", "instance_types": ["ml.g5.xlarge"]}
    deployment = deploy(user_profiles=["ben", demanding])
    usual, own = (deployment.named("AWS::IAM::Role", name) for name in ("ProfilebenRole", "ProfileanaRole"))

    def allowed(role: Resource, types: list[str]) -> list[tuple[Any, ...]]:
        return sorted(
            (
                item.actions,
                json.dumps([item.resources, item.conditions])
                .replace(json.dumps(types), "TYPES")
                .replace("/ben", "/ana"),
            )
            for item in deployment.statements_of(role)
        )

    assert allowed(own, ["ml.g5.xlarge"]) == allowed(usual, ["ml.t3.medium", "ml.m5.large", "ml.m5.xlarge"])


def test_the_role_of_an_image_pulls_that_image_and_does_nothing_else(deploy: Deploy) -> None:
    deployment = deploy(studio_image_uri="210987654321.dkr.ecr.us-west-2.amazonaws.com/team/studio:7")
    statements = deployment.statements_of(deployment.named("AWS::IAM::Role", "ImageRole"))

    resources = {resource for item in statements for resource in item.resources}
    actions = {action for item in statements for action in item.actions}

    assert resources == {"*", "arn:aws:ecr:us-west-2:210987654321:repository/team/studio"}
    assert actions == {
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
    }


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        *((f"{verb}{noun}", kind) for verb in ("Describe", "Delete") for kind, noun in HOSTING.items()),
        ("InvokeEndpoint", "endpoint"),
    ],
)
def test_a_user_reaches_what_bears_the_projects_tag_whatever_its_name(
    deployment: Deployment, action: str, kind: str
) -> None:
    statements = deployment.statements_of(user_role(deployment))

    reaching = [item for item in statements if item.allows(f"sagemaker:{action}", sagemaker(kind, "by-hand"))]

    assert [item.conditions for item in reaching] == [{"StringEquals": {"aws:ResourceTag/project": "fraud"}}]


# --- the janitor ------------------------------------------------------------------------------------------------


def janitor_statements(deployment: Deployment) -> list[Statement]:
    return deployment.statements_of(deployment.named("AWS::IAM::Role", "JanitorRole"))


def test_the_janitor_may_do_what_a_sweep_takes_and_nothing_else(deployment: Deployment) -> None:
    actions = {action for statement in janitor_statements(deployment) for action in statement.actions}

    looking = [f"List{noun}s" for noun in (HOSTING | RUN_JOBS).values()]
    ending = [f"Delete{noun}" for noun in HOSTING.values()] + [f"Stop{noun}" for noun in RUN_JOBS.values()]
    sagemaker_actions = [*looking, *ending, "ListTags", "AddTags", "DescribeEndpoint", "DescribeEndpointConfig"]
    assert actions == {
        *(f"sagemaker:{action}" for action in sagemaker_actions),
        "cloudwatch:GetMetricData",
        "states:DescribeExecution",
        "sns:Publish",
        "ssm:GetParameter",
        "ssm:PutParameter",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }


def test_the_janitor_changes_only_what_bears_the_projects_tag(deployment: Deployment) -> None:
    changing = [
        statement
        for statement in janitor_statements(deployment)
        if any(re.match(r"sagemaker:(?!List|Describe)", action) for action in statement.actions)
    ]

    assert changing != []
    for statement in changing:
        assert statement.conditions["StringEquals"] == {"aws:ResourceTag/project": "fraud"}


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        *((f"Delete{noun}", kind) for kind, noun in HOSTING.items()),
        *((f"Stop{noun}", kind) for kind, noun in RUN_JOBS.items()),
        ("DescribeEndpoint", "endpoint"),
        ("DescribeEndpointConfig", "endpoint-config"),
        *(("ListTags", kind) for kind in HOSTING | RUN_JOBS),
    ],
)
def test_the_janitor_reaches_the_projects_whatever_its_name(deployment: Deployment, action: str, kind: str) -> None:
    arn = sagemaker(kind, "by-hand")

    assert any(statement.allows(f"sagemaker:{action}", arn) for statement in janitor_statements(deployment))


@pytest.mark.parametrize(
    ("action", "kind"), [("DescribeEndpoint", "endpoint"), ("DescribeEndpointConfig", "endpoint-config")]
)
def test_the_janitor_looks_at_what_serves_whosever_it_is(deployment: Deployment, action: str, kind: str) -> None:
    """An endpoint of the project may serve by a configuration without the project's tag."""
    looking = [
        item for item in janitor_statements(deployment) if item.allows(f"sagemaker:{action}", sagemaker(kind, "x"))
    ]

    assert [statement.conditions for statement in looking] == [{}]


def test_the_janitor_tells_on_the_stacks_topic_alone(deployment: Deployment) -> None:
    (telling,) = (item for item in janitor_statements(deployment) if item.allows("sns:Publish"))

    assert telling.resources == (deployment.one("AWS::SNS::Topic").reference,)


def test_the_janitor_looks_at_executions_of_the_machine_alone(deployment: Deployment) -> None:
    (looking,) = (item for item in janitor_statements(deployment) if item.allows("states:DescribeExecution"))

    (executions,) = looking.resources
    assert executions.startswith(f"arn:aws:states:{REGION}:{ACCOUNT}:execution:")
    assert "Machine" in executions


# --- the purge --------------------------------------------------------------------------------------------------


def purge_statements(deployment: Deployment) -> list[Statement]:
    return deployment.statements_of(deployment.named("AWS::IAM::Role", "PurgeRole"))


def test_the_purge_destroys_only_what_bears_the_projects_tag_or_is_in_its_domain_or_group(
    deployment: Deployment,
) -> None:
    destroying = [
        statement
        for statement in purge_statements(deployment)
        if any(re.match(r"sagemaker:(Delete|Stop)", action) for action in statement.actions)
    ]

    assert len(destroying) > 1
    for statement in destroying:
        in_domain = all("<Studio/Domain.DomainId>" in resource for resource in statement.resources)
        in_group = statement.resources == (sagemaker("model-package", "fraud-models/*"),)
        by_tag = statement.conditions == {"StringEquals": {"aws:ResourceTag/project": "fraud"}}
        assert in_domain or in_group or by_tag


@pytest.mark.parametrize(
    ("name", "reached"),
    [
        pytest.param("fraud-models/1", True, id="the stack's group"),
        pytest.param("other-models/1", False, id="another group"),
        pytest.param("fraud-models-2/1", False, id="a group of a similar name"),
        pytest.param("fraud-models", False, id="a package without a group"),
    ],
)
def test_the_purge_reaches_versions_without_tags_in_the_stacks_group_alone(
    deployment: Deployment, name: str, *, reached: bool
) -> None:
    """A version in a group has no tags of its own (the API's CreateModelPackage)."""
    arn = sagemaker("model-package", name)

    deleting = [
        item
        for item in purge_statements(deployment)
        if item.conditions == {} and item.allows("sagemaker:DeleteModelPackage", arn)
    ]

    assert bool(deleting) == reached


def test_the_group_whose_versions_the_purge_reaches_is_the_stacks(deployment: Deployment) -> None:
    group = deployment.one("AWS::SageMaker::ModelPackageGroup")

    assert group.properties["ModelPackageGroupName"] == "fraud-models"


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        *((f"Delete{noun}", kind) for kind, noun in (HOSTING | RUN_JOBS | PACKAGES).items()),
        *((f"Stop{noun}", kind) for kind, noun in (RUN_JOBS | USER_JOBS).items()),
        ("DeleteProcessingJob", "processing-job"),
        *(("ListTags", kind) for kind in HOSTING | RUN_JOBS | USER_JOBS | PACKAGES),
    ],
)
def test_the_purge_reaches_the_projects_whatever_its_name(deployment: Deployment, action: str, kind: str) -> None:
    arn = sagemaker(kind, "by-hand")

    assert any(statement.allows(f"sagemaker:{action}", arn) for statement in purge_statements(deployment))


@pytest.mark.parametrize(
    ("action", "kind"),
    [("DeleteApp", "app"), ("DeleteSpace", "space"), ("DeleteUserProfile", "user-profile"), ("DeleteDomain", "domain")],
)
def test_the_purge_reaches_into_the_stacks_domain_and_no_other(deployment: Deployment, action: str, kind: str) -> None:
    domain = deployment.one("AWS::SageMaker::Domain").attribute("DomainId")
    rest = "" if kind == "domain" else "/ana"

    def reached(domain_id: str) -> bool:
        arn = sagemaker(kind, f"{domain_id}{rest}")
        return any(statement.allows(f"sagemaker:{action}", arn) for statement in purge_statements(deployment))

    assert reached(domain)
    assert not reached("d-other")


@pytest.mark.parametrize("action", ["DescribeMountTargets", "DeleteMountTarget", "DeleteFileSystem"])
def test_the_purge_reaches_the_domains_file_system_alone(deployment: Deployment, action: str) -> None:
    domain = deployment.one("AWS::SageMaker::Domain").attribute("DomainArn")

    (reaching,) = (item for item in purge_statements(deployment) if item.allows(f"elasticfilesystem:{action}"))

    assert reaching.conditions == {"StringEquals": {"aws:ResourceTag/ManagedByAmazonSageMakerResource": domain}}


@pytest.mark.parametrize(
    "action",
    ["RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress", "DeleteSecurityGroup", "DeleteNetworkInterface"],
)
def test_the_purge_changes_the_stacks_network_alone(deployment: Deployment, action: str) -> None:
    vpc = deployment.one("AWS::EC2::VPC").reference

    (changing,) = (item for item in purge_statements(deployment) if item.allows(f"ec2:{action}"))

    assert changing.conditions == {"ArnEquals": {"ec2:Vpc": f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/{vpc}"}}


def test_the_purge_stops_executions_of_the_machine_alone(deployment: Deployment) -> None:
    machine = deployment.one("AWS::StepFunctions::StateMachine")

    (listing,) = (item for item in purge_statements(deployment) if item.allows("states:ListExecutions"))
    (stopping,) = (item for item in purge_statements(deployment) if item.allows("states:StopExecution"))

    assert listing.resources == (machine.reference,)
    assert stopping.resources == (f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{machine.attribute('Name')}:*",)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        # CloudWatch Logs asks for a log group's permissions as `…:log-stream:`, and for the list of all groups under
        # an empty name (hashicorp/terraform-provider-aws#8804, maxbanton/cwh#83).
        ("DescribeLogGroups", "log-group::log-stream:"),
        ("DescribeLogStreams", "log-group:/aws/sagemaker/TrainingJobs:log-stream:"),
        ("DeleteLogStream", "log-group:/aws/sagemaker/TrainingJobs:log-stream:fraud-1/algo-1-1"),
        ("DeleteLogGroup", "log-group:/aws/sagemaker/TrainingJobs:log-stream:"),
        ("DescribeLogStreams", "log-group:/aws/sagemaker/TransformJobs:log-stream:"),
        ("DeleteLogStream", "log-group:/aws/sagemaker/TransformJobs:log-stream:fraud-predict-1/algo-1-1"),
        ("DeleteLogGroup", "log-group:/aws/sagemaker/TransformJobs:log-stream:"),
        ("DeleteLogGroup", "log-group:/aws/sagemaker/Endpoints/fraud-1:log-stream:"),
        ("DescribeLogStreams", "log-group:/aws/sagemaker/studio:log-stream:"),
        ("DeleteLogStream", "log-group:/aws/sagemaker/studio:log-stream:<Studio/Domain.DomainId>/ben/JupyterLab"),
        ("DeleteLogGroup", "log-group:/aws/sagemaker/studio:log-stream:"),
    ],
)
def test_the_purge_may_remove_the_logs_of_jobs_and_endpoints(
    deployment: Deployment, action: str, resource: str
) -> None:
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:{resource}"

    assert any(statement.allows(f"logs:{action}", arn) for statement in purge_statements(deployment))


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("DeleteLogStream", "log-group:/aws/sagemaker/TrainingJobs:log-stream:other-1/algo-1-1"),
        ("DeleteLogStream", "log-group:/aws/sagemaker/TransformJobs:log-stream:other-1/algo-1-1"),
        ("DeleteLogStream", "log-group:/aws/sagemaker/studio:log-stream:d-other/ben/JupyterLab"),
        ("DeleteLogGroup", "log-group:/aws/sagemaker/Endpoints/other-1:log-stream:"),
        ("DeleteLogGroup", "log-group:/aws/lambda/other:log-stream:"),
    ],
)
def test_the_purge_may_not_remove_the_logs_of_others(deployment: Deployment, action: str, resource: str) -> None:
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:{resource}"

    assert not any(statement.allows(f"logs:{action}", arn) for statement in purge_statements(deployment))
