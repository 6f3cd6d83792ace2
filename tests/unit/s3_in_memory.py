"""S3 in memory behind boto3's own client: what is sent, and what becomes of an answer that is none, is botocore's."""

import io
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config

_ONCE = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
_STATUS = {"NoSuchKey": 404, "NoSuchBucket": 404, "PermanentRedirect": 301, "InternalError": 500}
_FORBIDDEN = 403


@cache
def _client() -> Any:
    """One for all tests, since making one takes longer than most of them."""
    client = boto3.client("s3", region_name="us-east-1", config=_ONCE)
    client.meta.events.register("before-send.s3", lambda request, **_: S3InMemory.newest.answer(request))
    return client


class S3InMemory:
    """`objects` are by bucket and key. A `(method, key)` in `refused` is answered with that code of S3's; a key in
    `broken_off` has half of its bytes sent, and one in `replaced` is another object as soon as it has been asked for.
    Only the newest of these answers.
    """

    newest: ClassVar["S3InMemory"]

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        self.objects = dict(objects or {})
        self.refused: dict[tuple[str, str], str] = {}
        self.broken_off: set[str] = set()
        self.replaced: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.ranges: list[str] = []
        self.uploads: dict[str, dict[str, bytes]] = {}
        """The parts of the uploads that are neither complete nor aborted."""
        self.client = _client()
        S3InMemory.newest = self

    @property
    def written(self) -> list[str]:
        """The keys that were written, or tried to, in their order."""
        return [key for method, key in self.requests if method in ("PUT", "POST")]

    def answer(self, request: Any) -> AWSResponse:
        url = urlsplit(request.url)
        name = unquote(url.path).lstrip("/")
        key, query = name.partition("/")[2], parse_qs(url.query, keep_blank_values=True)
        self.requests.append((request.method, key))
        self.ranges += [value for header, value in request.headers.items() if header.lower() == "range"]
        code = self.refused.get((request.method, key))
        if code is None and request.method == "GET" and name not in self.objects:
            code = "NoSuchKey"
        if code is not None:
            return _response(_STATUS.get(code, _FORBIDDEN), _error(code))
        body = _content(request.body) if request.method in ("PUT", "POST") else b""
        return self._upload(request.method, name, query, body) or self._object(request.method, name, body)

    def _object(self, method: str, name: str, body: bytes) -> AWSResponse:
        if method == "PUT":
            self.objects[name] = body
        if method == "DELETE":
            self.objects.pop(name, None)
        if method != "GET":
            return _response(200)
        content = self.objects[name]
        sent = content[: len(content) // 2] if name in self.broken_off else content
        self.objects[name] = self.replaced.get(name, content)
        return _response(200, sent, {"Content-Length": str(len(content))})

    def _upload(self, method: str, name: str, query: dict[str, list[str]], body: bytes) -> AWSResponse | None:
        """A multi-part upload's requests; None for others."""
        if "uploads" in query:
            self.uploads[name] = {}
            return _response(200, f"<R><UploadId>{len(name)}</UploadId></R>".encode())
        if "uploadId" not in query:
            return None
        if method == "PUT":
            self.uploads[name][query["partNumber"][0]] = body
            return _response(200, headers={"ETag": '"part"'})
        parts = self.uploads.pop(name)
        if method == "POST":
            self.objects[name] = b"".join(parts[number] for number in sorted(parts, key=int))
        return _response(200, b"<R></R>")


class _Raw(io.BytesIO):
    """As much of urllib3's answer as botocore reads."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


def _content(body: Any) -> bytes:
    """Without the frame of chunks and check sums that botocore puts around what it streams."""
    content: bytes = body if isinstance(body, bytes) else body.read() if body is not None else b""
    if not re.match(rb"[0-9a-f]+\r\n", content):
        return content
    found, rest = b"", content
    while (size := int(rest.partition(b"\r\n")[0], 16)) > 0:
        rest = rest.partition(b"\r\n")[2]
        found, rest = found + rest[:size], rest[size + 2 :]
    return found


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


def _response(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> AWSResponse:
    return AWSResponse("https://s3", status, {"Content-Length": str(len(body)), **(headers or {})}, _Raw(body))
