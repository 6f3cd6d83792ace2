"""A Python program as a process: a fork of one that has imported what the program needs, or an interpreter of its own.

A program is handed on from a fork to the bottom of its stack (`Forked`), and becomes there what the interpreter runs:
so it also ends as any program does, with the interpreter's own exit codes, tracebacks and `atexit`.
"""

import gc
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_REPOSITORY = str(Path(__file__).resolve().parents[2])
_warm = threading.Event()


@dataclass(frozen=True)
class Program:
    """`python -m module arguments…` in a directory, with an environment of its own."""

    module: str
    arguments: Sequence[str]
    directory: str
    environment: Mapping[str, str]

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", self.module, *self.arguments]


def start(program: Program) -> "subprocess.Popen[str] | Fork":
    """Start it as a child of this process, its standard error in a pipe; in a warm process, as a fork."""
    if _warm.is_set():
        return Fork(program)
    return subprocess.Popen(
        program.command, cwd=program.directory, env=dict(program.environment), stderr=subprocess.PIPE, text=True
    )


class Forked(BaseException):  # no Exception: nothing on the way down may take it for an error
    """Raised in a fork, and there only, to leave the stack of the process that it was forked from."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program = program


class Fork:
    """A child that becomes the program; as much of `subprocess.Popen` as is needed. Raises Forked in the child."""

    def __init__(self, program: Program) -> None:
        reader, writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reader)
            os.dup2(writer, 2)
            os.close(writer)
            raise Forked(program)
        os.close(writer)
        self.stderr: IO[str] = os.fdopen(reader)

    def terminate(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGTERM)

    def wait(self) -> int:
        with self.stderr:
            return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def run(program: Program) -> None:
    """Be the program until its end, and, in the processes that it forks, be what those are to become."""
    _warm.set()
    following: Program | None = program
    while following:
        current, following = following, None
        try:
            _become(current)
        except Forked as forked:
            following = forked.program
        except SystemExit as error:
            ending.code = error.code if isinstance(error.code, int) else int(error.code is not None)
            raise
        except BaseException:
            ending.code = 1
            raise


class Ending:
    """The last of the `atexit` functions of a warm process and its forks: register it before anything is imported.

    It saves a fork from taking every module apart, and from copying, for that, all the memory that it shares.
    """

    code = 0

    def leave(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.code)


ending = Ending()


def _become(program: Program) -> None:
    """Nothing but what was imported stays of what this process was; and of that, nothing of this repository's,
    unless the program's own PYTHONPATH has it."""
    os.chdir(program.directory)
    os.environ.clear()
    os.environ.update(program.environment)
    time.tzset()
    tempfile.tempdir = None
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _forget_state_of_libraries()
    python_path = program.environment.get("PYTHONPATH")
    installed = (entry for entry in sys.path[1:] if entry != _REPOSITORY)
    sys.path[:] = [program.directory, *(python_path.split(os.pathsep) if python_path else ()), *installed]
    if _REPOSITORY not in sys.path:
        for name in [name for name in sys.modules if name.partition(".")[0] == "localcloud"]:
            del sys.modules[name]
    sys.argv = [program.module, *program.arguments]
    runpy.run_module(program.module, run_name="__main__", alter_sys=True)


def _forget_state_of_libraries() -> None:
    """Log handlers, boto3's session, connections that nobody refers to any more, and NumPy's seed.

    Python's own random numbers are seeded anew in every fork, OpenSSL's too.
    """
    import logging  # noqa: PLC0415

    import boto3  # noqa: PLC0415  a warm process has them
    import numpy as np  # noqa: PLC0415

    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)
    boto3.DEFAULT_SESSION = None
    gc.collect()
    np.random.seed()
