"""What IAM decides while tests run on a deployed stack is recorded, test by test, for `permissions`.

And a test in which a role of the stack is refused something fails, unless a marker says that this is its point:
`refuses("s3:GetObject")`, with the actions, or patterns of them, that may be refused.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from permissions.statements import matches
from tests.sharing import DEPLOYED

_RECORD = pytest.StashKey[Path]()
_BEGIN = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--decisions", type=Path, help="a folder for what IAM decides while the tests run; it is emptied")


def pytest_configure(config: pytest.Config) -> None:
    """A file for each process that runs tests, which the local clouds that it starts write to as well."""
    config.addinivalue_line("markers", "refuses(*actions): roles of the stack are refused these, and that is the point")
    given: Path | None = config.getoption("--decisions")
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if given and not worker:
        given.mkdir(exist_ok=True)
        for path in given.glob("*.jsonl"):
            path.unlink()
    folder = given.resolve() if given else Path(tempfile.mkdtemp(prefix="decisions-"))
    config.stash[_RECORD] = folder / f"{worker or 'alone'}.jsonl"
    os.environ["LOCALCLOUD_DECISIONS"] = str(config.stash[_RECORD])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.nodeid.startswith(DEPLOYED):
        with item.config.stash[_RECORD].open("a") as record:
            record.write(json.dumps({"test": item.nodeid, "refuses": _refusable(item)}) + "\n")
            item.stash[_BEGIN] = record.tell()


@pytest.fixture(autouse=True)
def _no_role_is_refused(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if _BEGIN in request.node.stash:
        record, begin = request.config.stash[_RECORD], request.node.stash[_BEGIN]
        refused = {
            f"{line['role']}: {line['action']} on {line['resource']}"
            for line in _refused(record, begin)
            if not any(matches(line["action"], pattern) for pattern in _refusable(request.node))
        }
        assert refused == set(), "roles of the stack were refused what this test needs"


def _refusable(item: pytest.Item) -> list[str]:
    return [action for marker in item.iter_markers("refuses") for action in marker.args]


def _refused(path: Path, begin: int) -> list[dict[str, Any]]:
    """What roles of the stack were refused since the place in the file."""
    with path.open() as record:
        roles = {line["role"] for line in _whole(record) if "named" in line}
        record.seek(begin)
        return [line for line in _whole(record) if line.get("allowed") is False and line["role"] in roles]


def _whole(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Without one that is being written."""
    yield from (json.loads(line) for line in lines if line.endswith("\n"))
