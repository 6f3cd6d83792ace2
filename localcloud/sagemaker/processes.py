"""How a container's process comes to be: as a fork of a warm process where that can be, else as an interpreter's start.

Why a warm process, and what it shares, see localcloud.xgboost_image.warm; this is the local cloud's side of it.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from localcloud.xgboost_image.program import Program

_REPOSITORY = Path(__file__).resolve().parents[2]
_LONGEST_REPORT = 32
_READ_AS_IT_IS_LOADED = ("PYTHON", "LANG", "LC_", "LD_", "MALLOC_", "NPY_", "OMP_", "GOMP_", "OPENBLAS_")
"""Variables that Python, C and the libraries for arrays look at once, when they are loaded."""


def common_environment() -> dict[str, str]:
    """What does not differ between containers: nothing of this machine's but PATH."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(_REPOSITORY),
        "PYTHONUNBUFFERED": "1",
        # Jobs share this machine's cores: threads that spin while they wait would take them from one another.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def start(command: Sequence[str], directory: Path, environment: Mapping[str, str], output: int) -> "Process":
    """Start a process with that environment and no other, both of its streams going to the descriptor `output`."""
    if _warm and _can_be_forked(command, environment):
        return _warm[0].fork(Program(command[2], command[3:], str(directory), dict(environment)), output)
    return subprocess.Popen(
        command,
        cwd=directory,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def _can_be_forked(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """A variable of the job's own that is read as a library is loaded would come too late for a fork."""
    return list(command[:2]) == [sys.executable, "-m"] and _read_early(environment) == _read_early(common_environment())


def _read_early(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_AS_IT_IS_LOADED)}


def warm_up() -> None:
    """Let containers be forked from now on; returns at once. Only Linux forks safely after such imports."""
    if sys.platform == "linux" and not _warm:
        _warm.append(WarmProcess(common_environment()))


def cool_down() -> None:
    """End the warm process, and all of its forks."""
    while _warm:
        _warm.pop().stop()


class WarmProcessEnded(Exception):
    """No container can be forked."""

    def __init__(self) -> None:
        super().__init__("The warm process, of which containers are forks, has ended; the local cloud's log says why.")


class WarmProcess:
    """Forks containers; ends when it is told to, or when this process ends, however it does."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        assert sys.platform == "linux"
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "localcloud.xgboost_image.warm", str(theirs.fileno())],
                cwd=_REPOSITORY,
                env={**environment, "HOME": os.devnull},  # no configuration of this machine's user
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def fork(self, program: Program, output: int) -> "ForkedProcess":
        """Waits until the process is warm. Raises WarmProcessEnded."""
        assert sys.platform == "linux"
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                socket.send_fds(self._channel, [json.dumps(asdict(program)).encode()], [output, theirs.fileno()])
            except BrokenPipeError as error:
                raise WarmProcessEnded from error
        return ForkedProcess(ours)

    def stop(self) -> None:
        self._channel.close()
        self._process.wait()


class ForkedProcess:
    """A fork, as the warm process reports of it; as much of `subprocess.Popen` as a container needs."""

    def __init__(self, report: socket.socket) -> None:
        pid = report.recv(_LONGEST_REPORT)
        if not pid:
            raise WarmProcessEnded
        self.pid = int(pid)
        self._report = report

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, for any number of threads that wait, so it stays where it is."""
        poll = select.poll()
        poll.register(self._report, select.POLLIN)
        if not poll.poll(None if timeout is None else timeout * 1000):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return int(self._report.recv(_LONGEST_REPORT, socket.MSG_PEEK) or -signal.SIGKILL)


Process = subprocess.Popen[bytes] | ForkedProcess
"""Its `pid` is also its process group's."""

_warm: list[WarmProcess] = []
"""The one, if there is one."""
