"""The stack against AWS's Solutions Library's rules, as cdk-nag has them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks

from tests.template.accepted_findings import CDK_NAG
from tests.template.findings import Finding, construct_of, unexplained, unused
from tests.template.synthesis import EVERYTHING, application

_PACK = "AwsSolutions"


def look(folder: Path, settings: Mapping[str, Any]) -> list[Finding]:
    app = application(folder, **settings)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    (report,) = json.loads((folder / "validation-report.json").read_text())["pluginReports"]
    assert report["pluginName"] == _PACK
    return [
        Finding(construct_of(construct["constructPath"]), readable(violation["ruleName"]))
        for violation in report["violations"]
        for construct in violation["violatingConstructs"]
    ]


def readable(rule: str) -> str:
    """`AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:…` as `IAM5[Resource::…`: ARNs from the service on without
    region and account, and what the CDK refers to without its digests."""
    rule = rule.removeprefix(f"{_PACK}-")
    rule = re.sub(r"arn:<AWS::Partition>:([a-z0-9-]+):<AWS::Region>:<AWS::AccountId>:", r"\1:", rule)
    rule = re.sub(r'\{"Fn::Select":\[6,\{"Fn::Split":\[":",\{"Ref":"(\w+)"\}\]\}\]\}', r"<\1>", rule)
    rule = re.sub(r"referencetofraud\w+Outputsfraud", "", rule)
    return re.sub(r"(?<=[a-z])[0-9A-F]{8}", "", rule)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    """With the settings of cdk.json, and with all that they offer."""
    return [
        *look(tmp_path_factory.mktemp("default") / "cdk.out", {}),
        *look(tmp_path_factory.mktemp("richest") / "cdk.out", EVERYTHING),
    ]


def test_cdk_nag_finds_nothing_that_is_not_explained(findings: list[Finding]) -> None:
    assert unexplained(findings, CDK_NAG) == []


def test_every_explanation_for_cdk_nag_is_of_something_that_it_finds(findings: list[Finding]) -> None:
    assert unused(findings, CDK_NAG) == []
