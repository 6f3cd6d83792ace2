"""One deployment for all pipeline tests, and the data and the runs that several of them look at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.sample import write_sample
from localcloud.cdk import CdkApp
from localcloud.cloud import start
from tests.pipeline.deployed_roles import write_down_roles
from tests.pipeline.running import PROJECT, RETRAINING, Deployed, Run
from tests.template.synthesis import ROOT, synthesise


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The stack on a local cloud of its own, which ends with the tests; it retrains on new data."""
    folder = tmp_path_factory.mktemp("cloud")
    assembly = folder / "cdk.out"
    synthesise(assembly, retrain_on_new_data=True, retrain_input=RETRAINING)
    with start(folder) as cloud:
        app = CdkApp(cloud, ROOT, assembly)
        app.bootstrap()
        before = cloud.inventory()
        app.deploy()
        write_down_roles(app, PROJECT)
        deployment = Deployed(app, before, app.outputs(PROJECT))
        deployment.stop_schedule()
        deployment.stop_retraining()
        yield deployment
        deployment.disconnect()


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of made-up transactions."""
    path = tmp_path_factory.mktemp("sample") / "made-up.csv"
    write_sample(path)
    return path


@pytest.fixture(scope="session")
def source(deployed: Deployed, sample: Path) -> str:
    """The sample's address in the deployed bucket."""
    return deployed.upload(sample.name, sample.read_bytes())


@pytest.fixture(scope="session")
def full_run(deployed: Deployed, source: str) -> Run:
    """A run with all the defaults; its endpoint stays up until the stack is destroyed."""
    return deployed.run({"data": {"source": source}})
