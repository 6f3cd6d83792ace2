"""How tests are shared out among processes: see `pytest_xdist_make_scheduler`."""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

DEPLOYED = ("tests/pipeline/", "tests/teardown/")
_TOGETHER = (*DEPLOYED, "tests/template/")


class OneProcessADeployment(LoadScopeScheduling):  # type: ignore[misc]
    """A module's tests in one process, in their order, and so all that share a deployment or its templates: what is
    made for them is made once. The longest come first, as the folders' names have it."""

    def _split_scope(self, nodeid: str) -> str:
        module: str = nodeid.partition("::")[0]
        return next((folder for folder in _TOGETHER if nodeid.startswith(folder)), module)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneProcessADeployment:
    """pytest-xdist 3.8.0's own `--dist loadgroup` groups nothing under pytest 9.2, which ignores its `_nodeid`."""
    return OneProcessADeployment(config, log)
