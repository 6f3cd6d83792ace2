"""`python -m bench`, with DATA from the environment: eight splits, model against model."""

import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

from rich.console import Console
from rich.table import Table

from bench.lesson import AveragePrecision, lesson, read
from bench.pipeline import INPUT, RunFailed, deployed
from localcloud.cdk import CdkError
from localcloud.cloud import LocalCloudError

SEEDS = (1729, 1, 2, 3, 4, 5, 6, 7)
"""The lesson's own, and seven more."""
RESULT = Path(__file__).parent.parent / ".bench" / "model.json"
_MISUSE, _FAILURE, _INTERRUPTED = 2, 1, 130


@dataclass(frozen=True)
class Split:
    """The average precision of the three models on one split of the data."""

    seed: int
    lesson: AveragePrecision
    trained: AveragePrecision
    chosen: AveragePrecision
    source: str


def main() -> int:
    console = Console(highlight=False)
    path = Path(os.environ.get("DATA") or os.environ.get("CREDITCARD_DATA") or "")
    if not path.is_file():
        console.print("Give the lesson's data: make bench-model DATA=creditcardfraud.zip.", style="red")
        return _MISUSE
    try:
        splits = _measure(path, console)
    except (CdkError, LocalCloudError, RunFailed) as error:
        console.print(f"\n{error}", style="red", markup=False)
        return _FAILURE
    except KeyboardInterrupt:
        console.print("\nInterrupted; the local cloud is stopped, and nothing is left.")
        return _INTERRUPTED
    _write(splits)
    console.print(_means(splits))
    console.print(f"written to {RESULT.parent.name}/{RESULT.name}")
    return 0


def _measure(path: Path, console: Console) -> list[Split]:
    splits = []
    with tempfile.TemporaryDirectory() as folder, console.status("Starting the local cloud, and deploying …") as status:
        table = read(path)
        with deployed(Path(folder)) as pipeline:
            source = pipeline.upload(path)
            console.print(
                f"average precision on test (on validation), the machine started with {json.dumps(INPUT)}",
                soft_wrap=True,
            )
            for number, seed in enumerate(SEEDS, start=1):
                status.update(f"Split {number} of {len(SEEDS)}, seed {seed} …")
                outcome = pipeline.run(source, seed)
                splits.append(Split(seed, lesson(table, seed), outcome.trained, outcome.chosen, outcome.source))
                console.print(_row(splits[-1]), soft_wrap=True)
    return splits


def _row(split: Split) -> str:
    def shown(figure: AveragePrecision) -> str:
        return f"{figure.test:.4f} ({figure.validation:.4f})"

    return (
        f"seed {split.seed:>4}   lesson {shown(split.lesson)}   trained {shown(split.trained)}   "
        f"chosen {shown(split.chosen)}, {split.source}"
    )


def _mean(figures: list[AveragePrecision]) -> AveragePrecision:
    return AveragePrecision(mean(each.validation for each in figures), mean(each.test for each in figures))


def _means(splits: list[Split]) -> Table:
    table = Table(title=f"Mean average precision over {len(splits)} splits", title_justify="left")
    for heading in ("", "validation", "test"):
        table.add_column(heading, justify="right")
    for name in ("lesson", "trained", "chosen"):
        found = _mean([getattr(split, name) for split in splits])
        table.add_row(name, f"{found.validation:.4f}", f"{found.test:.4f}")
    return table


def _write(splits: list[Split]) -> None:
    document = {
        "lesson_mean_average_precision": _mean([split.lesson for split in splits]).test,
        "chosen_mean_average_precision": _mean([split.chosen for split in splits]).test,
        "input": INPUT,
        "splits": [asdict(split) for split in splits],
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(document, indent=2) + "\n")


sys.exit(main())
