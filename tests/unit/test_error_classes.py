"""The classes of the functions' errors, whose names the state machine shows: each is in the document that helps."""

import importlib
import inspect
from pathlib import Path

import pytest

from docs.pages import ROOT

FUNCTIONS = ("plan", "prepare", "evaluate", "report")
INTERNAL = {"UnreadableObject"}
"""Caught in the function itself, and told as something else."""


def classes() -> set[str]:
    modules = [importlib.import_module(f"lambdas.{function}.errors") for function in FUNCTIONS]
    found = {name: kind for module in modules for name, kind in inspect.getmembers(module, inspect.isclass)}
    return {name for name, kind in found.items() if issubclass(kind, Exception)}


@pytest.mark.parametrize("name", sorted(classes() - INTERNAL))
def test_a_class_of_errors_is_in_the_document_that_helps(name: str) -> None:
    assert name in (ROOT / "docs" / "troubleshooting.md").read_text()


@pytest.mark.parametrize("name", sorted(INTERNAL))
def test_an_internal_error_is_caught_where_it_can_arise(name: str) -> None:
    raised = {path for path in Path(ROOT / "lambdas").rglob("*.py") if f"raise {name}(" in path.read_text()}
    caught = {path.parent for path in Path(ROOT / "lambdas").rglob("*.py") if f"except {name}" in path.read_text()}

    assert raised
    assert {path.parent for path in raised} <= caught
