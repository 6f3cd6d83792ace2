"""HTML, in which what is not markup by its type is escaped."""

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class Html(str):
    """Markup. Any other text is escaped when it becomes part of an element."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str) -> Html:
    """`class_` and the like lose the underscore at their end, others become hyphens."""
    opening = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(value)}"' for name, value in attributes.items()
    )
    return Html(f"<{tag}{opening}>{joined(children)}</{tag}>")


def joined(parts: Iterable[str]) -> Html:
    return Html("".join(part if isinstance(part, Html) else html.escape(part) for part in parts))


def paragraph(*children: str, class_: str = "") -> Html:
    return element("p", *children, **({"class_": class_} if class_ else {}))


@dataclass(frozen=True)
class Section:
    """A part of the page; the explanation is for one who meets its matter for the first time."""

    anchor: str
    title: str
    explanation: str
    content: tuple[str, ...] = ()

    @property
    def html(self) -> Html:
        explanation = paragraph(self.explanation, class_="explanation")
        return element("section", element("h2", self.title), explanation, *self.content, id=self.anchor)


def section(anchor: str, title: str, explanation: str, *content: str) -> Section:
    return Section(anchor, title, explanation, content)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """Each row's first cell names it. Scrolls sideways inside its own box where it is too wide."""
    head = element("tr", *(element("th", heading, scope="col") for heading in headings))
    body = (
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:])) for row in rows
    )
    return element("div", element("table", element("thead", head), element("tbody", *body)), class_="scroll")


def folded(summary: str, *content: str) -> Html:
    return element("details", element("summary", summary), *content)


def facts(pairs: Mapping[str, str]) -> Html:
    """Names and what they stand for, as a list."""
    return element("dl", *(joined((element("dt", name), element("dd", value))) for name, value in pairs.items()))


def tiles(*numbers: tuple[str, str, str]) -> Html:
    """Key numbers: name, number, a remark."""
    return element(
        "div",
        *(
            element(
                "div",
                element("div", name, class_="name"),
                element("div", number, class_="number"),
                element("div", remark, class_="remark"),
                class_="tile",
            )
            for name, number, remark in numbers
        ),
        class_="tiles",
    )


def figure(anchor: str, label: str, drawn: Mapping[str, Any]) -> Html:
    """A place for a figure, and Plotly's `data` and `layout` of it; `label` is for those who can't see it."""
    place = element("div", class_="figure", id=anchor, role="img", aria_label=label)
    return joined((place, element("script", data_block(drawn), type="application/json")))


def data_block(value: Any) -> Html:
    """JSON that no HTML parser takes for the end of its element."""
    return Html(json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"))
