"""Running a notebook from top to bottom, in a kernel of its own."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

_LONGEST_CELL_SECONDS = 900


class NotebookFailed(Exception):
    """A cell raised an error; the message names it, and where the notebook lies with all that it printed."""


def execute(path: Path, environment: Mapping[str, str], folder: Path, progress: Callable[[int, int], None]) -> None:
    """Run the notebook where it lies, and keep it with its outputs in `folder`, however far it came.

    The kernel has these variables and no AWS account of this process's; `progress` is told the cells that have run,
    and all. Raises NotebookFailed.
    """
    notebook = nbformat.read(path, as_version=4)
    of_code = [number for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"]

    def tell(cell: Any, cell_index: int, execute_reply: Any) -> None:
        progress(of_code.index(cell_index) + 1, len(of_code))

    folder.mkdir(parents=True, exist_ok=True)
    progress(0, len(of_code))
    try:
        with TemporaryDirectory() as connection:
            client = NotebookClient(
                notebook,
                timeout=_LONGEST_CELL_SECONDS,
                kernel_name="python3",
                resources={"metadata": {"path": str(path.parent)}},
                on_cell_executed=tell,
                config=_over_files(Path(connection)),
            )
            asyncio.run(client.async_execute(env=_environment(environment, folder)))
    except CellExecutionError as error:
        kept = folder / path.name
        raise NotebookFailed(
            f"{path.name}: {error.ename}: {error.evalue}\nAs far as it came, it is in {kept}."
        ) from error
    finally:
        nbformat.write(notebook, folder / path.name)


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
        "PIP_NO_INDEX": "1",
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(settings / "sagemaker.yaml"),
        **environment,
    }
