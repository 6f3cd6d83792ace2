"""The report opened in a real browser, which has no network to help it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

from tests.unit.report_samples import (
    EVENT,
    Executions,
    Jobs,
    Json,
    choice,
    data_report,
    entered,
    evaluation,
    left,
    report,
    tuning,
)

pytestmark = pytest.mark.enable_socket

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WITHOUT_A_BROWSER = (
    "The report is looked at in Chromium, and there is none on the PATH, or no chromedriver. Install both: "
    "`apt-get install chromium chromium-driver`, or `brew install --cask chromium chromedriver`."
)
PHONE, DESKTOP = (390, 844), (1280, 900)
HOSTILE = "</script><img src=x onerror=alert(1)>"
LINK = "<a href='//a'>b</a>"
DRAW_SECONDS = 60


# --- a browser, and what it sees --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    program, driver = _first(BROWSERS), _first(["chromedriver"])
    if program is None or driver is None:
        if "CI" in os.environ:
            pytest.fail(WITHOUT_A_BROWSER)
        pytest.skip(WITHOUT_A_BROWSER)
    options = ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = Chrome(options=options, service=Service(driver))
    yield chrome
    chrome.quit()


def _first(names: Sequence[str]) -> str | None:
    return next((path for path in map(shutil.which, names) if path is not None), None)


@dataclass
class Opened:
    """A page with all its figures drawn, and what was said and asked for meanwhile."""

    browser: Chrome
    url: str
    console: list[Json]
    requests: set[str]

    def run(self, script: str) -> Any:
        return self.browser.execute_script(script)

    def data(self, figure: str) -> dict[str, Json]:
        """The traces that Plotly holds, by their names."""
        found = self.run(f"return document.getElementById('{figure}').data")
        return {trace.get("name", ""): trace for trace in found}

    def per_figure(self, expression: str) -> dict[str, Any]:
        """Of every `figure`, what the expression says."""
        found: dict[str, Any] = self.run(
            "return Object.fromEntries([...document.querySelectorAll('.figure')]"
            f".map((figure) => [figure.id, {expression}]))"
        )
        return found


Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def open_page(browser: Chrome, tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Opens a page from the disk in a window of the given size; a phone's answers to fingers."""

    def open_page(html: str, size: tuple[int, int] = DESKTOP) -> Opened:
        path = tmp_path_factory.mktemp("page") / "report.html"
        path.write_text(html, encoding="utf-8")
        _resize(browser, size)
        _logged(browser)
        browser.get(path.as_uri())
        drawn = "return [...document.querySelectorAll('.figure')].every((figure) => figure.querySelector('.main-svg'))"
        WebDriverWait(browser, DRAW_SECONDS).until(lambda chrome: chrome.execute_script(drawn))
        console, requests = _logged(browser)
        return Opened(browser, path.as_uri(), console, requests)

    return open_page


def _resize(browser: Chrome, size: tuple[int, int]) -> None:
    phone = size == PHONE
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": phone})


def _logged(browser: Chrome) -> tuple[list[Json], set[str]]:
    """What the console and the network have had since the last call."""
    console: list[Json] = browser.get_log("browser")  # type: ignore[no-untyped-call]
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]  # type: ignore[no-untyped-call]
    urls = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    return console, {url for url in urls if not url.startswith("data:")}


@pytest.fixture(scope="module")
def opened(open_page: Open) -> Opened:
    return open_page(report())


@pytest.fixture
def whole(opened: Opened) -> Opened:
    """The report of a run that has everything, wherever the test before has been."""
    if opened.browser.current_url != opened.url:
        _resize(opened.browser, DESKTOP)
        opened.browser.get(opened.url)
    return opened


# --- it opens, offline ------------------------------------------------------------------------------------------


def test_nothing_is_said_in_the_console(opened: Opened) -> None:
    assert opened.console == []


def test_nothing_is_asked_of_the_network(opened: Opened) -> None:
    assert opened.requests == {opened.url}


def test_the_page_lets_nothing_reach_the_network(whole: Opened) -> None:
    refused = whole.browser.execute_async_script(
        """
        const done = arguments[0];
        document.addEventListener("securitypolicyviolation", (event) => done([event.disposition, event.blockedURI]));
        document.body.append(Object.assign(new Image(), { src: "https://example.invalid/a.png" }));
        """
    )

    assert refused == ["enforce", "https://example.invalid/a.png"]


# --- every figure is drawn, with the evaluation's numbers -------------------------------------------------------

FIGURES = {
    "figure-metrics",
    "figure-precision-recall",
    "figure-roc",
    "figure-sweep",
    "figure-cost",
    "figure-scores",
    "figure-features",
    "figure-slices",
    "figure-tuning",
    "figure-steps",
}


def test_every_figure_is_drawn_with_all_its_traces(whole: Opened) -> None:
    drawn = whole.per_figure("figure.querySelectorAll('.main-svg .trace').length")
    asked = whole.per_figure("figure.data.length")

    assert set(asked) == FIGURES
    assert drawn == asked


def test_every_bar_and_every_point_is_drawn(whole: Opened) -> None:
    bars = whole.per_figure("figure.querySelectorAll('.bars .point').length")
    dots = whole.per_figure("figure.querySelectorAll('.points .point').length")

    assert (bars["figure-features"], bars["figure-steps"], bars["figure-slices"]) == (12, 10, 12)
    assert (dots["figure-metrics"], dots["figure-tuning"], dots["figure-roc"]) == (8, 8, 2)


def test_plotly_finds_nothing_wrong_with_any_figure(whole: Opened) -> None:
    complaints = whole.per_figure("(Plotly.validate(figure.data, figure.layout) || []).map((found) => found.msg)")

    assert {figure: found for figure, found in complaints.items() if found} == {}


def test_the_figures_numbers_equal_the_evaluation(whole: Opened) -> None:
    found = evaluation()
    curves = found["curves"]

    precision_recall, roc = whole.data("figure-precision-recall"), whole.data("figure-roc")
    assert precision_recall["model"]["x"] == curves["precision_recall"]["recall"]
    assert precision_recall["model"]["y"] == curves["precision_recall"]["precision"]
    assert precision_recall["chosen"]["x"] == [found["at_threshold"]["recall"]]
    assert precision_recall["chosen"]["y"] == [found["at_threshold"]["precision"]]
    assert roc["model"]["x"] == curves["roc"]["false_positive_rate"]
    assert roc["model"]["y"] == curves["roc"]["true_positive_rate"]
    sweep, cost = whole.data("figure-sweep"), whole.data("figure-cost")
    for trace, name in (("precision", "precision"), ("recall", "recall"), ("F1", "f1")):
        assert (sweep[trace]["x"], sweep[trace]["y"]) == (curves["sweep"]["threshold"], curves["sweep"][name])
    assert sweep["chosen"]["x"] == [found["threshold"]] * 2
    assert cost["cost"]["y"] == curves["sweep"]["cost"]
    scores = whole.data("figure-scores")
    assert (scores["genuine"]["y"], scores["fraud"]["y"]) == (curves["scores"]["genuine"], curves["scores"]["fraud"])
    slices = whole.data("figure-slices")
    assert slices["recall"]["y"] == [part["recall"] for part in found["slices"]]
    assert whole.data("figure-metrics")[""]["x"] == [
        *(found[at][name] for at in ("at_threshold", "at_0.5") for name in ("recall", "precision", "f1")),
        found["average_precision"],
        found["roc_auc"],
    ]


# --- on every screen --------------------------------------------------------------------------------------------

UNFOLD = "for (const details of document.querySelectorAll('details')) details.open = true;"
WIDTH = "return document.documentElement.scrollWidth"


@dataclass(frozen=True)
class Screen:
    page: Opened
    size: tuple[int, int]


@pytest.fixture(scope="module", params=[PHONE, DESKTOP], ids=["phone", "desktop"])
def screen(open_page: Open, request: pytest.FixtureRequest) -> Screen:
    return Screen(open_page(report(), request.param), request.param)


def test_figures_are_as_wide_as_their_place_and_high_enough_to_read(screen: Screen) -> None:
    widths = screen.page.per_figure("figure.querySelector('.main-svg').clientWidth / figure.clientWidth")
    heights = screen.page.per_figure("figure.querySelector('.main-svg').clientHeight")

    assert set(widths.values()) == {1}
    assert all(320 <= height <= 420 for height in heights.values())


def test_a_finger_on_a_figure_scrolls_the_page_and_a_mouse_zooms(screen: Screen) -> None:
    dragging = screen.page.per_figure("[figure._fullLayout.dragmode, figure._fullLayout.xaxis.fixedrange]")

    expected = (False, True) if screen.size == PHONE else ("zoom", False)
    assert set(map(tuple, dragging.values())) == {expected}


def test_the_page_never_scrolls_sideways_not_even_with_all_tables_unfolded(screen: Screen) -> None:
    screen.page.run(UNFOLD)

    assert screen.page.run(WIDTH) <= screen.size[0]


def test_a_figure_follows_the_width_of_its_window(open_page: Open) -> None:
    shown = open_page(report())
    fits = "figure.querySelector('.main-svg').clientWidth === figure.clientWidth && figure.clientWidth"
    before = shown.per_figure(fits)

    _resize(shown.browser, (700, 900))

    WebDriverWait(shown.browser, DRAW_SECONDS).until(lambda _: all(shown.per_figure(fits).values()))
    after = shown.per_figure(fits)
    assert all(after[figure] < before[figure] for figure in FIGURES)


def test_figures_follow_the_colour_scheme_as_it_changes(whole: Opened) -> None:
    colour = "getComputedStyle(figure.querySelector('.ytick text, .xtick text')).fill"
    text = "return getComputedStyle(document.body).color"

    def scheme(name: str) -> tuple[set[str], str]:
        whole.browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name}]}
        )
        ink = whole.run(text)
        WebDriverWait(whole.browser, DRAW_SECONDS).until(lambda _: set(whole.per_figure(colour).values()) == {ink})
        return set(whole.per_figure(colour).values()), ink

    assert scheme("dark") != scheme("light")


# --- whatever is in it ------------------------------------------------------------------------------------------


def test_the_rest_is_drawn_when_much_is_not_there(open_page: Open) -> None:
    shown = open_page(
        report(
            event={"tuning_job": None, "training_usd_per_hour": None},
            evaluation=evaluation() | {"money": None, "slices": []},
            choice=choice() | {"feature_importance": []},
            executions=Executions([]),
        )
    )

    assert shown.console == []
    missing = FIGURES - set(shown.per_figure("figure.data.length"))
    assert missing == {"figure-tuning", "figure-cost", "figure-slices", "figure-features", "figure-steps"}


def test_hostile_names_do_no_harm(open_page: Open) -> None:
    shown = open_page(hostile_report(), PHONE)
    shown.run(UNFOLD)

    assert shown.console == []
    assert shown.requests == {shown.url}
    assert shown.run("return document.querySelectorAll('img').length") == 0
    assert shown.run("return document.querySelectorAll('.figure a').length") == 0
    names = shown.run("return document.getElementById('figure-features').textContent")
    assert LINK in names
    assert HOSTILE[:20] in names
    assert shown.run(WIDTH) <= PHONE[0]


def hostile_report() -> str:
    """Every text that a user, or a job, may have a say in."""
    data = data_report() | {"source": HOSTILE * 9, "features": [LINK, HOSTILE, HOSTILE * 9] * 10}
    data["columns"] = [column | {"name": HOSTILE * 3} for column in data["columns"]]
    data["amount_column"] = HOSTILE
    asked = choice() | {"skipped": [{"job_name": HOSTILE, "reason": HOSTILE}]}
    tuned = tuple(replace(each, hyperparameters={HOSTILE: LINK}) for each in tuning().jobs)
    return report(
        data_report=data,
        choice=asked,
        jobs=Jobs(replace(tuning(), objective=HOSTILE, jobs=tuned)),
        executions=Executions([entered(HOSTILE, 1), left(HOSTILE, 3)]),
        event={name: HOSTILE for name in EVENT if name in ("hosting", "name", "run_id")},
    )
