"""Copying that ends when there is more than was agreed."""

from typing import Protocol

CHUNK = 2**20


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Writable(Protocol):
    def write(self, content: bytes, /) -> object: ...


def copy_bounded(source: Readable, target: Writable, most: int, too_much: Exception) -> int:
    """Copy by chunks and return the count of bytes; beyond `most` stop and raise `too_much`."""
    count = 0
    while chunk := source.read(CHUNK):
        count += len(chunk)
        if count > most:
            raise too_much
        target.write(chunk)
    return count
