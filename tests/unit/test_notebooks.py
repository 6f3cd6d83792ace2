"""The notebooks as they lie in the repository: made from their sources, and what is in them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from notebooks import build

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
    for cell in json.loads(BUILT[name])["cells"]:
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
    return home


def aws_cli(folder: Path, body: str) -> Path:
    """A folder with a program `aws`, for PATH."""
    folder.mkdir()
    program = folder / "aws"
    program.write_text(f"#!/bin/bash\n{body}\n")
    program.chmod(0o755)
    return folder


@pytest.fixture
def working(tmp_path: Path) -> Path:
    """An AWS CLI that knows the parameter and the archive."""
    (tmp_path / "parameter.json").write_text(json.dumps({"archive": "s3://assets/n.zip", "stack": STACK}))
    with ZipFile(tmp_path / "n.zip", "w") as archive:
        archive.writestr("en/1.ipynb", "one")
        archive.writestr("es/1.ipynb", "uno")
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
    environment = {"HOME": str(home), "PATH": f"{programs}:{os.environ['PATH']}", "TMPDIR": str(home.parent)}
    script = f"PARAMETER=/fraud/notebooks\n{SCRIPT.read_text()}"
    return subprocess.run(["bash", "-c", script], env=environment, check=False).returncode  # noqa: S607


def files(home: Path) -> dict[str, str]:
    return {str(path.relative_to(home)): path.read_text() for path in home.rglob("*") if path.is_file()}


def test_a_new_space_gets_the_notebooks_and_what_they_need_to_know(space: Path, working: Path) -> None:
    assert start(space, working) == 0

    found = files(space)
    assert json.loads(found.pop("fraud-detection/stack.json")) == STACK
    assert found == {"fraud-detection/en/1.ipynb": "one", "fraud-detection/es/1.ipynb": "uno"}


def test_what_somebody_has_changed_stays_when_the_app_starts_again(space: Path, working: Path) -> None:
    start(space, working)
    (space / "fraud-detection/en/1.ipynb").write_text("mine")
    (space / "fraud-detection/es/1.ipynb").unlink()

    assert start(space, working) == 0

    assert files(space)["fraud-detection/en/1.ipynb"] == "mine"
    assert files(space)["fraud-detection/es/1.ipynb"] == "uno"


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
