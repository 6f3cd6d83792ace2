"""What is seen while rows are scored: live on a terminal, else plain lines."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_PLAIN_SECONDS = 60.0
"""After how long a line says that the same is still being done."""
_PLAIN_SHARE = 0.1
"""After which share of the rows there is another line."""


class _Rows(ProgressColumn):
    def render(self, task: Task) -> Text:
        total = "" if task.total is None else f"of {task.total:,.0f} "
        return Text(f"{task.completed:,.0f} {total}rows")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} rows/s" if task.speed else "", style="dim")


class Display:
    """Writes to one console; what is being done follows one another."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        self._console.print(text, style="dim", markup=False, soft_wrap=True)

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[str], None]]:
        """What is given is to be called with what of the step is being done."""
        started = time.monotonic()
        with self._progress(SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False)) as p:
            task = p.add_task(f"{name} …", total=None)
            plain = _PlainStep(self.say, started)

            def tell(doing: str) -> None:
                p.update(task, description=f"{name}: {doing}")
                if not self._console.is_terminal:
                    plain.tell(doing)

            yield tell
        self._done(name, started)

    @contextmanager
    def rows(self, doing: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """What is given is to be called with the number of further rows that are done; without a total for a while."""
        started = time.monotonic()
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), _Rows(), _Rate())
        remaining = () if total is None else (TimeRemainingColumn(),)
        with self._progress(*columns, *remaining) as progress:
            task = progress.add_task(doing, total=total)
            plain = _PlainRows(self.say, total, started)

            def advance(rows: int) -> None:
                progress.advance(task, rows)
                if not self._console.is_terminal:
                    plain.advance(rows)

            yield advance
        self._done(f"{doing}: {progress.tasks[0].completed:,.0f} rows", started)

    def finished(self, rows: int, flagged: int, threshold: float, out: Path, seconds: float) -> None:
        """The last lines: what came of it, and where."""
        counts = (f"{rows:,} rows", "bold"), ", ", (f"{flagged:,} flagged", "bold yellow" if flagged else "bold")
        self._console.print()
        self._console.print(
            Text.assemble(*counts, f", whose score is {threshold:.4g} or more; {seconds:.1f} s"), soft_wrap=True
        )
        self._console.print(str(out), markup=False, soft_wrap=True)

    def _progress(self, *columns: ProgressColumn) -> Progress:
        return Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal)

    def _done(self, name: str, started: float) -> None:
        seconds = f"{time.monotonic() - started:6.1f} s"
        self._console.print(Text.assemble(("✓ ", "green"), f"{name:<44} {seconds}"), soft_wrap=True)


class _PlainStep:
    """A line when something else is being done, or the same for long."""

    def __init__(self, say: Callable[[str], None], started: float) -> None:
        self._say, self._started = say, started
        self._told, self._told_at = "", started

    def tell(self, doing: str) -> None:
        now = time.monotonic()
        if doing != self._told or now - self._told_at >= _PLAIN_SECONDS:
            self._told, self._told_at = doing, now
            self._say(f"  {doing}, {now - self._started:.0f} s")


class _PlainRows:
    """A line for each tenth of the rows."""

    def __init__(self, say: Callable[[str], None], total: int | None, started: float) -> None:
        self._say, self._total, self._started = say, total, started
        self._done = self._told = 0

    def advance(self, rows: int) -> None:
        if self._total is None:
            return
        self._done += rows
        if self._done - self._told >= _PLAIN_SHARE * self._total:
            self._told = self._done
            rate = self._done / (time.monotonic() - self._started)
            left = (self._total - self._done) / rate
            self._say(f"  {self._done:,} of {self._total:,} rows, {rate:,.0f} rows/s, {left:.0f} s left")
