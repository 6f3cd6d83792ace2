"""Whether a model that was registered before may compete with the run's own.

It was trained on the rows of an earlier run. Where these are validation or test rows now, because the file has grown
and was shuffled anew, it would win by having seen them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lambdas.prepare.errors import UnreadableSource
from lambdas.prepare.lines import Hashes, count_found, line_hashes


class Objects(Protocol):
    """The objects of S3, as much of them as is needed to read one without keeping it."""

    def chunks(self, bucket: str, key: str) -> Iterator[bytes]:
        """Raises UnreadableSource, at any chunk."""
        ...


@dataclass(frozen=True)
class RegisteredModel:
    """`training_rows` is the address in S3 of the CSV file that it was trained on, None if that is not known."""

    training_rows: str | None

    @classmethod
    def read(cls, given: Mapping[str, Any] | None) -> "RegisteredModel | None":
        return None if given is None else cls(given["training_rows"])


@dataclass(frozen=True)
class Verdict:
    """`rows_seen` of the validation and test rows it was trained on, None if that can't be told; the `reason` is for
    people to read.
    """

    competes: bool
    rows_seen: int | None
    reason: str


def judge(model: RegisteredModel, objects: Objects, measured_on: Hashes, seen_by_others: int) -> Verdict:
    """It competes if it has seen no more of the validation and test rows than the run's own models.

    `measured_on` are these rows, as lines of the CSV that the training rows are written in.
    """
    if model.training_rows is None:
        return Verdict(False, None, "the rows it was trained on are not known")
    bucket, _, key = model.training_rows.removeprefix("s3://").partition("/")
    try:
        seen = count_found(measured_on, line_hashes(objects.chunks(bucket, key)))
    except UnreadableSource as error:
        return Verdict(False, None, f"the rows it was trained on are not known: {error}")
    trained_on = f"it was trained on {seen:,} of the validation and test rows"
    if seen > seen_by_others:
        return Verdict(False, seen, f"{trained_on}, while the run's own models have seen {seen_by_others:,} of them")
    return Verdict(True, seen, f"{trained_on}, no more than the run's own models")
