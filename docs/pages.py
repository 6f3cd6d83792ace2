"""The documents as text: what is fenced in them, and the tables that are generated into them."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TABLE = re.compile(r"(<!-- table: ([\w.]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def documents() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


@dataclass(frozen=True)
class Fenced:
    """A block between fences; `kind` is what stands behind the first one."""

    kind: str
    text: str


def fenced(page: Path) -> list[Fenced]:
    return [Fenced(kind.strip(), text) for kind, text in _FENCE.findall(page.read_text())]


def without_fences(text: str) -> str:
    return _FENCE.sub("", text)


def commands(page: Path) -> Iterator[str]:
    """Those of the `sh` blocks, as a shell gets them: without comments, a continued one on one line."""
    for block in fenced(page):
        if block.kind == "sh":
            lines = block.text.replace("\\\n", " ").splitlines()
            bare = (re.sub(r"(^|\s+)#.*", "", line) for line in lines)
            yield from (re.sub(r" {2,}", " ", line).strip() for line in bare if line.strip())


def with_tables(text: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """The text with each table anew between its markers. Raises KeyError for a table that there is not."""
    return _TABLE.sub(lambda found: f"{found[1]}{tables[found[2]]()}{found[3]}", text)
