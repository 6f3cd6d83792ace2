"""The HTTP side of a serving container: GET /ping and /execution-parameters, POST /invocations."""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

logger = logging.getLogger(__name__)

_DEFAULT_PORT = 8080
_REASONS = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The data value transmitted exceeds the capacity limit.",
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "The server encountered an internal error and was unable to complete your request. Either the server is "
        "overloaded or there is an error in the application."
    ),
}


@dataclass(frozen=True)
class Invocation:
    """A request; `content_type` and `accept` are its headers, None if they are not there."""

    body: bytes
    content_type: str | None
    accept: str | None


@dataclass(frozen=True)
class Answer:
    status: HTTPStatus
    body: bytes = b""
    content_type: str = "text/plain"


class Refused(Exception):
    """An invocation that the model's handler answers with `status` and the message."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Model(Protocol):
    @property
    def execution_parameters(self) -> Mapping[str, Any] | None:
        """What batch transform may ask for; None where the image does not tell."""
        ...

    def answer(self, invocation: Invocation) -> Answer:
        """Raise Refused for an error that is the caller's; anything else raised becomes a 500."""
        ...


def default_accept(otherwise: str) -> str:
    """What is answered to those who want anything."""
    return os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", otherwise)


def page(status: HTTPStatus) -> Answer:
    """What Flask, which both of the image's handlers are applications of, says of an error that they let through."""
    name = status.phrase
    text = (
        f"<!doctype html>\n<html lang=en>\n<title>{status.value} {name}</title>\n<h1>{name}</h1>\n"
        f"<p>{_REASONS[status]}</p>\n"
    )
    return Answer(status, text.encode(), "text/html")


def serve(model: Model) -> None:
    """Answer on 127.0.0.1:$SAGEMAKER_BIND_TO_PORT until SIGTERM; `model` is loaded, so /ping is 200 from the start."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", _DEFAULT_PORT))
    with ThreadingHTTPServer(("127.0.0.1", port), _handler_for(model)) as server:
        logger.info("Serving on port %d", port)
        server.serve_forever()


def _handler_for(model: Model) -> type[BaseHTTPRequestHandler]:
    one_at_a_time = threading.Lock()  # as the image's workers are; /ping is answered meanwhile

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(_told(model, self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path != "/invocations":
                self._send(Answer(HTTPStatus.NOT_FOUND))
                return
            invocation = Invocation(body, self.headers.get("Content-Type"), self.headers.get("Accept"))
            with one_at_a_time:
                answer = _answer(model, invocation)
            self._send(answer)

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            if answer.status != HTTPStatus.NO_CONTENT:
                self.send_header("Content-Type", _with_charset(answer.content_type))
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is http.server's
            logger.debug(format, *args)

    return Handler


def _told(model: Model, path: str) -> Answer:
    if path == "/ping":
        return Answer(HTTPStatus.OK)
    if path == "/execution-parameters" and model.execution_parameters is not None:
        return Answer(HTTPStatus.OK, json.dumps(model.execution_parameters).encode(), "application/json")
    return Answer(HTTPStatus.NOT_FOUND)


def _answer(model: Model, invocation: Invocation) -> Answer:
    """What the image logs of an error with its trace-back, it does not tell the caller."""
    try:
        return model.answer(invocation)
    except Refused as refused:
        logger.info("Refused: %s", refused)
        return Answer(refused.status, str(refused).encode(), "text/html")
    except Exception:
        logger.exception("The model failed to answer")
        return page(HTTPStatus.INTERNAL_SERVER_ERROR)


def _with_charset(content_type: str) -> str:
    """As Flask has it for text."""
    is_bare_text = content_type.startswith("text/") and "charset=" not in content_type
    return f"{content_type}; charset=utf-8" if is_bare_text else content_type
