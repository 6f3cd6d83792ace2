"""What the demo shows, and keeps, of a run."""

import json
import os
import shutil
import sys
import webbrowser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from localcloud.cloud import Item

REPORT = "report.html"
DOCUMENTS = (REPORT, "evaluation.json", "choice.json", "data_report.json", "tuning_history.json")


def keep_artifacts(s3: Any, bucket: str, result: dict[str, Any], folder: Path) -> None:
    """Copy the run's report, its figures and the chosen model out of the bucket, which goes with the stack."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    prefix = f"runs/{result['run_id']}/"
    for name in DOCUMENTS:
        s3.download_file(bucket, f"{prefix}{name}", str(folder / name))
    s3.download_file(bucket, result["model_data"].removeprefix(f"s3://{bucket}/"), str(folder / "model.tar.gz"))


def keep_leftovers(leftovers: Iterable[Item], folder: Path) -> None:
    listed = [item._asdict() for item in sorted(leftovers)]
    (folder / "leftovers.json").write_text(json.dumps(listed, indent=2) + "\n")


def show_result(console: Console, result: dict[str, Any], *, made_up: bool) -> None:
    """The headline, and the confusion matrix on the test rows at the chosen threshold."""
    evaluation = result["evaluation"]
    at_threshold = evaluation["at_threshold"]
    rows = f"{evaluation['rows']:,} {'made-up ' if made_up else ''}test rows, {evaluation['positives']} of them frauds"
    console.print(f"\n[bold]{rows}[/bold], in {evaluation['batches']} requests to endpoint {result['endpoint_name']}")
    console.print(_model(evaluation["chosen"]))
    console.print(_matrix(at_threshold["confusion_matrix"]))
    bounds = evaluation["intervals"]["bounds"]
    console.print(
        f"at threshold {evaluation['threshold']:.4f} (chosen on the validation rows): "
        f"precision {at_threshold['precision']:.3f}, recall {at_threshold['recall']:.3f}, F1 {at_threshold['f1']:.3f}\n"
        f"average precision {_with_interval(evaluation, bounds, 'average_precision')}, "
        f"ROC AUC {_with_interval(evaluation, bounds, 'roc_auc')}",
        highlight=False,
    )


def _with_interval(evaluation: dict[str, Any], bounds: dict[str, Any], metric: str) -> str:
    low, high = bounds[metric]
    return f"{evaluation[metric]:.3f} (95 %: {low:.3f} to {high:.3f})"


def _model(chosen: dict[str, Any]) -> str:
    chosen_one, trained = chosen["average_precision"], chosen["trained_average_precision"]
    return (
        f"served: the {chosen['source']} model, the best of {chosen['candidates']} on the validation rows "
        f"(average precision {chosen_one:.4f}; trained {trained:.4f})"
    )


def open_report(folder: Path, console: Console) -> None:
    """In the browser, where there is a screen and somebody sits before it."""
    has_screen = sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if console.is_terminal and has_screen:
        webbrowser.open((folder / REPORT).as_uri())


def _matrix(matrix: dict[str, int]) -> Table:
    table = Table(title="Confusion matrix", title_justify="left")
    for heading in ("", "predicted genuine", "predicted fraud"):
        table.add_column(heading, justify="right")
    table.add_row("genuine", f"{matrix['tn']:,}", f"[yellow]{matrix['fp']:,}[/yellow]")
    table.add_row("fraud", f"[red]{matrix['fn']:,}[/red]", f"[green]{matrix['tp']:,}[/green]")
    return table
