"""One scenario of each kind that `make faults` has, on the deployed machine."""

from collections.abc import Iterator

import pytest

from faults.deployment import Deployment
from faults.machine import task_states
from faults.scenarios import Scenario, scenarios
from faults.trial import Outcome, try_all
from localcloud.cdk import CdkApp
from tests.teardown.conftest import deploy

pytestmark = pytest.mark.refuses("sagemaker:Delete*", "sagemaker:Describe*", "sagemaker:List*")
"""The janitor is refused some of these, too."""


def one_of_each(chosen: list[Scenario]) -> list[Scenario]:
    """The last one of each course, so that most of a run has been made."""
    return list({(tuple(blow.what for blow in each.blows), each.janitor): each for each in chosen}.values())


@pytest.fixture(scope="module")
def outcomes(app: CdkApp) -> Iterator[list[Outcome]]:
    deployed = deploy(app)
    deployment = Deployment(app, deployed.outputs)
    deployment.upload_data()
    chosen = one_of_each(scenarios(task_states(deployment.definition())))
    yield list(try_all(deployment, chosen, lambda: None))
    app.destroy()
    deployed.disconnect()


def test_nothing_is_left_of_a_run_whatever_failed_in_it(outcomes: list[Outcome]) -> None:
    assert len(outcomes) > 20
    assert {str(outcome.scenario): outcome.left for outcome in outcomes if outcome.left} == {}


def test_each_execution_ends_with_the_true_cause_and_the_janitor_goes_on(outcomes: list[Outcome]) -> None:
    assert {str(outcome.scenario): outcome.complaints for outcome in outcomes if outcome.complaints} == {}
