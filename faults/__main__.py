"""`python -m faults`: the table of all scenarios; exit code 0 if nothing is left and every cause is the true one."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from faults.deployment import deploy
from faults.machine import task_states
from faults.scenarios import scenarios
from faults.trial import Outcome, try_all
from localcloud.cdk import CdkError
from localcloud.cloud import LocalCloudError, start

_ROOT = Path(__file__).parent.parent
_FOLDER = _ROOT / ".localcloud" / "faults"


def main() -> int:
    console = Console(highlight=False)
    try:
        outcomes = _run(console)
    except (CdkError, LocalCloudError) as error:
        console.print(f"\n{error}", style="red", markup=False)
        return 1
    _show(console, outcomes)
    bad = sum(bool(outcome.complaints) for outcome in outcomes)
    if bad:
        console.print(f"\n{bad} scenarios did not end as they have to.", style="red")
    leftovers = sum(len(outcome.left) for outcome in outcomes)
    console.print(f"\nfaults: {len(outcomes)} scenarios, {leftovers} leftovers")
    return 0 if all(outcome.good for outcome in outcomes) else 1


def _run(console: Console) -> list[Outcome]:
    with console.status("Start a local cloud …"):
        cloud = start(_FOLDER)
    with cloud:
        with console.status("Deploy the stack …"):
            deployment = deploy(cloud, _ROOT, _FOLDER)
        chosen = scenarios(task_states(deployment.definition()))
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("Executions", total=len(chosen))
            return list(try_all(deployment, chosen, lambda: progress.advance(task)))


def _show(console: Console, outcomes: Sequence[Outcome]) -> None:
    """A part for each state, a line for each scenario that begins there."""
    for state in dict.fromkeys(outcome.scenario.state for outcome in outcomes):
        console.print(f"\n[bold]{state}[/bold]")
        for outcome in (each for each in outcomes if each.scenario.state == state):
            mark = "[green]✓[/green]" if outcome.good else "[red]✗[/red]"
            left = ", ".join(f"{item.kind} {item.name}" for item in outcome.left) or "nothing"
            line = f"{outcome.ended.status:<9}  left: {left:<7}  {outcome.scenario.course}"
            console.print(f"  {mark} {line}", soft_wrap=True)
            for complaint in outcome.complaints:
                console.print(f"      {complaint}", style="red", markup=False, soft_wrap=True)


sys.exit(main())
