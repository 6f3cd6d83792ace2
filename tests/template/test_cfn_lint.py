"""The templates against AWS's own resource schemas, of each region that is served: cfn-lint's copy of them."""

import json
import re
from pathlib import Path

import cfnlint
import pytest
from cfnlint.config import ConfigMixIn
from cfnlint.match import Match
from cfnlint.runner import Runner

from lambdas.plan.execution_input import Training
from tests.template.accepted_findings import CFN_LINT
from tests.template.deployment import Deployment
from tests.template.findings import Finding, construct_in, unexplained, unused
from tests.template.regions import LEFT_OUT, SERVED
from tests.template.synthesis import context

_TABLES = Path(cfnlint.__file__).parent / "data" / "schemas" / "extensions"


@pytest.fixture(scope="module")
def matches(deployment: Deployment, richest: Deployment) -> list[Match]:
    """Of both stacks in all regions at once: what regions have in common is then looked at only once."""
    paths = [str(path) for each in (deployment, richest) for path in sorted(each.folder.glob("*.template.json"))]
    return list(Runner(ConfigMixIn(regions=[*SERVED, *LEFT_OUT], templates=paths)).run())


def region_of(match: Match) -> str | None:
    """The one region that it is about."""
    named = re.search(r"does not exist in '([a-z0-9-]+)'", match.message)
    return named[1] if named else None


def findings(matches: list[Match]) -> list[Finding]:
    return [finding(match) for match in matches if region_of(match) not in LEFT_OUT]


def finding(match: Match) -> Finding:
    section, logical_id, *path = map(str, match.path)
    assert section == "Resources", match
    region = region_of(match)
    place = ".".join(part for part in path if part != "Properties")
    return Finding(
        construct_in(Path(match.filename), logical_id), f"{match.rule.id} {place}{f' in {region}' if region else ''}"
    )


def test_cfn_lint_finds_nothing_that_is_not_explained_in_any_region_that_is_served(matches: list[Match]) -> None:
    assert unexplained(findings(matches), CFN_LINT) == []


def test_every_explanation_for_cfn_lint_is_of_something_that_it_finds(matches: list[Match]) -> None:
    assert unused(findings(matches), CFN_LINT) == []


@pytest.mark.parametrize("region", LEFT_OUT)
def test_a_region_with_an_image_is_left_out_only_while_it_lacks_a_type_of_the_stack(
    matches: list[Match], region: str
) -> None:
    assert [match.rule.id for match in matches if region_of(match) == region]


def offered(service: str, region: str) -> set[str]:
    """The instance types that a region has for hosting or processing; for training and apps there is no such table."""
    table = json.loads((_TABLES / f"aws_sagemaker_{service}" / "instancetype_enum.json").read_text())
    return set(table[region]["enum"])


@pytest.mark.parametrize("region", SERVED)
def test_what_runs_train_on_by_default_is_offered_in_every_region_that_is_served(region: str) -> None:
    assert Training().instance_type in offered("hosting", region) & offered("processing", region)


@pytest.mark.parametrize("region", SERVED)
def test_studios_users_have_an_instance_type_for_jobs_and_endpoints_in_every_region_that_is_served(
    region: str,
) -> None:
    theirs = set(context()["settings"]["studio_instance_types"])

    assert theirs & offered("hosting", region) & offered("processing", region)
