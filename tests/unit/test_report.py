"""The report function: what it reads of a run, and what it makes of it."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.response import StreamingBody
from botocore.stub import Stubber
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.report.costs import Costs
from lambdas.report.errors import UnreadableFile
from lambdas.report.execution_history import StepFunctionsExecutions
from lambdas.report.figures import bars_by_name, label
from lambdas.report.jobs import TrainingJob, TunedJob, Tuning
from lambdas.report.markup import data_block, element, table
from lambdas.report.report import write_report
from lambdas.report.request import Request
from lambdas.report.sagemaker_jobs import SageMakerJobs
from lambdas.report.steps import Event, Step, Timeline
from lambdas.report.storage import S3Store
from lambdas.report.words import count, duration, interval, money, number, percent, rare, ratio, score
from tests.unit.report_samples import (
    EVENT,
    NAME,
    THRESHOLD,
    Executions,
    Jobs,
    Json,
    Store,
    choice,
    data_report,
    entered,
    evaluation,
    history,
    left,
    report,
    training_job,
    tuning,
)

pytestmark = pytest.mark.slow

HOSTILE = "</script><img src=x onerror=alert(1)>"


@dataclass
class Page(HTMLParser):
    """What a browser finds in a page: its elements, its words, the texts of its scripts, and its figures' JSON."""

    source: str
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    figures: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._inside = ""
        self._figure = ""
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if attributes.get("class") == "figure":
            self._figure = attributes["id"] or ""
        self._inside = f"{tag} {attributes.get('type', '')}".strip()

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script application/json":
            self.figures[self._figure] = json.loads(data)
        elif self._inside == "script":
            self.scripts.append(data)
        elif self._inside != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    @property
    def sections(self) -> list[str | None]:
        return [attributes["id"] for tag, attributes in self.tags if tag == "section"]


def page(**given: Any) -> Page:
    return Page(report(**given))


def traces(figure: Json) -> dict[str, Json]:
    return {trace.get("name", ""): trace for trace in figure["data"]}


@pytest.fixture(scope="module")
def whole() -> Page:
    """The report of a run that has everything: tuning, costs, amounts, a price."""
    return page()


# --- what is written --------------------------------------------------------------------------------------------


def written(**event: Any) -> tuple[dict[str, str], Store]:
    store = Store()
    return write_report(Request.read(EVENT | event), store, Jobs(), Executions()), store


def test_the_result_tells_where_the_report_lies_and_how_to_open_it() -> None:
    result, store = written()

    key = f"{EVENT['prefix']}report.html"
    assert result == {"report": f"s3://fraud-bucket/{key}", "report_url": store.link("fraud-bucket", key)}
    assert store.types[key] == "text/html; charset=utf-8"


def test_the_tuning_history_has_every_job_with_its_values_and_metrics_by_start() -> None:
    _, store = written()

    told = json.loads(store.written("tuning_history.json"))
    assert {name: told[name] for name in ("tuning_job", "strategy", "objective")} == {
        "tuning_job": EVENT["tuning_job"],
        "strategy": "Bayesian",
        "objective": {"name": "validation:auc", "type": "Maximize"},
    }
    assert told["jobs"][0] == {
        "job_name": f"{NAME}-0-001-1f0c44b1",
        "status": "Completed",
        "value": 0.9741,
        "metrics": {"validation:auc": 0.9741, "validation:aucpr": 0.9741 - 0.13},
        "hyperparameters": dict(tuning().jobs[0].hyperparameters),
        "seconds": 187,
        "billable_seconds": 187,
    }
    assert told["jobs"][4]["value"] is told["jobs"][4]["seconds"] is None
    assert len(told["jobs"]) == 9


def test_without_tuning_there_is_a_history_without_jobs() -> None:
    _, store = written(tuning_job="")

    assert json.loads(store.written("tuning_history.json")) == {"tuning_job": None, "jobs": []}


# --- one file that needs nothing else ---------------------------------------------------------------------------


def test_no_element_refers_to_anything_outside_the_file(whole: Page) -> None:
    references = {
        attributes[name]
        for _, attributes in whole.tags
        for name in ("src", "href", "srcset", "action", "data", "poster")
        if name in attributes
    }

    assert {reference for reference in references if not str(reference).startswith("#")} == {"data:,"}
    assert not re.search(r"@import|url\(", report().partition("<style>")[2].partition("</style>")[0])


def test_the_page_forbids_all_network_and_every_script_but_its_own_by_their_hashes(whole: Page) -> None:
    policies = [
        attributes["content"] or ""
        for tag, attributes in whole.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    directives = dict(directive.strip().split(" ", 1) for directive in policies[0].split(";"))

    assert directives["default-src"] == "'none'"
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in whole.scripts]
    assert directives["script-src"].split() == [f"'sha256-{digest}'" for digest in hashes]
    assert len(hashes) == 2
    assert not any(scheme in policies[0] for scheme in ("http:", "https:", "*"))


def test_the_plotting_library_keeps_its_licence(whole: Page) -> None:
    assert "Copyright 2012-2026, Plotly, Inc." in whole.scripts[0]
    assert "Licensed under the MIT license" in whole.scripts[0]


def test_the_contents_lead_to_every_section(whole: Page) -> None:
    links = [(attributes["href"] or "").removeprefix("#") for tag, attributes in whole.tags if tag == "a"]

    assert links == whole.sections
    assert len(set(links)) == 15


# --- the headline -----------------------------------------------------------------------------------------------


def test_the_headline_tells_what_the_model_catches_and_what_that_costs(whole: Page) -> None:
    assert "Catches 44 of 54 frauds, with 1 false alarm in 28,427 genuine transactions" in whole.text
    assert "it raises an alarm from a score of 0.3712 on" in whole.text


def test_test_rows_without_frauds_have_nothing_to_catch() -> None:
    found = evaluation()
    found["positives"] = 0
    found["at_threshold"]["confusion_matrix"] = {"tn": 28480, "fp": 1, "fn": 0, "tp": 0}

    assert "Nothing to catch among the test rows; 1 false alarm in 28,481" in page(evaluation=found).text


def test_an_objective_that_is_met_is_shown_with_its_values_and_minimums(whole: Page) -> None:
    low = evaluation()["intervals"]["bounds"]["average_precision"][0]

    assert "✓ Objective met" in whole.text
    assert "Recall ✓ met 0.8148 0.75" in whole.text
    assert f"Average precision, lower end of its 95 % interval ✓ met {str(low)[:6]} 0.7" in whole.text


def test_a_value_just_below_the_minimum_does_not_read_as_the_minimum() -> None:
    missed = {"metric": "recall_at_0.5", "minimum": 0.8, "lower_bound": False, "value": 0.79999, "passed": False}
    shown = page(evaluation=evaluation() | {"objective": [missed], "passed": False}).text

    assert "✗ Objective missed" in shown
    assert "Recall at 0.5 ✗ missed 0.7999 0.8" in shown


def test_a_metric_that_is_not_defined_misses_its_minimum_with_a_dash() -> None:
    missed = {"metric": "roc_auc", "minimum": 0.8, "lower_bound": False, "value": None, "passed": False}

    assert "ROC AUC ✗ missed – 0.8" in page(evaluation=evaluation() | {"objective": [missed], "passed": False}).text


def test_a_run_without_an_objective_says_so() -> None:
    assert "No objective was set for this run." in page(evaluation=evaluation() | {"objective": []}).text


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("trained", "Chosen is the model trained with the given hyperparameters"),
        ("tuned", "Chosen is a tuned model"),
        ("registered", "Chosen is the model registered before"),
    ],
)
def test_the_headline_tells_where_the_chosen_model_comes_from(source: str, words: str) -> None:
    found = evaluation()
    found["chosen"]["source"] = source

    assert words in page(evaluation=found).text


@pytest.mark.parametrize(("source", "never_seen"), [("trained", True), ("tuned", True), ("registered", False)])
def test_only_a_model_of_this_run_is_said_to_have_never_seen_the_test_rows(source: str, never_seen: bool) -> None:
    found = evaluation()
    found["chosen"]["source"] = source

    shown = page(evaluation=found).text

    assert ("Measured on 28,481 transactions that the model has never seen." in shown) == never_seen
    assert ("Measured on 28,481 transactions that were held back for that." in shown) != never_seen


def test_a_threshold_just_below_one_does_not_read_as_one_anywhere() -> None:
    asked = choice()
    asked["threshold"] |= {"value": 0.99997}

    shown = page(evaluation=evaluation() | {"threshold": 0.99997}, choice=asked)

    assert "it raises an alarm from a score of 0.99997 on" in shown.text
    assert "At the chosen threshold, 0.99997 Alarm" in shown.text
    assert "The chosen one, 0.99997, has the best F1" in shown.text
    for name, trace in (("figure-precision-recall", "model"), ("figure-cost", "cost")):
        assert ":.7~g}" in traces(shown.figures[name])[trace]["hovertemplate"]


# --- figures: the very numbers of the evaluation ----------------------------------------------------------------


def test_the_confusion_matrices_are_those_of_the_evaluation(whole: Page) -> None:
    assert "0.3712 Alarm No alarm Fraud 44 caught 10 missed Genuine 1 false alarms 28,426 let through" in whole.text
    assert "At the threshold 0.5 Alarm No alarm Fraud 41 caught 13 missed" in whole.text


def test_each_metric_stands_on_its_interval(whole: Page) -> None:
    found = evaluation()
    dots = whole.figures["figure-metrics"]["data"][0]

    named = {
        "Recall": ("recall", found["at_threshold"]["recall"]),
        "F1 at 0.5": ("f1_at_0.5", found["at_0.5"]["f1"]),
        "Average precision": ("average_precision", found["average_precision"]),
        "ROC AUC": ("roc_auc", found["roc_auc"]),
    }
    for name, (metric, value) in named.items():
        place = dots["text"].index(name)
        low, high = found["intervals"]["bounds"][metric]
        assert dots["x"][place] == value
        assert dots["customdata"][place] == [low, high]
        assert dots["x"][place] + dots["error_x"]["array"][place] == pytest.approx(high)
        assert dots["x"][place] - dots["error_x"]["arrayminus"][place] == pytest.approx(low)
    assert len(dots["x"]) == 8


def test_the_precision_recall_curve_has_the_evaluations_points_and_marks_both_thresholds(whole: Page) -> None:
    found = evaluation()
    curve = found["curves"]["precision_recall"]
    drawn = traces(whole.figures["figure-precision-recall"])

    assert (drawn["model"]["x"], drawn["model"]["y"]) == (curve["recall"], curve["precision"])
    assert drawn["model"]["customdata"] == curve["threshold"]
    assert (drawn["chosen"]["x"], drawn["chosen"]["y"]) == (
        [found["at_threshold"]["recall"]],
        [found["at_threshold"]["precision"]],
    )
    assert drawn["at 0.5"]["x"] == [found["at_0.5"]["recall"]]
    assert drawn["chance"]["y"] == [54 / 28_481] * 2


@pytest.mark.parametrize(("order", "shape"), [(1, "vh"), (-1, "hv")])
def test_the_precision_recall_curve_steps_to_the_same_side_whichever_end_it_begins_at(order: int, shape: str) -> None:
    found = evaluation()
    curve = found["curves"]["precision_recall"]
    found["curves"]["precision_recall"] = {name: values[::order] for name, values in curve.items()}

    drawn = traces(page(evaluation=found).figures["figure-precision-recall"])

    assert drawn["model"]["line"]["shape"] == shape


def test_the_roc_curve_has_the_evaluations_points_and_marks_both_thresholds(whole: Page) -> None:
    curve = evaluation()["curves"]["roc"]
    drawn = traces(whole.figures["figure-roc"])

    assert (drawn["model"]["x"], drawn["model"]["y"]) == (curve["false_positive_rate"], curve["true_positive_rate"])
    assert (drawn["chosen"]["x"], drawn["chosen"]["y"]) == ([1 / 28_427], [44 / 54])


def test_the_threshold_sweep_has_the_evaluations_points_and_marks_the_chosen_one(whole: Page) -> None:
    curve = evaluation()["curves"]["sweep"]
    drawn, cost = traces(whole.figures["figure-sweep"]), traces(whole.figures["figure-cost"])

    for name, values in (("precision", "precision"), ("recall", "recall"), ("F1", "f1")):
        assert (drawn[name]["x"], drawn[name]["y"]) == (curve["threshold"], curve[values])
    assert drawn["chosen"]["x"] == [THRESHOLD, THRESHOLD]
    assert (cost["cost"]["x"], cost["cost"]["y"]) == (curve["threshold"], curve["cost"])
    assert cost["no model"]["y"] == [evaluation()["money"]["without_model"]] * 2


def test_the_score_histogram_has_a_bar_for_every_bin_of_each_class(whole: Page) -> None:
    bins = evaluation()["curves"]["scores"]
    drawn = traces(whole.figures["figure-scores"])

    assert drawn["genuine"]["y"] == bins["genuine"]
    assert drawn["fraud"]["y"] == bins["fraud"]
    halves = [width / 2 for width in drawn["genuine"]["width"]]
    lows = [centre - half for centre, half in zip(drawn["genuine"]["x"], halves, strict=True)]
    assert lows == pytest.approx(bins["edges"][:-1])


def test_the_most_important_columns_stand_by_their_names(whole: Page) -> None:
    drawn = whole.figures["figure-features"]
    highest = choice()["feature_importance"][:12]

    assert drawn["data"][0]["x"] == [feature["gain"] for feature in highest]
    assert drawn["layout"]["yaxis"]["ticktext"][:3] == ["V14", "V4", "V10"]
    assert "Amount" in drawn["layout"]["yaxis"]["ticktext"]
    assert "The 12 most important of 27 are shown." in whole.text


def test_a_model_without_splits_has_nothing_to_show_and_is_not_said_to_have_learnt_nothing() -> None:
    """A linear model has none, whatever it has learnt."""
    shown = page(choice=choice() | {"feature_importance": []})

    assert "The model splits by no column, so there are no shares to show. Either it is linear" in shown.text
    assert "learnt nothing" not in shown.text
    assert "figure-features" not in shown.figures


def test_the_slices_are_those_of_the_evaluation(whole: Page) -> None:
    parts = evaluation()["slices"]
    drawn = traces(whole.figures["figure-slices"])

    for name, values in (("recall", "recall"), ("average precision", "average_precision")):
        assert drawn[name]["y"] == [part[values] for part in parts]


def test_a_slice_in_which_a_metric_is_not_defined_has_a_gap_and_a_dash() -> None:
    found = evaluation()
    found["slices"][0] |= {"positives": 0, "recall": None, "f1": None, "average_precision": None, "roc_auc": None}
    found["slices"][0] |= {"rows": 7, "precision": 0.0}

    shown = page(evaluation=found)

    assert traces(shown.figures["figure-slices"])["recall"]["y"][0] is None
    assert "7 0 – 0.000 – – –" in shown.text


def test_the_tuning_history_shows_every_value_the_best_so_far_and_the_trained_model(whole: Page) -> None:
    drawn = traces(whole.figures["figure-tuning"])

    assert (drawn["job"]["x"], drawn["job"]["y"]) == (
        [1, 2, 3, 4, 6, 7, 8, 9],
        [0.9741, 0.9688, 0.9802, 0.9853, 0.9791, 0.9861, 0.9612, 0.9847],
    )
    assert drawn["best so far"]["y"] == [0.9741, 0.9741, 0.9802, 0.9853, 0.9853, 0.9853, 0.9861, 0.9861, 0.9861]
    assert drawn["trained"]["y"] == [0.9779, 0.9779]
    assert "max_depth 2" in drawn["job"]["text"][0]


def test_the_steps_are_shown_with_their_seconds_in_their_order(whole: Page) -> None:
    drawn = whole.figures["figure-steps"]

    names = drawn["layout"]["yaxis"]["ticktext"]
    assert names[:4] == ["Plan the run", "Prepare the data", "Train the model", "Tune the model"]
    assert drawn["data"][0]["x"][3] == 902
    assert len(names) == 10
    assert "All 11 steps" in whole.text
    assert "Wait for the endpoint 9 2 min 15 s" in whole.text
    assert "The run took 26 min 46 s until this report." in whole.text


# --- what is not there is left out, or said ---------------------------------------------------------------------


def test_a_run_that_tuned_nothing_says_so() -> None:
    shown = page(event={"tuning_job": ""})

    assert "This run tuned nothing" in shown.text
    assert "figure-tuning" not in shown.figures
    assert "Tune the model 9" not in shown.text


def test_tuning_in_which_no_job_reached_a_value_has_a_table_only() -> None:
    failed = [replace(tuned, value=None) for tuned in tuning().jobs]

    shown = page(jobs=Jobs(replace(tuning(), jobs=tuple(failed))))

    assert "figure-tuning" not in shown.figures
    assert "All 9 jobs" in shown.text


def test_without_costs_there_is_no_word_of_money() -> None:
    shown = page(evaluation=evaluation(objective={}, costs=None))

    assert "money" not in shown.sections
    assert "Money saved" not in shown.text
    assert "figure-cost" not in shown.figures


def test_with_costs_the_savings_are_shown_with_what_they_rest_on(whole: Page) -> None:
    spent = evaluation()["money"]

    assert "a missed fraud costs its own amount and a false alarm 5" in whole.text
    assert f"At the chosen threshold {spent['at_threshold']['cost']:,.2f} {spent['at_threshold']['saved']:,.2f}" in (
        whole.text
    )


def test_costs_when_there_are_no_frauds_to_miss_still_make_a_figure() -> None:
    found = evaluation()
    found["money"]["without_model"] = 0.0

    assert page(evaluation=found).figures["figure-cost"]["layout"]["yaxis"]["range"][1] > 0


def test_without_an_amount_column_there_are_no_slices() -> None:
    found = evaluation(objective={}, costs=None, amount_column=None)

    assert "slices" not in page(evaluation=found, data_report=data_report() | {"amount_column": None}).sections


def test_test_rows_of_one_class_have_no_roc_curve_and_no_intervals() -> None:
    found = evaluation() | {"roc_auc": None}
    found["curves"]["roc"] = {"false_positive_rate": [], "true_positive_rate": []}
    found["intervals"] |= {"resamples": 0, "bounds": {}}

    shown = page(evaluation=found)

    assert "figure-roc" not in shown.figures
    assert "it needs frauds and genuine transactions" in shown.text.lower()
    assert "genuine transaction. – –" in shown.text
    assert "0.815 –" in shown.text
    assert "figure-metrics" not in shown.figures


def test_the_training_costs_are_the_billed_seconds_times_the_price(whole: Page) -> None:
    assert "Train the model 1 3 min 25 s 0.0131" in whole.text
    assert "Choose the model 1 2 min 51 s 0.0109" in whole.text
    assert "In all 11" in whole.text
    assert EVENT["hosting"] in whole.text


def test_where_the_price_is_not_known_there_are_times_only() -> None:
    shown = page(event={"training_usd_per_hour": None})

    assert "Train the model 1 3 min 25 s Tune the model" in shown.text
    assert "The price of this instance type is not known here" in shown.text
    assert "USD" not in shown.text


def test_a_threshold_that_could_not_reach_what_was_asked_says_so() -> None:
    asked = choice()
    asked["threshold"] |= {"objective": "recall_at_precision", "minimum": 0.99, "reached": False}

    assert (
        "It was to have the highest recall at the precision asked for, 0.99, but none reaches that"
        in page(choice=asked).text
    )


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ({"method": "lesson", "seed": 1729, "time_column": None}, "shuffled as in the lesson (seed 1729)"),
        ({"method": "stratified", "seed": 7, "time_column": None}, "with the same share of frauds in each part (seed"),
        ({"method": "time", "seed": None, "time_column": "Time"}, "tested on the future (column Time)"),
    ],
)
def test_the_page_tells_how_the_parts_were_made(split: Json, words: str) -> None:
    assert words in page(data_report=data_report() | {"split": split}).text


@pytest.mark.parametrize(
    ("duplicates", "words"),
    [
        ({"rows": 1081, "dropped": False, "across_parts": 414}, "414 rows of the validation and test parts also stand"),
        ({"rows": 1081, "dropped": False, "across_parts": 1}, "1 row of the validation and test parts also stands"),
        ({"rows": 0, "dropped": False, "across_parts": 0}, "No row of the validation or test part also stands"),
        ({"rows": 1081, "dropped": True, "across_parts": 0}, "1,081 rows equal to an earlier one"),
    ],
)
def test_the_page_tells_what_became_of_repeated_rows(duplicates: Json, words: str) -> None:
    assert words in page(data_report=data_report() | {"duplicates": duplicates}).text


def test_an_empty_column_has_dashes_for_its_range() -> None:
    nothing = dict.fromkeys(("min", "max", "mean", "standard_deviation"))
    empty = {"name": "V1", "type": "number", "missing": 284_807, "quartiles": [None, None, None], **nothing}

    assert "V1 number 284,807 – – – – – – –" in page(data_report=data_report() | {"columns": [empty]}).text


def test_many_candidates_are_cut_to_the_best_ten() -> None:
    many = choice()
    many["candidates"] = [many["candidates"][0] | {"job_name": f"job-{number}"} for number in range(25)]

    shown = page(choice=many).text

    assert "And 15 others, none of them better." in shown
    assert "job-9 " in shown
    assert "job-10" not in shown


def test_a_registered_model_that_was_left_out_is_told_with_the_reason() -> None:
    verdict = {"competes": False, "rows_seen": 12_345, "reason": "it was trained on 12,345 of the test rows"}

    shown = page(data_report=data_report() | {"registered": verdict}).text

    compared = shown.partition("All scored on the validation rows")[2].partition("The data")[0]
    assert "The registered model was left out: it was trained on 12,345 of the test rows." in compared


@pytest.mark.parametrize("verdict", [None, {"competes": True, "rows_seen": 0, "reason": "it has seen none"}])
def test_where_no_registered_model_was_left_out_there_is_no_word_of_it(verdict: Json | None) -> None:
    assert "registered model" not in page(data_report=data_report() | {"registered": verdict}).text


def test_a_report_of_the_data_from_before_there_were_registered_models_is_shown_as_ever(whole: Page) -> None:
    older = data_report()
    del older["registered"]

    assert page(data_report=older).text == whole.text


def test_the_foot_identifies_run_model_endpoint_and_data(whole: Page) -> None:
    foot = whole.text.partition("Run 261123")[2]

    for identity in (data_report()["sha256"], data_report()["source"], evaluation()["chosen"]["job_name"], NAME):
        assert identity in foot


# --- text from outside stays text -------------------------------------------------------------------------------


def test_hostile_names_are_text_wherever_they_come_from() -> None:
    data = data_report() | {"source": HOSTILE, "features": [HOSTILE] * 30, "amount_column": HOSTILE}
    data["columns"] = [column | {"name": HOSTILE} for column in data["columns"]]
    asked = choice()
    asked["skipped"] = [{"job_name": HOSTILE, "reason": HOSTILE}]
    tuned = tuple(replace(each, hyperparameters={HOSTILE: HOSTILE}) for each in tuning().jobs)
    executions = Executions([entered(HOSTILE, 1), left(HOSTILE, 3)])

    shown = page(
        data_report=data,
        choice=asked,
        jobs=Jobs(replace(tuning(), objective=HOSTILE, jobs=tuned)),
        executions=executions,
        event={"hosting": HOSTILE, "name": HOSTILE, "run_id": HOSTILE},
    )

    assert "img" not in {tag for tag, _ in shown.tags}
    assert not any(name.startswith("on") for _, attributes in shown.tags for name in attributes)
    assert shown.text.count(HOSTILE) > 50
    assert len(shown.scripts) == 2
    assert "<" not in "".join(shown.figures["figure-features"]["layout"]["yaxis"]["ticktext"]).replace("<br>", "")
    assert "<" not in "".join(traces(shown.figures["figure-tuning"])["job"]["text"]).replace("<br>", "")


class Texts(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(f"<{tag} {dict(attrs)}>")

    def handle_data(self, data: str) -> None:
        self.found.append(data)


# HTML parsers read a carriage return as a newline, and refuse NUL and lone surrogates.
TEXT = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]))


@settings(deadline=None)
@given(text=TEXT, title=TEXT)
def test_any_text_comes_out_of_an_element_as_it_went_in(text: str, title: str) -> None:
    shown = Texts(element("p", text, title=title))

    assert "".join(shown.found) == f"<p { ({'title': title}) }>{text}"


@settings(deadline=None)
@given(
    value=st.recursive(TEXT | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner))
)
def test_data_never_ends_the_element_that_it_is_in_and_is_read_back_as_it_was(value: Any) -> None:
    block = data_block(value)

    assert "<" not in block
    assert json.loads(block) == value


def test_data_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        data_block([float("nan")])


def test_a_table_escapes_its_cells() -> None:
    assert '<th scope="row">&lt;b&gt;</th><td>&amp;</td>' in table(("a", "b"), [("<b>", "&")])


def test_a_long_name_is_wrapped_and_cut_for_a_figure() -> None:
    lines = label("n" * 500).split("<br>")

    assert [len(line) for line in lines] == [24, 24, 24]
    assert lines[-1].endswith("…")


@settings(deadline=None)
@given(name=TEXT)
def test_no_name_is_markup_in_a_figure(name: str) -> None:
    assert "<" not in label(name).replace("<br>", "")


def test_columns_of_the_same_name_have_a_bar_each() -> None:
    drawn = bars_by_name(["same", "same"], [0.6, 0.4], ["60 %", "40 %"])

    assert drawn["data"][0]["y"] == [0, 1]
    assert drawn["layout"]["yaxis"]["ticktext"] == ["same", "same"]


# --- numbers as words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (count(1, "fraud"), "1 fraud"),
        (count(0, "fraud"), "0 frauds"),
        (count(28_427, "fraud"), "28,427 frauds"),
        (ratio(0.81481), "0.815"),
        (ratio(None), "–"),
        (interval([0.7, 1]), "0.700 to 1.000"),
        (interval(None), "–"),
        (percent(0.81481), "81.5\u00a0%"),
        (rare(492 / 284_807), "0.173\u00a0%"),
        (money(2164.654), "2,164.65"),
        (money(None), "–"),
        (number(5), "5"),
        (number(5.0), "5"),
        (number(0.371234567), "0.3712"),
        (number(-56.407510), "-56.41"),
        (number(1.16837e-15), "1.168e-15"),
        (number(284_807), "284,807"),
        (number(-15_642.57), "-15,643"),
        (number(None), "–"),
        (score(0.371234567), "0.3712"),
        (score(0.0000312345), "3.123e-05"),
        (score(0.9), "0.9"),
        (score(0.99997), "0.99997"),
        (score(0.99999994), "0.99999994"),
        (score(0.5), "0.5"),
        (score(1), "1"),
        (duration(0.0612), "0.061 s"),
        (duration(2.731), "2.7 s"),
        (duration(59.94), "59.9 s"),
        (duration(60), "1 min 0 s"),
        (duration(902.4), "15 min 2 s"),
        (duration(3599.7), "1 h 0 min"),
        (duration(7384), "2 h 3 min"),
        (duration(None), "–"),
    ],
)
def test_numbers_are_said_so_that_people_can_read_them(shown: str, expected: str) -> None:
    assert shown == expected


# --- the steps of the run ---------------------------------------------------------------------------------------


def test_a_state_that_was_entered_again_adds_up() -> None:
    events = [entered("Look", 0), left("Look", 2), entered("Wait", 2, "Wait"), left("Wait", 17, "Wait")]
    events += [entered("Look", 17), left("Look", 18.5)]

    assert Timeline.of(events).steps == (Step("Look", 3.5, 2), Step("Wait", 15, 1))


def test_a_task_that_was_tried_again_is_one_stay() -> None:
    failed = {"type": "TaskFailed", "timestamp": left("Train", 4)["timestamp"]}

    assert Timeline.of([entered("Train", 0), failed, left("Train", 9)]).steps == (Step("Train", 9, 1),)


def test_the_state_that_is_still_going_on_is_left_out() -> None:
    timeline = Timeline.of(history())

    assert "Write the report" not in {step.name for step in timeline.steps}


@pytest.mark.parametrize("kind", ["Parallel", "Choice", "Pass", "Map", "Succeed"])
def test_states_that_take_no_time_of_their_own_are_left_out(kind: str) -> None:
    events = [entered("Run", 0, kind), entered("Train", 0), left("Train", 5), left("Run", 5, kind)]

    assert Timeline.of(events) == Timeline((Step("Train", 5, 1),), 5)


def test_an_execution_without_events_took_no_time() -> None:
    assert Timeline.of([]) == Timeline((), 0)
    assert "figure-steps" not in page(executions=Executions([])).figures


# --- costs and tuning -------------------------------------------------------------------------------------------


def test_every_instance_of_a_job_bills() -> None:
    trained = replace(training_job("t", 100), instances=3)

    costs = Costs.of(0.36, trained, None, training_job("c", 50))

    assert [charge.seconds for charge in costs.charges] == [300, 50]
    assert costs.usd(costs.total) == pytest.approx(350 / 3600 * 0.36)


def test_a_job_that_never_ran_bills_nothing() -> None:
    never = TunedJob(TrainingJob("x", "Failed", {}, None, None, 1), None, {})
    nothing = Tuning("t", "Random", "validation:auc", "Maximize", (never,))

    costs = Costs.of(0.23, training_job("t", 100), nothing, training_job("c", 50))

    assert [(charge.jobs, charge.seconds) for charge in costs.charges] == [(1, 100), (1, 0), (1, 50)]


@pytest.mark.parametrize(
    ("objective_type", "best"),
    [("Maximize", [None, 0.4, 0.4, 0.6, 0.6]), ("Minimize", [None, 0.4, 0.2, 0.2, 0.2])],
)
def test_the_best_so_far_follows_the_objectives_direction(objective_type: str, best: list[float | None]) -> None:
    jobs = tuple(TunedJob(training_job("j"), value, {}) for value in (None, 0.4, 0.2, 0.6, None))

    assert Tuning("t", "Random", "validation:auc", objective_type, jobs).best_so_far() == best


# --- AWS's services, as boto3 reaches them ----------------------------------------------------------------------

UNSIGNED_ONCE = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
START = datetime(2026, 11, 23, 17, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/fraud"


@pytest.fixture
def stubbed() -> Iterator[Callable[[str], Stubber]]:
    stubbers = []

    def of(service: str) -> Stubber:
        stubber = Stubber(boto3.client(service, region_name="eu-west-1", config=UNSIGNED_ONCE))
        stubber.activate()
        stubbers.append(stubber)
        return stubber

    yield of
    for stubber in stubbers:
        stubber.assert_no_pending_responses()


def described(name: str, **more: Any) -> dict[str, Any]:
    arn = f"arn:aws:sagemaker:eu-west-1:123456789012:training-job/{name}"
    return {
        "TrainingJobName": name,
        "TrainingJobArn": arn,
        "ModelArtifacts": {"S3ModelArtifacts": "s3://b/m"},
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "AlgorithmSpecification": {"TrainingImage": "xgboost", "TrainingInputMode": "File"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "CreationTime": START,
        **more,
    }


def test_a_training_job_is_read_with_its_metrics_and_times(stubbed: Callable[[str], Stubber]) -> None:
    sagemaker = stubbed("sagemaker")
    measured = [{"MetricName": "validation:auc", "Value": 0.75, "Timestamp": START}]
    answer = described("j", TrainingTimeInSeconds=120, BillableTimeInSeconds=90, FinalMetricDataList=measured)
    sagemaker.add_response("describe_training_job", answer, {"TrainingJobName": "j"})

    job = SageMakerJobs(sagemaker.client).training_job("j")

    assert job == TrainingJob("j", "Completed", {"validation:auc": 0.75}, 120, 90, 2)
    assert job.billed_seconds == 180


def test_a_training_job_that_never_ran_has_no_times(stubbed: Callable[[str], Stubber]) -> None:
    sagemaker = stubbed("sagemaker")
    sagemaker.add_response("describe_training_job", described("j", TrainingJobStatus="Failed"))

    assert SageMakerJobs(sagemaker.client).training_job("j") == TrainingJob("j", "Failed", {}, None, None, 2)


def summary(number: int, **more: Any) -> dict[str, Any]:
    name = f"t-{number:03}"
    return {
        "TrainingJobName": name,
        "TrainingJobArn": f"arn:aws:sagemaker:eu-west-1:123456789012:training-job/{name}",
        "CreationTime": START + timedelta(minutes=number),
        "TrainingJobStatus": "Completed",
        "TunedHyperParameters": {"eta": str(number)},
        **more,
    }


def test_a_tuning_job_is_read_with_all_its_jobs_by_their_start(stubbed: Callable[[str], Stubber]) -> None:
    sagemaker = stubbed("sagemaker")
    sagemaker.add_response(
        "describe_hyper_parameter_tuning_job",
        {
            "HyperParameterTuningJobName": "t",
            "HyperParameterTuningJobArn": "arn:aws:sagemaker:eu-west-1:123456789012:hyper-parameter-tuning-job/t",
            "HyperParameterTuningJobConfig": {
                "Strategy": "Bayesian",
                "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:logloss"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 3},
            },
            "HyperParameterTuningJobStatus": "Completed",
            "CreationTime": START,
            "TrainingJobStatusCounters": {},
            "ObjectiveStatusCounters": {},
        },
        {"HyperParameterTuningJobName": "t"},
    )
    reached = {"Type": "Minimize", "MetricName": "validation:logloss", "Value": 0.25}
    late = summary(1, TrainingStartTime=START + timedelta(hours=1), FinalHyperParameterTuningJobObjectiveMetric=reached)
    listing = "list_training_jobs_for_hyper_parameter_tuning_job"
    asked = {"HyperParameterTuningJobName": "t"}
    sagemaker.add_response(listing, {"TrainingJobSummaries": [late, summary(3)], "NextToken": "more"}, asked)
    sagemaker.add_response(listing, {"TrainingJobSummaries": [summary(2)]}, {**asked, "NextToken": "more"})
    for name in ("t-002", "t-003", "t-001"):
        sagemaker.add_response("describe_training_job", described(name), {"TrainingJobName": name})

    found = SageMakerJobs(sagemaker.client).tuning("t")

    assert (found.name, found.strategy, found.objective, found.objective_type) == (
        "t",
        "Bayesian",
        "validation:logloss",
        "Minimize",
    )
    assert [(tuned.job.name, tuned.value, tuned.hyperparameters) for tuned in found.jobs] == [
        ("t-002", None, {"eta": "2"}),
        ("t-003", None, {"eta": "3"}),
        ("t-001", 0.25, {"eta": "1"}),
    ]


def test_the_executions_history_is_read_to_its_end_and_without_its_data(stubbed: Callable[[str], Stubber]) -> None:
    step_functions = stubbed("stepfunctions")
    first: Event = {"id": 1, **entered("Plan the run", 0)}
    second: Event = {"id": 2, **left("Plan the run", 2)}
    asked = {"executionArn": EVENT["execution_arn"], "includeExecutionData": False}
    step_functions.add_response("get_execution_history", {"events": [first], "nextToken": "more"}, asked)
    step_functions.add_response("get_execution_history", {"events": [second]}, {**asked, "nextToken": "more"})

    found = StepFunctionsExecutions(step_functions.client).history(EVENT["execution_arn"])

    assert Timeline.of(found).steps == (Step("Plan the run", 2, 1),)


def test_the_store_reads_and_writes_text(stubbed: Callable[[str], Stubber]) -> None:
    s3 = stubbed("s3")
    s3.add_response("get_object", {"Body": StreamingBody(io.BytesIO("ä".encode()), 2)}, {"Bucket": "b", "Key": "k"})
    s3.add_response("put_object", {}, {"Bucket": "b", "Key": "k", "Body": "ä".encode(), "ContentType": "text/html"})
    store = S3Store(s3.client)

    assert store.read("b", "k") == "ä"
    store.write("b", "k", "ä", "text/html")


@pytest.mark.parametrize("name", ["choice.json", "evaluation.json", "data_report.json"])
@pytest.mark.parametrize("content", ["", "{", "\ufffd"], ids=["empty", "cut off", "no text"])
def test_a_file_that_an_earlier_step_did_not_leave_so_is_named_and_nothing_is_written(name: str, content: str) -> None:
    class Broken(Store):
        def read(self, bucket: str, key: str) -> str:
            return content if key.endswith(f"/{name}") else super().read(bucket, key)

    store = Broken()
    with pytest.raises(
        UnreadableFile, match=rf"/{name} is not what an earlier step of the run leaves: .*another run\.$"
    ):
        write_report(Request.read(EVENT), store, Jobs(), Executions())

    assert store.types == {}


def test_a_file_that_is_not_there_is_named(stubbed: Callable[[str], Stubber]) -> None:
    s3 = stubbed("s3")
    s3.add_client_error("get_object", "NoSuchKey", "The specified key does not exist.")

    with pytest.raises(UnreadableFile, match=r"s3://b/runs/r/choice.json can't be read.*An earlier step of the run"):
        S3Store(s3.client).read("b", "runs/r/choice.json")


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("", "https://s3.eu-west-1.amazonaws.com/fraud-bucket/runs/r/report.html?"),
        ("https://localhost:4566", "https://localhost:4566/fraud-bucket/runs/r/report.html?"),
    ],
)
def test_the_link_goes_to_the_buckets_own_region_and_lasts_an_hour(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, host: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    link = S3Store().link("fraud-bucket", "runs/r/report.html")

    assert link.startswith(host)
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in link
    assert "X-Amz-Expires=3600" in link
