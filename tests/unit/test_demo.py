"""The demo's options, its made-up sample, and what it shows of an execution; the run itself is tests/pipeline's."""

import io
import json
import runpy
import sys
import time
import webbrowser
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from demo.follow import Visits, follow
from demo.options import Options, OptionsError
from demo.results import keep_artifacts, keep_leftovers, open_report, show_result
from demo.sample import FRAUDS, ROWS, write_sample
from localcloud.cloud import Item

START = datetime(2026, 11, 23, 16, 41, tzinfo=UTC)
WIDTHS = [10, 40, 80, 200]


# --- options ----------------------------------------------------------------------------------------------------


def refusal(**environment: str) -> str:
    with pytest.raises(OptionsError) as refused:
        Options.read(environment)
    return str(refused.value)


@pytest.mark.parametrize("environment", [{}, {"DATA": "", "INPUT": "", "KEEP": ""}, {"KEEP": "0", "INPUT": "{}"}])
def test_without_options_a_sample_is_made_up_and_nothing_kept(environment: dict[str, str]) -> None:
    assert Options.read(environment) == Options(data=None, input={}, keep=False)


def test_options_are_read_from_the_environment(tmp_path: Path) -> None:
    table = tmp_path / "cards.csv"
    table.touch()

    options = Options.read({"DATA": str(table), "INPUT": '{"tuning": {"max_jobs": 3}}', "KEEP": "1"})

    assert options == Options(data=table, input={"tuning": {"max_jobs": 3}}, keep=True)


def test_the_lessons_data_has_a_name() -> None:
    assert Options.read({"DATA": "lesson"}).data == "lesson"


def test_data_may_lie_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "cards.csv").touch()

    assert Options.read({"DATA": "~/cards.csv"}).data == tmp_path / "cards.csv"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("no-such-file.csv", id="missing"),
        pytest.param("/", id="a folder"),
        pytest.param("~nobody-of-this-name/cards.csv", id="nobody's home"),
        pytest.param("x" * 5000, id="too long a name"),
    ],
)
def test_data_that_cannot_be_read_is_refused_with_what_can(data: str) -> None:
    message = refusal(DATA=data)

    assert message.startswith(f"DATA={data} is not a file that can be read.")
    assert "a CSV file, a zip with one CSV file in it, or DATA=lesson" in message


@pytest.mark.parametrize("text", ["{", "tuning", "{'tuning': {}}", "{} {}"])
def test_an_input_that_is_no_json_is_refused_with_an_example(text: str) -> None:
    message = refusal(INPUT=text)

    assert f"INPUT={text} is not JSON" in message
    assert '\'{"tuning": {"max_jobs": 3}}\'' in message


@pytest.mark.parametrize("text", ["[]", "5", '"{}"', "null", "true"])
def test_an_input_that_is_no_object_is_refused(text: str) -> None:
    assert refusal(INPUT=text) == f"INPUT={text} is not a JSON object, such as {{}}."


@pytest.mark.parametrize("text", ["yes", "true", "2", " 1"])
def test_keep_is_one_or_nothing(text: str) -> None:
    assert refusal(KEEP=text) == f"KEEP={text} is not known; KEEP=1 leaves the cloud up."


@given(
    st.fixed_dictionaries(
        {name: st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) for name in ("DATA", "INPUT")}
    )
)
def test_any_environment_gives_options_or_an_options_error(environment: dict[str, str]) -> None:
    try:
        options = Options.read(environment)
    except OptionsError:
        return
    assert isinstance(options.input, dict)


@pytest.mark.parametrize(
    ("name", "value"), [("INPUT", "[/bold]"), ("INPUT", "[red]"), ("DATA", "[bold]cards[/bold].csv"), ("KEEP", "[/]")]
)
def test_what_was_given_is_shown_as_it_was_given(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Square brackets are the screen's own language for colours."""
    for option in ("DATA", "INPUT", "KEEP"):
        monkeypatch.delenv(option, raising=False)
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr(sys, "argv", ["demo"])

    with pytest.raises(SystemExit) as ended:
        runpy.run_module("demo", run_name="__main__")

    assert ended.value.code == 2
    assert f"{name}={value}" in capsys.readouterr().out


# --- the sample -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.csv"
    write_sample(path)
    return path


def test_the_sample_has_the_lessons_31_columns(sample: Path) -> None:
    table = pd.read_csv(sample)

    assert list(table.columns) == ["Time", *[f"V{number}" for number in range(1, 29)], "Amount", "Class"]
    assert len(table) == ROWS
    assert all(pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes)
    assert not table.isna().to_numpy().any()


def test_the_sample_has_both_classes(sample: Path) -> None:
    assert pd.read_csv(sample)["Class"].value_counts().to_dict() == {0: ROWS - FRAUDS, 1: FRAUDS}


def test_the_sample_is_the_same_each_time(sample: Path, tmp_path: Path) -> None:
    write_sample(tmp_path / "again.csv")

    assert (tmp_path / "again.csv").read_bytes() == sample.read_bytes()


def test_the_sample_can_be_learned_but_not_by_one_column_alone(sample: Path) -> None:
    table = pd.read_csv(sample)
    frauds, genuine = table[table["Class"] == 1], table[table["Class"] == 0]

    differing = (frauds.mean() - genuine.mean()).abs() / genuine.std()

    assert differing["V1"] > 0.5
    assert differing["V28"] < 0.5
    assert frauds["V1"].max() > genuine["V1"].quantile(0.25)  # the two overlap


# --- following an execution -------------------------------------------------------------------------------------


def entered(name: str, second: float, kind: str = "Task") -> dict[str, Any]:
    at = START + timedelta(seconds=second)
    return {"type": f"{kind}StateEntered", "timestamp": at, "stateEnteredEventDetails": {"name": name}}


def exited(name: str, second: float, kind: str = "Task") -> dict[str, Any]:
    at = START + timedelta(seconds=second)
    return {"type": f"{kind}StateExited", "timestamp": at, "stateExitedEventDetails": {"name": name}}


def other(kind: str, second: float) -> dict[str, Any]:
    return {"type": kind, "timestamp": START + timedelta(seconds=second)}


HISTORY = [
    other("ExecutionStarted", 0),
    entered("Plan the run", 0),
    other("TaskSubmitted", 1),
    exited("Plan the run", 2),
    entered("Run", 2, "Parallel"),
    entered("Wait for the endpoint", 2, "Wait"),
    exited("Wait for the endpoint", 5, "Wait"),
    entered("Look at the endpoint", 5),
    exited("Look at the endpoint", 6),
    entered("Wait for the endpoint", 6, "Wait"),
    exited("Wait for the endpoint", 10, "Wait"),
    entered("Evaluate", 10),
]


def visits_of(events: list[dict[str, Any]]) -> Visits:
    visits = Visits()
    visits.read(events)
    return visits


def test_states_are_listed_in_the_order_of_their_first_entry() -> None:
    visits = visits_of(HISTORY)

    assert list(visits.by_name) == ["Plan the run", "Wait for the endpoint", "Look at the endpoint", "Evaluate"]


def test_a_state_that_is_entered_again_adds_to_its_time() -> None:
    waiting = visits_of(HISTORY).by_name["Wait for the endpoint"]

    assert (waiting.visits, waiting.seconds, waiting.open) == (2, 7.0, False)


def test_a_state_that_was_not_left_is_open() -> None:
    visits = visits_of(HISTORY)

    assert [name for name, visit in visits.by_name.items() if visit.open] == ["Evaluate"]


@given(cut=st.integers(0, len(HISTORY)))
def test_events_may_come_in_any_portions(cut: int) -> None:
    visits = visits_of(HISTORY[:cut])
    visits.read(HISTORY[cut:])

    assert visits.by_name == visits_of(HISTORY).by_name


def test_the_parallel_state_around_the_run_is_not_shown() -> None:
    visits = visits_of([*HISTORY, exited("Run", 12, "Parallel")])

    assert "Run" not in visits.by_name


class Execution:
    """Step Functions with one execution: each look finds two more events, and the last its end."""

    def __init__(self, events: list[dict[str, Any]], **end: str) -> None:
        self.events, self.end, self.seen = events, end, 0

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        self.seen += 2
        return self.end if self.seen >= len(self.events) else {"status": "RUNNING"}

    def get_paginator(self, name: str) -> "Execution":
        assert name == "get_execution_history"
        return self

    def paginate(self, *, executionArn: str) -> list[dict[str, Any]]:  # noqa: N803 - boto3's name
        return [{"events": [event]} for event in self.events[: self.seen]]


def watch(execution: Execution, *, width: int = 80, terminal: bool = False) -> tuple[Any, str]:
    screen = io.StringIO()
    outcome = follow(execution, "arn", Console(file=screen, width=width, force_terminal=terminal))
    return outcome, screen.getvalue()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def test_an_execution_is_followed_to_its_end() -> None:
    events = [*HISTORY, exited("Evaluate", 11)]

    outcome, shown = watch(Execution(events, status="SUCCEEDED", output='{"run_id": "1"}'))

    assert outcome.succeeded
    assert outcome.output == {"run_id": "1"}
    assert [line.split(maxsplit=1)[0] for line in shown.splitlines()] == ["✓"] * 4


def test_each_state_has_a_line_when_it_is_done() -> None:
    _, shown = watch(Execution([*HISTORY, exited("Evaluate", 11)], status="SUCCEEDED"))

    names = [line[2:].partition("  ")[0] for line in shown.splitlines()]
    assert names == ["Plan the run", "Wait for the endpoint", "Look at the endpoint", "Evaluate"]


def test_the_state_in_which_an_execution_failed_is_marked() -> None:
    outcome, shown = watch(Execution(HISTORY, status="FAILED", error="AccessDenied", cause="not authorized"))

    assert not outcome.succeeded
    assert (outcome.error, outcome.cause, outcome.output) == ("AccessDenied", "not authorized", None)
    assert shown.splitlines()[-1].startswith("✗ Evaluate")


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_execution_may_end_without_a_word(status: str) -> None:
    outcome, _ = watch(Execution([other("ExecutionStarted", 0)], status=status))

    assert (outcome.status, outcome.error, outcome.cause) == (status, "", "")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_terminal_of_any_width_shows_every_state(width: int) -> None:
    _, shown = watch(Execution([*HISTORY, exited("Evaluate", 11)], status="SUCCEEDED"), width=width, terminal=True)

    assert "✓" in shown


# --- the result -------------------------------------------------------------------------------------------------

RESULT: dict[str, Any] = {
    "run_id": "1",
    "endpoint_name": "fraud-1",
    "model_data": "s3://fraud-bucket/runs/1/choice/c-0/output/model.tar.gz",
    "evaluation": {
        "chosen": {
            "source": "tuned",
            "job_name": "t-3",
            "average_precision": 0.82,
            "trained_average_precision": 0.81,
            "candidates": 10,
        },
        "rows": 28481,
        "positives": 54,
        "batches": 57,
        "threshold": 0.25,
        "at_threshold": {
            "confusion_matrix": {"tn": 28420, "fp": 7, "fn": 9, "tp": 45},
            "precision": 0.8653,
            "recall": 0.8333,
            "f1": 0.849,
        },
        "average_precision": 0.85,
        "roc_auc": 0.98,
        "intervals": {"bounds": {"average_precision": [0.75, 0.93], "roc_auc": [0.96, 0.995]}},
    },
}


def shown(result: dict[str, Any], *, made_up: bool = False, width: int = 100) -> str:
    screen = io.StringIO()
    show_result(Console(file=screen, width=width), result, made_up=made_up)
    return screen.getvalue()


def test_the_confusion_matrix_is_shown_with_its_rows_and_columns() -> None:
    lines = shown(RESULT).splitlines()

    (genuine,) = (line for line in lines if "genuine │" in line and "predicted" not in line)
    (fraud,) = (line for line in lines if "fraud │" in line and "predicted" not in line)
    assert [cell.strip() for cell in genuine.strip("│ ").split("│")] == ["genuine", "28,420", "7"]
    assert [cell.strip() for cell in fraud.strip("│ ").split("│")] == ["fraud", "9", "45"]


def test_the_result_says_what_was_measured_and_which_model_serves() -> None:
    text = shown(RESULT)

    assert "28,481 test rows, 54 of them frauds, in 57 requests to endpoint fraud-1" in text
    served = "served: the tuned model, the best of 10 on the validation rows (average precision 0.8200; trained 0.8100)"
    assert served in " ".join(text.split())
    assert "at threshold 0.2500" in text
    assert "precision 0.865, recall 0.833, F1 0.849" in text
    assert "average precision 0.850 (95 %: 0.750 to 0.930)" in text


def test_made_up_rows_are_called_so() -> None:
    assert "28,481 made-up test rows" in shown(RESULT, made_up=True)
    assert "made-up" not in shown(RESULT)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_console_of_any_width_shows_the_result(width: int) -> None:
    assert shown(RESULT, width=width) != ""


class Bucket:
    """An S3 client whose objects hold their own key."""

    def download_file(self, bucket: str, key: str, path: str) -> None:
        Path(path).write_text(f"{bucket}/{key}")


def test_the_report_its_figures_and_the_served_model_are_kept_in_place_of_the_last_runs(tmp_path: Path) -> None:
    folder = tmp_path / "last"
    folder.mkdir()
    (folder / "leftovers.json").write_text("of the last run")

    keep_artifacts(Bucket(), "fraud-bucket", RESULT, folder)

    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "report.html": "fraud-bucket/runs/1/report.html",
        "evaluation.json": "fraud-bucket/runs/1/evaluation.json",
        "choice.json": "fraud-bucket/runs/1/choice.json",
        "data_report.json": "fraud-bucket/runs/1/data_report.json",
        "tuning_history.json": "fraud-bucket/runs/1/tuning_history.json",
        "model.tar.gz": "fraud-bucket/runs/1/choice/c-0/output/model.tar.gz",
    }


@dataclass
class Browser:
    opened: list[str] = field(default_factory=list)

    def open(self, address: str) -> bool:
        self.opened.append(address)
        return True


@pytest.mark.parametrize(
    ("terminal", "screen", "opens"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_the_report_is_opened_where_there_is_a_screen_and_somebody_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, terminal: bool, screen: bool, opens: bool
) -> None:
    browser = Browser()
    monkeypatch.setattr(webbrowser, "open", browser.open)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    if screen:
        monkeypatch.setenv("DISPLAY", ":0")

    open_report(tmp_path, Console(file=io.StringIO(), force_terminal=terminal))

    assert browser.opened == ([(tmp_path / "report.html").as_uri()] if opens else [])


@pytest.mark.parametrize("leftovers", [[], [Item("s3", "buckets", "b"), Item("iam", "roles", "a")]])
def test_leftovers_are_kept_as_a_sorted_list(tmp_path: Path, leftovers: list[Item]) -> None:
    keep_leftovers(leftovers, tmp_path)

    kept = json.loads((tmp_path / "leftovers.json").read_text())
    assert kept == [item._asdict() for item in sorted(leftovers)]
