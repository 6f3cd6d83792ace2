"""Running notebooks from top to bottom, each in a kernel of its own, side by side."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from traitlets.config import Config

_LONGEST_CELL_SECONDS = 900


class NotebookFailed(Exception):
    """A cell did not come to its end; the message says why, and where the notebook lies with all that it printed."""


@dataclass(frozen=True)
class Run:
    """A notebook that is run where it lies; with its outputs it is kept in `kept`, however far it came."""

    notebook: Path
    kept: Path
    progress: Callable[[int, int], None]
    """Is told how many of its cells have run, and how many there are."""


def execute(runs: Sequence[Run], environment: Mapping[str, str]) -> None:
    """Run all; the kernels have these variables and no AWS account of this process's. Raises NotebookFailed."""
    asyncio.run(_execute_all(runs, environment))


async def _execute_all(runs: Sequence[Run], environment: Mapping[str, str]) -> None:
    """Most of the time a notebook waits for a job, so that there is no need to wait for one another as well."""
    outcomes = await asyncio.gather(*(_execute(run, environment) for run in runs), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


async def _execute(run: Run, environment: Mapping[str, str]) -> None:
    notebook = nbformat.read(run.notebook, as_version=4)
    of_code = [number for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"]

    def tell(cell: Any, cell_index: int, execute_reply: Any) -> None:
        run.progress(of_code.index(cell_index) + 1, len(of_code))

    run.kept.mkdir(parents=True, exist_ok=True)
    run.progress(0, len(of_code))
    try:
        with TemporaryDirectory() as connection:
            client = NotebookClient(
                notebook,
                timeout=_LONGEST_CELL_SECONDS,
                kernel_name="python3",
                resources={"metadata": {"path": str(run.notebook.parent)}},
                on_cell_executed=tell,
                config=_over_files(Path(connection)),
            )
            await client.async_execute(env=_environment(environment, run.kept))
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        name = run.notebook.name
        raise NotebookFailed(f"{name}: {_told(error)}\nAs far as it came, it is in {run.kept / name}.") from error
    finally:
        nbformat.write(notebook, run.kept / run.notebook.name)


def _told(error: Exception) -> str:
    if isinstance(error, CellExecutionError):
        return f"{error.ename}: {error.evalue}"
    return str(error).splitlines()[0]


def _over_files(folder: Path) -> Config:
    """How the kernel is talked to: through files there, and not through the network or the user's home."""
    return Config({"KernelManager": {"transport": "ipc", "connection_file": str(folder / "kernel.json")}})


def _environment(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """This process's, but for any AWS account; nothing is written into the user's home, or sent to anybody."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    settings = folder / "settings"
    settings.mkdir(exist_ok=True)
    (settings / "sagemaker.yaml").write_text(
        "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n"
    )
    return {
        **own,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), own.get("PATH", os.defpath)]),
        "IPYTHONDIR": str(settings / "ipython"),
        "MPLCONFIGDIR": str(settings / "matplotlib"),
        # All is installed here already: nothing is to be looked up, and nothing to be installed.
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(settings / "sagemaker.yaml"),
        **environment,
    }
