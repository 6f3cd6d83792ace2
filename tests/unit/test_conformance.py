"""docs/conformance.md holds: every fact is in it, and every test that it names is there."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docs.pages import ROOT

FACTS = ROOT / "docs" / "aws-facts.md"
PAGE = ROOT / "docs" / "conformance.md"
HEADINGS = {"## Enforced": ("AWS", "fact", "shown by"), "## Not enforced here": ("fact", "of what", "why not")}
SOURCE = re.compile(r"(?P<number>\d+\.\d+)?\s*(?:\[(?P<tag>[\w-]+)(?: [^\]]+)?\])?")
TEST = re.compile(r"`(?P<path>tests/\w+/test_\w+\.py)::(?P<name>test_\w+)(?:\[(?P<id>.+)\])?`")
CONTINUED = "…"


@dataclass(frozen=True)
class Row:
    """A line of one of the page's tables."""

    cells: tuple[str, ...]

    def __str__(self) -> str:
        return " | ".join(self.cells)


def part(heading: str) -> str:
    text = PAGE.read_text()
    return re.split(r"^## ", text[text.index(f"{heading}\n") + len(heading) :], flags=re.MULTILINE)[0]


def rows(heading: str) -> list[Row]:
    """Of all tables below a heading, without their heads."""
    lines = [line for line in part(heading).splitlines() if line.startswith("|")]
    cells = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines]
    return [Row(each) for each in cells if each != HEADINGS[heading] and set(each) != {"---"}]


ENFORCED, NOT_ENFORCED = (rows(heading) for heading in HEADINGS)


@cache
def facts() -> dict[str, str]:
    """Each entry's whole text by its number."""
    entries: dict[str, str] = {}
    number = ""
    for line in FACTS.read_text().splitlines():
        found = re.match(r"(\d+\.\d+) ", line)
        number = found[1] if found else "" if line.startswith("#") else number
        if number:
            entries[number] = f"{entries.get(number, '')}{line}\n"
    return entries


def sources(row: Row) -> Iterator[tuple[str, str]]:
    """The facts' numbers and the short forms of their sources, as a row has them; either may be empty."""
    for given in row.cells[1].split(", "):
        found = SOURCE.fullmatch(given)
        assert found, f"neither a fact nor a source: {given} in {row}"
        yield found["number"] or "", found["tag"] or ""


@cache
def module(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def test_a_row_has_all_its_cells() -> None:
    for row in ENFORCED + NOT_ENFORCED:
        assert len(row.cells) == 3, row
        assert all(row.cells), row


def test_every_fact_is_enforced_or_has_a_reason_why_not() -> None:
    enforced = {number for row in ENFORCED for number, _ in sources(row)}
    explained = {number for row in NOT_ENFORCED for number in row.cells[0].split(", ")}

    assert (enforced | explained) - {""} == set(facts())


def test_the_source_of_a_rule_is_one_of_its_facts() -> None:
    forms = FACTS.read_text().partition("\n## ")[0]
    given = [(number, form) for row in ENFORCED for number, form in sources(row)]

    assert ("", "") not in given
    assert [form for _, form in given if form and not re.search(rf"\[{form}[] ]", forms)] == []
    assert [pair for pair in given if all(pair) and not re.search(rf"\b{pair[1]}\b", facts()[pair[0]])] == []


def test_the_test_that_shows_a_rule_is_there() -> None:
    assert [problem for row in ENFORCED if (problem := missing(row.cells[2]))] == []


def missing(shown_by: str) -> str:
    """What of a test that is named is not where it should be."""
    named = TEST.fullmatch(shown_by)
    if not named or not (ROOT / named["path"]).is_file():
        return f"{shown_by} is none"
    tree = module(ROOT / named["path"])
    if named["name"] not in [each.name for each in tree.body if isinstance(each, ast.FunctionDef)]:
        return f"{named['path']} has no {named['name']}"
    return f"{shown_by} is no case" if named["id"] and named["id"] not in texts(tree) else ""


def texts(tree: ast.Module) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_no_rule_is_told_twice() -> None:
    rules = Counter(row.cells for row in ENFORCED)
    told = Counter(row.cells[0] for row in NOT_ENFORCED)

    assert [rule for rule, count in (rules + told).items() if count > 1] == []


def test_a_rule_that_goes_on_has_one_before_it() -> None:
    tables = re.findall(r"^\| --- \| --- \| --- \|\n\| (.*?) \|", PAGE.read_text(), flags=re.MULTILINE)

    assert [rule for rule in tables if rule.startswith(CONTINUED)] == []
