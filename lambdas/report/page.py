"""The whole page: one file that needs no network."""

import base64
import hashlib
from pathlib import Path

from lambdas.report import quality_sections as quality
from lambdas.report import run_sections as run
from lambdas.report.findings import Findings
from lambdas.report.markup import Html, Section, element

_HERE = Path(__file__).parent
_PLOTLY = _HERE.parents[1] / "node_modules" / "plotly.js-cartesian-dist-min" / "plotly-cartesian.min.js"

_PARTS = (
    quality.confusion,
    quality.metrics,
    quality.savings,
    quality.precision_recall,
    quality.roc,
    quality.sweep,
    quality.scores,
    quality.feature_importance,
    quality.slices,
    quality.latency,
    run.tuning,
    run.candidates,
    run.data,
    run.steps,
    run.costs,
)


def page(found: Findings) -> str:
    """A section that has nothing to say in this run is left out."""
    sections = [section for section in (part(found) for part in _PARTS) if section is not None]
    scripts = [Html(path.read_text(encoding="utf-8")) for path in (_PLOTLY, _HERE / "page.js")]
    body = element(
        "body",
        element(
            "main",
            quality.headline(found),
            _contents(sections),
            *(section.html for section in sections),
            run.origin(found),
        ),
        *(element("script", script) for script in scripts),
    )
    head = _head(f"Report of {found.request.name}", scripts)
    return f'<!doctype html>\n<html lang="en">{head}{body}</html>\n'


def _head(title: str, scripts: list[Html]) -> Html:
    policy = _policy(scripts)
    return element(
        "head",
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        Html('<link rel="icon" href="data:,">'),
        element("title", title),
        element("style", Html((_HERE / "page.css").read_text(encoding="utf-8"))),
    )


def _policy(scripts: list[Html]) -> str:
    """No network, and no script but these, by their hashes. Plotly writes styles of its own."""
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _contents(sections: list[Section]) -> Html:
    links = [element("a", section.title, href=f"#{section.anchor}") for section in sections]
    return element("nav", *links, aria_label="Contents")
