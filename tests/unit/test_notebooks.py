"""The notebooks as they lie in the repository: made from their sources, what is in them, and how they run."""

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock
from zipfile import ZipFile

import nbformat
import pytest
from botocore.exceptions import ClientError

from localcloud.cloud import Cloud
from notebooks import build, execution
from notebooks.execution import NotebookFailed, Run, execute
from notebooks.space import SpaceFailed, open_space

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements.txt"
BUILT = {str(path.relative_to(build.FOLDER)): content for path, content in build.built().items()}
SCRIPT = build.FOLDER / "into_space.sh"


def cells(notebook: str, kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(BUILT[notebook])["cells"] if cell["cell_type"] == kind]


def in_spanish(notebook: str) -> str:
    return notebook.replace("en/", "es/")


ENGLISH = sorted(name for name in BUILT if name.startswith("en/"))


def test_there_is_a_notebook_for_each_of_the_lessons_three_ways_in_both_languages() -> None:
    ways = ("1_sagemaker_sdk", "2_boto3", "3_aws_cli")

    assert set(BUILT) == {f"{language}/{way}.ipynb" for language in ("en", "es") for way in ways}


@pytest.mark.parametrize("name", BUILT)
def test_a_notebook_is_what_its_source_gives(name: str) -> None:
    assert (build.FOLDER / name).read_text() == BUILT[name], "run `python -m notebooks build`"


@pytest.mark.parametrize("name", ENGLISH)
def test_the_code_is_the_same_in_both_languages(name: str) -> None:
    assert cells(name, "code") == cells(in_spanish(name), "code")


@pytest.mark.parametrize("name", ENGLISH)
def test_every_text_is_there_in_both_languages(name: str) -> None:
    english, spanish = cells(name, "markdown"), cells(in_spanish(name), "markdown")

    def headings(texts: list[str]) -> list[list[str]]:
        return [re.findall(r"^#+(?= )", text, re.MULTILINE) for text in texts]

    assert headings(english) == headings(spanish)
    assert not set(english) & set(spanish)


@pytest.mark.parametrize("name", BUILT)
def test_a_notebook_holds_no_outputs(name: str) -> None:
    for cell in json.loads((build.FOLDER / name).read_text())["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_the_sdk_that_is_installed_is_the_one_that_the_project_is_written_against() -> None:
    (pinned,) = re.findall(r"^sagemaker==\S+$", REQUIREMENTS.read_text(), re.MULTILINE)
    installing = [cell for cell in cells("en/1_sagemaker_sdk.ipynb", "code") if cell.startswith("%pip install")]

    assert [cell.split()[-1] for cell in installing] == [pinned]


@pytest.mark.parametrize("name", ENGLISH)
@pytest.mark.parametrize("fixed", [r"arn:aws", r"\b\d{12}\b", r"dkr\.ecr", r"us-east-1", r"\bfraud-", r"AKIA"])
def test_nothing_of_an_account_region_or_project_is_written_into_the_code(name: str, fixed: str) -> None:
    lessons_data = "sagemaker-e2e-solutions/fraud-detection/creditcardfraud.zip"

    code = "\n".join(cells(name, "code")).replace(lessons_data, "")

    assert re.search(fixed, code) is None


def test_data_that_is_not_there_is_refused_before_anything_starts(tmp_path: Path) -> None:
    environment = {**os.environ, "DATA": str(tmp_path / "nowhere.csv")}

    ended = subprocess.run(
        [sys.executable, "-m", "notebooks"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
    assert "is not a file that can be read" in " ".join(ended.stdout.split())
    assert "Traceback" not in ended.stderr


# --- the script that copies them into a space -------------------------------------------------------------------

STACK = {"fraud": {"BucketName": "the-bucket", "Project": "fraud"}}


@pytest.fixture
def space(tmp_path: Path) -> Path:
    """The home of a space's apps."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "scratch").mkdir()
    return home


def aws_cli(folder: Path, body: str) -> Path:
    """A folder with a program `aws`, for PATH."""
    folder.mkdir()
    write_program(folder / "aws", f"#!/bin/bash\n{body}\n")
    return folder


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def archive(folder: Path, files: Mapping[str, str]) -> None:
    """What the stack brings from now on."""
    with ZipFile(folder / "n.zip", "w") as archived:
        for name, text in files.items():
            archived.writestr(name, text)


@pytest.fixture
def working(tmp_path: Path) -> Path:
    """An AWS CLI that knows the parameter and the archive."""
    (tmp_path / "parameter.json").write_text(json.dumps({"archive": "s3://assets/n.zip", "stack": STACK}))
    archive(tmp_path, {"en/1.ipynb": "one", "es/1.ipynb": "uno"})
    return aws_cli(
        tmp_path / "bin",
        f"""case "$1 $2 $4" in
        "ssm get-parameter /fraud/notebooks") cat {tmp_path}/parameter.json ;;
        "s3 cp s3://assets/n.zip") cp {tmp_path}/n.zip "$5" ;;
        *) exit 9 ;;
        esac""",
    )


def start(home: Path, programs: Path) -> int:
    """Run the script as a lifecycle configuration; its exit code."""
    environment = {
        "HOME": str(home),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "TMPDIR": str(home.parent / "scratch"),
    }
    script = f"PARAMETER=/fraud/notebooks\n{SCRIPT.read_text()}"
    return subprocess.run(["bash", "-c", script], env=environment, check=False).returncode  # noqa: S607


def files(home: Path) -> dict[str, str]:
    return {str(path.relative_to(home)): path.read_text() for path in home.rglob("*") if path.is_file()}


def notebooks_in(home: Path) -> dict[str, str]:
    folder = home / "fraud-detection"
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.ipynb")}


def test_a_new_space_gets_the_notebooks_and_what_they_need_to_know(space: Path, working: Path) -> None:
    assert start(space, working) == 0

    found = files(space)
    assert json.loads(found["fraud-detection/stack.json"]) == STACK
    assert set(found) == {f"fraud-detection/{name}" for name in (".brought.json", "stack.json", *notebooks_in(space))}
    assert notebooks_in(space) == {"en/1.ipynb": "one", "es/1.ipynb": "uno"}


def test_what_somebody_has_changed_stays_and_what_somebody_has_deleted_comes_back(space: Path, working: Path) -> None:
    start(space, working)
    (space / "fraud-detection/en/1.ipynb").write_text("mine")
    (space / "fraud-detection/es/1.ipynb").unlink()

    assert start(space, working) == 0

    assert notebooks_in(space) == {"en/1.ipynb": "mine", "es/1.ipynb": "uno"}


def test_a_correction_reaches_what_nobody_has_changed(space: Path, working: Path, tmp_path: Path) -> None:
    start(space, working)
    (space / "fraud-detection/es/1.ipynb").write_text("mío")

    for version in ("better", "best"):
        archive(tmp_path, {"en/1.ipynb": version, "es/1.ipynb": version, "en/2.ipynb": version})
        start(space, working)
        assert notebooks_in(space) == {"en/1.ipynb": version, "es/1.ipynb": "mío", "en/2.ipynb": version}


@pytest.mark.parametrize("remembered", [None, "{", "{}"])
def test_what_is_not_known_to_be_untouched_stays(
    space: Path, working: Path, tmp_path: Path, remembered: str | None
) -> None:
    start(space, working)
    memory = space / "fraud-detection/.brought.json"
    memory.unlink() if remembered is None else memory.write_text(remembered)
    archive(tmp_path, {"en/1.ipynb": "better", "es/1.ipynb": "uno"})

    assert start(space, working) == 0

    assert notebooks_in(space) == {"en/1.ipynb": "one", "es/1.ipynb": "uno"}


@pytest.mark.parametrize("body", [None, "exit 254"])
def test_the_script_leaves_no_scratch_files(space: Path, working: Path, tmp_path: Path, body: str | None) -> None:
    start(space, working if body is None else aws_cli(tmp_path / "refusing", body))

    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_stack_is_told_anew_each_time(space: Path, working: Path) -> None:
    start(space, working)
    (space / "fraud-detection/stack.json").write_text("{}")

    start(space, working)

    assert json.loads(files(space)["fraud-detection/stack.json"]) == STACK


def test_an_app_starts_without_notebooks_rather_than_not_at_all_and_says_why(space: Path, tmp_path: Path) -> None:
    refusing = aws_cli(tmp_path / "bin", "echo AccessDenied >&2; exit 254")

    assert start(space, refusing) == 0

    assert list(files(space)) == ["fraud-detection.log"]
    assert "AccessDenied" in files(space)["fraud-detection.log"]


def test_what_went_wrong_is_no_longer_told_once_it_goes_well(space: Path, working: Path) -> None:
    (space / "fraud-detection.log").write_text("AccessDenied")

    start(space, working)

    assert "fraud-detection.log" not in files(space)


# --- the cell that cleans up --------------------------------------------------------------------------------------

NAME = "fraud-way-261128-004041"
TUNED = f"{NAME}-tuned"
ENDPOINT, MODEL, CONFIG = "endpoint", "model", "endpoint_config"
JOB, TUNING = "training_job", "hyper_parameter_tuning_job"

Account = dict[str, Any]
"""What is hosted, as pairs of kind and name; each job's status, by kind; how often an endpoint still is busy."""


def account(*hosted: str) -> Account:
    """Of each of these names an endpoint, its configuration and its model; the training is over."""
    things = [[kind, name] for name in hosted for kind in (ENDPOINT, CONFIG, MODEL)]
    return {"hosted": things, "jobs": {JOB: "Completed"}, "busy": 0}


def refused(account: Account, verb: str, kind: str, name: str) -> str:
    """Do it, or say why not, as SageMaker does: what is not there has no tag by which the role may touch it."""
    hosted, jobs = account["hosted"], account["jobs"]
    if kind not in jobs and [kind, name] not in hosted:
        return "AccessDeniedException"
    if verb == "stop":
        running, jobs[kind] = jobs[kind] == "InProgress", "Stopped"
        return "" if running else "ValidationException"
    if kind == "endpoint" and account["busy"]:
        account["busy"] -= 1
        return "ValidationException"
    hosted.remove([kind, name])
    return ""


class Client:
    """SageMaker's client, as far as the cell calls it."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def list_endpoints(self, **asked: str) -> dict[str, Any]:
        names = [name for kind, name in self._account["hosted"] if kind == ENDPOINT and asked["NameContains"] in name]
        return {"Endpoints": [{"EndpointName": name, "EndpointStatus": "InService"} for name in names]}

    def __getattr__(self, operation: str) -> Callable[..., None]:
        def call(**key: str) -> None:
            code = refused(self._account, *operation.split("_", 1), *key.values())
            if code:
                raise ClientError({"Error": {"Code": code}}, operation)

        call.__name__ = operation
        return call


_AWS = f"""#!{sys.executable} -IS
from __future__ import annotations
import json, os, sys

{inspect.getsource(refused)}
with open(os.environ["STATE"]) as state:
    account = json.load(state)
operation, name = sys.argv[2], sys.argv[4]
if operation == "list-endpoints":
    print(*[each for kind, each in account["hosted"] if kind == "endpoint" and name in each], sep="\\t")
    sys.exit()
code = refused(account, *operation.replace("-", "_").split("_", 1), name)
with open(os.environ["STATE"], "w") as state:
    json.dump(account, state)
if code:
    sys.exit(f"An error occurred ({{code}}) when calling {{operation}}")
"""


def in_python(notebook: str, account: Account, folder: Path) -> str:
    """What the cell prints."""
    client, told = Client(account), StringIO()
    known = {
        "name": NAME,
        "trained": SimpleNamespace(training_job_name=NAME) if JOB in account["jobs"] else None,
        "sagemaker": client,
        "session": SimpleNamespace(sagemaker_client=client),
        "time": SimpleNamespace(sleep=lambda seconds: None),
        "ClientError": ClientError,
    }
    with redirect_stdout(told):
        exec(clean_up_cell(notebook), known)  # noqa: S102
    return told.getvalue()


def in_bash(notebook: str, account: Account, folder: Path) -> str:
    """What the cell prints."""
    programs, state = folder / "programs", folder / "state.json"
    programs.mkdir(exist_ok=True)
    write_program(programs / "aws", _AWS)
    write_program(programs / "sleep", "#!/bin/bash\n")
    state.write_text(json.dumps(account))
    ended = subprocess.run(
        ["bash", "-c", clean_up_cell(notebook)],  # noqa: S607
        env={"NAME": NAME, "STATE": str(state), "PATH": f"{programs}:{os.environ['PATH']}"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    account |= json.loads(state.read_text())
    return ended.stdout


def clean_up_cell(notebook: str) -> str:
    (cell,) = (cell for cell in cells(notebook, "code") if "unless_gone" in cell)
    return cell.removeprefix("%%bash\n")


def clean_up(notebook: str, account: Account, folder: Path) -> str:
    run = in_bash if "cli" in notebook else in_python
    return run(notebook, account, folder)


@pytest.mark.parametrize("notebook", ENGLISH)
@pytest.mark.parametrize(
    "hosted",
    [
        pytest.param((NAME, TUNED), id="after all of it"),
        pytest.param((NAME,), id="right after Evaluation"),
        pytest.param((TUNED,), id="when the first endpoint is gone with all that it needs"),
        pytest.param((), id="when nothing is there"),
    ],
)
def test_the_clean_up_leaves_nothing_and_can_be_run_twice(
    notebook: str, hosted: tuple[str, ...], tmp_path: Path
) -> None:
    there = account(*hosted)

    for _ in range(2):
        assert "Endpoints left:" in clean_up(notebook, there, tmp_path)
        assert there["hosted"] == []


@pytest.mark.parametrize("notebook", ENGLISH)
@pytest.mark.parametrize("gone", [ENDPOINT, CONFIG, MODEL])
def test_the_clean_up_removes_what_is_left_of_something(notebook: str, gone: str, tmp_path: Path) -> None:
    there = account(NAME)
    there["hosted"].remove([gone, NAME])

    clean_up(notebook, there, tmp_path)

    assert there["hosted"] == []


@pytest.mark.parametrize("notebook", ENGLISH)
def test_the_clean_up_waits_for_an_endpoint_that_is_being_created(notebook: str, tmp_path: Path) -> None:
    there = account(NAME) | {"busy": 2}

    clean_up(notebook, there, tmp_path)

    assert there["hosted"] == []


@pytest.mark.parametrize("notebook", ENGLISH)
@pytest.mark.parametrize("running", [JOB, TUNING])
def test_the_clean_up_stops_a_job_that_still_runs(notebook: str, running: str, tmp_path: Path) -> None:
    there = account(NAME)
    there["jobs"][running] = "InProgress"

    told = clean_up(notebook, there, tmp_path)

    assert there["jobs"][running] == "Stopped"
    assert f"stop_{running}" in told.replace("-", "_")


@pytest.mark.parametrize("notebook", ENGLISH)
def test_the_clean_up_leaves_what_has_another_name(notebook: str, tmp_path: Path) -> None:
    there = account(NAME, "fraud-endpoint")

    clean_up(notebook, there, tmp_path)

    assert {name for _, name in there["hosted"]} == {"fraud-endpoint"}


# --- the AWS CLI's cells: what goes wrong in one ends it -----------------------------------------------------------


def of_cli(folder: Path, cell: str, body: str) -> subprocess.CompletedProcess[str]:
    """The cell that contains this, run with such an AWS CLI."""
    (code,) = (code for code in cells("en/3_aws_cli.ipynb", "code") if cell in code)
    (folder / NAME).mkdir()
    environment = {"NAME": NAME, "PATH": f"{aws_cli(folder / 'bin', body)}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-c", code.removeprefix("%%bash\n")],  # noqa: S607
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


WAITING = ("create-training-job", "create-endpoint", "create-hyper-parameter-tuning-job")


@pytest.mark.parametrize("cell", WAITING)
def test_a_cell_that_waits_ends_in_an_error_when_it_can_not_ask(cell: str, tmp_path: Path) -> None:
    ended = of_cli(tmp_path, f"aws sagemaker {cell} ", 'case "$2" in describe-*) exit 254 ;; esac')

    assert ended.returncode != 0


@pytest.mark.parametrize("cell", WAITING)
def test_a_cell_that_waits_ends_in_an_error_when_it_waits_in_vain(cell: str, tmp_path: Path) -> None:
    ended = of_cli(tmp_path, f"aws sagemaker {cell} ", 'case "$2" in describe-*) echo Failed ;; esac')

    assert ended.returncode == 1
    assert f"{NAME} is Failed: Failed" in ended.stderr


@pytest.mark.parametrize("asked", ["list-endpoints", "delete-model"])
def test_nothing_is_said_to_be_gone_when_that_is_not_known(asked: str, tmp_path: Path) -> None:
    ended = of_cli(tmp_path, "unless_gone", f'[ "$2" != {asked} ] || {{ echo ThrottlingException >&2; exit 254; }}')

    assert ended.returncode != 0
    assert "ThrottlingException" in ended.stderr
    assert "Endpoints left" not in ended.stdout


# --- running them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import time; time.sleep(60)", "A cell timed out"),
        ("import os; os._exit(1)", "Kernel died"),
    ],
)
def test_a_cell_that_does_not_end_well_is_told_and_where_the_rest_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, reason: str
) -> None:
    monkeypatch.setattr(execution, "_LONGEST_CELL_SECONDS", 2)
    path = tmp_path / "broken.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]), path)

    with pytest.raises(NotebookFailed) as failure:
        execute([Run(path, tmp_path / "kept", lambda run, cells: None)], {})

    assert f"broken.ipynb: {reason}" in str(failure.value)
    assert str(tmp_path / "kept" / "broken.ipynb") in str(failure.value)


def test_a_type_on_which_jupyterlab_may_not_run_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "CreateApp")
    sagemaker = MagicMock()
    sagemaker.create_app.side_effect = denied
    for noun in ("user_profile", "space"):
        described = {"Status": "InService", "UserSettings": {"ExecutionRole": "role"}}
        getattr(sagemaker, f"describe_{noun}").return_value = described
    monkeypatch.setattr("notebooks.space.client", lambda environment, service: sagemaker)
    cloud = MagicMock(spec=Cloud)
    cloud.client.return_value = sagemaker

    with pytest.raises(SpaceFailed, match=r"ml\.t3\.medium; do cdk\.json's instance types for ada name it\?"):
        open_space(cloud, "d-1", "ada").__enter__()

    sagemaker.delete_space.assert_called_once()
