"""The parts of the page that say how good the model is."""

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from lambdas.report import quality_figures as figures
from lambdas.report.findings import Findings
from lambdas.report.markup import Html, Section, element, figure, joined, paragraph, section, table, tiles
from lambdas.report.words import NOTHING, count, duration, interval, money, number, percent, ratio, score

_MEANINGS = {
    "recall": "Of all frauds, the share that is caught.",
    "precision": "Of all alarms, the share that is right.",
    "f1": "Recall and precision in one number: their harmonic mean.",
    "average_precision": "Precision averaged over all thresholds: the fairest single number where fraud is rare.",
    "roc_auc": "How often a fraud has a higher score than a genuine transaction.",
}
_THRESHOLD_OBJECTIVES = {
    "best_f1": "the best F1",
    "recall_at_precision": "the highest recall at the precision asked for",
    "precision_at_recall": "the highest precision at the recall asked for",
    "least_cost": "the least cost",
}
_SOURCES = {
    "trained": "the model trained with the given hyperparameters",
    "tuned": "a tuned model",
    "registered": "the model registered before",
}


def metric_name(metric: str) -> str:
    """As people write it: `roc_auc` is ROC AUC."""
    at_half = metric.removesuffix("_at_0.5")
    name = {"f1": "F1", "roc_auc": "ROC AUC"}.get(at_half, at_half.replace("_", " ").capitalize())
    return name if at_half == metric else f"{name} at 0.5"


def headline(found: Findings) -> Html:
    evaluation = found.evaluation
    source = evaluation["chosen"]["source"]
    # A registered model was trained on another run's rows, of which some may be test rows now.
    kept = "that were held back for that" if source == "registered" else "that the model has never seen"
    return element(
        "header",
        paragraph(f"Fraud detection · {found.request.name}", class_="eyebrow"),
        element("h1", _what_it_catches(evaluation)),
        paragraph(
            f"Measured on {count(evaluation['rows'], 'transaction')} {kept}. Chosen is {_SOURCES[source]}; it raises "
            f"an alarm from a score of {score(evaluation['threshold'])} on."
        ),
        _objective(evaluation),
        _key_numbers(evaluation),
    )


def _what_it_catches(evaluation: Mapping[str, Any]) -> str:
    matrix = evaluation["at_threshold"]["confusion_matrix"]
    genuine = count(matrix["tn"] + matrix["fp"], "genuine transaction")
    alarms = count(matrix["fp"], "false alarm")
    if not evaluation["positives"]:
        return f"Nothing to catch among the test rows; {alarms} in {genuine}"
    return f"Catches {matrix['tp']:,} of {count(evaluation['positives'], 'fraud')}, with {alarms} in {genuine}"


def _objective(evaluation: Mapping[str, Any]) -> Html:
    """The values are cut to four digits, not rounded: one just below the minimum must not read as the minimum."""
    requirements = evaluation["objective"]
    if not requirements:
        return paragraph("No objective was set for this run.", class_="badge")
    verdict = ("✓ Objective met", "passed") if evaluation["passed"] else ("✗ Objective missed", "missed")
    rows = [
        (_requirement(requirement), _cut(requirement["value"]), f"{requirement['minimum']:,}")
        for requirement in requirements
    ]
    return joined(
        (
            paragraph(verdict[0], class_=f"badge {verdict[1]}"),
            table(("Objective", "Value", "Minimum"), rows),
        )
    )


def _requirement(requirement: Mapping[str, Any]) -> Html:
    name = metric_name(requirement["metric"])
    if requirement["lower_bound"]:
        name += ", lower end of its 95\u00a0% interval"
    words, look = ("✓ met", "passed") if requirement["passed"] else ("✗ missed", "missed")
    return joined((name, element("small", element("span", words, class_=look))))


def _cut(value: float | None) -> str:
    return NOTHING if value is None else f"{Decimal(str(value)).quantize(Decimal('0.0001'), ROUND_FLOOR):,}"


def _key_numbers(evaluation: Mapping[str, Any]) -> Html:
    at, bounds = evaluation["at_threshold"], evaluation["intervals"]["bounds"].get("average_precision")
    sure = f"{interval(bounds)} (95\u00a0%)" if bounds else ""
    numbers = [
        ("Frauds caught", percent(at["recall"]), "recall"),
        ("Alarms that are right", percent(at["precision"]), "precision"),
        ("Average precision", ratio(evaluation["average_precision"]), sure),
    ]
    if evaluation["money"] is not None:
        numbers.append(
            ("Money saved", money(evaluation["money"]["at_threshold"]["saved"]), "compared with no model at all")
        )
    return tiles(*numbers)


def confusion(found: Findings) -> Section:
    evaluation = found.evaluation
    return section(
        "confusion",
        "Right and wrong",
        "Every transaction of the test rows is in one of four fields: caught or missed if it is a fraud, let through "
        "or a false alarm if it is genuine.",
        element(
            "div",
            _matrix(evaluation["at_threshold"], f"At the chosen threshold, {score(evaluation['threshold'])}"),
            _matrix(evaluation["at_0.5"], "At the threshold 0.5"),
            class_="side-by-side",
        ),
    )


def _matrix(at: Mapping[str, Any], caption: str) -> Html:
    counts = at["confusion_matrix"]

    def field(name: str, meaning: str, kind: str) -> Html:
        return element("td", element("b", f"{counts[name]:,}"), element("span", meaning), class_=kind)

    return element(
        "table",
        element("caption", caption),
        element("tr", element("td"), element("th", "Alarm", scope="col"), element("th", "No alarm", scope="col")),
        element(
            "tr",
            element("th", "Fraud", scope="row"),
            field("tp", "caught", "right"),
            field("fn", "missed", "wrong"),
        ),
        element(
            "tr",
            element("th", "Genuine", scope="row"),
            field("fp", "false alarms", "wrong"),
            field("tn", "let through", "right"),
        ),
        class_="matrix",
    )


def metrics(found: Findings) -> Section:
    evaluation = found.evaluation
    bounds = evaluation["intervals"]["bounds"]
    values = _metric_values(evaluation)
    sure = {metric: value for metric, value in values.items() if value is not None and metric in bounds}
    rows = [
        (
            joined((metric_name(metric), element("small", _MEANINGS.get(metric, "")))),
            ratio(value),
            interval(bounds.get(metric)),
        )
        for metric, value in values.items()
    ]
    drawn = figures.metrics(
        [metric_name(metric) for metric in sure],
        list(sure.values()),
        [bounds[metric] for metric in sure],
    )
    content = [figure("figure-metrics", "Each metric with its 95 % interval", drawn)] if sure else []
    return section(
        "metrics",
        "How good, and how sure",
        "All from 0 to 1, and higher is better. The interval says how much of a number may be luck: measured on other "
        f"such transactions, it would mostly lie in there ({evaluation['intervals']['resamples']:,} bootstrap "
        "resamples).",
        *content,
        table(("Metric", "Value", "95\u00a0% interval"), rows),
    )


def _metric_values(evaluation: Mapping[str, Any]) -> dict[str, float | None]:
    at, half = evaluation["at_threshold"], evaluation["at_0.5"]
    return {
        **{name: at[name] for name in ("recall", "precision", "f1")},
        **{f"{name}_at_0.5": half[name] for name in ("recall", "precision", "f1")},
        "average_precision": evaluation["average_precision"],
        "roc_auc": evaluation["roc_auc"],
    }


def savings(found: Findings) -> Section | None:
    costs = found.evaluation["money"]
    if costs is None:
        return None
    missed = "its own amount" if costs["missed_fraud"] == "amount" else number(costs["missed_fraud"])
    rows = [
        ("Without the model", money(costs["without_model"]), NOTHING),
        *(
            (name, money(costs[field]["cost"]), money(costs[field]["saved"]))
            for name, field in (("At the chosen threshold", "at_threshold"), ("At the threshold 0.5", "at_0.5"))
        ),
    ]
    bounds = found.evaluation["intervals"]["bounds"].get("money_saved")
    sure = (
        f"95\u00a0% interval of what the chosen threshold saves: {money(bounds[0])} to {money(bounds[1])}."
        if bounds
        else ""
    )
    return section(
        "money",
        "What it saves",
        f"Over the test rows, where a missed fraud costs {missed} and a false alarm {number(costs['false_alarm'])}. "
        "Without the model every fraud is missed.",
        table(("", "Cost", "Saved"), rows),
        *([paragraph(sure)] if sure else []),
    )


def precision_recall(found: Findings) -> Section:
    return section(
        "precision-recall",
        "Precision and recall",
        "The lower the threshold, the more frauds are caught (recall), and the more alarms are false (precision). The "
        "nearer the line keeps to the upper right corner, the better the model; the dot is the chosen threshold.",
        figure(
            "figure-precision-recall",
            "Precision by recall, with the chosen threshold marked",
            figures.precision_recall(found.evaluation),
        ),
    )


def roc(found: Findings) -> Section:
    title = "ROC curve"
    if found.evaluation["roc_auc"] is None:
        return section("roc", title, "It needs frauds and genuine transactions; the test rows have only one of them.")
    return section(
        "roc",
        title,
        "How many frauds are caught for each false alarm rate that one puts up with. Fraud is so rare that even a "
        "small rate means many false alarms, so this curve looks better than the one above.",
        figure(
            "figure-roc",
            "True positive rate by false positive rate, with the chosen threshold marked",
            figures.roc(found.evaluation),
        ),
    )


def sweep(found: Findings) -> Section:
    threshold = found.choice["threshold"]
    aim = _THRESHOLD_OBJECTIVES[threshold["objective"]]
    if threshold["minimum"] is not None:
        aim += f", {number(threshold['minimum'])}"
    value = score(threshold["value"])
    chosen = f"The chosen one, {value}, has {aim} on the validation rows; the test rows, shown here, had no say in it."
    if not threshold["reached"]:
        chosen = f"It was to have {aim}, but none reaches that on the validation rows: {value} comes nearest."
    content = [figure("figure-sweep", "Precision, recall and F1 by threshold", figures.sweep(found.evaluation))]
    if found.evaluation["money"] is not None:
        content.append(figure("figure-cost", "Cost by threshold", figures.cost(found.evaluation)))
    return section(
        "threshold",
        "The threshold",
        f"An alarm is raised when the score reaches the threshold. {chosen}",
        *content,
    )


def scores(found: Findings) -> Section:
    return section(
        "scores",
        "Scores",
        "A good model gives frauds scores near 1 and genuine transactions scores near 0. What lies right of the "
        "chosen threshold raises an alarm. From line to line there are ten times as many.",
        figure("figure-scores", "Genuine transactions and frauds by score", figures.scores(found.evaluation)),
    )


def feature_importance(found: Findings) -> Section:
    title, used = "What the model looks at", len(found.choice["feature_importance"])
    if not used:
        return section(
            "features",
            title,
            "The model splits by no column, so there are no shares to show. Either it is linear (booster gblinear), or "
            "it gives every transaction the same score.",
        )
    rest = used - figures.MOST_FEATURES
    more = f" The {figures.MOST_FEATURES} most important of {used} are shown." if rest > 0 else ""
    return section(
        "features",
        title,
        f"Each column's share in what the model's decisions gain, all together 100\u00a0%.{more}",
        figure(
            "figure-features",
            "Most important columns",
            figures.feature_importance(found.choice, found.data["features"]),
        ),
    )


def slices(found: Findings) -> Section | None:
    parts = found.evaluation["slices"]
    if not parts:
        return None
    amount = found.data["amount_column"] or "amount"
    rows = [
        (
            f"{number(part['from'])} to {number(part['to'])}",
            f"{part['rows']:,}",
            f"{part['positives']:,}",
            *(ratio(part[metric]) for metric in ("recall", "precision", "f1", "average_precision", "roc_auc")),
        )
        for part in parts
    ]
    return section(
        "slices",
        "Small and large amounts",
        f"The test rows in {count(len(parts), 'part')} by {amount}. A part with few frauds says little.",
        figure("figure-slices", "Recall, precision and average precision by amount", figures.slices(found.evaluation)),
        table((amount, "Rows", "Frauds", "Recall", "Precision", "F1", "Average precision", "ROC AUC"), rows),
    )


def latency(found: Findings) -> Section:
    measured = found.evaluation["latency"]
    seconds = measured["seconds"]
    return section(
        "latency",
        "How fast it answers",
        f"The endpoint was asked {count(measured['requests'], 'time')}, for up to "
        f"{count(measured['rows_a_request'], 'transaction')} each.",
        tiles(
            ("Half of the answers within", duration(seconds["median"]), "median"),
            ("95 of 100 within", duration(seconds["p95"]), "95th percentile"),
            ("All within", duration(seconds["longest"]), "the longest"),
        ),
    )
