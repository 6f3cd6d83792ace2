"""No test reaches beyond this machine, nor does a process that it starts.

As root on Linux the tests, and with them all that they start, get a network namespace of their own, which has nothing
but the loopback. Elsewhere what heeds the proxy's variables is sent to a port where nobody listens.
"""

import ctypes
import fcntl
import os
import socket
import struct
import sys

import pytest

NOWHERE = "http://127.0.0.1:9"
"""The port of the discard protocol, which nobody offers any more."""

HERE = "localhost,.localhost,127.0.0.1,::1"

_CLONE_NEWNET = 0x40000000  # sched.h
_SIOCSIFFLAGS = 0x8914  # linux/sockios.h
_UP_AND_RUNNING = 0x1 | 0x40  # linux/if.h

_CUT_OFF = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """What pytest-xdist starts inherits either."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    config.stash[_CUT_OFF] = _have_a_network_of_our_own()
    if not config.stash[_CUT_OFF]:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            os.environ[name] = os.environ[name.lower()] = NOWHERE
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = HERE


def pytest_report_header(config: pytest.Config) -> str:
    cut_off = config.stash.get(_CUT_OFF, False)
    return "network: " + ("the loopback alone" if cut_off else "only what heeds no proxy could reach out")


def _have_a_network_of_our_own() -> bool:
    """For this thread, and what it starts; whether the system lets it."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    if ctypes.CDLL(None).unshare(_CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", _UP_AND_RUNNING))
    return True
