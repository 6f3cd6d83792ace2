"""Input and data that no run can be made of: what was given and what is allowed is named, and nothing stays."""

import io
import zipfile
from typing import Any, NamedTuple

import pytest

from localcloud.cloud import Item
from tests.pipeline.running import HOSTING, JOBS, Deployed, Run

GOOD = "Amount,Class\n" + "".join(f"{row}.5,{row % 2}\n" for row in range(100))


def zipped(**members: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


class Case(NamedTuple):
    """An input, or a file for which an input is made; the class of the error, and what its cause must name."""

    name: str
    given: dict[str, Any] | bytes
    error: str
    named: tuple[str, ...]


CASES = (
    Case("an unknown field", {"trainning": {}}, "InvalidInput", ("input.trainning", '"training"')),
    Case(
        "an unknown field of a section",
        {"endpoint": {"ttl": 5}},
        "InvalidInput",
        ("endpoint.ttl", '"ttl_minutes"', "idle_minutes"),
    ),
    Case(
        "a text for a number", {"tuning": {"max_jobs": "9"}}, "InvalidInput", ('tuning.max_jobs: given is "9"', "750")
    ),
    Case("a number for an object", {"data": 7}, "InvalidInput", ("data: given is 7", "allowed is an object")),
    Case(
        "a hyperparameter outside its range",
        {"hyperparameters": {"eta": 1.5}},
        "InvalidInput",
        ("eta is '1.5'", "a number in [0, 1]"),
    ),
    Case(
        "a hyperparameter that the image dropped",
        {"hyperparameters": {"silent": 0}},
        "InvalidInput",
        ("silent", "use verbosity"),
    ),
    Case(
        "an address that is neither https nor s3",
        {"data": {"source": "ftp://example.com/a.csv"}},
        "InvalidInput",
        ("ftp://example.com/a.csv", "https://", "s3://"),
    ),
    Case(
        "costs that are wanted and not given",
        {"threshold": {"objective": "least_cost"}},
        "InvalidInput",
        ("threshold.objective", "costs.missed_fraud", "costs.false_alarm"),
    ),
    Case(
        "an earlier run that isn't there",
        {"tuning": {"warm_start_from": ["200101-000000-0a1b2c"]}},
        "InvalidInput",
        ("tuning.warm_start_from", "no tuning job of 200101-000000-0a1b2c"),
    ),
    Case(
        "an input of a thousand fields",
        {"data": {f"column{number}": number for number in range(1000)}},
        "InvalidInput",
        ("data: 1,000 of its fields are not known", "label_column"),
    ),
    Case(
        "a cost that no float can hold",
        {"costs": {"missed_fraud": 10**400, "false_alarm": 1}},
        "InvalidInput",
        ("costs.missed_fraud", "a number from 0 to"),
    ),
    Case(
        "a bucket that isn't there",
        {"data": {"source": "s3://no-such-bucket-anywhere/a.csv"}},
        "UnreadableSource",
        ("s3://no-such-bucket-anywhere/a.csv", "no such bucket"),
    ),
    Case(
        "a server that doesn't answer",
        {"data": {"source": "https://localhost:1/a.csv"}},
        "UnreadableSource",
        ("https://localhost:1/a.csv", "refused"),
    ),
    Case(
        "a zip without a CSV", zipped(**{"readme.txt": ""}), "InvalidData", ("0 CSV files", "readme.txt", "exactly one")
    ),
    Case(
        "a zip with two CSVs",
        zipped(**{"a.csv": GOOD, "b.csv": GOOD}),
        "InvalidData",
        ("2 CSV files", "a.csv", "b.csv", "exactly one"),
    ),
    Case("a path that climbs", zipped(**{"../a.csv": GOOD}), "InvalidData", ("'../a.csv'", "out of the archive")),
    Case("a broken zip", zipped(**{"a.csv": GOOD})[:-30], "InvalidData", ("can't be unpacked",)),
    Case("a file that is cut off in a row", f"{GOOD}7".encode(), "InvalidData", ("line 102 has 1 of 2 fields",)),
    Case("another encoding", GOOD.encode("utf-16"), "InvalidData", ("not UTF-8 text", "Save it as UTF-8")),
    Case(
        "a value of very many characters",
        f"{GOOD}1,{'x' * 100_000}\n".encode(),
        "InvalidData",
        ("'Class' holds 'xxx", "0 and 1"),
    ),
    Case("an empty file", b"", "InvalidData", ("empty", "column names")),
    Case(
        "an absent label",
        GOOD.replace("Class", "Fraud").encode(),
        "InvalidData",
        ("'Class'", "Amount, Fraud", "data.label_column"),
    ),
    Case(
        "a label that is not 0 or 1",
        GOOD.replace("1.5,1", "1.5,2").encode(),
        "InvalidData",
        ("'Class' holds 2", "0 and 1"),
    ),
    Case("a label of one class", GOOD.replace(",1\n", ",0\n").encode(), "InvalidData", ("'Class' is 0 in every row",)),
    Case("a column of text", GOOD.replace("7.5", "seven").encode(), "InvalidData", ("numeric", "Amount")),
)


class Refusals(NamedTuple):
    """The cases' runs by name, and what is there now that was not before."""

    runs: dict[str, Run]
    objects: frozenset[str]
    resources: frozenset[Item]


@pytest.fixture(scope="module")
def refusals(deployed: Deployed) -> Refusals:
    objects, resources = deployed.objects("runs/"), deployed.sagemaker(HOSTING | JOBS)
    executions = {case.name: deployed.start(_input(case, deployed)) for case in CASES}
    runs = {name: deployed.finish(execution) for name, execution in executions.items()}
    return Refusals(runs, deployed.objects("runs/") - objects, deployed.sagemaker(HOSTING | JOBS) - resources)


def _input(case: Case, deployed: Deployed) -> dict[str, Any]:
    """A run that would resample, in the case of a file: its plan leaves as much in the bucket as a plan can."""
    if isinstance(case.given, bytes):
        source = deployed.upload(f"bad/{case.name}", case.given)
        return {"data": {"source": source}, "imbalance": {"method": "smote"}}
    return case.given


each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@each_case
def test_the_run_fails_with_the_class_of_the_error(refusals: Refusals, case: Case) -> None:
    run = refusals.runs[case.name]
    assert (run.status, run.error) == ("FAILED", case.error)


@each_case
def test_the_cause_names_what_was_given_and_what_is_allowed(refusals: Refusals, case: Case) -> None:
    cause = refusals.runs[case.name].cause
    assert not [words for words in case.named if words not in cause], cause


@each_case
def test_the_cause_is_a_sentence_and_no_trace_back(refusals: Refusals, case: Case) -> None:
    cause = refusals.runs[case.name].cause
    assert (cause[0].isupper(), cause[-1]) == (True, ".")
    assert "Traceback" not in cause
    assert 'File "' not in cause


def test_nothing_is_left_in_the_bucket(refusals: Refusals) -> None:
    assert not refusals.objects


def test_nothing_was_made_in_sagemaker(refusals: Refusals) -> None:
    assert not refusals.resources


def test_all_that_is_wrong_is_told_at_once(deployed: Deployed) -> None:
    run = deployed.run({"tuning": {"max_jobs": 0}, "endpoint": {"ttl_minutes": 1}, "hyperparameters": {"eta": 2}})
    assert not [words for words in ("tuning.max_jobs", "endpoint.ttl_minutes", "eta") if words not in run.cause]


def test_a_missing_object_is_named(deployed: Deployed) -> None:
    address = f"s3://{deployed.bucket}/raw/missing.csv"
    run = deployed.run({"data": {"source": address}})
    assert (run.error, address in run.cause) == ("UnreadableSource", True)
