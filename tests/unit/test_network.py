"""Whether a process that a test starts is cut off from everything but this machine: see tests/network.py."""

import re
import socket
import subprocess
import sys

import pytest

ASKING = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)"
CONNECTING = "import socket; socket.create_connection(('192.0.2.1', 443), timeout=5)"
"""To an address that is nobody's (RFC 5737)."""

INTERFACES = [name for _, name in socket.if_nameindex()]

LISTENING = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
    print("reached")
"""


def child(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_process_that_a_test_starts_reaches_no_address_beyond_this_machine(scheme: str) -> None:
    asked = child(ASKING, f"{scheme}://192.0.2.1/")

    assert asked.returncode == 1
    assert re.search("Network is unreachable|Connection refused", asked.stderr)  # at once: no packet has left


@pytest.mark.skipif("lo" not in INTERFACES, reason="only Linux has network namespaces")
@pytest.mark.skipif(INTERFACES != ["lo"], reason="this user may not make a network namespace")
def test_nor_does_one_that_heeds_no_proxy() -> None:
    assert "Network is unreachable" in child(CONNECTING).stderr


def test_but_it_reaches_this_machine() -> None:
    assert child(LISTENING).stdout == "reached\n"
