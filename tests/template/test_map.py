"""What docs/sagemaker-map.md calls not allowed to Studio's users, against the policies that they get."""

import re

import pytest

from tests.template.deployment import ACCOUNT, REGION, Deployment, Statement
from tests.template.synthesis import ROOT

MAP = ROOT / "docs" / "sagemaker-map.md"
ACTIONS = re.findall(r"`(sagemaker:\w+|aws-marketplace:\w+)`", MAP.read_text())


@pytest.fixture(scope="module")
def users(deployment: Deployment) -> list[Statement]:
    """Of the first of them; what they may do differs by their names and instance types alone."""
    profile = deployment.all("AWS::SageMaker::UserProfile")[0]
    arn = deployment.resolve(profile.properties["UserSettings"]["ExecutionRole"], profile.stack)
    (role,) = (role for role in deployment.all("AWS::IAM::Role") if role.attribute("Arn") == arn)
    return deployment.statements_of(role)


def test_the_map_names_what_its_widgets_need() -> None:
    assert len(set(ACTIONS)) > 5


@pytest.mark.parametrize("action", sorted(set(ACTIONS)))
def test_what_the_map_calls_not_allowed_is_not(users: list[Statement], action: str) -> None:
    assert [statement for statement in users if statement.allows(action)] == []


@pytest.mark.parametrize("app_type", ["Canvas", "RStudioServerPro", "KernelGateway", "TensorBoard", "JupyterServer"])
@pytest.mark.parametrize("owner", ["data-scientist", "a-space"])
def test_no_app_of_another_kind_can_be_created(
    deployment: Deployment, users: list[Statement], owner: str, app_type: str
) -> None:
    for spelt in (app_type, app_type.lower()):
        app = app_arn(deployment, owner, spelt)
        assert [statement for statement in users if statement.allows("sagemaker:CreateApp", app)] == []


def test_jupyterlab_can_be_created(deployment: Deployment, users: list[Statement]) -> None:
    """So that the test above does not pass for want of a permission."""
    assert any(
        statement.allows("sagemaker:CreateApp", app_arn(deployment, "a-space", "jupyterlab")) for statement in users
    )


def app_arn(deployment: Deployment, owner: str, app_type: str) -> str:
    domain = deployment.one("AWS::SageMaker::Domain").attribute("DomainId")
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:app/{domain}/{owner}/{app_type}/default"
