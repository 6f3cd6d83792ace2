"""What the permission report says of a record: needed, unused, missing, or out of reach here."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from permissions.record import NoRecord, Record
from permissions.statements import Statement
from permissions.verdict import Unexercised, Verdict

READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["arn:b/raw/*", "arn:b/runs/*"]}
WRITE = {"Effect": "Allow", "Action": ["s3:PutObject", "s3:AbortMultipartUpload"], "Resource": "arn:b/runs/*"}
READ_ALL = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:b/*"}
ROLE, FULL_RUN = "Pipeline/PlanRole", "tests/pipeline/test_full_run.py::test_it_passes"


@dataclass
class Recorded:
    """A file as the local cloud and the tests write it together; the bucket `b` is the templates' `<Bucket>`."""

    policy: Sequence[Mapping[str, Any]]
    lines: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        held = [Statement.read(each).as_json() for each in self.policy]
        written = json.loads(json.dumps(held).replace("arn:b", "<Bucket>"))
        self.lines.append({"role": "physical", "named": ROLE, "held": held, "written": written})
        for at, statement in enumerate(held):
            says = {key: value for key, value in statement.items() if value}
            self.lines.append({"statement": str(at), "says": says})

    def test(self, name: str, *refuses: str) -> None:
        self.lines.append({"test": name, "refuses": refuses})

    def request(self, action: str, resource: str, *by: int) -> None:
        """Which the statements in these places allow; none, if it is refused."""
        statements = [str(at) for at in by]
        line = {"role": "physical", "action": action, "resource": resource, "allowed": bool(by)}
        self.lines.append({**line, "statements": statements})

    def verdict(self, folder: Path, *unexercised: Unexercised) -> Verdict:
        (folder / "gw0.jsonl").write_text("\n".join(json.dumps(line) for line in self.lines))
        return Verdict.of(Record.read(folder), unexercised)


def used_by_a_full_run(*policy: Mapping[str, Any]) -> Recorded:
    recorded = Recorded(policy)
    recorded.test(FULL_RUN)
    return recorded


def test_a_statement_that_a_run_needs_on_all_its_resources_is_used(tmp_path: Path) -> None:
    recorded = used_by_a_full_run(READ)
    recorded.request("s3:GetObject", "arn:b/raw/a.csv", 0)
    recorded.request("s3:GetObject", "arn:b/runs/1/b.csv", 0)

    verdict = recorded.verdict(tmp_path)

    assert verdict.good
    (line,) = verdict.lines
    assert (line.runs, line.needed_by) == (("full run",), FULL_RUN)
    says = f"{ROLE}: s3:GetObject on <Bucket>/raw/*, <Bucket>/runs/*"
    assert str(line) == f"{says}: full run (without it fails {FULL_RUN})"


def test_an_action_that_no_run_uses_is_named(tmp_path: Path) -> None:
    recorded = used_by_a_full_run(WRITE)
    recorded.request("s3:PutObject", "arn:b/runs/1/b.csv", 0)

    (line,) = recorded.verdict(tmp_path).unused

    assert line.unused == ("s3:AbortMultipartUpload",)


def test_a_resource_that_no_run_reaches_is_named(tmp_path: Path) -> None:
    recorded = used_by_a_full_run(READ)
    recorded.request("s3:GetObject", "arn:b/raw/a.csv", 0)

    (line,) = recorded.verdict(tmp_path).unused

    assert line.unused == ("on <Bucket>/runs/*",)


def test_a_statement_that_others_make_needless_is_unused(tmp_path: Path) -> None:
    """Without it nothing would fail."""
    recorded = used_by_a_full_run(READ, READ_ALL)
    recorded.request("s3:GetObject", "arn:b/raw/a.csv", 0, 1)
    recorded.request("s3:GetObject", "arn:b/runs/1/b.csv", 0, 1)
    recorded.request("s3:GetObject", "arn:b/elsewhere", 1)

    (line,) = recorded.verdict(tmp_path).unused

    assert line.statement.resources == ("<Bucket>/raw/*", "<Bucket>/runs/*")


def test_what_is_out_of_reach_here_is_explained(tmp_path: Path) -> None:
    recorded = used_by_a_full_run(WRITE)
    recorded.request("s3:PutObject", "arn:b/runs/1/b.csv", 0)

    verdict = recorded.verdict(tmp_path, Unexercised(ROLE, ("s3:AbortMultipartUpload",), "nothing breaks off"))

    assert verdict.good


def test_a_resource_out_of_reach_is_explained_by_itself(tmp_path: Path) -> None:
    recorded = used_by_a_full_run(READ)
    recorded.request("s3:GetObject", "arn:b/raw/a.csv", 0)

    verdict = recorded.verdict(tmp_path, Unexercised(ROLE, ("s3:GetObject",), "no runs", ("<Bucket>/runs/*",)))

    assert verdict.good


def test_a_statement_that_nothing_here_can_use_tells_why(tmp_path: Path) -> None:
    recorded = used_by_a_full_run(WRITE, READ_ALL)
    recorded.request("s3:GetObject", "arn:b/elsewhere", 1)

    verdict = recorded.verdict(
        tmp_path, Unexercised(ROLE, ("s3:PutObject", "s3:AbortMultipartUpload"), "nothing is written")
    )

    assert verdict.good
    assert str(verdict.lines[1]).endswith(": nothing is written")


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(Unexercised(ROLE, ("s3:PutObject",), "wrong"), id="it is used"),
        pytest.param(Unexercised(ROLE, ("s3:DeleteObject",), "wrong"), id="the role does not have it"),
        pytest.param(Unexercised("Pipeline/Other", ("s3:PutObject",), "wrong"), id="there is no such role"),
        pytest.param(Unexercised(ROLE, ("s3:PutObject",), "wrong", ("<Bucket>/runs/*",)), id="it is reached"),
        pytest.param(Unexercised(ROLE, ("s3:PutObject",), "wrong", ("<Bucket>/raw/*",)), id="no such resource"),
    ],
)
def test_an_explanation_without_need_is_named(tmp_path: Path, entry: Unexercised) -> None:
    recorded = used_by_a_full_run({**WRITE, "Action": "s3:PutObject"})
    recorded.request("s3:PutObject", "arn:b/runs/1/b.csv", 0)

    verdict = recorded.verdict(tmp_path, entry)

    assert (verdict.needless, verdict.good) == ((entry,), False)


@pytest.mark.parametrize(("refuses", "is_missing"), [("s3:GetObject", True), ("s3:PutObject", False), ("s3:*", False)])
def test_a_refusal_is_missing_unless_the_test_is_about_it(tmp_path: Path, refuses: str, *, is_missing: bool) -> None:
    recorded = Recorded([READ_ALL])
    recorded.test(FULL_RUN, refuses)
    recorded.request("s3:GetObject", "arn:b/a", 0)
    recorded.request("s3:PutObject", "arn:b/a")

    missing = recorded.verdict(tmp_path).missing

    assert missing == ((f"{ROLE}: s3:PutObject on arn:b/a, in {FULL_RUN}",) if is_missing else ())


def test_what_is_used_only_where_it_may_be_refused_is_unused(tmp_path: Path) -> None:
    """Such a test would not fail without it."""
    recorded = Recorded([READ_ALL])
    recorded.test(FULL_RUN, "s3:GetObject")
    recorded.request("s3:GetObject", "arn:b/a", 0)

    (line,) = recorded.verdict(tmp_path).unused

    assert line.unused == ("s3:GetObject",)


def test_a_denial_is_used_where_it_refuses(tmp_path: Path) -> None:
    recorded = Recorded([{**READ_ALL, "Effect": "Deny"}])
    recorded.test(FULL_RUN, "s3:GetObject")
    recorded.lines.append(
        {"role": "physical", "action": "s3:GetObject", "resource": "arn:b/a", "allowed": False, "statements": ["0"]}
    )

    assert recorded.verdict(tmp_path).good


def test_roles_that_are_not_the_stacks_are_of_no_interest(tmp_path: Path) -> None:
    recorded = used_by_a_full_run(READ_ALL)
    recorded.request("s3:GetObject", "arn:b/a", 0)
    recorded.lines.append(
        {"role": "cdk-deploy", "action": "s3:PutObject", "resource": "arn:b/a", "allowed": False, "statements": []}
    )

    assert recorded.verdict(tmp_path).missing == ()


def test_without_a_record_one_is_told_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NoRecord, match="make permissions"):
        Record.read(tmp_path)


def test_the_report_ends_with_the_count_and_an_exit_code(tmp_path: Path) -> None:
    recorded = used_by_a_full_run(WRITE)
    recorded.request("s3:PutObject", "arn:b/runs/1/b.csv", 0)
    recorded.verdict(tmp_path)

    told = subprocess.run(
        [sys.executable, "-m", "permissions", str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert told.returncode == 1
    assert told.stdout.startswith(f"{ROLE}: s3:PutObject, s3:AbortMultipartUpload on <Bucket>/runs/*: full run")
    assert "Unused: s3:AbortMultipartUpload of Pipeline/PlanRole" in told.stdout
    assert told.stdout.splitlines()[-1].startswith("permissions: 1 statements, 1 unused, 0 missing")
