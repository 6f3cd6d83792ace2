"""What is installed is what the locks pin, with hashes and licences; no package comes without a reason."""

import json
import re
import subprocess
import sys
from importlib.metadata import distributions
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs.licences import EXCEPTIONS, accepted, licence, npm_packages, python_packages, requirements
from docs.pages import ROOT

ASKED = ("requirements.txt", "requirements-dev.txt", "requirements-audit.in", "requirements-checkov.in")
LOCKS = sorted(path.name for path in ROOT.glob("requirements-*.txt") if path.name != "requirements-dev.txt")
LOCK_OF = {
    "requirements.txt": "requirements-lock.txt",
    "requirements-dev.txt": "requirements-lock.txt",
    "requirements-audit.in": "requirements-audit.txt",
    "requirements-checkov.in": "requirements-checkov.txt",
}
FILES = {"-r requirements.txt", "-r requirements-dev.txt"}
OF_PYTHON_ITSELF = {"pip", "setuptools"}
"""What `python -m venv` puts there, from a copy that Python brings."""


def key(requirement: Requirement) -> tuple[str, str]:
    return canonicalize_name(requirement.name), str(requirement.specifier)


def entries(lock: str) -> dict[str, str]:
    """What each of a lock's packages has in it, by its first line."""
    text = (ROOT / lock).read_text()
    return dict(re.findall(r"^([\w.-]+==[^\n\\]+)\\\n((?:^ .*\n?)*)", text, re.MULTILINE))


def exact(requirement: Requirement) -> bool:
    return re.fullmatch(r"==[\w.]+", str(requirement.specifier)) is not None


# --- the pins -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", [*ASKED, *LOCKS])
def test_every_python_package_is_pinned_exactly(file: str) -> None:
    assert requirements(file)
    assert [str(each) for each in requirements(file) if not exact(each)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_hashes(lock: str) -> None:
    hashed = [
        Requirement(head.strip()) for head, rest in entries(lock).items() if re.search(r"sha256:[0-9a-f]{64}", rest)
    ]

    assert hashed == requirements(lock)


@pytest.mark.parametrize("file", ASKED)
def test_what_is_asked_for_is_in_the_lock(file: str) -> None:
    locked = {key(each) for each in requirements(LOCK_OF[file])}

    assert {key(each) for each in requirements(file)} <= locked, "run `make lock`"


def test_nothing_is_in_the_lock_that_nothing_asks_for() -> None:
    asked = {key(each) for file in ("requirements.txt", "requirements-dev.txt") for each in requirements(file)}
    brought = {
        key(Requirement(head)) for head, rest in entries("requirements-lock.txt").items() if needed_by(rest) - FILES
    }

    assert {key(each) for each in requirements("requirements-lock.txt")} == asked | brought


def needed_by(entry: str) -> set[str]:
    """What uv says that a package is there for."""
    return {line.removeprefix("via").strip() for line in re.findall(r"^ +# +(.+)", entry, re.MULTILINE)} - {""}


@pytest.mark.parametrize("file", [file for file in ASKED if file != "requirements.txt"])
def test_what_is_asked_for_to_work_on_it_has_a_reason(file: str) -> None:
    paragraphs = re.split(r"\n(?=#)|\n\n", (ROOT / file).read_text())
    bare = [text for text in paragraphs if re.search("^[a-z]", text, re.MULTILINE) and not text.startswith("#")]

    assert bare == []


def test_npms_packages_are_pinned_exactly_with_hashes_and_run_nothing_when_they_are_installed() -> None:
    asked = json.loads((ROOT / "package.json").read_text())
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    own = locked.pop("")

    pins = asked["dependencies"] | asked["devDependencies"]
    assert pins == own["dependencies"] | own["devDependencies"]
    assert [pin for pin in pins.values() if not re.fullmatch(r"\d+\.\d+\.\d+", pin)] == []
    assert [path for path, package in locked.items() if not package["integrity"].startswith("sha512-")] == []
    assert [path for path, package in locked.items() if package.get("hasInstallScript")] == []


# --- what is installed --------------------------------------------------------------------------------------------


def test_what_is_installed_is_what_the_lock_pins_and_nothing_else() -> None:
    pinned = {
        key(each) for each in requirements("requirements-lock.txt") if each.marker is None or each.marker.evaluate()
    }
    installed = {(canonicalize_name(each.name), f"=={each.version}") for each in distributions()}

    assert {each for each in installed if each[0] not in OF_PYTHON_ITSELF} == pinned


def test_what_is_installed_fits_together() -> None:
    uv = Path(sys.executable).parent / "uv"
    checked = subprocess.run(
        [uv, "pip", "check", "--offline", "--python", sys.executable], capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stderr


def test_what_is_put_up_is_installed_by_the_locks_hashes_alone_and_runs_no_code() -> None:
    installing = re.findall(r"^.*(?:pip install|pip sync|npm ci).*$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert installing
    for line in installing:
        by_pip = "--require-hashes" in line and "--only-binary :all:" in line
        assert by_pip or "$(HASHED)" in line or "npm ci --ignore-scripts" in line, line
    assert "HASHED := --require-hashes --no-build\n" in (ROOT / "Makefile").read_text()


def test_each_finding_that_an_audit_ignores_has_a_reason() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    bare = [line for above, line in pairwise(lines) if "AUDIT_IGNORED +=" in line and not above.startswith("#")]

    assert [line for line in bare if not line.startswith("#")] == []  # a comment names the form


# --- licences -----------------------------------------------------------------------------------------------------


def test_every_package_has_a_licence_that_may_come_along_or_is_accepted_by_name() -> None:
    others = {each.name for each in python_packages() + npm_packages() if not accepted(each.licence)}

    assert others == set(EXCEPTIONS)


@pytest.mark.parametrize(
    ("expression", "may_come"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("GPL-2.0-only OR MIT", True),
        ("Apache-2.0 AND MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("(MIT AND GPL-3.0-only) OR ISC", True),
    ],
)
def test_one_alternative_with_all_its_parts_must_be_accepted(expression: str, may_come: bool) -> None:
    assert accepted(expression) == may_come


def test_a_package_that_states_no_licence_is_not_passed_over() -> None:
    with pytest.raises(LookupError, match=r"no-such-package .* name it in docs/licences\.py"):
        licence("no-such-package")
