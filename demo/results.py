"""What the demo shows, and keeps, of a run."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from localcloud.cloud import Item


def keep_artifacts(s3: Any, bucket: str, result: dict[str, Any], folder: Path) -> None:
    """Copy the run's evaluation and the chosen model out of the bucket, which goes with the stack."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    prefix = f"runs/{result['run_id']}/"
    model_key = result["chosen"]["model_data"].removeprefix(f"s3://{bucket}/")
    s3.download_file(bucket, f"{prefix}evaluation.json", str(folder / "evaluation.json"))
    s3.download_file(bucket, model_key, str(folder / "model.tar.gz"))


def keep_leftovers(leftovers: Iterable[Item], folder: Path) -> None:
    listed = [item._asdict() for item in sorted(leftovers)]
    (folder / "leftovers.json").write_text(json.dumps(listed, indent=2) + "\n")


def show_result(console: Console, result: dict[str, Any], *, made_up: bool) -> None:
    """The headline, and the confusion matrix on the test rows at the chosen threshold."""
    evaluation = result["evaluation"]
    at_threshold = evaluation["at_threshold"]
    rows = f"{evaluation['rows']:,} {'made-up ' if made_up else ''}test rows, {evaluation['positives']} of them frauds"
    console.print(f"\n[bold]{rows}[/bold], in {evaluation['batches']} requests to endpoint {result['endpoint_name']}")
    console.print(_model(result["chosen"]))
    console.print(_matrix(at_threshold["confusion_matrix"]))
    console.print(
        f"at threshold {evaluation['threshold']:.4f} (chosen on the validation rows): "
        f"precision {at_threshold['precision']:.3f}, recall {at_threshold['recall']:.3f}, F1 {at_threshold['f1']:.3f}\n"
        f"average precision {evaluation['average_precision']:.3f}, ROC AUC {evaluation['roc_auc']:.3f}",
        highlight=False,
    )


def _model(chosen: dict[str, Any]) -> str:
    scores = f"trained {chosen['trained_score']:.4f}"
    if "tuned_score" in chosen:
        scores += f", best tuned {chosen['tuned_score']:.4f}"
    return f"served: the {chosen['source']} model ({chosen['metric']}: {scores})"


def _matrix(matrix: dict[str, int]) -> Table:
    table = Table(title="Confusion matrix", title_justify="left")
    for heading in ("", "predicted genuine", "predicted fraud"):
        table.add_column(heading, justify="right")
    table.add_row("genuine", f"{matrix['tn']:,}", f"[yellow]{matrix['fp']:,}[/yellow]")
    table.add_row("fraud", f"[red]{matrix['fn']:,}[/red]", f"[green]{matrix['tp']:,}[/green]")
    return table
