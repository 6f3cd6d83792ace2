"""The code's requirements.txt, which AWS's image installs with pip (aws-facts 3.2); here all must be there already."""

import logging
import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from localcloud.xgboost_image.errors import CodeProblem, NotEmulated

logger = logging.getLogger(__name__)

_BUILDS: Mapping[str, str] = {"xgboost": "xgboost-cpu"}
"""Packages that may be installed here as a build with another name."""


def check(file: Path) -> None:
    """Log what pip would do about each requirement in the file.

    Raises NotEmulated for one that this machine does not have, and for what only pip can do; CodeProblem for a line
    that is no requirement.
    """
    for line in _lines(file):
        requirement = _parse(line)
        if requirement.marker is not None and not requirement.marker.evaluate():
            logger.info("%s: pip would ignore %s, since its marker does not hold", file.name, line)
        else:
            version = _satisfying(requirement)
            logger.info("%s: pip would install %s if it were missing; this machine has %s", file.name, line, version)


def _lines(file: Path) -> Iterator[str]:
    """A backslash at a line's end joins the next one to it; a comment begins with `#` at the start or after a blank."""
    for line in file.read_text().replace("\\\n", "").splitlines():
        content = re.sub(r"(^|\s)#.*", "", line).strip()
        if content:
            yield content


def _parse(line: str) -> Requirement:
    if line.startswith("-") or " --" in line:
        raise NotEmulated(f"requirements.txt has '{line}', an option of pip; this machine installs nothing")
    try:
        requirement = Requirement(line)
    except InvalidRequirement as error:
        raise CodeProblem(f"requirements.txt has '{line}', which is no requirement: {error}") from error
    if requirement.url or requirement.extras:
        raise NotEmulated(
            f"requirements.txt has '{line}'; on this machine a requirement is a name and versions, without an address "
            "and extras"
        )
    return requirement


def _satisfying(requirement: Requirement) -> str:
    """The version that is installed. Raises NotEmulated if there is none, or another one is wanted."""
    for name in filter(None, (requirement.name, _BUILDS.get(canonicalize_name(requirement.name)))):
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        if requirement.specifier.contains(version, prereleases=True):
            return version
        raise NotEmulated(f"requirements.txt has '{requirement}', and this machine has {name} {version}")
    raise NotEmulated(f"requirements.txt has '{requirement}', and {requirement.name} is not installed on this machine")
