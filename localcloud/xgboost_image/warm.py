"""The warm process: `python -m localcloud.xgboost_image.warm <descriptor of a socket>`.

Half of a short training job's time would go into imports, the same in each. So a local cloud keeps one process that
has done them, and a container's process is a fork of it; imports are all that it shares with others. Nothing is
computed here, since the threads of OpenMP do not survive a fork (OpenBLAS sees to its own); importing scikit-learn,
which XGBoost does too, starts none. One thing differs from a
process of its own: a script's file with the name of a module that is imported here does not come before that module.

The local cloud holds the other end of the socket, and asks for a fork with one message: a program as JSON, and the
descriptors of its output and of a socket for what is to be reported, its process id and then its exit code. When that
end is closed, even by the local cloud's sudden death, all containers and the warm process end.
"""

import atexit
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from localcloud.xgboost_image.program import Program, ending, run

assert sys.platform == "linux", "elsewhere a fork after such imports is not safe"

_LARGEST_MESSAGE = 1_048_576
_IMAGE = "localcloud.xgboost_image"
_MODULES = (
    *("boto3", "numpy", "pandas", "sklearn.metrics", "xgboost"),
    *(f"{_IMAGE}.{name}" for name in ("algorithm_serving", "algorithm_training", "script_serving", "script_training")),
)


@dataclass(frozen=True)
class Child:
    """A container's process; `pidfd` can be read from when it has ended."""

    pid: int
    pidfd: int
    report: socket.socket

    def end(self) -> None:
        """Kill the process, if it runs, and all of its group; report how it ended."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        with suppress(OSError):
            self.report.send(str(code).encode())
        self.close()

    def close(self) -> None:
        os.close(self.pidfd)
        self.report.close()


def serve(channel: socket.socket) -> Program | None:
    """Returns in each fork, with the program that it is to become, and, with None, when the local cloud is gone."""
    children: dict[int, Child] = {}
    while True:
        ready, _, _ = select.select([channel.fileno(), *children], [], [])
        for pidfd in children.keys() & ready:
            children.pop(pidfd).end()
        if channel.fileno() not in ready:
            continue
        message, descriptors, _, _ = socket.recv_fds(channel, _LARGEST_MESSAGE, 2)
        if not message:
            for child in children.values():
                child.end()
            return None
        started = _fork(*descriptors)
        if started is None:
            _close(channel, children.values())
            return Program(**json.loads(message))
        children[started.pidfd] = started


def _fork(output: int, report: int) -> Child | None:
    """The child, in a process group of its own; None in the child itself."""
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        os.close(report)
        return None
    with suppress(PermissionError):  # it has done so itself, and gone on
        os.setpgid(pid, pid)  # here too: whoever learns of the process may signal its group
    os.close(output)
    child = Child(pid, os.pidfd_open(pid), socket.socket(fileno=report))
    with suppress(OSError):
        child.report.send(str(pid).encode())
    return child


def _close(channel: socket.socket, siblings: Iterable[Child]) -> None:
    channel.close()
    for sibling in siblings:
        sibling.close()


def _import() -> None:
    for name in _MODULES:
        importlib.import_module(name)
    import boto3  # noqa: PLC0415

    # What boto3 imports late. The session goes: its credentials are nobody's.
    boto3.session.Session("nobody", "nothing", region_name="us-east-1").client("s3")


def main() -> None:
    atexit.register(ending.leave)
    _import()
    gc.collect()
    gc.freeze()  # garbage collection in a fork would touch, and so copy, all the memory that it shares
    program = serve(socket.socket(fileno=int(sys.argv[1])))
    if program:
        run(program)


if __name__ == "__main__":
    main()
