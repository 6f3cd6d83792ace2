"""The templates against checkov's policies. It lies in an environment of its own, for it pins what others need newer,
and looks at files alone: nothing is downloaded or sent."""

import json
import os
import subprocess

import pytest

from tests.template.accepted_findings import CHECKOV
from tests.template.deployment import Deployment
from tests.template.findings import Finding, construct_in, unexplained, unused
from tests.template.synthesis import ROOT

_CHECKOV = ROOT / ".venv" / "checkov" / "bin" / "checkov"
_ARGUMENTS = ["--framework", "cloudformation", "--skip-download", "--quiet", "--compact", "--output", "json"]
_FAILED = 1
"""The status of a checkov that has found something."""


@pytest.fixture(scope="module")
def report(richest: Deployment, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    assert _CHECKOV.is_file(), f"{_CHECKOV.relative_to(ROOT)} is missing: make .venv/checkov/ready installs it."
    finished = subprocess.run(
        [_CHECKOV, *_ARGUMENTS, "--directory", richest.folder],
        cwd=tmp_path_factory.mktemp("nowhere"),  # where no configuration of somebody's own is found
        env={"PATH": os.environ["PATH"], "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stderr) == (_FAILED, "")
    return dict(json.loads(finished.stdout))


@pytest.fixture(scope="module")
def findings(richest: Deployment, report: dict[str, dict[str, list[dict[str, str]]]]) -> list[Finding]:
    return [
        Finding(
            construct_in(richest.folder / check["file_path"].lstrip("/"), check["resource"].rpartition(".")[2]),
            check["check_id"],
        )
        for check in report["results"]["failed_checks"]
    ]


def test_checkov_reads_every_template(richest: Deployment, report: dict[str, dict[str, int]]) -> None:
    summary = report["summary"]

    assert summary["parsing_errors"] == 0
    assert summary["resource_count"] == len(richest.resources)


def test_checkov_finds_nothing_that_is_not_explained(findings: list[Finding]) -> None:
    assert unexplained(findings, CHECKOV) == []


def test_every_explanation_for_checkov_is_of_something_that_it_finds(findings: list[Finding]) -> None:
    assert unused(findings, CHECKOV) == []
