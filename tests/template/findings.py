"""What a linter finds in the templates, by the construct that it is about."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Accepted = Mapping[str, Mapping[str, str]]
"""By construct: each rule that finds something in it, with the reason why that stays as it is."""


@dataclass(frozen=True, order=True)
class Finding:
    construct: str
    """Its path below the stack, such as Data/Bucket."""
    rule: str
    """With all that tells this finding from another of the same rule in the same construct."""


def construct_of(path: str) -> str:
    """The construct at a path as the CDK writes it: fraud/Data/Bucket/Resource is Data/Bucket.

    A role's policies are the role: among how many the CDK deals out the statements depends on their length.
    """
    return re.sub(r"/(DefaultPolicy|OverflowPolicy\d+)$", "", path.partition("/")[2].removesuffix("/Resource"))


def construct_in(template: Path, logical_id: str) -> str:
    return construct_of(_template(template)["Resources"][logical_id]["Metadata"]["aws:cdk:path"])


@cache
def _template(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def unexplained(found: Iterable[Finding], accepted: Accepted) -> list[Finding]:
    return sorted(finding for finding in set(found) if finding.rule not in accepted.get(finding.construct, {}))


def unused(found: Iterable[Finding], accepted: Accepted) -> list[Finding]:
    """What is accepted without being found: a reason that explains nothing any more."""
    explained = {Finding(construct, rule) for construct, rules in accepted.items() for rule in rules}
    return sorted(explained - set(found))
