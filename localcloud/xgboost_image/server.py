"""The HTTP side of a serving container: GET /ping, POST /invocations."""

import logging
import os
import signal
import sys
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from localcloud.xgboost_image.encoding import CSV

logger = logging.getLogger(__name__)

MAX_CONTENT_LENGTH = 6_291_456
_DEFAULT_PORT = 8080


@dataclass(frozen=True)
class Invocation:
    body: bytes
    content_type: str
    accept: str


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
    def answer(self, invocation: Invocation) -> Answer:
        """Raise Refused for an error that is the caller's; anything else raised becomes a 500."""
        ...


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
            self._send(Answer(HTTPStatus.OK if self.path == "/ping" else HTTPStatus.NOT_FOUND))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path != "/invocations":
                self._send(Answer(HTTPStatus.NOT_FOUND))
                return
            invocation = Invocation(body, self.headers.get("Content-Type") or CSV, self._accept())
            with one_at_a_time:
                answer = _answer(model, invocation)
            self._send(answer)

        def _accept(self) -> str:
            accept = self.headers.get("Accept", "*/*")
            return os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", CSV) if accept == "*/*" else accept

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            if answer.status != HTTPStatus.NO_CONTENT:
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is http.server's
            logger.debug(format, *args)

    return Handler


def _answer(model: Model, invocation: Invocation) -> Answer:
    if len(invocation.body) > MAX_CONTENT_LENGTH:
        return _error(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body has {len(invocation.body)} bytes, but at most {MAX_CONTENT_LENGTH} are allowed",
        )
    try:
        return model.answer(invocation)
    except Refused as refused:
        return _error(refused.status, str(refused))
    except Exception as error:
        logger.exception("The model failed to answer")
        return _error(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}: {error}")


def _error(status: HTTPStatus, message: str) -> Answer:
    return Answer(status, message.encode())
