"""Fetching the data from its address."""

import http.client
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from lambdas.prepare.bounded import copy_bounded
from lambdas.prepare.errors import TooMuchData, UnreadableSource, cut
from lambdas.prepare.limits import MIB, Limits

SECONDS_WITHOUT_AN_ANSWER = 30
LONGEST_SECONDS = 600
"""A server may not take longer for all of it: the function has 15 minutes, and needs some for the data itself."""
LONGEST_REASON = 300
ALLOWED = 'Allowed is "https://…" or "s3://bucket/key".'


class Objects(Protocol):
    """The objects of S3, as much of them as is needed to read one."""

    def fetch(self, bucket: str, key: str, target: Path, most: int, too_much: Exception) -> None: ...


@dataclass(frozen=True)
class Source:
    """The data's address. Its `str` has no query, where signed addresses carry their signature."""

    address: str

    def __str__(self) -> str:
        return self.address.partition("?")[0]

    def fetch(self, target: Path, objects: Objects, web: urllib.request.OpenerDirector, limits: Limits) -> None:
        """Write what the address holds to `target`. Raises UnreadableSource or TooMuchData."""
        parts = urllib.parse.urlsplit(self.address)
        if parts.scheme == "https" and parts.hostname:
            self._fetch_https(target, web, limits)
        elif parts.scheme == "s3" and parts.netloc and parts.path.strip("/"):
            key = self.address.removeprefix(f"s3://{parts.netloc}/")
            objects.fetch(parts.netloc, key, target, limits.source_bytes, self._too_large(limits))
        else:
            raise UnreadableSource(f"The source {self} is no address that can be read. {ALLOWED}")

    def _fetch_https(self, target: Path, web: urllib.request.OpenerDirector, limits: Limits) -> None:
        try:
            with web.open(self.address, timeout=SECONDS_WITHOUT_AN_ANSWER) as answer, target.open("wb") as file:
                self._copy(answer, file, limits)
        except urllib.error.HTTPError as error:
            raise self._unreadable(f"the server answered {error.code} {error.reason}") from error
        except urllib.error.URLError as error:
            raise self._unreadable(_why(error.reason)) from error
        except (OSError, ValueError, OverflowError, http.client.HTTPException) as error:
            raise self._unreadable(_why(error)) from error

    def _copy(self, answer: http.client.HTTPResponse, file: IO[bytes], limits: Limits) -> None:
        promised = answer.headers.get("Content-Length", "")
        if promised.isdecimal() and int(promised) > limits.source_bytes:
            raise self._too_large(limits)
        got = copy_bounded(InTime(answer), file, limits.source_bytes, self._too_large(limits))
        if promised.isdecimal() and int(promised) != got:
            raise self._unreadable(f"the connection ended after {got:,} of {int(promised):,} bytes")

    def _unreadable(self, why: str) -> UnreadableSource:
        return UnreadableSource(
            f"The source {self} can't be read: {cut(why, LONGEST_REASON)}. {ALLOWED} Check the address and who may "
            "read it."
        )

    def _too_large(self, limits: Limits) -> TooMuchData:
        return TooMuchData(
            f"The source {self} is larger than the {limits.source_bytes // MIB:,} MiB that this function downloads. "
            "Give it as a zip archive, or a sample of its rows."
        )


class Answer(Protocol):
    def read1(self, size: int, /) -> bytes: ...


class InTime:
    """An answer that raises TooSlow when it is read after `LONGEST_SECONDS`."""

    def __init__(self, answer: Answer, clock: Callable[[], float] = time.monotonic) -> None:
        self._answer = answer
        self._clock = clock
        self._end = clock() + LONGEST_SECONDS

    def read(self, size: int, /) -> bytes:
        """What has come so far, not all that is asked for: else a server that is slow enough never lets it end."""
        if self._clock() > self._end:
            raise TooSlow
        return self._answer.read1(size)


class TooSlow(OSError):
    """A server keeps sending, but not fast enough."""

    def __str__(self) -> str:
        return f"the server did not send all of it within {LONGEST_SECONDS // 60} minutes"


class HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only where the data stays encrypted on its way."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urllib.parse.urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError(f"it redirects to {newurl.partition('?')[0]}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def open_web(*handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(HttpsOnly, *handlers)


def _why(reason: object) -> str:
    if isinstance(reason, socket.gaierror):
        return "there is no such host, or its name can't be looked up"
    if isinstance(reason, TimeoutError):
        return f"the server sent nothing for {SECONDS_WITHOUT_AN_ANSWER} seconds"
    return str(reason) or type(reason).__name__
