"""What holds for all tests."""

pytest_plugins = ["tests.sharing", "tests.decisions", "tests.network"]
