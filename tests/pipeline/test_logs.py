"""What the deployed stack writes down while it works: no rows of the data, and no credentials."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.running import Deployed, Run

CARD = "4929-1234-5678-9012"
"""In each row of a file that is refused for it."""

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
CREDENTIALS = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|X-Amz-(?:Credential|Security-Token|Signature)=|SecretAccessKey|SessionToken"
    r"|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|\b[0-9a-f]{40}\b"  # the last is what the local cloud's secrets look like
)

Texts = Mapping[str, str]
"""By where they were found."""


@pytest.fixture(scope="module")
def refused(deployed: Deployed) -> Run:
    """A run of a table with a column that is no number."""
    rows = "".join(f"{CARD},{row}.5,{row % 2}\n" for row in range(100))
    source = deployed.upload("cards.csv", f"Card,Amount,Class\n{rows}".encode())
    run = deployed.run({"data": {"source": source}})
    assert run.error == "InvalidData"
    return run


@pytest.fixture(scope="module")
def written(deployed: Deployed, full_run: Run, refused: Run) -> Texts:
    """All logs of the account, and all that Step Functions keeps of the two runs."""
    histories = {run.arn: json.dumps(deployed.history(run.arn), default=str) for run in (full_run, refused)}
    return dict(logs(deployed.client("logs"))) | histories


def logs(client: Any) -> Iterator[tuple[str, str]]:
    groups = client.get_paginator("describe_log_groups").paginate()
    for name in [group["logGroupName"] for page in groups for group in page["logGroups"]]:
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=name)
        yield name, "\n".join(event["message"] for page in pages for event in page["events"])


def neighbours(text: str) -> set[tuple[str, str]]:
    """Numbers that stand side by side, as those of a row do; one alone may be in a log by chance."""
    return set(pairwise(NUMBER.findall(text)))


def test_each_function_of_the_run_and_its_jobs_have_logs_to_look_at(written: Texts) -> None:
    texts = [name for name, text in written.items() if text]

    assert {"/aws/sagemaker/TrainingJobs", "/aws/sagemaker/Endpoints"} <= {
        "/".join(name.split("/")[:4]) for name in texts
    }
    assert len(texts) > 4


def test_no_log_and_no_history_holds_a_row_of_the_data(written: Texts, sample: Path) -> None:
    _, *rows = sample.read_text().splitlines()
    # Six decimals each, so that a pair of them is in no two rows.
    of_the_data = {pair for row in rows for pair in pairwise(row.split(",")[1:-2])}

    assert {name: found for name, text in written.items() if (found := neighbours(text) & of_the_data)} == {}


def test_what_refuses_a_row_does_not_quote_it(written: Texts, refused: Run) -> None:
    assert "Card" in refused.cause
    assert [name for name, text in written.items() if CARD in text] == []


def test_no_log_and_no_history_holds_credentials_but_the_link_to_the_report(written: Texts, full_run: Run) -> None:
    link = full_run.output["report_url"]  # opens the report, and nothing else, for an hour
    bare = {name: text.replace(link, "") for name, text in written.items()}

    assert {name: found for name, text in bare.items() if (found := set(CREDENTIALS.findall(text)))} == {}


def test_the_link_to_the_report_is_in_no_log(written: Texts, full_run: Run) -> None:
    assert [
        name for name, text in written.items() if name != full_run.arn and full_run.output["report_url"] in text
    ] == []


@pytest.mark.parametrize(
    "text", ["key ASIA0123456789ABCDEF", "https://bucket/key?X-Amz-Signature=0a", '{"SessionToken": "x"}', "0a" * 20]
)
def test_credentials_would_be_found(text: str) -> None:
    assert CREDENTIALS.search(text)


def test_rows_would_be_found() -> None:
    assert ("-1.234567", "0.5") in neighbours("the row 3, -1.234567, 0.5 is bad")
