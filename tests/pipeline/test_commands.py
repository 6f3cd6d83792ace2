"""The documents' commands, as they are printed, against the deployed stack."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.lesson import lesson, read
from bench.pipeline import Pipeline
from docs.pages import ROOT, commands, documents
from stacks.pipeline import NO_ENDPOINT
from tests.pipeline.running import Deployed, Run

USING = ROOT / "docs" / "using.md"
ROWS = 200
ASKING = (
    *("aws cloudformation", "aws ssm", "aws s3 ls", "aws sagemaker list-endpoints"),
    *("python -m billing", "make billing"),
)
"""How the commands begin that change nothing, so that they can run side by side."""

Finished = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Shell:
    """One in which AWS's variables point at the local cloud."""

    environment: Mapping[str, str]
    outputs: Mapping[str, str]

    def run(self, start: str, filled: Mapping[str, str] | None = None) -> Finished:
        """The one command of the documents that begins like this, with what is to be filled in."""
        (command,) = {each for page in documents() for each in commands(page) if each.startswith(start)}
        for mark, value in {**{f"<{name}>": value for name, value in self.outputs.items()}, **(filled or {})}.items():
            command = command.replace(mark, value)
        return subprocess.run(
            ["/bin/bash", "-c", command], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def shell(deployed: Deployed) -> Shell:
    outer = ("AWS_", "MAKE", "MFLAGS")
    own = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    path = os.pathsep.join([str(Path(sys.executable).parent), own["PATH"]])
    return Shell({**own, **deployed.app.cloud.environment, "PATH": path}, deployed.outputs)


@pytest.fixture(scope="module")
def serving(deployed: Deployed, full_run: Run) -> Iterator[Run]:
    """The run whose endpoint clients are sent to."""
    before = deployed.announced()
    deployed.announce(full_run.name)
    yield full_run
    deployed.announce(before)


@pytest.fixture(scope="module")
def answers(shell: Shell, serving: Run) -> Mapping[str, Finished]:
    with ThreadPoolExecutor() as pool:
        return dict(zip(ASKING, pool.map(shell.run, ASKING), strict=True))


@pytest.fixture(scope="module")
def transactions(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("transactions") / "transactions.csv"
    pd.read_csv(sample, nrows=ROWS).to_csv(path, index=False)
    return path


# --- a run --------------------------------------------------------------------------------------------------------


def test_a_file_goes_where_runs_find_it(deployed: Deployed, shell: Shell, transactions: Path) -> None:
    before = deployed.objects("raw/")
    copied = shell.run("aws s3 cp", {"transactions.csv": str(transactions)})
    (key,) = deployed.objects("raw/") - before
    content = deployed.read(key)
    deployed.client("s3").delete_object(Bucket=deployed.bucket, Key=key)

    assert copied.returncode == 0, copied.stderr
    assert (key, content) == (f"raw/{transactions.name}", transactions.read_bytes())


def test_a_run_is_started_and_tells_why_it_failed(deployed: Deployed, shell: Shell, full_run: Run) -> None:
    started = shell.run("aws stepfunctions start-execution", {"transactions.csv": "not-there.csv"})
    assert started.returncode == 0, started.stderr
    arn = json.loads(started.stdout)["executionArn"]
    assert arn.rpartition(":")[0] == full_run.arn.rpartition(":")[0]
    deployed.ended(arn)
    told = shell.run("aws stepfunctions describe-execution", {"<executionArn>": arn})

    status, error, cause = told.stdout.rstrip("\n").split("\t")
    assert (status, error) == ("FAILED", "UnreadableSource")
    assert "raw/not-there.csv can't be read" in cause


def test_a_run_leaves_what_is_listed(answers: Mapping[str, Finished], full_run: Run) -> None:
    listed = answers["aws s3 ls"].stdout
    left = {key.removeprefix(full_run.prefix) for key in re.findall(rf"{full_run.prefix}\S+", listed)}
    names = {f"{folder}/" if slash else folder for folder, slash, _ in (key.partition("/") for key in left)}
    assert names == first_column("## What a run leaves")


def test_a_runs_result_has_what_is_listed(full_run: Run) -> None:
    text = USING.read_text().partition("The execution's output names")[2].partition(". `report_url` opens")[0]
    assert set(full_run.output) == set(re.findall(r"`(\w+)`", text))


# --- what serves --------------------------------------------------------------------------------------------------


def test_the_endpoint_that_serves_is_named(answers: Mapping[str, Finished], serving: Run) -> None:
    assert answers["aws ssm"].stdout == f"{serving.name}\n"
    assert f"{serving.name}\tInService" in answers["aws sagemaker list-endpoints"].stdout.splitlines()


def test_moving_the_tag_is_one_command(deployed: Deployed, shell: Shell, full_run: Run) -> None:
    arn = deployed.client("sagemaker").describe_endpoint(EndpointName=full_run.name)["EndpointArn"]
    before = deployed.tags(arn)["expires-at"]
    date = f"{datetime.now(UTC) + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"

    moved = shell.run("aws sagemaker add-tags", {"<the endpoint's ARN>": arn, "<date>": date})

    after = deployed.tags(arn)["expires-at"]
    deployed.client("sagemaker").add_tags(ResourceArn=arn, Tags=[{"Key": "expires-at", "Value": before}])
    assert moved.returncode == 0, moved.stderr
    assert after == date


def test_a_file_is_scored(shell: Shell, serving: Run, transactions: Path) -> None:
    scored = shell.run("make predict", {"transactions.csv": str(transactions)})

    assert scored.returncode == 0, scored.stderr
    result = pd.read_csv(transactions.with_name("transactions.scored.csv"))
    assert len(result) == ROWS
    threshold = serving.output["evaluation"]["threshold"]
    assert (result["decision"] == (result["score"] >= threshold)).all()


def test_a_file_is_scored_by_a_batch_job_while_nothing_serves(
    deployed: Deployed, shell: Shell, serving: Run, transactions: Path
) -> None:
    deployed.announce(NO_ENDPOINT)

    scored = shell.run("make predict", {"transactions.csv": str(transactions)})

    deployed.announce(serving.name)
    assert scored.returncode == 0, scored.stderr
    assert pd.read_csv(transactions.with_name("transactions.scored.csv"))["score"].between(0, 1).all()


# --- what bills, and what the stack tells -----------------------------------------------------------------------------


def test_what_bills_is_told_to_a_script(shell: Shell, answers: Mapping[str, Finished], serving: Run) -> None:
    assert answers["python -m billing"].returncode == 1
    assert serving.name in answers["python -m billing"].stdout
    lost = Shell({name: value for name, value in shell.environment.items() if "REGION" not in name}, shell.outputs)
    assert lost.run("python -m billing").returncode == 2


def test_make_tells_what_bills(answers: Mapping[str, Finished], serving: Run) -> None:
    assert answers["make billing"].returncode == 2
    assert serving.name in answers["make billing"].stdout
    assert "Error 1" in answers["make billing"].stderr


def test_the_outputs_are_those_that_are_listed(deployed: Deployed, answers: Mapping[str, Finished]) -> None:
    told = dict(line.split("\t") for line in answers["aws cloudformation"].stdout.splitlines())
    assert told == deployed.outputs
    assert set(told) == first_column("## The stack's outputs")


def first_column(heading: str) -> set[str]:
    """What stands as code in the first column of the table under a heading."""
    section = USING.read_text().partition(f"{heading}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


# --- the bench ----------------------------------------------------------------------------------------------------


def test_the_bench_tells_what_a_run_came_to(deployed: Deployed, full_run: Run, sample: Path) -> None:
    class OfTheRun(Pipeline):
        def _execute(self, execution_input: Mapping[str, Any]) -> dict[str, Any]:
            assert execution_input["data"] == {"source": "the sample", "seed": 1729}
            return dict(full_run.output)

    machine = deployed.outputs["StateMachineArn"]
    outcome = OfTheRun(deployed.app.cloud, deployed.bucket, machine).run("the sample", 1729)

    evaluation = full_run.output["evaluation"]
    chosen = evaluation["chosen"]
    assert (outcome.source, outcome.chosen.validation) == (chosen["source"], chosen["average_precision"])
    assert outcome.chosen.test == evaluation["average_precision"]
    of_the_lesson = lesson(read(sample), 1729)
    assert outcome.trained.validation == pytest.approx(of_the_lesson.validation)
    assert outcome.trained.test == pytest.approx(of_the_lesson.test)
