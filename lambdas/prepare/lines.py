"""Lines of CSV text, told apart by hashes of 64 bits: eight bytes a line, however long it is."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lambdas.prepare.bounded import CHUNK

Hashes = npt.NDArray[np.int64]
"""Of this process alone: Python salts them anew in every other."""


def file_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def line_hashes(chunks: Iterable[bytes]) -> Iterator[Hashes]:
    """The hashes of the text's lines in their order, as many at a time as a chunk completes."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield _hashes(lines)
    if rest:
        yield _hashes([rest])


def count_found(lines: Hashes, among: Iterable[Hashes]) -> int:
    """How many of `lines`, of which there is one or more, stand in the other text; equal ones each count."""
    different, counts = np.unique(lines, return_counts=True)
    found = np.zeros(len(different), dtype=bool)
    for unsorted in among:
        others = np.sort(unsorted)  # so that the search goes through memory in its order: three times as fast
        places = np.minimum(np.searchsorted(different, others), len(different) - 1)
        found[places[different[places] == others]] = True
    return int(counts[found].sum())


def _hashes(lines: list[bytes]) -> Hashes:
    return np.fromiter(map(hash, lines), dtype=np.int64, count=len(lines))
