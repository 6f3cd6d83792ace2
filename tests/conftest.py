"""How tests are shared out among processes: see `pytest_xdist_make_scheduler`."""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_DEPLOYED = ("tests/pipeline/", "tests/teardown/")


class OneProcessADeployment(LoadScopeScheduling):  # type: ignore[misc]
    """Any test anywhere, but all that share a deployment in one process, in their order."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in _DEPLOYED if nodeid.startswith(folder)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneProcessADeployment:
    """pytest-xdist 3.8.0's own `--dist loadgroup` groups nothing under pytest 9.2, which ignores its `_nodeid`."""
    return OneProcessADeployment(config, log)
