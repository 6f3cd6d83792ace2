"""The demo from beginning to end."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from demo.follow import follow
from demo.options import LESSON, Options
from demo.results import REPORT, keep_artifacts, keep_leftovers, open_report, show_result
from demo.sample import FRAUDS, ROWS, write_sample
from localcloud.cdk import CdkApp
from localcloud.cloud import Cloud, start

_ROOT = Path(__file__).parent.parent
FOLDER = _ROOT / ".localcloud"
LAST = FOLDER / "last"
_KEPT = FOLDER / "kept.json"


class DemoFailed(Exception):
    """The run failed, or something was left over; the message says what."""


def run(options: Options, console: Console) -> None:
    """Deploy, run, show, destroy, and list what is left. Raises DemoFailed."""
    _refuse_second_cloud()
    with _step(console, "Start the local cloud"):
        cloud = start(FOLDER)
    kept = False
    try:
        app = CdkApp(cloud, _ROOT, FOLDER / "cdk.out")
        before = _bootstrap(app, console)
        with _step(console, "cdk deploy"):
            app.deploy()
        outputs = app.outputs(_stack_name(app))
        failure = _run_machine(cloud, outputs, options, console)
        if options.keep:
            kept = True
            _keep(cloud, outputs, console)
        else:
            _destroy(app, before, console)
    finally:
        if not kept:
            cloud.stop()
    if failure:
        raise DemoFailed(failure)


def stop_kept(console: Console) -> None:
    """End the cloud that KEEP=1 left up."""
    if _KEPT.is_file():
        kept = json.loads(_KEPT.read_text())
        Cloud(Path(kept["folder"]), kept["port"], kept["pid"]).stop()
        _KEPT.unlink()
        console.print("The local cloud is stopped, and all that was in it is gone.")
    else:
        console.print("No local cloud was kept.")


def _refuse_second_cloud() -> None:
    if _KEPT.is_file():
        raise DemoFailed("A local cloud is still up (KEEP=1). End it with `make stop`, then start again.")


def _bootstrap(app: CdkApp, console: Console) -> frozenset[Any]:
    """Everything that the account holds before the stack is deployed."""
    with _step(console, "cdk synth"):
        app.synth()
    with _step(console, "cdk bootstrap"):
        app.bootstrap()
    return app.cloud.inventory()


def _stack_name(app: CdkApp) -> str:
    settings = json.loads((app.folder / "cdk.json").read_text())["context"]["settings"]
    return str(settings["project"])


def _run_machine(cloud: Cloud, outputs: dict[str, str], options: Options, console: Console) -> str:
    """Start the deployed machine and follow it; what went wrong, or nothing."""
    execution_input = _with_data(cloud, outputs["BucketName"], options, console)
    step_functions = cloud.client("stepfunctions")
    arn = step_functions.start_execution(stateMachineArn=outputs["StateMachineArn"], input=json.dumps(execution_input))[
        "executionArn"
    ]
    console.print(f"\n[bold]State machine[/bold], started with {escape(json.dumps(execution_input))}", soft_wrap=True)
    outcome = follow(step_functions, arn, console)
    if not outcome.succeeded:
        LAST.mkdir(parents=True, exist_ok=True)
        return f"The run ended as {outcome.status}: {outcome.error}: {outcome.cause}"
    keep_artifacts(cloud.client("s3"), outputs["BucketName"], outcome.output, LAST)
    show_result(console, outcome.output, made_up=options.data is None)
    console.print(f"\n[bold]report: {_shown(LAST / REPORT)}[/bold]", soft_wrap=True)
    console.print(
        f"artefacts: {outcome.output['artifacts']}; beside the report are copies of its figures and of the model\n"
    )
    open_report(LAST, console)
    return ""


def _with_data(cloud: Cloud, bucket: str, options: Options, console: Console) -> dict[str, Any]:
    """The execution's input with the data's location, the data having been uploaded there."""
    given = dict(options.input)
    data = given.get("data", {})
    if options.data == LESSON or not isinstance(data, dict) or "source" in data:
        return given
    path = options.data
    if not isinstance(path, Path):
        path = FOLDER / "made-up-transactions.csv"
        with _step(console, f"Make up {ROWS:,} transactions, {FRAUDS} of them frauds"):
            write_sample(path)
    with _step(console, f"Upload {path.name}"):
        cloud.client("s3").upload_file(str(path), bucket, f"raw/{path.name}")
    return {**given, "data": {**data, "source": f"s3://{bucket}/raw/{path.name}"}}


def _keep(cloud: Cloud, outputs: dict[str, str], console: Console) -> None:
    _KEPT.write_text(json.dumps({**asdict(cloud), "folder": str(cloud.folder)}))
    console.print("The cloud stays up. With these variables `aws`, boto3 and `cdk` talk to it:\n")
    for name, value in cloud.environment.items():
        console.print(f"export {name}={value}", soft_wrap=True)
    for name, value in outputs.items():
        console.print(f"# {name}: {value}", soft_wrap=True)
    console.print("\nEnd it with `make stop`.")


def _destroy(app: CdkApp, before: frozenset[Any], console: Console) -> None:
    with _step(console, "cdk destroy"):
        app.destroy()
    leftovers = app.cloud.inventory() - before
    LAST.mkdir(parents=True, exist_ok=True)
    keep_leftovers(leftovers, LAST)
    if leftovers:
        names = "\n".join(" ".join(item) for item in sorted(leftovers))
        raise DemoFailed(f"cdk destroy left something in the account:\n{names}")
    console.print(f"\nLeft in the account: [green]nothing[/green] ({_shown(LAST / 'leftovers.json')})")


@contextmanager
def _step(console: Console, name: str) -> Iterator[None]:
    """Shows that something is under way, then how long it took."""
    started, name = time.monotonic(), escape(name)
    with console.status(f"{name} …"):
        yield
    console.print(f"[green]✓[/green] {name:<36} {time.monotonic() - started:6.1f} s")


def _shown(path: Path) -> Path:
    return path.relative_to(_ROOT)
