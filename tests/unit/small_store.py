"""As much of S3 and CloudWatch Logs as jobs need, on this machine, and the cloud around SageMaker with it."""

import io
import json
import tarfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.unit.small_cloud import ROLE, SmallPlatform


class SmallStore(ThreadingHTTPServer):
    """As much of S3 as jobs use, and CloudWatch Logs, for one role that may write to `bucket/out` only."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), StoreHandler)
        self.objects: dict[str, bytes] = {}
        """By bucket and key."""
        self.logs: dict[str, list[str]] = {}
        """Messages by group and stream."""
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def outputs(self) -> dict[str, str]:
        start = "bucket/out/"
        return {key.removeprefix(start): body.decode() for key, body in self.objects.items() if key.startswith(start)}


class StoreHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SmallStore

    @property
    def name(self) -> str:
        return unquote(urlsplit(self.path).path).strip("/")

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self._list(query["prefix"][0])
        elif self.name in self.server.objects:
            self._send(HTTPStatus.OK, self.server.objects[self.name])
        else:
            self._send(HTTPStatus.NOT_FOUND, b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        body = self._body()
        if not self.name.startswith("bucket/out"):
            self._send(HTTPStatus.FORBIDDEN, b"<Error><Code>AccessDenied</Code><Message>not yours</Message></Error>")
            return
        self.server.objects[self.name] = body
        self._send(HTTPStatus.OK)

    def do_POST(self) -> None:
        request = json.loads(self._body())
        if "logEvents" in request:
            stream = f"{request['logGroupName']}:{request['logStreamName']}"
            self.server.logs.setdefault(stream, []).extend(event["message"] for event in request["logEvents"])
        self._send(HTTPStatus.OK, b"{}")

    def _list(self, prefix: str) -> None:
        start = f"{self.name}/"
        keys = [name.removeprefix(start) for name in self.server.objects if name.startswith(f"{start}{prefix}")]
        contents = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys)
        found = f"<KeyCount>{len(keys)}</KeyCount>{contents}"
        self._send(HTTPStatus.OK, f"<ListBucketResult>{found}</ListBucketResult>".encode())

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _send(self, status: HTTPStatus, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hash(body):x}"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is http.server's
        pass


@dataclass
class PlatformWithStore(SmallPlatform):
    store: SmallStore = field(default_factory=SmallStore)

    def assume(self, role_arn: str, session_name: str, region: str) -> Mapping[str, str]:
        if role_arn != ROLE:
            return super().assume(role_arn, session_name, region)
        return {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.store.server_port}",
        }


def archive(files: Mapping[str, bytes | bytearray]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()
