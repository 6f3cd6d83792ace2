"""S3 refuses, breaks off or changes: the run fails with a documented class, and leaves nothing that is half-written."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lambdas.evaluate import errors as evaluate_errors
from lambdas.evaluate.evaluation import evaluate
from lambdas.evaluate.request import Request as EvaluateRequest
from lambdas.evaluate.storage import S3Store as EvaluateStore
from lambdas.plan import errors as plan_errors
from lambdas.plan.storage import S3Store as PlanStore
from lambdas.prepare.errors import InvalidData, UnreadableSource, UnwritableFile
from lambdas.prepare.limits import Limits
from lambdas.prepare.preparation import DATA_REPORT, LEFT_BEHIND, Preparation
from lambdas.prepare.registered import RegisteredModel
from lambdas.prepare.source import open_web
from lambdas.prepare.split import write_csv
from lambdas.prepare.storage import S3Objects
from lambdas.report import errors as report_errors
from lambdas.report.storage import S3Store as ReportStore
from tests.unit.bad_files import GOOD, GOOD_BYTES
from tests.unit.s3_in_memory import S3InMemory
from tests.unit.test_bad_data_files import PARTS, REQUEST
from tests.unit.test_evaluate import CHOICE, EVENT, TEST, FirstFeature, archive
from tests.unit.test_evaluate import DATA_REPORT as EVALUATED_DATA

START = f"{REQUEST.bucket}/{REQUEST.prefix}"
MULTIPART = 8 * 2**20
"""From as many bytes on boto3 sends a file in parts."""

# --- the preparation ------------------------------------------------------------------------------------------------


def with_source(content: bytes = GOOD_BYTES) -> S3InMemory:
    """And with all that a plan may have left."""
    return S3InMemory({"raw/data": content, **{f"{START}{key}": b"" for key in LEFT_BEHIND[:3]}})


def run(s3: S3InMemory, **changes: Any) -> None:
    Preparation(S3Objects(s3.client), open_web(), Limits()).run(replace(REQUEST, **changes))


def left(s3: S3InMemory) -> set[str]:
    return {name.removeprefix(START) for name in s3.objects if name.startswith(START)}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("NoSuchKey", "the bucket has no such object"),
        ("NoSuchBucket", "there is no such bucket"),
        ("AccessDenied", "access is denied"),
        ("PermanentRedirect", "PermanentRedirect"),
        ("InvalidObjectState", "InvalidObjectState"),
        ("InternalError", "InternalError"),
    ],
)
def test_a_source_that_s3_does_not_give_is_told_with_its_reason(code: str, why: str) -> None:
    s3 = with_source()
    s3.refused["GET", "data"] = code

    with pytest.raises(UnreadableSource) as refused:
        run(s3)

    message = str(refused.value)
    assert [words for words in ("s3://raw/data", why, "Check it") if words not in message] == []
    assert (left(s3), s3.written) == (set(), [])


@pytest.mark.parametrize(
    "address",
    [
        "s3://a..b/data",
        "s3://-/data",
        "s3://raw/\ud800",
        f"s3://raw/{'x' * 2000}",
        "s3://RAW/data",
        "s3://raw/dat\u00e4",
    ],
    ids=["dots", "hyphen", "half a pair", "long key", "capitals", "accent"],
)
def test_an_address_that_s3_cannot_have_is_an_unreadable_source(address: str) -> None:
    s3 = with_source()

    with pytest.raises(UnreadableSource, match="can't be read"):
        run(s3, source=address)

    assert left(s3) == set()


def test_a_source_that_breaks_off_is_not_taken_for_the_whole() -> None:
    s3 = with_source()
    s3.broken_off.add("raw/data")

    with pytest.raises(UnreadableSource, match="total bytes expected"):
        run(s3)

    assert (left(s3), s3.written) == (set(), [])


def test_a_source_that_changes_while_it_is_read_is_one_of_the_two_and_never_a_mixture() -> None:
    """One request without a range: what S3 answers it with is one version of the object."""
    s3 = with_source()
    s3.replaced["raw/data"] = b"Class,V1\n" * 1000
    run(s3)

    assert s3.requests.count(("GET", "data")) == 1
    assert s3.ranges == []
    assert json.loads(s3.objects[f"{START}{DATA_REPORT}"])["rows"] == GOOD.count("\n") - 1


@pytest.mark.parametrize("refused", [*PARTS, DATA_REPORT])
def test_what_cannot_be_written_is_named_and_nothing_of_the_run_is_left(refused: str) -> None:
    s3 = with_source()
    s3.refused["PUT", f"{REQUEST.prefix}{refused}"] = "AccessDenied"

    with pytest.raises(UnwritableFile, match=rf"^s3://{START}{refused} can't be written.*AccessDenied.*again\.$"):
        run(s3)

    assert left(s3) == set()


def test_the_parts_of_an_upload_that_fails_do_not_stay(tmp_path: Path) -> None:
    s3 = S3InMemory()
    s3.refused["PUT", "large.csv"] = "AccessDenied"
    path = tmp_path / "large.csv"
    path.write_bytes(bytes(2 * MULTIPART))

    with pytest.raises(UnwritableFile, match="UploadPart"):
        S3Objects(s3.client).upload(path, "team", "large.csv")

    assert ("DELETE", "large.csv") in s3.requests
    assert (s3.uploads, s3.objects) == ({}, {})


def test_a_large_part_arrives_whole(tmp_path: Path) -> None:
    s3, path = S3InMemory(), tmp_path / "large.csv"
    write_csv(pd.DataFrame({"a": np.arange(1_500_000)}), path)
    assert path.stat().st_size > MULTIPART

    S3Objects(s3.client).upload(path, "team", "large.csv")

    assert s3.objects["team/large.csv"] == path.read_bytes()
    assert s3.uploads == {}


def test_what_cannot_be_removed_does_not_hide_what_has_gone_wrong() -> None:
    s3 = with_source(b"")
    s3.refused["DELETE", f"{REQUEST.prefix}{LEFT_BEHIND[0]}"] = "AccessDenied"

    with pytest.raises(InvalidData, match="is empty"):
        run(s3)

    assert left(s3) == {LEFT_BEHIND[0]}


def test_a_registered_model_that_cannot_be_removed_does_not_compete_unnoticed() -> None:
    s3 = with_source()
    s3.refused["DELETE", f"{REQUEST.prefix}{LEFT_BEHIND[2]}"] = "AccessDenied"

    with pytest.raises(UnwritableFile, match="can't be written or removed"):
        run(s3, registered=RegisteredModel(None))

    assert DATA_REPORT not in left(s3)


# --- the states after it --------------------------------------------------------------------------------------------

CHOICE_KEY = f"choice/{EVENT['choose_job']}/output/output.tar.gz"


def with_run() -> S3InMemory:
    """What the earlier steps have left for the evaluation."""
    files = {
        "test/test.csv": TEST.encode(),
        CHOICE_KEY: archive({"choice.json": json.dumps(CHOICE)}),
        "data_report.json": json.dumps(EVALUATED_DATA).encode(),
    }
    return S3InMemory({f"{START}{name}": content for name, content in files.items()})


def evaluated(s3: S3InMemory) -> None:
    evaluate(EvaluateRequest.read(EVENT), EvaluateStore(s3.client), FirstFeature())


def test_the_evaluation_is_written_last() -> None:
    s3 = with_run()
    evaluated(s3)

    assert s3.written == [f"{REQUEST.prefix}choice.json", f"{REQUEST.prefix}evaluation.json"]


@pytest.mark.parametrize("name", ["test/test.csv", CHOICE_KEY, "data_report.json"])
@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied", "InternalError", "broken off"])
def test_an_earlier_steps_file_that_cannot_be_read_is_named(name: str, code: str) -> None:
    s3 = with_run()
    if code == "broken off":
        s3.broken_off.add(f"{START}{name}")
    else:
        s3.refused["GET", f"{REQUEST.prefix}{name}"] = code

    with pytest.raises(evaluate_errors.UnreadableFile, match=rf"^s3://{START}{name} can't be read.*another run\.$"):
        evaluated(s3)

    assert s3.written == []


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("test/test.csv", b"", evaluate_errors.UnusableRows),
        ("test/test.csv", b"\xff\xfe0,1\n", evaluate_errors.UnusableRows),
        ("test/test.csv", b"PK\x03\x04", evaluate_errors.UnusableRows),
        (CHOICE_KEY, b"", evaluate_errors.UnusableChoice),
        (CHOICE_KEY, b"\x1f\x8b\x08", evaluate_errors.UnusableChoice),
        ("data_report.json", b"", evaluate_errors.UnusableRows),
        ("data_report.json", b"\xff", evaluate_errors.UnusableRows),
        ("data_report.json", b"[]", evaluate_errors.UnusableRows),
        ("data_report.json", b'{"amount_column": "Amount"}', evaluate_errors.UnusableRows),
    ],
    ids=[
        *("no rows", "rows that are no text", "rows in a zip", "no choice", "a choice cut off"),
        *("no report", "a report that is no text", "a report that is a list", "a report without features"),
    ],
)
def test_an_earlier_steps_file_that_is_broken_is_told(name: str, content: bytes, error: type[Exception]) -> None:
    s3 = with_run()
    s3.objects[f"{START}{name}"] = content

    with pytest.raises(error, match=r"(Prepare|prepare|Look).*\.$"):
        evaluated(s3)

    assert s3.written == []


@pytest.mark.parametrize(("refused", "stays"), [("choice.json", set()), ("evaluation.json", {"choice.json"})])
def test_an_evaluation_that_cannot_be_written_is_not_there(refused: str, stays: set[str]) -> None:
    s3 = with_run()
    before = left(s3)
    s3.refused["PUT", f"{REQUEST.prefix}{refused}"] = "AccessDenied"

    with pytest.raises(evaluate_errors.UnwritableFile, match=rf"^s3://{START}{refused} can't be written"):
        evaluated(s3)

    assert left(s3) - before == stays


Use = Callable[[Any], object]
USES: list[tuple[str, Use, type[Exception]]] = [
    ("read for the report", lambda client: ReportStore(client).read("team", "key"), report_errors.UnreadableFile),
    ("write the report", lambda client: ReportStore(client).write("team", "key", "", ""), report_errors.UnwritableFile),
    ("write the code", lambda client: PlanStore(client).write("team", "key", b""), plan_errors.UnwritableFile),
    ("copy a model", lambda client: PlanStore(client).copy("s3://team/m", "team", "key"), plan_errors.UnreadableObject),
]


@pytest.mark.parametrize(("use", "error"), [each[1:] for each in USES], ids=[each[0] for each in USES])
@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "InternalError"])
def test_whatever_s3_refuses_is_told_by_a_class_of_the_functions(use: Use, error: type[Exception], code: str) -> None:
    s3 = S3InMemory()
    s3.refused = {("GET", "key"): code, ("PUT", "key"): code}

    with pytest.raises(error, match=code):
        use(s3.client)

    assert s3.objects == {}
