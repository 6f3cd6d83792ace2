"""A local cloud of its own for what moves the clock, and for destroying the stack in all kinds of moments."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.sample import write_sample
from localcloud.cdk import CdkApp
from localcloud.cloud import Cloud, start
from tests.pipeline.deployed_roles import write_down_roles
from tests.pipeline.running import PROJECT, Deployed
from tests.template.synthesis import ROOT, synthesise


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with start(tmp_path_factory.mktemp("cloud")) as started:
        yield started


@pytest.fixture(scope="session")
def app(cloud: Cloud) -> CdkApp:
    """The application with the settings of cdk.json, in a bootstrapped account."""
    made = CdkApp(cloud, ROOT, cloud.folder / "cdk.out")
    made.synth()
    made.bootstrap()
    return made


DEMANDING = {"name": "ben", "instance_types": ["ml.m5.4xlarge"], "idle_minutes": 120}
"""A user of Studio's with all that a user can have of its own."""


@pytest.fixture(scope="session")
def app_with_all(app: CdkApp) -> CdkApp:
    """The application, with all for Studio that the settings offer: a home file system, an image, a demanding user."""
    assembly = app.cloud.folder / "cdk.out.all"
    synthesise(
        assembly,
        studio_home_efs=True,
        studio_image_uri="123456789012.dkr.ecr.us-east-1.amazonaws.com/studio:1",
        user_profiles=["data-scientist", DEMANDING],
    )
    return CdkApp(app.cloud, ROOT, assembly)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of made-up transactions."""
    path = tmp_path_factory.mktemp("sample") / "made-up.csv"
    write_sample(path)
    return path


def deploy(app: CdkApp) -> Deployed:
    """Deploy, with no sweeps but those that a test asks for."""
    before = app.cloud.inventory()
    app.deploy()
    write_down_roles(app, PROJECT)
    deployed = Deployed(app, before, app.outputs(PROJECT))
    deployed.stop_schedule()
    return deployed
