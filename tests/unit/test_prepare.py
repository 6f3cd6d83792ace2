"""The prepare function: from an address to the three parts and their report in the bucket, or to the reason why not."""

import email
import hashlib
import http.client
import io
import json
import os
import random
import socket
import tempfile
import urllib.error
import urllib.request
import urllib.response
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pandas as pd
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.response import StreamingBody
from botocore.stub import Stubber
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.prepare.bounded import copy_bounded
from lambdas.prepare.data_report import DataReport
from lambdas.prepare.errors import InvalidData, TooMuchData, UnreadableSource
from lambdas.prepare.limits import Limits
from lambdas.prepare.preparation import Preparation, Request
from lambdas.prepare.registered import RegisteredModel
from lambdas.prepare.source import InTime, Source, open_web
from lambdas.prepare.split import LessonSplit, StratifiedSplit, TimeSplit, write_csv
from lambdas.prepare.storage import S3Objects
from lambdas.prepare.table import FLOAT32_MAX

NAMES = ("train", "validation", "test")
KEYS = [f"runs/r/{name}/{name}.csv" for name in NAMES]
REPORT = "runs/r/data_report.json"
REQUEST = Request(
    source="s3://raw/data.csv",
    label_column="Class",
    bucket="team",
    prefix="runs/r/",
    split=LessonSplit(1729),
    drop_duplicates=False,
    amount_column=None,
    amount_required=False,
    registered=None,
)
ARCHIVE = "team/runs/r/output/registered-model/output/model.tar.gz"


class Objects:
    """Objects in memory, read by a few bytes at a time; the key `unanswered` is written, but the answer to it is lost,
    and when it is read, the connection ends half-way.
    """

    def __init__(self, objects: dict[str, bytes] | None = None, unanswered: str = "") -> None:
        self.objects = dict(objects or {})
        self.unanswered = unanswered

    def fetch(self, bucket: str, key: str, target: Path, most: int, too_much: Exception) -> None:
        with target.open("wb") as file:
            copy_bounded(io.BytesIO(self.objects[f"{bucket}/{key}"]), file, most, too_much)

    def chunks(self, bucket: str, key: str) -> Iterator[bytes]:
        if f"{bucket}/{key}" not in self.objects:
            raise UnreadableSource(f"s3://{bucket}/{key} can't be read: the bucket has no such object")
        content = io.BytesIO(self.objects[f"{bucket}/{key}"])
        while chunk := content.read(1000):
            yield chunk
            if key == self.unanswered:
                raise UnreadableSource(f"s3://{bucket}/{key} can't be read: the connection ended")

    def upload(self, path: Path, bucket: str, key: str) -> None:
        self._write(path.read_bytes(), bucket, key)

    def write_json(self, content: str, bucket: str, key: str) -> None:
        self._write(content.encode(), bucket, key)

    def _write(self, content: bytes, bucket: str, key: str) -> None:
        self.objects[f"{bucket}/{key}"] = content
        if key == self.unanswered:
            raise ConnectionError(key)

    def delete(self, bucket: str, key: str) -> None:
        self.objects.pop(f"{bucket}/{key}", None)


class Web(urllib.request.HTTPSHandler):
    """Answers in memory, by address: status, headers and body, or the error that the connection ends with."""

    def __init__(self, answers: dict[str, tuple[int, dict[str, str], bytes] | Exception]) -> None:
        super().__init__()
        self.answers = answers

    def https_open(self, req: urllib.request.Request) -> Any:
        answer = self.answers[req.full_url]
        if isinstance(answer, Exception):
            raise answer
        status, headers, body = answer
        message = email.message_from_string("".join(f"{name}: {value}\n" for name, value in headers.items()) + "\n")
        response: Any = urllib.response.addinfourl(io.BytesIO(body), message, req.full_url, status)
        response.msg = "its reason"
        return response


def csv_text(rows: int = 200, frauds: int = 60, columns: str = '"Time","V1","Amount","Class"') -> str:
    """Numbers of the kind that the lesson's data set has, the label in quotes and last."""
    numbers = random.Random(7)  # noqa: S311
    lines = [
        f'{row},{numbers.uniform(-3, 3)!r},{numbers.randrange(9999) / 100},"{int(row < frauds)}"' for row in range(rows)
    ]
    return "\n".join([columns, *lines, ""])


def zip_of(members: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return packed.getvalue()


def prepare(
    content: bytes | str, limits: Limits | None = None, request: Request = REQUEST
) -> tuple[DataReport, Objects]:
    content = content.encode() if isinstance(content, str) else content
    objects = Objects({"raw/data.csv": content})
    report = Preparation(objects, open_web(Web({})), limits or Limits()).run(request)
    return report, objects


def refusal(content: bytes | str, limits: Limits | None = None, request: Request = REQUEST) -> str:
    with pytest.raises(InvalidData) as refused:
        prepare(content, limits, request)
    return str(refused.value)


def written(objects: Objects) -> Any:
    """The report that was left in the bucket; what is no number of JSON's is refused."""
    return json.loads(objects.objects[f"team/{REPORT}"], parse_constant=pytest.fail)


def parts_of(objects: Objects) -> dict[str, pd.DataFrame]:
    return {
        name: pd.read_csv(io.BytesIO(objects.objects[f"team/{key}"]), header=None)
        for name, key in zip(NAMES, KEYS, strict=True)
    }


def lesson_parts(path: Path | io.StringIO) -> dict[str, "np.ndarray[Any, np.dtype[np.float64]]"]:
    """The lesson's own lines; today's numpy splits a frame into arrays, whose numbers are the same."""
    data = pd.read_csv(path)
    model_data = data
    model_data = pd.concat([model_data["Class"], model_data.drop(["Class"], axis=1)], axis=1)
    parts = np.split(
        model_data.sample(frac=1, random_state=1729).to_numpy(),
        [int(0.7 * len(model_data)), int(0.9 * len(model_data))],
    )
    return dict(zip(NAMES, parts, strict=True))


# --- What it leaves ---


def test_the_parts_are_the_lessons_row_for_row_and_number_for_number() -> None:
    text = csv_text()

    _, objects = prepare(text)

    expected = lesson_parts(io.StringIO(text))
    for name, part in parts_of(objects).items():
        np.testing.assert_array_equal(part.to_numpy(), expected[name])


def test_the_summary_counts_the_rows_and_the_frauds_of_each_part() -> None:
    text = csv_text()

    report, objects = prepare(text)

    assert report.summary() == {
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "rows": {"train": 140, "validation": 40, "test": 20},
        "positives": {name: int(part[0].sum()) for name, part in parts_of(objects).items()},
        "features": 3,
        "amount_column": "Amount",
        "amount_feature": 2,
        "duplicates": 0,
        "registered": None,
    }


def test_the_report_says_what_the_data_is() -> None:
    text = csv_text()

    _, objects = prepare(text)

    report, counted = written(objects), [part[0] for part in parts_of(objects).values()]
    names = [column.pop("name") for column in report.pop("columns")]
    assert names == ["Class", "Time", "V1", "Amount"]
    assert report == {
        "source": "s3://raw/data.csv",
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "rows": 200,
        "label_column": "Class",
        "positives": 60,
        "positive_share": 0.3,
        "missing_values": 0,
        "duplicates": {"rows": 0, "dropped": False, "across_parts": 0},
        "split": {"method": "lesson", "seed": 1729, "time_column": None},
        "parts": {
            name: {"rows": len(label), "positives": int(label.sum())}
            for name, label in zip(NAMES, counted, strict=True)
        },
        "features": ["Time", "V1", "Amount"],
        "amount_column": "Amount",
        "registered": None,
    }


def test_the_report_says_what_each_column_holds() -> None:
    _, objects = prepare(csv_text())

    label, time, *_ = written(objects)["columns"]

    assert time == {
        "name": "Time",
        "type": "integer",
        "missing": 0,
        "min": 0,
        "quartiles": [49.75, 99.5, 149.25],
        "max": 199,
        "mean": 99.5,
        "standard_deviation": pytest.approx(57.87918451),
    }
    assert (label["name"], label["mean"]) == ("Class", 0.3)


def test_the_report_is_that_of_the_table_as_it_was_read() -> None:
    text = csv_text()
    twice = text + text.partition("\n")[2]

    _, objects = prepare(twice, request=replace(REQUEST, drop_duplicates=True))

    report = written(objects)
    assert (report["rows"], report["positives"]) == (400, 120)
    assert sum(part["rows"] for part in report["parts"].values()) == 200


def test_the_fingerprint_is_that_of_the_csv_file_however_it_was_packed() -> None:
    text = csv_text()

    from_zip, _ = prepare(zip_of({"cards.csv": text}))

    assert from_zip.origin.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_the_signature_of_an_address_is_not_kept_in_the_report() -> None:
    address = "https://host/data.csv?X-Amz-Signature=secret"
    objects, web = Objects(), open_web(Web({address: (200, {}, csv_text().encode())}))

    Preparation(objects, web, Limits()).run(replace(REQUEST, source=address))

    assert written(objects)["source"] == "https://host/data.csv"


def test_a_stratified_split_is_written_and_reported() -> None:
    _, objects = prepare(csv_text(), request=replace(REQUEST, split=StratifiedSplit(3)))

    assert [int(part[0].sum()) for part in parts_of(objects).values()] == [42, 12, 6]
    assert written(objects)["split"] == {"method": "stratified", "seed": 3, "time_column": None}


def test_a_split_by_time_is_written_and_reported() -> None:
    _, objects = prepare(csv_text(), request=replace(REQUEST, split=TimeSplit("Amount")))

    amounts = pd.read_csv(io.StringIO(csv_text()))["Amount"].sort_values()
    assert [*np.concatenate([part[3] for part in parts_of(objects).values()])] == [*amounts]
    assert written(objects)["split"] == {"method": "time", "seed": None, "time_column": "Amount"}


def with_duplicates() -> str:
    """The first row stands in it eleven times, the last one twice."""
    header, *rows = csv_text().splitlines()
    return "\n".join([header, *[rows[0]] * 10, *rows, rows[-1]])


def test_rows_that_stand_in_training_and_elsewhere_are_counted() -> None:
    _, objects = prepare(with_duplicates())

    train, *others = ([tuple(row) for row in part.to_numpy()] for part in parts_of(objects).values())
    across = sum(row in set(train) for part in others for row in part)
    assert across > 0
    assert written(objects)["duplicates"] == {"rows": 11, "dropped": False, "across_parts": across}


def test_dropped_duplicates_are_in_no_part_and_their_first_is() -> None:
    _, objects = prepare(with_duplicates(), request=replace(REQUEST, drop_duplicates=True))

    _, unrepeated = prepare(csv_text())
    for key in KEYS:
        assert objects.objects[f"team/{key}"] == unrepeated.objects[f"team/{key}"]
    assert written(objects)["duplicates"] == {"rows": 11, "dropped": True, "across_parts": 0}


def test_another_amount_can_be_named() -> None:
    report, objects = prepare(csv_text(), request=replace(REQUEST, amount_column="V1"))

    assert (report.summary()["amount_column"], report.summary()["amount_feature"]) == ("V1", 1)
    assert written(objects)["amount_column"] == "V1"


@pytest.mark.parametrize(
    ("columns", "label"),
    [
        pytest.param("Time,V1,V2,Class", "Class", id="no such column"),
        pytest.param("Time,V1,V2,Amount", "Amount", id="the label"),
    ],
)
def test_data_without_the_lessons_amount_has_none(columns: str, label: str) -> None:
    report, objects = prepare(csv_text(columns=columns), request=replace(REQUEST, label_column=label))

    assert (report.summary()["amount_column"], report.summary()["amount_feature"]) == (None, None)
    assert written(objects)["amount_column"] is None


def test_an_amount_that_is_not_there_is_refused_with_the_nearest_name() -> None:
    said = refusal(csv_text(), request=replace(REQUEST, amount_column="AMOUNT"))

    assert "data.amount_column names the column 'AMOUNT', which the CSV file does not have" in said
    assert "The nearest name is 'Amount'." in said


def without_amounts(rows: int, frauds: int) -> str:
    """The amount is missing in a genuine row and in so many `frauds`."""
    header, *lines = csv_text(rows).splitlines()
    for place in (*range(frauds), rows - 1):
        time, value, _, label = lines[place].split(",")
        lines[place] = f"{time},{value},,{label}"
    return "\n".join([header, *lines])


def test_where_every_fraud_needs_its_amount_one_without_is_refused_before_anything_is_written() -> None:
    objects = Objects({"raw/data.csv": without_amounts(200, frauds=3).encode()})

    with pytest.raises(InvalidData) as refused:
        Preparation(objects, open_web(Web({})), Limits()).run(replace(REQUEST, amount_required=True))

    said = str(refused.value)
    assert "The amount 'Amount' is missing in 3 of 60 positive rows" in said
    assert "Remove or complete these rows, or give costs.missed_fraud as a number" in said
    assert list(objects.objects) == ["raw/data.csv"]


@pytest.mark.parametrize(("frauds", "required"), [(0, True), (3, False)])
def test_amounts_may_be_missing_in_genuine_rows_and_where_no_fraud_needs_its_own(frauds: int, required: bool) -> None:
    report, _ = prepare(without_amounts(200, frauds), request=replace(REQUEST, amount_required=required))

    assert report.columns[3].missing == frauds + 1


def test_where_every_fraud_needs_its_amount_a_table_without_amounts_is_refused() -> None:
    said = refusal(csv_text(columns="Time,V1,V2,Class"), request=replace(REQUEST, amount_required=True))

    assert "no column 'Amount', but a missed fraud costs its own amount. Name the column that has it" in said


def test_a_request_is_read_from_the_event() -> None:
    event = {
        "source": "s3://raw/data.csv",
        "label_column": "Class",
        "split": "time",
        "time_column": "Time",
        "seed": 1729,
        "drop_duplicates": True,
        "amount_column": "V1",
        "amount_required": True,
        "registered": {"training_rows": "s3://team/runs/old/train/train.csv"},
        "bucket": "team",
        "prefix": "runs/r/",
    }

    assert Request.read(event) == replace(
        REQUEST,
        split=TimeSplit("Time"),
        drop_duplicates=True,
        amount_column="V1",
        amount_required=True,
        registered=RegisteredModel("s3://team/runs/old/train/train.csv"),
    )
    assert Request.read(event | {"registered": None}).registered is None


def test_a_zip_archive_gives_what_its_csv_gives() -> None:
    text = csv_text()

    _, from_zip = prepare(zip_of({"data/": "", "data/cards.CSV": text, "__MACOSX/._cards.csv": "x", "README": "x"}))
    _, from_csv = prepare(text)

    for key in KEYS:
        assert from_zip.objects[f"team/{key}"] == from_csv.objects[f"team/{key}"]


def test_a_byte_order_mark_changes_nothing_but_the_fingerprint() -> None:
    marked, plain = (prepare(mark + csv_text())[0] for mark in ("\ufeff", ""))

    assert replace(marked, origin=plain.origin) == plain


def test_missing_values_of_features_stay_missing_and_are_counted() -> None:
    lines = csv_text().splitlines()
    lines[5] = '4,,1.5,"1"'

    _, objects = prepare("\n".join(lines))

    report = written(objects)
    assert report["missing_values"] == 1
    assert {column["name"]: column["missing"] for column in report["columns"] if column["missing"]} == {"V1": 1}
    assert sum(int(part[2].isna().sum()) for part in parts_of(objects).values()) == 1


FINITE = st.floats(min_value=-FLOAT32_MAX, max_value=FLOAT32_MAX) | st.just(float("nan"))


@settings(deadline=None)
@given(st.lists(FINITE, min_size=1, max_size=20))
def test_every_number_is_written_so_that_it_reads_back_as_itself(values: list[float]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "part.csv")
        write_csv(pd.DataFrame({"Class": 0, "V1": values}), path)
        fields = [line.split(",")[1] for line in path.read_text().splitlines()]

    np.testing.assert_array_equal([float(field or "nan") for field in fields], values)


def test_the_rows_read_back_as_those_that_pandas_writes(tmp_path: Path) -> None:
    """The lesson writes with pandas: what it would have written must mean the same."""
    part = pd.read_csv(io.StringIO(csv_text()))[["Class", "Time", "V1", "Amount"]].sample(frac=0.7, random_state=1729)

    write_csv(part, tmp_path / "arrow.csv")
    part.to_csv(tmp_path / "pandas.csv", header=False, index=False)

    arrow, pandas = (pd.read_csv(tmp_path / name, header=None) for name in ("arrow.csv", "pandas.csv"))
    np.testing.assert_array_equal(arrow.to_numpy(), pandas.to_numpy())


# --- A registered model that is to compete ---

TRAINED_ON = "team/runs/old/train/train.csv"
COMPETING = replace(REQUEST, registered=RegisteredModel(f"s3://{TRAINED_ON}"))
DROPPING = replace(COMPETING, drop_duplicates=True)


def trained_on(text: str, request: Request = REQUEST) -> bytes:
    """The training rows of a model that was trained on such data."""
    return prepare(text, request=request)[1].objects[f"team/{KEYS[0]}"]


def competing(
    text: str, training_rows: bytes | None, request: Request = COMPETING, unanswered: str = ""
) -> tuple[DataReport, Objects]:
    rows = {} if training_rows is None else {TRAINED_ON: training_rows}
    objects = Objects({"raw/data.csv": text.encode(), ARCHIVE: b"a model", **rows}, unanswered=unanswered)
    return Preparation(objects, open_web(Web({})), Limits()).run(request), objects


def seen(objects: Objects, training_rows: bytes) -> int:
    lines = set(training_rows.splitlines())
    return sum(line in lines for key in KEYS[1:] for line in objects.objects[f"team/{key}"].splitlines())


@pytest.mark.parametrize("split", [LessonSplit(1729), StratifiedSplit(3), TimeSplit("Amount")])
def test_a_registered_model_that_was_trained_on_the_same_rows_competes(
    split: LessonSplit | StratifiedSplit | TimeSplit,
) -> None:
    request = replace(COMPETING, split=split)
    rows = trained_on(with_duplicates(), request=replace(request, registered=None))

    report, objects = competing(with_duplicates(), rows, request)

    verdict = written(objects)["registered"]
    assert verdict["rows_seen"] == seen(objects, rows) == report.duplicates.across_parts
    assert verdict["competes"] is True
    assert "no more than the run's own models" in verdict["reason"]
    assert objects.objects[ARCHIVE] == b"a model"


def test_a_registered_model_whose_rows_were_shuffled_anew_into_a_larger_file_is_left_out() -> None:
    grown = csv_text() + "".join(f"{row},0.25,{row},{row % 2}\n" for row in range(200, 300))
    rows = trained_on(csv_text())

    report, objects = competing(grown, rows)

    count = seen(objects, rows)
    assert count > 10
    assert ARCHIVE not in objects.objects
    assert report.summary()["registered"] == written(objects)["registered"]
    assert written(objects)["registered"] == {
        "competes": False,
        "rows_seen": count,
        "reason": f"it was trained on {count} of the validation and test rows, while the run's own models have seen 0 "
        "of them",
    }


@pytest.mark.parametrize(("more", "competes"), [(0, True), (1, False)])
def test_a_registered_model_may_have_seen_what_the_runs_own_have_and_not_a_row_more(more: int, competes: bool) -> None:
    _, plain = prepare(with_duplicates())
    train, *parts = (plain.objects[f"team/{key}"].splitlines() for key in KEYS)
    counts = Counter(line for part in parts for line in part)
    unseen = [line for line, times in counts.items() if line not in train and times == 1]

    report, objects = competing(with_duplicates(), b"\n".join([*train, *unseen[:more]]))

    assert report.registered is not None
    assert (report.registered.competes, ARCHIVE in objects.objects) == (competes, competes)
    assert report.registered.rows_seen == report.duplicates.across_parts + more


def test_what_was_dropped_from_this_runs_training_part_is_not_granted_to_a_registered_model() -> None:
    report, objects = competing(
        with_duplicates(), trained_on(csv_text(), replace(REQUEST, split=LessonSplit(5))), DROPPING
    )

    assert report.duplicates.across_parts == 0
    assert report.registered is not None
    assert not report.registered.competes
    assert ARCHIVE not in objects.objects


def test_a_registered_model_of_other_data_competes() -> None:
    report, objects = competing(csv_text(), b"0,1,2,3\n1,4,5,6\n")

    assert report.registered is not None
    assert (report.registered.competes, report.registered.rows_seen) == (True, 0)
    assert ARCHIVE in objects.objects


@pytest.mark.parametrize(
    ("model", "unanswered", "reason"),
    [
        pytest.param(RegisteredModel(None), "", "the rows it was trained on are not known", id="not known"),
        pytest.param(
            RegisteredModel("s3://team/runs/gone/train/train.csv"),
            "",
            "the rows it was trained on are not known: s3://team/runs/gone/train/train.csv can't be read: the bucket "
            "has no such object",
            id="gone",
        ),
        pytest.param(
            RegisteredModel(f"s3://{TRAINED_ON}"),
            TRAINED_ON.removeprefix("team/"),
            f"the rows it was trained on are not known: s3://{TRAINED_ON} can't be read: the connection ended",
            id="ends half-way",
        ),
    ],
)
def test_a_registered_model_whose_rows_cannot_be_told_is_left_out(
    model: RegisteredModel, unanswered: str, reason: str
) -> None:
    _, objects = competing(csv_text(), b"0,1,2,3\n", replace(REQUEST, registered=model), unanswered)

    assert written(objects)["registered"] == {"competes": False, "rows_seen": None, "reason": reason}
    assert ARCHIVE not in objects.objects


# --- A failure on the way; data that no model can be trained on is in bad_files.py ---


@pytest.mark.parametrize("unanswered", [*KEYS, REPORT])
def test_a_failed_write_leaves_nothing_of_the_run(unanswered: str) -> None:
    planned = ("code/sourcedir.tar.gz", "code/sampling/sourcedir.tar.gz")
    left_by_the_plan = {ARCHIVE: b"", **{f"team/runs/r/{key}": b"" for key in planned}}
    before = {"raw/data.csv": csv_text().encode(), "team/runs/old/train/train.csv": b""}
    objects = Objects(before | left_by_the_plan, unanswered=unanswered)

    with pytest.raises(ConnectionError):
        Preparation(objects, open_web(Web({})), Limits()).run(COMPETING)

    assert objects.objects == before


# --- Sources ---


def fetched(tmp_path: Path, answers: dict[str, Any], address: str = "https://host/data.csv") -> bytes:
    Source(address).fetch(tmp_path / "got", Objects(), open_web(Web(answers)), replace(Limits(), source_bytes=1000))
    return (tmp_path / "got").read_bytes()


def test_an_https_source_is_downloaded(tmp_path: Path) -> None:
    assert fetched(tmp_path, {"https://host/data.csv": (200, {"Content-Length": "4"}, b"1,2\n")}) == b"1,2\n"


def test_a_redirect_to_https_is_followed(tmp_path: Path) -> None:
    answers = {
        "https://host/data.csv": (302, {"Location": "https://other/data.csv"}, b""),
        "https://other/data.csv": (200, {}, b"1,2\n"),
    }

    assert fetched(tmp_path, answers) == b"1,2\n"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param((404, {}, b""), "the server answered 404", id="not found"),
        pytest.param((403, {}, b""), "the server answered 403", id="forbidden"),
        pytest.param((302, {"Location": "http://other/x"}, b""), "redirects to http://other/x", id="to http"),
        pytest.param(
            (302, {"Location": "file:///etc/passwd"}, b""), "'file:///etc/passwd' is not allowed", id="to a file"
        ),
        pytest.param((200, {"Content-Length": "9"}, b"1,2\n"), "ended after 4 of 9 bytes", id="truncated"),
        pytest.param(urllib.error.URLError(socket.gaierror(-2, "x")), "there is no such host", id="no such host"),
        pytest.param(urllib.error.URLError(TimeoutError()), "nothing for 30 seconds", id="silent"),
        pytest.param(TimeoutError(), "nothing for 30 seconds", id="silent half-way"),
        pytest.param(ConnectionResetError("reset by peer"), "reset by peer", id="reset"),
        pytest.param(
            (302, {"Location": "http://169.254.169.254/latest/meta-data/"}, b""),
            "redirects to http://169.254.169.254/latest/meta-data/, which is not https",
            id="to the metadata of an instance",
        ),
        pytest.param((302, {"Location": "https://[host/x"}, b""), "Invalid IPv6 URL", id="to no address"),
        pytest.param((302, {"Location": "https://host/data.csv"}, b""), "infinite loop", id="in a circle"),
        pytest.param(OverflowError("port must be 0-65535."), "port must be 0-65535", id="port"),
        pytest.param(http.client.IncompleteRead(b"1,2"), "IncompleteRead(3 bytes read)", id="chunk cut off"),
        pytest.param(http.client.BadStatusLine("x" * 9999), "x" * 100, id="no HTTP"),
        pytest.param((500, {}, b""), "the server answered 500", id="fault"),
    ],
)
def test_an_https_source_that_cannot_be_read_is_refused_with_its_reason(
    tmp_path: Path, answer: object, why: str
) -> None:
    with pytest.raises(UnreadableSource, match=r"The source https://host/data\.csv can't be read") as refused:
        fetched(tmp_path, {"https://host/data.csv": answer})

    assert why in str(refused.value)
    assert len(str(refused.value)) < 600


def test_a_server_that_sends_drop_by_drop_is_given_up() -> None:
    now = 0.0

    class Dripping:
        def read1(self, size: int) -> bytes:
            nonlocal now
            now += 29
            return b"1"

    with pytest.raises(OSError, match="did not send all of it within 10 minutes"):
        copy_bounded(InTime(Dripping(), lambda: now), io.BytesIO(), 1000, AssertionError())


@pytest.mark.parametrize("headers", [{"Content-Length": "1001"}, {}], ids=["declared", "undeclared"])
def test_a_download_that_is_too_large_ends_at_the_limit(tmp_path: Path, headers: dict[str, str]) -> None:
    with pytest.raises(TooMuchData, match=r"https://host/data\.csv is larger than"):
        fetched(tmp_path, {"https://host/data.csv": (200, headers, b"x" * 1001)})

    assert (tmp_path / "got").stat().st_size <= 1000


def test_the_signature_of_an_address_is_not_repeated_in_errors(tmp_path: Path) -> None:
    address = "https://host/data.csv?X-Amz-Signature=secret"

    with pytest.raises(UnreadableSource) as refused:
        fetched(tmp_path, {address: (403, {}, b"")}, address)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("address", ["http://host/data.csv", "file:///etc/passwd", "s3://bucket", "data.csv"])
def test_an_address_of_another_kind_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(UnreadableSource, match="no address that can be read"):
        fetched(tmp_path, {}, address)


# --- S3 ---


@pytest.fixture
def s3() -> Iterator[Stubber]:
    client = boto3.client("s3", region_name="us-east-1", config=Config(signature_version=UNSIGNED))
    with Stubber(client) as stubber:
        yield stubber


def test_an_object_is_fetched_from_s3(s3: Stubber, tmp_path: Path) -> None:
    body = StreamingBody(io.BytesIO(b"1,2\n"), 4)
    s3.add_response("get_object", {"ContentLength": 4, "Body": body}, {"Bucket": "b", "Key": "data/x.csv"})

    Source("s3://b/data/x.csv").fetch(tmp_path / "got", S3Objects(s3.client), open_web(), Limits())

    assert (tmp_path / "got").read_bytes() == b"1,2\n"


REFUSED = pytest.mark.parametrize(
    ("code", "why"),
    [
        ("NoSuchKey", "the bucket has no such object"),
        ("NoSuchBucket", "there is no such bucket"),
        ("AccessDenied", "access is denied"),
        ("InvalidObjectState", "InvalidObjectState"),
    ],
)


@REFUSED
def test_an_object_that_cannot_be_read_is_refused_with_its_reason(
    s3: Stubber, tmp_path: Path, code: str, why: str
) -> None:
    s3.add_client_error("get_object", code)

    with pytest.raises(UnreadableSource, match=r"s3://b/x\.csv can't be read") as refused:
        Source("s3://b/x.csv").fetch(tmp_path / "got", S3Objects(s3.client), open_web(), Limits())

    assert why in str(refused.value)


def test_an_object_that_is_too_large_is_not_even_begun(s3: Stubber, tmp_path: Path) -> None:
    s3.add_response("get_object", {"ContentLength": 2001, "Body": StreamingBody(io.BytesIO(), 2001)})

    with pytest.raises(TooMuchData):
        Source("s3://b/x.csv").fetch(
            tmp_path / "got", S3Objects(s3.client), open_web(), replace(Limits(), source_bytes=2000)
        )

    assert not (tmp_path / "got").exists()


def test_an_object_is_read_chunk_by_chunk(s3: Stubber) -> None:
    content = b"1,2\n" * 700_000
    s3.add_response(
        "get_object", {"Body": StreamingBody(io.BytesIO(content), len(content))}, {"Bucket": "b", "Key": "k"}
    )

    chunks = list(S3Objects(s3.client).chunks("b", "k"))

    assert b"".join(chunks) == content
    assert max(len(chunk) for chunk in chunks) <= 2**20


@REFUSED
def test_chunks_that_cannot_be_read_tell_their_reason(s3: Stubber, code: str, why: str) -> None:
    s3.add_client_error("get_object", code)

    with pytest.raises(UnreadableSource, match=r"^s3://b/k can't be read: ") as refused:
        list(S3Objects(s3.client).chunks("b", "k"))

    assert why in str(refused.value)


def test_chunks_that_end_before_their_object_does_are_not_taken_for_the_whole(s3: Stubber) -> None:
    s3.add_response("get_object", {"Body": StreamingBody(io.BytesIO(b"1,2\n"), 9)})

    with pytest.raises(UnreadableSource, match=r"s3://b/k can't be read: 4 read, but total bytes expected is 9"):
        list(S3Objects(s3.client).chunks("b", "k"))


def test_the_report_is_written_as_json(s3: Stubber) -> None:
    expected = {"Bucket": "b", "Key": "data_report.json", "Body": b'{"rows": 1}', "ContentType": "application/json"}
    s3.add_response("put_object", {}, expected)

    S3Objects(s3.client).write_json('{"rows": 1}', "b", "data_report.json")

    s3.assert_no_pending_responses()


# --- The lesson's own file ---


@pytest.fixture(scope="module")
def card_data() -> Path:
    path = os.environ.get("CREDITCARD_DATA")
    if not path:
        pytest.skip("needs the lesson's creditcardfraud.zip: give its path as CREDITCARD_DATA")
    return Path(path)


def test_the_lessons_file_is_split_as_the_lesson_splits_it(card_data: Path, tmp_path: Path) -> None:
    report, objects = prepare(card_data.read_bytes())

    with zipfile.ZipFile(card_data) as archive:
        expected = lesson_parts(Path(archive.extract("creditcard.csv", tmp_path)))
    for name, part in parts_of(objects).items():
        np.testing.assert_array_equal(part.to_numpy(), expected[name])
    summary = report.summary()
    assert summary["rows"] == {"train": 199_364, "validation": 56_962, "test": 28_481}
    assert summary["positives"] == {"train": 348, "validation": 90, "test": 54}


def test_the_lessons_file_is_reported_as_the_lesson_describes_it(card_data: Path) -> None:
    _, objects = prepare(card_data.read_bytes())

    report = written(objects)
    assert (report["rows"], report["positives"], round(report["positive_share"], 5)) == (284_807, 492, 0.00173)
    assert report["duplicates"] == {"rows": 1_081, "dropped": False, "across_parts": 414}
    assert (report["missing_values"], report["amount_column"]) == (0, "Amount")
