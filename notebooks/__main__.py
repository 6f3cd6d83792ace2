"""`python -m notebooks`, with DATA from the environment; `python -m notebooks build` makes the notebooks anew."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from botocore.exceptions import ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from demo.options import LESSON, Options, OptionsError
from demo.sample import write_sample
from localcloud.cdk import CdkApp, CdkError
from localcloud.cloud import Cloud, LocalCloudError, start
from notebooks import build
from notebooks.execution import NotebookFailed, Run, execute
from notebooks.space import Space, SpaceFailed, open_space

_ROOT = Path(__file__).parent.parent
_FOLDER = _ROOT / ".localcloud" / "notebooks"
_FAILURE, _MISUSE, _INTERRUPTED = 1, 2, 130


def main(arguments: list[str]) -> int:
    console = Console(highlight=False)
    if arguments == ["build"]:
        build.write()
        return 0
    try:
        return _run(Options.read(os.environ).data, console)
    except OptionsError as error:
        console.print(str(error), style="red", markup=False)
        return _MISUSE
    except (CdkError, ClientError, LocalCloudError, NotebookFailed, SpaceFailed) as error:
        console.print(f"\n{error}", style="red", markup=False)
        return _FAILURE
    except KeyboardInterrupt:
        console.print("\nInterrupted; the local cloud is stopped, and nothing is left.")
        return _INTERRUPTED


def _run(data: Path | str | None, console: Console) -> int:
    """Deploy, run every notebook in a space of Studio's, and tell what bills when they are done."""
    with console.status("Start a local cloud …"):
        cloud = start(_FOLDER)
    with cloud:
        app = CdkApp(cloud, _ROOT, _FOLDER / "cdk.out")
        with console.status("Deploy the stack …"):
            app.synth()
            app.bootstrap()
            app.deploy()
        with open_space(cloud, app.outputs(_project())["DomainId"], _user(cloud)) as space:
            _run_notebooks(space, _with_data(space.environment, data), console)
        console.print(f"\nWith their outputs they are in {(_FOLDER / 'run').relative_to(_ROOT)}. What bills now:\n")
        billing = subprocess.run(
            [sys.executable, "-m", "billing"], cwd=_ROOT, env={**os.environ, **cloud.environment}, check=False
        )
        return billing.returncode


def _run_notebooks(space: Space, environment: Mapping[str, str], console: Console) -> None:
    """Raises NotebookFailed."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        for language in build.LANGUAGES:
            paths = sorted((space.home / "fraud-detection" / language).glob("*.ipynb"))
            kept = _FOLDER / "run" / language
            execute([Run(path, kept, _bar(progress, f"{language}/{path.name}")) for path in paths], environment)


def _bar(progress: Progress, name: str) -> Callable[[int, int], None]:
    return partial(_tell, progress, progress.add_task(name, total=None))


def _tell(progress: Progress, task: TaskID, run: int, cells: int) -> None:
    progress.update(task, completed=run, total=cells)


def _with_data(environment: Mapping[str, str], data: Path | str | None) -> Mapping[str, str]:
    """DATA names a file; without one, the notebooks read the lesson's from its public address."""
    if data == LESSON:
        return environment
    if not isinstance(data, Path):
        data = _FOLDER / "made-up-transactions.csv"
        write_sample(data)
    return {**environment, "DATA": str(data.resolve())}


def _project() -> str:
    return str(json.loads((_ROOT / "cdk.json").read_text())["context"]["settings"]["project"])


def _user(cloud: Cloud) -> str:
    """The first of Studio's users. Raises SpaceFailed."""
    profiles = cloud.client("sagemaker").list_user_profiles()["UserProfiles"]
    if not profiles:
        raise SpaceFailed("cdk.json: settings.user_profiles is empty; the notebooks run as one of Studio's users.")
    return str(profiles[0]["UserProfileName"])


sys.exit(main(sys.argv[1:]))
