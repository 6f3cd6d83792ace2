"""What a CSV file's bytes tell of it before it is parsed: a parser would read whatever it is given into memory."""

from dataclasses import dataclass
from pathlib import Path

from lambdas.prepare.bounded import CHUNK
from lambdas.prepare.errors import InvalidData
from lambdas.prepare.limits import MIB
from lambdas.prepare.lines import file_chunks

LONGEST_LINE = CHUNK
"""One that is longer is not within a single chunk: so it is enough to look at the lines that a chunk cuts."""


@dataclass(frozen=True)
class Shape:
    """`lines` are those that end, by LF, CR or both; `commas` are all, those in quotes too."""

    lines: int
    commas: int

    @classmethod
    def of(cls, path: Path) -> "Shape":
        """Raises InvalidData for what is no text, a line that is too long, and quotation marks that do not pair."""
        lines = commas = quotes = unended = 0
        last = b""
        for chunk in file_chunks(path):
            if b"\0" in chunk:
                raise InvalidData("The CSV file is not UTF-8 text: it holds NUL bytes. Save it as UTF-8.")
            lines += _line_ends(chunk) - (last == b"\r" and chunk.startswith(b"\n"))
            commas += chunk.count(b",")
            quotes += chunk.count(b'"')
            unended = _unended(chunk, unended, lines + 1)
            last = chunk[-1:]
        if quotes % 2:
            raise InvalidData(
                f"The CSV file can't be read: it has {quotes:,} quotation marks, so that one of them is not closed. "
                "Close it, or leave it out."
            )
        return cls(lines, commas)


def _line_ends(chunk: bytes) -> int:
    return chunk.count(b"\n") + chunk.count(b"\r") - chunk.count(b"\r\n")


def _unended(chunk: bytes, unended: int, number: int) -> int:
    """The bytes of the line that the chunk ends within; `unended` are those before the chunk. Raises InvalidData."""
    first = min((place for place in (chunk.find(b"\n"), chunk.find(b"\r")) if place >= 0), default=len(chunk))
    if unended + first > LONGEST_LINE:
        raise InvalidData(
            f"The CSV file has a line of more than {LONGEST_LINE // MIB} MiB, near line {number:,}. Expected are lines "
            "of numbers, separated by commas."
        )
    if first == len(chunk):
        return unended + first
    return len(chunk) - 1 - max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
