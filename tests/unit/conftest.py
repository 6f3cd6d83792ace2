"""Unit tests reach nothing outside their process, but for the servers that a module marked `enable_socket` starts."""

import pytest
from pytest_socket import disable_socket


def pytest_runtest_setup(item: pytest.Item) -> None:
    if not item.get_closest_marker("enable_socket"):
        disable_socket(allow_unix_socket=True)
