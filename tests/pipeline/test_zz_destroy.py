"""`cdk destroy`, last of all: nothing stays that bears the project's tag, and nothing goes that does not."""

from collections.abc import Iterator

import pytest

from localcloud.cloud import Item
from tests.pipeline.running import PROJECT, Deployed, Run, wait_until

MINE, FOREIGN = f"{PROJECT}-made-by-hand", "somebody-elses"

pytestmark = pytest.mark.refuses("logs:*")
"""What writes the log of somebody else's endpoint is the project's execution role."""


@pytest.fixture(scope="module")
def destroyed(deployed: Deployed, full_run: Run) -> Iterator[frozenset[Item]]:
    """What is there after the destruction, with endpoints up by a run, by hand and by a stranger."""
    serve(deployed, full_run, MINE, {"project": PROJECT})
    serve(deployed, full_run, FOREIGN, {"project": "other"})
    names = (full_run.name, MINE, FOREIGN)
    wait_until(lambda: all(in_service(deployed, name) for name in names), f"{', '.join(names)} serve")
    deployed.app.destroy()
    yield deployed.app.cloud.inventory()
    remove(deployed, FOREIGN)


def serve(deployed: Deployed, run: Run, name: str, tags: dict[str, str]) -> None:
    """Create a model, a configuration and an endpoint like the run's."""
    sagemaker = deployed.client("sagemaker")
    model = sagemaker.describe_model(ModelName=run.name)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=run.name)
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    sagemaker.create_model(
        ModelName=name,
        PrimaryContainer={key: model["PrimaryContainer"][key] for key in ("Image", "ModelDataUrl", "Environment")},
        ExecutionRoleArn=model["ExecutionRoleArn"],
        Tags=listed,
    )
    variant = {**config["ProductionVariants"][0], "ModelName": name}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], Tags=listed)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=listed)


def in_service(deployed: Deployed, name: str) -> bool:
    endpoint = deployed.client("sagemaker").describe_endpoint(EndpointName=name)
    return bool(endpoint["EndpointStatus"] == "InService")


def remove(deployed: Deployed, name: str) -> None:
    sagemaker = deployed.client("sagemaker")
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)


def items(name: str) -> frozenset[Item]:
    return frozenset(Item("sagemaker", kind, name) for kind in ("endpoint", "endpoint-config", "model"))


def test_what_others_made_stays(destroyed: frozenset[Item]) -> None:
    assert items(FOREIGN) <= destroyed


def test_a_foreign_endpoint_still_answers(deployed: Deployed, destroyed: frozenset[Item]) -> None:
    assert in_service(deployed, FOREIGN)


def test_what_bears_the_projects_tag_goes_whoever_made_it(destroyed: frozenset[Item]) -> None:
    assert not items(MINE) & destroyed


def test_nothing_else_is_left(deployed: Deployed, destroyed: frozenset[Item]) -> None:
    assert destroyed - items(FOREIGN) == deployed.before
