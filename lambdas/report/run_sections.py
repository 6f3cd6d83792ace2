"""The parts of the page about the run: what was tried, on which data, how long it took and what it cost."""

from collections.abc import Mapping
from typing import Any

from lambdas.report import run_figures as figures
from lambdas.report.costs import Charge, Costs
from lambdas.report.findings import Findings
from lambdas.report.jobs import Tuning
from lambdas.report.markup import (
    Html,
    Section,
    element,
    facts,
    figure,
    folded,
    joined,
    paragraph,
    section,
    table,
    tiles,
)
from lambdas.report.words import NOTHING, count, duration, number, rare, ratio

MOST_CANDIDATES = 10
_SPLITS = {
    "lesson": "shuffled as in the lesson",
    "stratified": "shuffled, with the same share of frauds in each part",
    "time": "by time: trained on the past, tested on the future",
}


def tuning(found: Findings) -> Section:
    history = found.tuning
    title = "Tuning"
    if history is None:
        return section("tuning", title, "This run tuned nothing: it has one model, with the given hyperparameters.")
    content = []
    if any(tuned.value is not None for tuned in history.jobs):
        drawn = figures.tuning_history(history, found.trained)
        content.append(figure("figure-tuning", f"{history.objective} by job, and the best so far", drawn))
    return section(
        "tuning",
        title,
        f"{count(len(history.jobs), 'training job')} with other hyperparameters ({history.strategy} search), each "
        f"measured by {history.objective} on the validation rows, where "
        f"{'less' if history.objective_type == 'Minimize' else 'more'} is better.",
        *content,
        folded(f"All {count(len(history.jobs), 'job')}", _tuned_jobs(history)),
    )


def _tuned_jobs(history: Tuning) -> Html:
    names = list(dict.fromkeys(name for tuned in history.jobs for name in tuned.hyperparameters))
    rows = [
        (
            str(row),
            tuned.job.status,
            NOTHING if tuned.value is None else f"{tuned.value:.5f}",
            *(_shortened(tuned.hyperparameters.get(name, NOTHING)) for name in names),
            duration(tuned.job.seconds),
        )
        for row, tuned in enumerate(history.jobs, start=1)
    ]
    return table(("Job", "Status", history.objective, *names, "Time"), rows)


def _shortened(value: str) -> str:
    """SageMaker gives numbers as text, with more digits than can be read."""
    try:
        return number(float(value))
    except ValueError:
        return value


def candidates(found: Findings) -> Section:
    models, chosen = found.choice["candidates"], found.choice["chosen"]["job_name"]
    rows = [
        (
            joined(
                (
                    element("b", f"✓ {model['source']}") if model["job_name"] == chosen else model["source"],
                    element("small", model["job_name"]),
                )
            ),
            ratio(model["average_precision"]),
            ratio(model["roc_auc"]),
        )
        for model in models[:MOST_CANDIDATES]
    ]
    content = [table(("Model", "Average precision", "ROC AUC"), rows)]
    left_out = len(models) - MOST_CANDIDATES
    if left_out > 0:
        content.append(paragraph(f"And {count(left_out, 'other')}, none of them better."))
    skipped = found.choice["skipped"]
    if skipped:
        content.append(
            folded(
                f"{count(len(skipped), 'model')} that could not be compared",
                table(("Model", "Reason"), [(model["job_name"], model["reason"]) for model in skipped]),
            )
        )
    registered = found.data.get("registered")
    if registered is not None and not registered["competes"]:
        content.append(paragraph(f"The registered model was left out: {registered['reason']}."))
    return section(
        "candidates",
        "Models compared",
        "All scored on the validation rows; the one with the highest average precision was chosen. Among equals the "
        "trained one comes first.",
        *content,
    )


def data(found: Findings) -> Section:
    report = found.data
    duplicates = report["duplicates"]
    return section(
        "data",
        "The data",
        "What was read, before anything was trained: the training part teaches the model, the validation part chooses "
        "among models and thresholds, the test part judges.",
        tiles(
            ("Transactions", f"{report['rows']:,}", f"{count(len(report['features']), 'feature')} each"),
            ("Frauds", f"{report['positives']:,}", f"{rare(report['positive_share'])} of all"),
            ("Missing values", f"{report['missing_values']:,}", "in all columns"),
            ("Repeated rows", f"{duplicates['rows']:,}", "dropped" if duplicates["dropped"] else "kept"),
        ),
        paragraph(f"How the parts were made: {_split(report['split'])}."),
        table(
            ("Part", "Rows", "Frauds", "Share"),
            [
                (name, f"{part['rows']:,}", f"{part['positives']:,}", rare(part["positives"] / (part["rows"] or 1)))
                for name, part in report["parts"].items()
            ],
        ),
        paragraph(_duplicates(duplicates)),
        folded("Every column, with its range", _columns(report["columns"])),
    )


def _split(split: Mapping[str, Any]) -> str:
    made = _SPLITS[split["method"]]
    if split["time_column"] is not None:
        return f"{made} (column {split['time_column']})"
    return made if split["seed"] is None else f"{made} (seed {split['seed']})"


def _duplicates(duplicates: Mapping[str, Any]) -> str:
    if duplicates["dropped"]:
        return f"{count(duplicates['rows'], 'row')} equal to an earlier one in every column: dropped before the split."
    across = duplicates["across_parts"]
    if not across:
        return "No row of the validation or test part also stands in the training part."
    return (
        f"{count(across, 'row')} of the validation and test parts also "
        f"{'stands' if across == 1 else 'stand'} in the training part, which makes the model look a little better "
        "than it is."
    )


def _columns(columns: list[Mapping[str, Any]]) -> Html:
    rows = [
        (
            column["name"],
            column["type"],
            f"{column['missing']:,}",
            *(
                number(value)
                for value in (
                    column["min"],
                    *(column["quartiles"] or (None, None, None)),
                    column["max"],
                    column["mean"],
                    column["standard_deviation"],
                )
            ),
        )
        for column in columns
    ]
    quartiles = ("25\u00a0% below", "Half below", "75\u00a0% below")
    return table(("Column", "Type", "Missing", "Least", *quartiles, "Most", "Mean", "Standard deviation"), rows)


def steps(found: Findings) -> Section:
    timeline = found.timeline
    rows = [(step.name, f"{step.visits:,}", duration(step.seconds)) for step in timeline.steps]
    content = []
    if rows:
        content.append(figure("figure-steps", "Seconds by step", figures.steps(timeline)))
        content.append(folded(f"All {count(len(rows), 'step')}", table(("Step", "Times", "Time"), rows)))
    return section(
        "steps",
        "Time",
        f"The run took {duration(timeline.seconds)} until this report. Here are the steps that took most of it, in "
        "their order; waiting for machines to start is part of many.",
        *content,
    )


def costs(found: Findings) -> Section:
    spent = found.costs
    return section(
        "costs",
        "Costs",
        "Training bills the seconds that its machines were there. Storage, requests and functions come to little.",
        _charges(spent) if spent.usd_per_hour is not None else _unpriced(spent),
        paragraph(element("b", "Endpoint: "), found.request.hosting),
    )


def _charges(spent: Costs) -> Html:
    rows = [
        (charge.what, f"{charge.jobs:,}", duration(charge.seconds), f"{spent.usd(charge):.4f}")
        for charge in (*spent.charges, spent.total)
    ]
    return element(
        "div",
        table(("Step", "Jobs", "Billed time", "USD"), rows),
        paragraph(f"At about {number(spent.usd_per_hour)} USD an hour and machine (us-east-1)."),
        class_="with-total",
    )


def _unpriced(spent: Costs) -> Html:
    def row(charge: Charge) -> tuple[str, str, str]:
        return charge.what, f"{charge.jobs:,}", duration(charge.seconds)

    return element(
        "div",
        table(("Step", "Jobs", "Billed time"), [row(charge) for charge in (*spent.charges, spent.total)]),
        paragraph("The price of this instance type is not known here, so there is no amount."),
        class_="with-total",
    )


def origin(found: Findings) -> Html:
    """What identifies the run, its data and its model."""
    return element(
        "footer",
        facts(
            {
                "Run": found.request.run_id,
                "Model": found.evaluation["chosen"]["job_name"],
                "Endpoint": found.evaluation["endpoint_name"],
                "Data": found.data["source"],
                "Fingerprint of the data (SHA-256)": found.data["sha256"],
                "Files": f"s3://{found.request.bucket}/{found.request.prefix}",
            }
        ),
    )
