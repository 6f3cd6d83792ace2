"""Whatever the data's address holds: the run's data is complete in the bucket, or is refused and leaves nothing."""

import tempfile
import tracemalloc
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.prepare.errors import InvalidData
from lambdas.prepare.limits import Limits
from lambdas.prepare.preparation import DATA_REPORT, LEFT_BEHIND, Preparation, Request
from lambdas.prepare.source import open_web
from lambdas.prepare.split import LessonSplit
from lambdas.prepare.storage import S3Objects
from lambdas.prepare.unpack import csv_file
from tests.unit.bad_files import BAD_FILES, GOOD_BYTES, LYING_BOMB, ODD_FILES, PLAIN, SMALL, BadFile, OddFile, zipped
from tests.unit.s3_in_memory import S3InMemory

pytestmark = pytest.mark.slow

LARGE = 20_000_000
LONGEST_MESSAGE = 5000
"""Far below the 32,768 characters that Step Functions keeps of a cause."""
PARTS = ("train/train.csv", "validation/validation.csv", "test/test.csv")
REQUEST = Request(
    source="s3://raw/data",
    label_column="Class",
    bucket="team",
    prefix="runs/r/",
    split=LessonSplit(1729),
    drop_duplicates=False,
    amount_column=None,
    amount_required=False,
    registered=None,
)
OTHERS = {"team/runs/old/train/train.csv": b"1,2\n"}
"""What no refusal touches."""


@dataclass(frozen=True)
class Outcome:
    """`left` are the keys under the run's prefix; `written` those of all writes; `temporary` the files that stay."""

    error: Exception | None
    left: frozenset[str]
    written: tuple[str, ...]
    open_uploads: frozenset[str]
    others: dict[str, bytes]
    temporary: tuple[str, ...]
    lines: int
    """In the three parts."""


def prepared(content: bytes, limits: Limits) -> Outcome:
    """After the plan has left its code there."""
    start = f"{REQUEST.bucket}/{REQUEST.prefix}"
    s3 = S3InMemory({"raw/data": content, f"{start}{LEFT_BEHIND[0]}": b"code", **OTHERS})
    error: Exception | None = None
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        try:
            Preparation(S3Objects(s3.client), open_web(), limits).run(REQUEST)
        except Exception as caught:  # noqa: BLE001 - looked at by the tests
            error = caught
        finally:
            tempfile.tempdir = before
        temporary = tuple(path.name for path in Path(folder).rglob("*"))
    left = {name.removeprefix(start): found for name, found in s3.objects.items() if name.startswith(start)}
    return Outcome(
        error=error,
        left=frozenset(left),
        written=tuple(s3.written),
        open_uploads=frozenset(s3.uploads),
        others={name: found for name, found in s3.objects.items() if not name.startswith((start, "raw/"))},
        temporary=temporary,
        lines=sum(left.get(part, b"").count(b"\n") for part in PARTS),
    )


@cache
def refused(case: BadFile) -> Outcome:
    return prepared(case.content, case.limits)


each_bad_file = pytest.mark.parametrize("case", BAD_FILES, ids=lambda case: case.name)
each_odd_file = pytest.mark.parametrize("case", ODD_FILES, ids=lambda case: case.name)


def test_the_files_have_names_of_their_own() -> None:
    names = [case.name for case in (*BAD_FILES, *ODD_FILES)]

    assert len(set(names)) == len(names)


@each_bad_file
def test_a_bad_file_is_refused_with_its_class(case: BadFile) -> None:
    error = refused(case).error

    assert type(error) is case.error, error


@each_bad_file
def test_the_refusal_names_what_was_given_and_what_is_allowed(case: BadFile) -> None:
    message = str(refused(case).error)

    assert [words for words in case.named if words not in message] == [], message


@each_bad_file
def test_the_refusal_is_some_sentences_and_no_trace_back(case: BadFile) -> None:
    message = str(refused(case).error)

    assert message[0].isupper() or message[0] == "'"
    assert message[-1] == "."
    assert [sign for sign in ("Traceback", 'File "', "Error(", "\0", "/tmp/") if sign in message] == []  # noqa: S108
    assert len(message) < LONGEST_MESSAGE


@each_bad_file
def test_nothing_is_written_and_nothing_of_the_run_is_left(case: BadFile) -> None:
    outcome = refused(case)

    assert (outcome.written, outcome.left, outcome.open_uploads) == ((), frozenset(), frozenset())
    assert outcome.others == OTHERS
    assert outcome.temporary == ()


@each_odd_file
def test_an_odd_file_is_prepared_with_all_its_rows(case: OddFile) -> None:
    outcome = prepared(case.content, Limits())

    assert outcome.error is None
    assert outcome.left >= {*PARTS, DATA_REPORT}
    assert outcome.lines == case.rows
    assert outcome.temporary == ()


def test_the_report_that_says_that_all_is_there_is_written_last() -> None:
    written = prepared(GOOD_BYTES, Limits()).written

    assert written == tuple(f"{REQUEST.prefix}{name}" for name in (*PARTS, DATA_REPORT))


def test_a_large_member_is_unpacked_without_being_held(tmp_path: Path) -> None:
    packed = tmp_path / "source"
    packed.write_bytes(zipped({"a.csv": bytes(LARGE)}))
    limits = replace(Limits(), ratio_matters_from_bytes=2 * LARGE)
    tracemalloc.start()
    try:
        csv_file(packed, limits)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (tmp_path / "unpacked.csv").stat().st_size == LARGE
    assert most < LARGE / 4


def test_a_member_that_declares_less_than_it_holds_is_unpacked_no_further(tmp_path: Path) -> None:
    packed = tmp_path / "source"
    packed.write_bytes(LYING_BOMB)

    with pytest.raises(InvalidData):
        csv_file(packed, SMALL)

    assert sum(path.stat().st_size for path in tmp_path.iterdir() if path != packed) <= SMALL.csv_bytes


# --- at random ------------------------------------------------------------------------------------------------------

BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""However slow a machine is, and whatever else it does, the tests' outcome is the same."""


@dataclass(frozen=True)
class Change:
    """At a share of the file's length: some bytes taken out, others put in."""

    where: float
    out: int
    new: bytes

    def of(self, content: bytes) -> bytes:
        place = int(self.where * len(content))
        return content[:place] + self.new + content[place + self.out :]


CHANGES = st.lists(
    st.builds(
        Change,
        where=st.floats(0, 1) | st.floats(0.9, 1) | st.floats(0, 0.05),
        out=st.sampled_from((0, 0, 1, 1, 2, 4, 30, 1000)),
        new=st.binary(max_size=6) | st.sampled_from((b",", b"\n", b'"', b"\r", b"\0", b"nan", b"1e999", b"0,1\n")),
    ),
    min_size=1,
    max_size=4,
)


def assert_complete_or_refused(content: bytes) -> None:
    outcome = prepared(content, Limits())
    if outcome.error is None:
        assert outcome.left >= {*PARTS, DATA_REPORT}
        assert outcome.lines > 0
    else:
        assert isinstance(outcome.error, InvalidData), repr(outcome.error)
        assert (outcome.left, outcome.written) == (frozenset(), ())
    assert outcome.temporary == ()


def changed(content: bytes, changes: list[Change]) -> bytes:
    for change in changes:
        content = change.of(content)
    return content


@settings(BUSY, max_examples=80)
@given(CHANGES)
def test_a_csv_that_was_changed_anywhere_is_prepared_or_refused(changes: list[Change]) -> None:
    assert_complete_or_refused(changed(GOOD_BYTES, changes))


@settings(BUSY, max_examples=100)
@given(CHANGES)
def test_a_zip_that_was_changed_anywhere_is_prepared_or_refused(changes: list[Change]) -> None:
    assert_complete_or_refused(changed(PLAIN, changes))


@settings(BUSY, max_examples=60)
@given(st.sampled_from((b"", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"V1,Class\n", b"\xef\xbb\xbf")), st.binary())
def test_bytes_at_random_are_prepared_or_refused(magic: bytes, content: bytes) -> None:
    assert_complete_or_refused(magic + content)


@settings(BUSY, max_examples=60)
@given(st.lists(st.lists(st.text('0123.,;"-e\r\n \taN\x0b', max_size=4), min_size=1, max_size=4), max_size=12))
def test_rows_at_random_are_prepared_or_refused(rows: list[list[str]]) -> None:
    assert_complete_or_refused("\n".join(["V1,V2,Class", *map(",".join, rows)]).encode())
