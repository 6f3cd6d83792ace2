"""The templates are synthesised once for all tests here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.template.deployment import Deployment
from tests.template.machine import Machine
from tests.template.synthesis import EVERYTHING, synthesise

Deploy = Callable[..., Deployment]


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The stack with the settings of cdk.json."""
    return synthesise(tmp_path_factory.mktemp("assembly") / "cdk.out")


@pytest.fixture(scope="session")
def richest(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The stack with all that the settings offer."""
    return synthesise(tmp_path_factory.mktemp("richest") / "cdk.out", **EVERYTHING)


@pytest.fixture
def deploy(tmp_path: Path) -> Deploy:
    """The stack with other settings."""

    def with_settings(**settings: Any) -> Deployment:
        return synthesise(tmp_path / "cdk.out", **settings)

    return with_settings


@pytest.fixture(scope="session")
def machine(deployment: Deployment) -> Machine:
    return Machine.of(deployment)
