"""Rows in requests that an endpoint takes."""

from collections.abc import Iterable, Iterator

from predict.errors import Misuse
from predict.transactions import Row

ROWS_A_REQUEST = 10_000
"""An answer must come within 60 seconds. These many rows of 30 features took half a second on one core with 400 trees
of depth 10, the deepest that tuning makes; ten times the trees, on a core a fraction as fast, still stay within."""


def batches(rows: Iterable[Row], most_bytes: int) -> Iterator[list[Row]]:
    """As many rows as fit into a request each, in their order. Raises Misuse for a row that fits into none."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        length = len(row.features) + 1  # a newline between it and the next
        if length > most_bytes:
            raise Misuse(
                f"Row {row.number:,} alone has {length:,} bytes; a request may have {most_bytes:,}. Write its numbers "
                "with fewer digits."
            )
        if batch and (size + length > most_bytes or len(batch) == ROWS_A_REQUEST):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += length
    if batch:
        yield batch


def body(batch: Iterable[Row]) -> str:
    """A request has no newline at its end: AWS's container would take what follows it for a row (aws-facts 2.12)."""
    return "\n".join(row.features for row in batch)
