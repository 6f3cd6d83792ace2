"""`make predict`: a file's rows, what is sent of them, what comes back, and that nothing is left.

Where AWS is asked, boto3 is real, and so is the SageMaker that answers, with models that run here.
"""

import csv
import io
import itertools
import json
import os
import re
import runpy
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import numpy as np
import pytest
import xgboost as xgb
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from localcloud.sagemaker.endpoints import Hosted
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.resources import Resource, Resources
from localcloud.sagemaker.runtime import invoke
from localcloud.sagemaker.service import SageMaker
from predict.answers import scores, scores_in
from predict.aws import Clients
from predict.batch_job import BatchJob
from predict.batches import ROWS_A_REQUEST, batches, body
from predict.display import Display
from predict.errors import Misuse, PredictFailed
from predict.live import COLD_START_PAUSES, SageMakerEndpoint, score
from predict.model import INSTANCE_BYTES, SERVERLESS_BYTES, Live, Registered, find_model
from predict.options import Options
from predict.scored_file import ScoredFile
from predict.transactions import Row, Transactions
from tests.unit.bad_files import BAD_FILES, BadFile
from tests.unit.small_cloud import REGION, ROLE, Principal, SmallPlatform
from tests.unit.synthetic_transactions import LESSON, transactions

FEATURES = ("Time", "V1", "V2", "Amount")


# --- what the user gives ----------------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write(tmp_path / "rows.csv", "Time,V1,V2,Amount\n1,2,3,4\n")


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def options(**variables: object) -> Options:
    return Options.read([], {name: str(value) for name, value in variables.items()})


def test_the_result_lies_beside_the_file_unless_told_otherwise(table: Path, tmp_path: Path) -> None:
    assert options(CSV=table).out == tmp_path / "rows.scored.csv"
    assert options(CSV=table, OUT=tmp_path / "other").out == tmp_path / "other"


def test_the_project_is_the_one_in_the_settings_unless_told_otherwise(table: Path) -> None:
    context = json.loads((Path(__file__).parents[2] / "cdk.json").read_text())["context"]

    assert options(CSV=table).project == context["settings"]["project"]
    assert options(CSV=table, PROJECT="other").project == "other"


def test_the_file_may_lie_in_the_home_folder(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(table.parent))

    assert options(CSV="~/rows.csv").csv == table


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "CSV is not set. Give a CSV file"),
        ({"CSV": "no.csv"}, "no.csv is not a file that can be read"),
        ({"CSV": "~nobody-here/no.csv"}, "~nobody-here/no.csv is not a file that can be read"),
        ({"CSV": "."}, "CSV=. is not a file"),
        ({"CSV": "rows.csv", "OUT": "rows.csv"}, "OUT=rows.csv is the file with the rows itself"),
        ({"CSV": "rows.csv", "OUT": "./link.csv"}, "OUT=link.csv is the file with the rows itself"),
        ({"CSV": "rows.csv", "OUT": "."}, "OUT=. is not a file"),
        ({"CSV": "rows.csv", "OUT": "nowhere/a.csv"}, "OUT=nowhere/a.csv is in a folder that is not there"),
        ({"CSV": "rows.csv", "PROJECT": "My Project"}, "PROJECT=My Project is no project's name"),
        ({"CSV": "rows.csv", "INSTANCE_TYPE": "m5.large"}, "INSTANCE_TYPE=m5.large is no instance type"),
    ],
)
def test_what_cannot_be_used_is_told_by_its_name(
    table: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str
) -> None:
    monkeypatch.chdir(table.parent)
    Path("link.csv").symlink_to(table)

    with pytest.raises(Misuse, match=re.escape(words)):
        options(**variables)


def test_arguments_are_refused_with_what_to_write_instead() -> None:
    with pytest.raises(Misuse, match=r"CSV=transactions\.csv python -m predict"):
        Options.read(["rows.csv"], {})


# --- the file ---------------------------------------------------------------------------------------------------


def rows_of(path: Path) -> list[Row]:
    return list(Transactions(path, FEATURES).rows())


def refusal(path: Path) -> str:
    with pytest.raises(Misuse) as refused:
        rows_of(path)
    return str(refused.value)


def test_columns_are_found_by_name_and_no_others_are_sent(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", "id,Amount,V2,Class,V1,Time\na,4,3,1,2,1\nb,8,,0,6,5\n")

    assert rows_of(path) == [Row(1, "a,4,3,1,2,1", "1,2,3,4"), Row(2, "b,8,,0,6,5", "5,6,,8")]


@pytest.mark.parametrize(
    ("cell", "sent"),
    [
        ("1.50", "1.50"),
        ("-0", "-0"),
        ("+.5e-03", "+.5e-03"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ('" 7 "', "7"),
        ("  ", ""),
        ('""', ""),
    ],
)
def test_a_number_is_sent_as_it_is_written(tmp_path: Path, cell: str, sent: str) -> None:
    path = write(tmp_path / "rows.csv", f"Time,V1,V2,Amount\n0,0,0,{cell}\n")

    assert rows_of(path)[0].features == f"0,0,0,{sent}"


@pytest.mark.parametrize(
    "cell", ['"1,234"', "1 234", "1_234", "١٢", "0x1f", "secret", "nan", "inf", "-Infinity", "1e39", "1.5.2", '"1;2"']
)
def test_a_cell_that_is_no_number_is_told_by_its_place_and_not_quoted(tmp_path: Path, cell: str) -> None:
    path = write(tmp_path / "rows.csv", f'note,Time,V1,V2,Amount\n"two\nlines",1,2,3,4\n\n,1,2,{cell},4\n')

    told = refusal(path)

    assert told.startswith(f"{path}, row 2 (line 5), column V2: not a ")
    assert cell.strip('"') not in told.removeprefix(str(path))


def test_the_largest_number_that_the_model_takes_is_sent(tmp_path: Path) -> None:
    largest = repr(float(np.finfo(np.float32).max))
    path = write(tmp_path / "rows.csv", f"Time,V1,V2,Amount\n0,0,0,-{largest}\n")

    assert rows_of(path)[0].features == f"0,0,0,-{largest}"


def test_a_row_of_one_missing_value_is_still_a_row(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", 'V1\n1\n""\n')

    assert [row.features for row in Transactions(path, ["V1"]).rows()] == ["1", "nan"]


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", "\nTime,V1,V2,Amount\n\n1,2,3,4\n\n\n")

    assert [row.number for row in rows_of(path)] == [1]


HEADER = "Time,V1,V2,Amount"
UNUSABLE = {
    "an empty file": ("", "is empty."),
    "only blank lines": ("\n\n", "is empty."),
    "no rows": (f"{HEADER}\n", "has a header but no rows."),
    "no header": ("17,2,3,4\n1,2,3,4\n", "begins with a line of numbers. Expected are the columns' names"),
    "a missing column": ("Time,V1,V2,Cost\n1,2,3,4\n", "lacks 1 of the 4 columns that the model takes: Amount."),
    "another case": ("time,V1,V2, Amount\n", "lacks 2 of the 4 columns that the model takes: Time, Amount. Names must"),
    "semicolons": ("Time;V1;V2;Amount\n1;2;3;4\n", "fields separated by something other than a comma?"),
    "a name twice": (f"{HEADER},V1\n1,2,3,4,5\n", "has more than one column V1."),
    "a score already": (f"{HEADER},score\n1,2,3,4,5\n", "has a column score already"),
    "a short row": (f"{HEADER}\n1,2,3,4\n1,2,3\n", "row 2 (line 3) has 3 fields, but the header has 4."),
    "a long row": (f"{HEADER}\n1,2,3,4,5\n", "row 1 (line 2) has 5 fields, but the header has 4."),
    "a quote without an end": (f'{HEADER}\n1,2,3,4\n1,2,3,"4\n', "line 3: this is not CSV"),
}


@pytest.mark.parametrize(("text", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_that_cannot_be_scored_is_refused(tmp_path: Path, text: str, words: str) -> None:
    assert words in refusal(write(tmp_path / "rows.csv", text))


def test_a_first_line_that_may_be_a_row_is_not_quoted(tmp_path: Path) -> None:
    told = refusal(write(tmp_path / "rows.csv", "2026-01-01,17.25,3,4\n"))

    assert "lacks 4 of the 4 columns" in told
    assert "17.25" not in told


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_in_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "rows.csv", f"{HEADER},Händler\n1,2,3,4,Müller\n", encoding)

    assert "is not UTF-8 text. Save it as UTF-8." in refusal(path)


def test_text_in_another_encoding_is_found_in_whatever_row_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(f"{HEADER},note\n".encode() + 20_000 * b"1,2,3,4,a\n" + b"1,2,3,4,\xff\n")

    assert "is not UTF-8 text" in refusal(path)


@pytest.mark.parametrize("file", BAD_FILES, ids=lambda file: file.name)
def test_a_file_that_no_model_could_be_trained_on_is_scored_or_refused_in_a_sentence(
    tmp_path: Path, file: BadFile
) -> None:
    """Some can be scored: a label is not asked for, nor more rows than one."""
    path = tmp_path / "rows.csv"
    path.write_bytes(file.content)
    assert_read_or_refused(path)


def assert_read_or_refused(path: Path) -> None:
    """By a sentence that is short, whatever the file holds."""
    try:
        rows = list(Transactions(path, ("Time", "V1")).rows())
    except Misuse as error:
        told = str(error)
        assert told.startswith(str(path))
        assert told[-1] in ".?"
        assert len(told) < 1000 + len(str(path))
    else:
        assert [row.features.count(",") for row in rows] == [1] * len(rows)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    start=st.sampled_from((b"", b"Time,V1\n", b"Time,V1\n1,2\n", b"\xef\xbb\xbfTime,V1\n")),
    rest=st.binary(max_size=80) | st.text('0123.,;"-e\r\n \taN_\0', max_size=80).map(str.encode),
)
def test_any_file_is_read_or_refused_in_a_sentence(tmp_path: Path, start: bytes, rest: bytes) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(start + rest)
    assert_read_or_refused(path)


# --- requests ---------------------------------------------------------------------------------------------------


def made_up_rows(lengths: Sequence[int]) -> list[Row]:
    return [Row(number, "", "1" * length) for number, length in enumerate(lengths, start=1)]


@given(st.lists(st.integers(1, 60), max_size=40), st.integers(61, 200))
def test_every_row_is_in_one_request_of_at_most_the_limit_and_requests_are_full(lengths: list[int], most: int) -> None:
    rows = made_up_rows(lengths)

    found = list(batches(rows, most))

    assert [row for batch in found for row in batch] == rows
    assert all(batch and len(body(batch).encode()) <= most for batch in found)
    for batch, following in itertools.pairwise(found):
        assert len(body([*batch, following[0]])) + 1 > most


def test_a_request_has_no_newline_at_its_end() -> None:
    assert body(made_up_rows([1, 2])) == "1\n11"


def test_a_request_has_no_more_rows_than_can_be_answered_in_time() -> None:
    found = batches(made_up_rows([1] * (2 * ROWS_A_REQUEST + 1)), SERVERLESS_BYTES)

    assert [len(batch) for batch in found] == [ROWS_A_REQUEST, ROWS_A_REQUEST, 1]


def test_a_row_larger_than_a_request_is_refused_by_its_number() -> None:
    with pytest.raises(Misuse, match="Row 2 alone has 101 bytes; a request may have 100"):
        list(batches(made_up_rows([5, 100]), 100))


def test_requests_keep_a_margin_to_the_limits() -> None:
    assert SERVERLESS_BYTES < 4 * 1024 * 1024
    assert INSTANCE_BYTES < 6 * 1024 * 1024


# --- answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["0.25\n1e-05\n", "0.25,1e-05", " 0.25, 1e-05\n", "0.25\r\n1e-05\r\n\r\n"])
def test_answers_are_separated_by_newlines_or_commas(answer: str) -> None:
    assert scores(answer, 2, "It") == ["0.25", "1e-05"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("0.5\n", "It answered with 1 numbers for 2 rows."),
        ("0.5,0.5,0.5", "It answered with 3 numbers for 2 rows."),
        ("0.5\nfraud", "It answered with text where a number belongs."),
        ("0.5\n1.5", "It answered with 1.5, which is no probability from 0 to 1."),
        ("-0.5\n0.5", "It answered with -0.5, which is no probability from 0 to 1."),
        ("nan\n0.5", "It answered with nan, which is no probability from 0 to 1."),
    ],
)
def test_an_answer_that_is_no_probability_a_row_is_refused(tmp_path: Path, answer: str, words: str) -> None:
    with pytest.raises(PredictFailed, match=re.escape(words)):
        scores(answer, 2, "It")
    with pytest.raises(PredictFailed, match=re.escape(words)):
        list(scores_in(write(tmp_path / "scores", answer.replace(",", "\n")), 2, "It"))


def test_a_file_of_answers_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores"
    path.write_bytes(b"0.5\n\xff\xfe\n")

    with pytest.raises(PredictFailed, match="It answered with text where a number belongs"):
        list(scores_in(path, 2, "It"))


# --- the endpoint -----------------------------------------------------------------------------------------------


def refused_call(code: str, status: int = 0, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}, "OriginalStatusCode": status}, "InvokeEndpoint")


@dataclass
class Runtime:
    """Answers `ok`, after these failures."""

    failures: list[Exception]
    requests: list[dict[str, Any]] = field(default_factory=list)

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        if self.failures:
            raise self.failures.pop(0)
        return {"Body": io.BytesIO(b"ok")}


COLD = refused_call("ModelError", 503)


@pytest.mark.parametrize("error", [COLD, refused_call("ModelNotReadyException")])
def test_a_container_that_is_still_starting_is_asked_again_ever_more_slowly(error: ClientError) -> None:
    paused: list[float] = []

    answer = SageMakerEndpoint("fraud-1", Runtime([error, error]), paused.append).invoke("1,2")

    assert answer == "ok"
    assert paused == list(COLD_START_PAUSES[:2])


@pytest.mark.parametrize(
    ("failures", "asked", "words"),
    [
        ([COLD] * 9, 1 + len(COLD_START_PAUSES), "The endpoint fraud-1 did not answer:"),
        ([refused_call("ModelError", 415)], 1, "The endpoint fraud-1 did not answer:"),
        ([refused_call("AccessDeniedException")], 1, "AccessDeniedException"),
        ([ReadTimeoutError(endpoint_url="https://aws")], 1, "Read timeout"),
        ([refused_call("ValidationError", 0, "Endpoint fraud-1 of account 1 not found.")], 1, "Run this again"),
    ],
)
def test_an_endpoint_that_does_not_answer_is_told(failures: list[Exception], asked: int, words: str) -> None:
    runtime = Runtime(list(failures))

    with pytest.raises(PredictFailed, match=words):
        SageMakerEndpoint("fraud-1", runtime, lambda seconds: None).invoke("1,2")

    assert len(runtime.requests) == asked


@dataclass
class SlowFirst:
    """Answers each row with a hundredth of itself; nobody gets an answer to row 1 before one to row 2."""

    name: str = "fraud-1"
    second: threading.Event = field(default_factory=threading.Event)

    def invoke(self, csv: str) -> str:
        rows = csv.split("\n")
        if rows[0] == "1":
            assert self.second.wait(30)
        else:
            self.second.set()
        return "".join(f"{int(row) / 100}\n" for row in rows)


def counted(rows: int) -> list[list[Row]]:
    return [[Row(number, "", str(number))] for number in range(1, rows + 1)]


def test_scores_come_in_the_order_of_the_rows_whatever_is_answered_first() -> None:
    found = list(score(counted(9), SlowFirst(), 2))

    assert [(row.number, text) for batch, texts in found for row, text in zip(batch, texts, strict=True)] == [
        (number, str(number / 100)) for number in range(1, 10)
    ]


def test_few_batches_are_held_at_a_time() -> None:
    read = 0

    def source() -> Iterator[list[Row]]:
        nonlocal read
        for batch in counted(50):
            read += 1
            yield batch

    for done, _ in enumerate(score(source(), SlowFirst(), 3), start=1):
        assert read - done < 3 * 2


def test_a_wrong_answer_ends_it_with_the_rows_that_were_asked_for() -> None:
    class Silent(SlowFirst):
        def invoke(self, csv: str) -> str:
            return ""

    with pytest.raises(PredictFailed, match=r"fraud-1, asked for rows 1 to 1, answered with 0 numbers for 1 rows"):
        list(score(counted(2), Silent(), 2))


# --- the result -------------------------------------------------------------------------------------------------


def scored(path: Path, out: Path, texts: Sequence[str], threshold: float = 0.5) -> ScoredFile:
    transactions = Transactions(path, FEATURES)
    with ScoredFile(transactions, threshold, out) as result:
        result.add(transactions.rows(), texts)
        result.complete()
    return result


def test_a_row_is_flagged_from_the_threshold_on(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", f"{HEADER}\n1,2,3,4\n5,6,7,8\n9,10,11,12\n")

    result = scored(path, tmp_path / "out.csv", ["0.499", "0.5", "7e-01"])

    assert (tmp_path / "out.csv").read_text() == (
        f"{HEADER},score,decision\n1,2,3,4,0.499,0\n5,6,7,8,0.5,1\n9,10,11,12,7e-01,1\n"
    )
    assert (result.rows, result.flagged) == (3, 2)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_a_mark_at_the_beginning_stay(tmp_path: Path, mark: str, end: str) -> None:
    path = write(tmp_path / "rows.csv", f'{mark}"Time",V1,V2,Amount{end}1,2,3,4')

    scored(path, tmp_path / "out.csv", ["0.25"])

    expected = f'{mark}"Time",V1,V2,Amount,score,decision{end}1,2,3,4,0.25,0{end}'
    assert (tmp_path / "out.csv").read_bytes() == expected.encode()


cells = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**12), 10**12).map(str),
    st.decimals(-1000, 1000, places=5).map(str),
    st.just(""),
)
# Without "\r", which csv.writer leaves unquoted where it is not the line's end.
notes = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    st.permutations([*FEATURES, "Class", "note"]),
    st.lists(st.tuples(st.tuples(cells, cells, cells, cells), notes), min_size=1, max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_is_sent_reads_back_as_the_numbers_and_what_is_kept_as_the_file(
    tmp_path_factory: pytest.TempPathFactory,
    columns: list[str],
    records: list[tuple[tuple[str, ...], str]],
    line_end: str,
    quoting: Any,
) -> None:
    folder = tmp_path_factory.mktemp("round-trip")
    lines = [{**dict(zip(FEATURES, numbers, strict=True)), "Class": "1", "note": note} for numbers, note in records]
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator=line_end, quoting=quoting)
        writer.writeheader()
        writer.writerows(lines)

    sent = [row.features.split(",") for row in rows_of(folder / "rows.csv")]
    scored(folder / "rows.csv", folder / "out.csv", ["0.5"] * len(lines))

    numbers = [[float(text or "nan") for text in row] for row in sent]
    assert np.array_equal(numbers, [[float(line[name] or "nan") for name in FEATURES] for line in lines], True)
    with (folder / "out.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == [{**line, "score": "0.5", "decision": "1"} for line in lines]
    kept = (folder / "out.csv").read_bytes().replace(b",0.5,1" + line_end.encode(), line_end.encode())
    assert kept.replace(b",score,decision", b"", 1) == (folder / "rows.csv").read_bytes()


def test_a_failure_leaves_the_result_of_last_time_and_nothing_else(table: Path, tmp_path: Path) -> None:
    out = write(tmp_path / "out.csv", "last time's")
    before = set(tmp_path.iterdir())

    def fail_halfway() -> None:
        with ScoredFile(Transactions(table, FEATURES), 0.5, out) as result:
            result.add(rows_of(table), ["0.5"])
            raise PredictFailed

    with pytest.raises(PredictFailed):
        fail_halfway()

    assert out.read_text() == "last time's"
    assert set(tmp_path.iterdir()) == before


def test_rows_that_changed_while_they_were_scored_have_no_result(table: Path, tmp_path: Path) -> None:
    with ScoredFile(Transactions(table, FEATURES), 0.5, tmp_path / "out.csv") as result:
        result.add(rows_of(table), ["0.5"])
        write(table, f"{HEADER}\n1,2,3,4\n5,6,7,8\n")
        with pytest.raises(PredictFailed, match="changed while it was being scored"):
            result.complete()

    assert not (tmp_path / "out.csv").exists()


# --- on the screen ----------------------------------------------------------------------------------------------


def screen(*, terminal: bool = False) -> tuple[Display, io.StringIO]:
    file = io.StringIO()
    return Display(Console(file=file, width=100, force_terminal=terminal, color_system=None)), file


def test_without_a_terminal_there_is_a_line_for_each_tenth_of_the_rows() -> None:
    display, file = screen()

    with display.rows("Score", 1000) as advance:
        for _ in range(100):
            advance(10)

    *tenths, done = file.getvalue().splitlines()
    assert [line.split(",")[0].strip() for line in tenths[:2]] == ["100 of 1", "200 of 1"]
    assert len(tenths) == 10
    assert done.startswith("✓ Score: 1,000 ")


def test_without_a_terminal_there_is_a_line_when_something_else_is_done() -> None:
    display, file = screen()

    with display.step("Wait") as tell:
        for doing in ("starting", "running", "running"):
            tell(doing)

    assert [line.split(",")[0].strip() for line in file.getvalue().splitlines()[:2]] == ["starting", "running"]
    assert len(file.getvalue().splitlines()) == 3


def test_a_terminal_shows_how_far_it_is() -> None:
    display, file = screen(terminal=True)

    with display.rows("Score", 1000) as advance:
        advance(250)

    assert "250 of 1,000 rows" in file.getvalue()


def test_a_terminal_shows_what_is_being_done() -> None:
    display, file = screen(terminal=True)

    with display.step("Wait [now]") as tell:
        tell("removing [it]")

    assert "removing [it]" in file.getvalue()
    assert "✓ Wait [now]" in file.getvalue()


# --- a small AWS ------------------------------------------------------------------------------------------------

PREFIX = "runs/260101-120000-abcdef/"
IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
LONGEST_SECONDS = 60
ACCOUNTS = (f"{number:012d}" for number in itertools.count(1))


class SmallAws(ThreadingHTTPServer):
    """S3, where the execution role may write to outputs only; SSM's parameters; the stack's outputs; SageMaker."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.platform = Platform(endpoint=f"http://127.0.0.1:{self.server_port}")
        self.sagemaker = SageMaker(self.platform)
        self.renew()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def renew(self) -> None:
        """Another account, with the stack in it and nothing else."""
        self.caller = Principal(account=next(ACCOUNTS))
        self.objects: dict[str, bytes] = {}
        """By bucket and key."""
        self.parameters: dict[str, str] = {}
        self.outputs = {"BucketName": "bucket", "ExecutionRoleArn": ROLE}
        """Empty if there is no stack."""
        self.platform.metrics.clear()

    @property
    def resources(self) -> Resources:
        return self.sagemaker.resources(self.caller.account, REGION)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.sagemaker.call(operation, request, self.caller)

    def has_run(self, **evaluation: Any) -> None:
        """A run's files, with a model of four features."""
        report = {"features": list(FEATURES), "label_column": "Class"}
        self.objects[f"bucket/{PREFIX}data_report.json"] = json.dumps(report).encode()
        self.objects[f"bucket/{PREFIX}evaluation.json"] = json.dumps({"threshold": 0.25, **evaluation}).encode()
        self.objects[f"bucket/{PREFIX}model.tar.gz"] = archive({"xgboost-model": booster().save_raw()})

    def has_endpoint(self, status: str = "InService", **variant: Any) -> None:
        """An endpoint in a status, with nothing behind it, that is announced."""
        name = "fraud-260101-120000-abcdef"
        self.parameters["/fraud/endpoint-name"] = name
        self.call("CreateModel", ModelName=name, PrimaryContainer=container(), ExecutionRoleArn=ROLE)
        size = variant or {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
        variants = [{"VariantName": "AllTraffic", "ModelName": name, **size}]
        self.call("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=variants)
        described = {"EndpointName": name, "EndpointConfigName": name, "EndpointStatus": status}
        arn = f"arn:aws:sagemaker:{REGION}:{self.caller.account}:endpoint/{name}"
        self.resources.add(Resource("endpoint", name, arn, described))

    def serves(self) -> None:
        """Let that endpoint answer."""
        (endpoint,) = self.resources.all("endpoint")
        self.resources.remove(endpoint)
        self.call("CreateEndpoint", EndpointName=endpoint.name, EndpointConfigName=endpoint.name)
        deadline = time.monotonic() + LONGEST_SECONDS
        while self.call("DescribeEndpoint", EndpointName=endpoint.name)["EndpointStatus"] == "Creating":
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def has_package(self, status: str = "Approved", model: str = "model", **metadata: str | None) -> None:
        """A version in the registry, as the state machine registers it."""
        if self.resources.get("model-package-group", "fraud-models") is None:
            self.call("CreateModelPackageGroup", ModelPackageGroupName="fraud-models")
        told = {"run_id": "260101-120000-abcdef", "bucket": "bucket", "prefix": PREFIX, "threshold": "0.75", **metadata}
        self.call(
            "CreateModelPackage",
            ModelPackageGroupName="fraud-models",
            ModelApprovalStatus=status,
            InferenceSpecification={"Containers": [container(model)]},
            CustomerMetadataProperties={name: value for name, value in told.items() if value is not None},
        )

    def left(self) -> list[str]:
        """What a batch transform job may have left."""
        models = [model.name for model in self.resources.all("model")]
        running = [
            job.name
            for job in self.resources.all("transform-job")
            if job.description["TransformJobStatus"] in ("InProgress", "Stopping")
        ]
        return [*models, *running, *(key for key in self.objects if "/predictions/" in key)]


@dataclass
class Platform(SmallPlatform):
    endpoint: str = ""

    def assume(self, role_arn: str, session_name: str, region: str) -> Mapping[str, str]:
        if role_arn != ROLE:
            return super().assume(role_arn, session_name, region)
        return {
            "AWS_ACCESS_KEY_ID": "execution-role",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": self.endpoint,
        }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SmallAws

    @property
    def name(self) -> str:
        return unquote(urlsplit(self.path).path).strip("/")

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self._list(query["prefix"][0])
        elif self.name in self.server.objects:
            self._send(self.server.objects[self.name])
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "NoSuchKey", "no such key")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        body = self._body()
        if "execution-role/" in self.headers["Authorization"] and "/output/" not in self.name:
            self._refuse(HTTPStatus.FORBIDDEN, "AccessDenied", "not yours")
        else:
            self.server.objects[self.name] = body
            self._send()

    def do_DELETE(self) -> None:
        self.server.objects.pop(self.name, None)
        self._send(status=HTTPStatus.NO_CONTENT)

    def do_POST(self) -> None:
        body = self._body()
        service, _, operation = self.headers.get("X-Amz-Target", "").partition(".")
        if self.name.endswith("/invocations"):
            self._invoke(body)
        elif service == "SageMaker":
            self._sagemaker(operation, json.loads(body))
        elif service == "AmazonSSM":
            self._parameter(json.loads(body)["Name"])
        elif service:  # CloudWatch Logs
            self._send(b"{}")
        else:
            self._stack()

    def _list(self, prefix: str) -> None:
        start = f"{self.name}/"
        keys = [name.removeprefix(start) for name in self.server.objects if name.startswith(f"{start}{prefix}")]
        contents = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys)
        self._send(f"<ListBucketResult><KeyCount>{len(keys)}</KeyCount>{contents}</ListBucketResult>".encode())

    def _sagemaker(self, operation: str, request: dict[str, Any]) -> None:
        try:
            answer = self.server.sagemaker.call(operation, request, self.server.caller)
        except ServiceError as error:
            self._refuse_json(error)
        else:
            self._send(json.dumps(answer, default=lambda moment: moment.timestamp()).encode())

    def _invoke(self, body: bytes) -> None:
        name = self.name.split("/")[1]
        try:
            answer = invoke(self.server.sagemaker, self.server.caller, name, body, dict(self.headers))
        except ServiceError as error:
            self._refuse_json(error)
        else:
            self._send(answer.body, HTTPStatus(answer.status), answer.headers)

    def _parameter(self, name: str) -> None:
        if name in self.server.parameters:
            self._send(json.dumps({"Parameter": {"Name": name, "Value": self.server.parameters[name]}}).encode())
        else:
            self._refuse_json(ServiceError("ParameterNotFound", ""))

    def _stack(self) -> None:
        if not self.server.outputs:
            self._refuse(HTTPStatus.BAD_REQUEST, "ValidationError", "Stack with id fraud does not exist")
            return
        outputs = "".join(
            f"<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>"
            for key, value in self.server.outputs.items()
        )
        stack = f"<Stacks><member><Outputs>{outputs}</Outputs></member></Stacks>"
        result = f"<DescribeStacksResult>{stack}</DescribeStacksResult>"
        self._send(f"<DescribeStacksResponse>{result}</DescribeStacksResponse>".encode())

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        self._send((error if self.command != "POST" else f"<ErrorResponse>{error}</ErrorResponse>").encode(), status)

    def _refuse_json(self, error: ServiceError) -> None:
        body = json.dumps({"__type": error.code, "message": error.message}).encode()
        self._send(body, HTTPStatus(error.status), {"x-amzn-ErrorType": error.code})

    def _send(
        self, body: bytes = b"", status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hash(body):x}"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is http.server's
        pass


@cache
def booster() -> xgb.Booster:
    labelled = transactions(500, seed=1)
    rows = xgb.DMatrix(labelled.iloc[:, 1:].to_numpy(), label=labelled.iloc[:, 0].to_numpy())
    return xgb.train(LESSON, rows, num_boost_round=5)


def archive(files: Mapping[str, bytes | bytearray]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def container(model: str = "model") -> dict[str, Any]:
    return {"Image": IMAGE, "ModelDataUrl": f"s3://bucket/{PREFIX}{model}.tar.gz", "Environment": {}}


@pytest.fixture(scope="module")
def server() -> Iterator[SmallAws]:
    server = SmallAws()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def session() -> Any:
    """One for all, since it has to read AWS's service models."""
    return boto3.session.Session("user", "secret", region_name=REGION)


@pytest.fixture
def aws(server: SmallAws, session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallAws]:
    """Reached through boto3, as somebody who may do all that its caller may."""
    server.renew()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.platform.endpoint)
    monkeypatch.setenv("LOCALCLOUD_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("PROJECT", "fraud")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    monkeypatch.setattr("predict.batch_job.POLL_SECONDS", 0.05)
    yield server
    for endpoint in server.resources.all("endpoint"):
        if isinstance(endpoint.runtime, Hosted) and endpoint.runtime.server is not None:
            endpoint.runtime.server.stop()


reaching_aws = pytest.mark.enable_socket


# --- where the model is -----------------------------------------------------------------------------------------


def found(project: str = "fraud") -> Live | Registered:
    return find_model(Clients.connect(), project)


@reaching_aws
def test_the_announced_endpoint_serves_with_its_run_s_features_and_threshold(aws: SmallAws) -> None:
    aws.has_run()
    aws.has_endpoint()
    aws.has_package()

    live = found()

    assert isinstance(live, Live)
    assert (live.endpoint_name, live.serverless) == ("fraud-260101-120000-abcdef", True)
    assert (live.model.features, live.model.threshold) == (FEATURES, 0.25)


@reaching_aws
@pytest.mark.parametrize(
    ("variant", "most_bytes", "at_a_time"),
    [
        ({"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}, SERVERLESS_BYTES, 4),
        ({"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 2}}, SERVERLESS_BYTES, 2),
        ({"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}, INSTANCE_BYTES, 4),
    ],
)
def test_requests_are_what_the_endpoint_takes(
    aws: SmallAws, variant: dict[str, Any], most_bytes: int, at_a_time: int
) -> None:
    aws.has_run()
    aws.has_endpoint(**variant)

    live = found()

    assert isinstance(live, Live)
    assert (live.request_bytes, live.requests_at_a_time) == (most_bytes, at_a_time)


def no_parameter(aws: SmallAws) -> None:
    aws.parameters.clear()


def none_announced(aws: SmallAws) -> None:
    aws.parameters["/fraud/endpoint-name"] = "none"


def gone(aws: SmallAws) -> None:
    aws.resources.remove(aws.resources.all("endpoint")[0])


def being_deleted(aws: SmallAws) -> None:
    aws.resources.all("endpoint")[0].description["EndpointStatus"] = "Deleting"


WITHOUT_ENDPOINT = [no_parameter, none_announced, gone, being_deleted]


@reaching_aws
@pytest.mark.parametrize("change", WITHOUT_ENDPOINT, ids=lambda change: change.__name__)
def test_without_an_endpoint_the_newest_approved_model_is_taken(
    aws: SmallAws, change: Callable[[SmallAws], None]
) -> None:
    aws.has_run()
    aws.has_endpoint()
    aws.has_package(threshold="0.1")
    for status in ("Approved", "Rejected", "PendingManualApproval"):
        aws.platform.pass_time(minutes=1)
        aws.has_package(status)
    change(aws)

    registered = found()

    assert isinstance(registered, Registered)
    assert registered.package_arn.endswith("/fraud-models/2")
    assert (registered.model.features, registered.model.threshold) == (FEATURES, 0.75)
    assert (registered.container, registered.role_arn) == (container(), ROLE)


@reaching_aws
@pytest.mark.parametrize("packages", [[], ["Rejected"]])
def test_without_any_model_it_is_told_what_to_do(aws: SmallAws, packages: list[str]) -> None:
    for status in packages:
        aws.has_package(status)

    with pytest.raises(PredictFailed, match=r"no model to score with in eu-west-1: .* Start the state machine fraud-"):
        found()


def drop(key: str) -> Callable[[SmallAws], object]:
    return lambda aws: aws.objects.pop(f"bucket/{PREFIX}{key}")


def put(key: str, text: str) -> Callable[[SmallAws], object]:
    return lambda aws: aws.objects.update({f"bucket/{PREFIX}{key}": text.encode()})


BROKEN = {
    "no stack": (lambda aws: aws.outputs.clear(), "There is no stack fraud in eu-west-1. Deploy it"),
    "no output": (lambda aws: aws.outputs.pop("BucketName"), "The stack fraud has no output BucketName"),
    "no report": (drop("data_report.json"), f"s3://bucket/{PREFIX}data_report.json is not there"),
    "no evaluation": (drop("evaluation.json"), f"s3://bucket/{PREFIX}evaluation.json is not there"),
    "no features": (put("data_report.json", '{"features": []}'), "has no list of the model's features"),
    "a report of another kind": (put("data_report.json", "[]"), "has no list of the model's features"),
    "no JSON": (put("evaluation.json", "<html>"), "evaluation.json is no JSON"),
    "no threshold": (put("evaluation.json", "{}"), "Run 260101-120000-abcdef has left no threshold"),
    "a threshold that is none": (put("evaluation.json", '{"threshold": NaN}'), "has left no threshold"),
}


@reaching_aws
@pytest.mark.parametrize(("change", "words"), BROKEN.values(), ids=BROKEN)
def test_what_is_missing_around_an_endpoint_is_told(
    aws: SmallAws, change: Callable[[SmallAws], object], words: str
) -> None:
    aws.has_run()
    aws.has_endpoint()
    change(aws)

    with pytest.raises(PredictFailed, match=re.escape(words)):
        found()


@reaching_aws
def test_a_package_that_the_state_machine_did_not_register_is_told(aws: SmallAws) -> None:
    aws.has_run()
    aws.has_package(threshold=None, prefix=None)

    with pytest.raises(PredictFailed, match=r"fraud-models/1, was not registered .* has no prefix, threshold\."):
        found()


# --- the whole program ------------------------------------------------------------------------------------------


@dataclass
class Program:
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def run(self, **variables: object) -> tuple[int, str]:
        """Its exit code, and what it wrote."""
        for name, value in variables.items():
            self.monkeypatch.setenv(name, str(value))
        self.monkeypatch.setattr("sys.argv", ["predict"])
        with pytest.raises(SystemExit) as ended:
            runpy.run_module("predict", run_name="__main__")
        assert isinstance(ended.value.code, int)
        return ended.value.code, self.capsys.readouterr().out


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(monkeypatch, capsys)


@pytest.fixture
def shuffled(tmp_path: Path) -> Path:
    """100 rows with the model's columns in another order, a label and a note."""
    labelled = transactions(100, seed=2).set_axis(["Class", *FEATURES], axis="columns")
    labelled["note"] = "a, b"
    path = tmp_path / "transactions.csv"
    labelled[["V2", "note", "Amount", "Class", "Time", "V1"]].to_csv(path, index=False)
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def expected_scores() -> list[float]:
    rows = transactions(100, seed=2).iloc[:, 1:].to_numpy()
    predicted: list[float] = booster().predict(xgb.DMatrix(rows)).astype(float).tolist()
    return predicted


def assert_scored(path: Path, threshold: float) -> None:
    rows = read(path.with_name("transactions.scored.csv"))
    assert [{name: row[name] for name in read(path)[0]} for row in rows] == read(path)
    assert [float(row["score"]) for row in rows] == pytest.approx(expected_scores(), rel=1e-6)
    assert [row["decision"] for row in rows] == [str(int(float(row["score"]) >= threshold)) for row in rows]
    assert {row["decision"] for row in rows} == {"0", "1"}
    assert len(list(path.parent.glob(".transactions*"))) == 0


@reaching_aws
@pytest.mark.filterwarnings("ignore:.*UBJSON:UserWarning")
def test_an_endpoint_scores_a_file_in_several_requests_at_a_time(
    aws: SmallAws, program: Program, shuffled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("predict.batches.ROWS_A_REQUEST", 9)
    aws.has_run(threshold=0.2)
    aws.has_endpoint()
    aws.serves()

    code, text = program.run(CSV=shuffled)

    assert code == 0
    assert_scored(shuffled, 0.2)
    assert "endpoint fraud-260101-120000-abcdef, serverless" in text
    assert re.search(
        r"100 rows, \d+ flagged, whose score is 0\.2 or more; \d+\.\d s\n.*transactions\.scored\.csv\n$", text
    )
    assert [name for name, *_ in (metric[3:] for metric in aws.platform.metrics)].count("Invocations") == 12


@reaching_aws
@pytest.mark.filterwarnings("ignore:.*UBJSON:UserWarning")
def test_without_an_endpoint_a_transform_job_scores_the_file_and_all_that_was_made_goes(
    aws: SmallAws, program: Program, shuffled: Path
) -> None:
    aws.has_run()
    aws.has_package(threshold="0.2")
    before = set(aws.objects)

    code, text = program.run(CSV=shuffled, INSTANCE_TYPE="ml.m5.large")

    assert code == 0
    assert_scored(shuffled, 0.2)
    assert "model package fraud-models/1: no endpoint is in service" in text
    assert "on one ml.m5.large: billed while it runs" in text
    assert "stopping" not in text
    assert set(aws.objects) == before
    assert aws.left() == []
    (job,) = aws.resources.all("transform-job")
    assert job.tags == {"project": "fraud"}
    assert re.fullmatch(r"fraud-predict-\d{6}-\d{6}-[0-9a-f]{4}", job.name)


@reaching_aws
def test_a_model_that_is_made_for_a_job_bears_the_project_s_tag(
    aws: SmallAws, program: Program, shuffled: Path
) -> None:
    aws.has_run()
    aws.has_package()
    aws.caller.denied = frozenset({"sagemaker:CreateTransformJob"})

    code, text = program.run(CSV=shuffled)

    assert code == 1
    assert "AWS refused CreateTransformJob: AccessDeniedException: not authorized" in text
    asked = [conditions for action, _, conditions in aws.caller.asked if action == "sagemaker:CreateModel"]
    assert asked[-1]["aws:RequestTag/project"] == "fraud"
    assert aws.left() == []


@reaching_aws
def test_a_job_that_fails_leaves_no_result_and_nothing_in_the_account(
    aws: SmallAws, program: Program, shuffled: Path
) -> None:
    aws.has_run()
    aws.objects[f"bucket/{PREFIX}broken.tar.gz"] = archive({"xgboost-model": b"no model"})
    aws.has_package(model="broken")
    before = set(aws.objects)

    code, text = program.run(CSV=shuffled)

    assert code == 1
    assert re.search(r"The transform job fraud-predict-\S+ ended as Failed: .* did not pass the ping", text)
    assert "Traceback" not in text
    assert aws.left() == []
    assert set(aws.objects) == before
    assert sorted(path.name for path in shuffled.parent.iterdir()) == ["transactions.csv", "work"]


@reaching_aws
def test_what_cannot_be_removed_is_told_with_the_reason_for_the_failure(
    aws: SmallAws, program: Program, shuffled: Path
) -> None:
    aws.has_run()
    aws.has_package()
    aws.caller.denied = frozenset({"sagemaker:CreateTransformJob", "sagemaker:DeleteModel"})

    code, text = program.run(CSV=shuffled)

    assert code == 1
    assert "AWS refused CreateTransformJob" in text
    assert re.search(r"Still in the account: model fraud-predict-\S+ \(AccessDeniedException\)", text)
    assert [left for left in aws.left() if "/predictions/" in left] == []


@reaching_aws
def test_an_interrupt_while_something_is_removed_skips_it_and_tells(aws: SmallAws, tmp_path: Path) -> None:
    aws.has_run()
    aws.has_package()
    aws.caller.denied = frozenset({"sagemaker:CreateTransformJob"})
    registered = found()
    assert isinstance(registered, Registered)

    def watch(doing: str) -> None:
        if doing.startswith("deleting model"):
            raise KeyboardInterrupt

    with (
        pytest.raises(PredictFailed) as failed,
        BatchJob(Clients.connect(), registered, "fraud", "ml.m5.large", watch) as job,
    ):
        job.run(write(tmp_path / "input.csv", "1,2,3,4\n"), tmp_path / "scores.csv")

    (note,) = failed.value.__notes__
    assert note.startswith(f"Still in the account: model {job.name} (interrupted).")
    assert aws.left() == [job.name]


@reaching_aws
def test_an_interrupt_stops_the_job_and_removes_everything(aws: SmallAws, tmp_path: Path) -> None:
    aws.has_run()
    aws.has_package()
    registered = found()
    assert isinstance(registered, Registered)
    told: list[str] = []

    def watch(doing: str) -> None:
        told.append(doing)
        if doing == "InProgress":
            raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        BatchJob(Clients.connect(), registered, "fraud", "ml.m5.large", watch) as job,
    ):
        job.run(write(tmp_path / "input.csv", "1,2,3,4\n"), tmp_path / "scores.csv")

    endings = [words.split()[:2] for words in told if words.startswith(("stopping", "deleting"))]
    assert endings == [["stopping", "transform"], ["deleting", "model"], ["deleting", "objects"]]
    (resource,) = aws.resources.all("transform-job")
    assert resource.description["TransformJobStatus"] == "Stopped"
    assert aws.left() == []


@reaching_aws
def test_a_file_with_a_bad_row_is_refused_before_anything_is_made(
    aws: SmallAws, program: Program, tmp_path: Path
) -> None:
    aws.has_run()
    aws.has_package()
    before = set(aws.objects)

    code, text = program.run(CSV=write(tmp_path / "rows.csv", f"{HEADER}\n1,2,3,4\n5,6,secret,8\n"))

    assert code == 2
    assert "row 2 (line 3), column V2: not a number" in text
    assert "secret" not in text
    assert set(aws.objects) == before
    assert {action for action, *_ in aws.caller.asked if ":Create" in action} <= {
        "sagemaker:CreateModelPackageGroup",
        "sagemaker:CreateModelPackage",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


@reaching_aws
def test_a_file_with_a_bad_row_is_refused_before_anything_is_sent(
    aws: SmallAws, program: Program, tmp_path: Path
) -> None:
    aws.has_run()
    aws.has_endpoint()

    code, text = program.run(CSV=write(tmp_path / "rows.csv", f"{HEADER}\n" + "1,2,3,4\n" * ROWS_A_REQUEST + "1,2\n"))

    assert code == 2
    assert "row 10,001 (line 10,002) has 2 fields" in text
    assert "sagemaker:InvokeEndpoint" not in {action for action, *_ in aws.caller.asked}


def test_a_misuse_is_one_sentence_and_code_2(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CSV", raising=False)

    code, text = program.run()

    assert code == 2
    assert text == "CSV is not set. Give a CSV file with a header, such as CSV=transactions.csv.\n"


def test_no_credentials_are_one_line_and_code_1(program: Program, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    code, text = program.run(CSV=table)

    assert (code, len(text.splitlines())) == (1, 1)
    assert text.startswith("There are no AWS credentials. Set AWS_ACCESS_KEY_ID")
