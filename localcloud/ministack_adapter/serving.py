"""ministack's server process."""

from collections.abc import Callable

from ministack import app

from localcloud.ministack_adapter.internals import Used, replace

USED: Used = ((app, ("_port_is_bindable", "main")),)


def main() -> None:
    """Serve until the process is told to end; configured by environment variables."""
    serve: Callable[[], None] = app.main
    serve()


def serve_on_one_port() -> None:
    """Leave port 443 alone: other clouds, and other programs, run on this machine too."""
    replace(app, "_port_is_bindable", lambda host, port: False)
