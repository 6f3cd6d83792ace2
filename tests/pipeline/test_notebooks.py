"""The lesson's notebooks, from top to bottom, in a space of Studio's on the deployed stack, with its user's rights."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest

from demo.sample import ROWS
from localcloud.cloud import Item
from notebooks import build
from notebooks.execution import Run, execute
from notebooks.space import Space, open_space
from tests.pipeline.running import JOBS, Deployed

NOTEBOOKS = [path.name for path in sorted((build.FOLDER / "en").glob("*.ipynb"))]
TEST_ROWS = ROWS // 10


@pytest.fixture(scope="module")
def space(deployed: Deployed) -> Iterator[Space]:
    with open_space(deployed.app.cloud, deployed.outputs["DomainId"], "data-scientist") as opened:
        yield opened


def test_a_new_space_has_the_notebooks_as_they_are_here(space: Space) -> None:
    there = space.home / "fraud-detection"

    found = {path.relative_to(there): path.read_text() for path in there.glob("*/*.ipynb")}

    assert found == {path.relative_to(build.FOLDER): path.read_text() for path in build.built()}


def test_a_new_space_has_nothing_else(space: Space) -> None:
    files = {str(path.relative_to(space.home)) for path in space.home.rglob("*") if path.suffix != ".ipynb"}

    assert files == {
        "fraud-detection",
        *(f"fraud-detection/{name}" for name in (".brought.json", "en", "es", "stack.json")),
    }


class Ended(NamedTuple):
    """What is there when all notebooks have run, side by side: they themselves, by name, and what they left."""

    notebooks: Mapping[str, nbformat.NotebookNode]
    left: frozenset[Item]
    jobs: frozenset[Item]


@pytest.fixture(scope="module")
def ended(deployed: Deployed, space: Space, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    kept = tmp_path_factory.mktemp("notebooks")
    before, jobs_before = deployed.sagemaker(), deployed.sagemaker(JOBS)
    paths = sorted((space.home / "fraud-detection" / "en").glob("*.ipynb"))
    execute([Run(path, kept, untold) for path in paths], {**space.environment, "DATA": str(sample)})
    return Ended(
        {path.name: nbformat.read(kept / path.name, as_version=4) for path in paths},
        deployed.sagemaker() - before,
        deployed.sagemaker(JOBS) - jobs_before,
    )


def untold(run: int, cells: int) -> None:
    pass


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_from_top_to_bottom_and_shows_both_models_confusion_matrices(ended: Ended, name: str) -> None:
    cells = [cell for cell in ended.notebooks[name].cells if cell.cell_type == "code"]

    assert all(cell.execution_count for cell in cells)
    assert len(confusion_matrices(ended.notebooks[name])) == 2


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_counts_every_test_row(ended: Ended, name: str) -> None:
    for text in confusion_matrices(ended.notebooks[name]):
        _, _, *rows = text.splitlines()
        assert sum(int(count) for row in rows for count in row.split()[1:]) == TEST_ROWS


def test_each_notebook_trains_the_lessons_ten_jobs(ended: Ended) -> None:
    by_kind = Counter(item.kind for item in ended.jobs)

    assert by_kind == {"training-job": 10 * len(NOTEBOOKS), "hyper-parameter-tuning-job": len(NOTEBOOKS)}


def test_no_endpoint_configuration_or_model_is_left(ended: Ended) -> None:
    assert ended.left == frozenset()


A_MODEL = """key = f"{prefix}/model.tar.gz"
s3.put_object(Bucket=bucket, Key=key)
sagemaker.create_model(
    ModelName=name,
    PrimaryContainer={"Image": image, "ModelDataUrl": f"s3://{bucket}/{key}"},
    ExecutionRoleArn=role,
    Tags=tags,
)"""


@pytest.mark.refuses("sagemaker:Delete*", "sagemaker:Stop*")
def test_the_clean_up_takes_what_is_there_with_the_users_rights_and_can_be_run_again(
    deployed: Deployed, space: Space, sample: Path, tmp_path: Path
) -> None:
    """Here that is a job that runs, and a model whose endpoint and configuration are gone."""
    before = deployed.sagemaker()
    halfway = stopped_halfway(space)

    execute([Run(halfway, tmp_path, untold)], {**space.environment, "DATA": str(sample)})

    first, again = (
        "".join(output["text"] for output in cell.outputs)
        for cell in nbformat.read(tmp_path / halfway.name, as_version=4).cells[-2:]
    )
    assert [line.split()[0] for line in first.splitlines()] == ["stop_training_job", "delete_model", "Endpoints"]
    assert again == "Endpoints left: []\n"
    assert deployed.sagemaker() == before
    halfway.unlink()


def stopped_halfway(space: Space) -> Path:
    """The boto3 notebook until its training job has begun, and its last cell, twice."""
    notebook = nbformat.read(build.FOLDER / "en" / "2_boto3.ipynb", as_version=4)
    first, data, training, *_, clean_up = (cell.source for cell in notebook.cells if cell.cell_type == "code")
    begun, _ = training.split("\n\n\ndef ended")
    path = space.home / "fraud-detection" / "en" / "halfway.ipynb"
    sources = (first, data, A_MODEL, begun, clean_up, clean_up)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources]), path)
    return path


def confusion_matrices(notebook: nbformat.NotebookNode) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [output.get("data", {}).get("text/plain", "") for output in outputs]
    return [text for text in shown if text.startswith("predictions")]
