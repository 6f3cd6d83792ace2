"""Training code under the image's own Python and libraries, in the local cloud's process of the image."""

import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from localcloud.xgboost_image.versions import RUNS_HERE
from tests.unit.image_processes import (
    LESSON_STRINGS,
    REPOSITORY,
    TRAIN,
    VALIDATION,
    Endpoint,
    archive,
    booster,
    configure,
    csv_of,
    features,
    plain,
    run_train,
)
from tests.unit.synthetic_transactions import transactions, write

PYTHON = REPOSITORY / ".venv" / "image-python" / "bin" / "python"
CODE = REPOSITORY / "training_code"

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.filterwarnings("ignore:.*UBJSON:UserWarning"),
    pytest.mark.skipif(
        not PYTHON.exists(), reason="there is no .venv/image-python: `make image-python` makes it of a Python 3.12"
    ),
]


def submit(base: Path, program: str, *, requirements: str = "", **given: str) -> Path:
    """Run a script of the project's as a training job; return what it left in /opt/ml."""
    files = {file.name: file.read_text() for file in CODE.glob("*.py")}
    code = archive(base / "sourcedir.tar.gz", files | ({"requirements.txt": requirements} if requirements else {}))
    configure(base, given | {"sagemaker_program": program, "sagemaker_submit_directory": str(code)})
    finished = run_train(base, str(PYTHON))
    assert finished.returncode == 0, finished.stderr
    return base


def with_channels(base: Path) -> Path:
    write(TRAIN, base / "input" / "data" / "train" / "train.csv")
    write(VALIDATION, base / "input" / "data" / "validation" / "validation.csv")
    return base


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return submit(with_channels(tmp_path_factory.mktemp("trained")), "train.py", **LESSON_STRINGS)


@pytest.fixture(scope="module")
def chosen(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = with_channels(tmp_path_factory.mktemp("chosen"))
    output = base / "input" / "data" / "train" / "f-0" / "output"
    output.mkdir(parents=True)
    with tarfile.open(output / "model.tar.gz", "w:gz") as tar:
        tar.add(trained / "model" / "xgboost-model", "xgboost-model")
    return submit(base, "choose.py", trained_job="f-0", threshold_objective="best_f1")


@pytest.fixture(scope="module")
def endpoint(chosen: Path) -> Iterator[Endpoint]:
    code = chosen / "sourcedir.tar.gz"
    serving = Endpoint(
        chosen, python=str(PYTHON), SAGEMAKER_PROGRAM="inference.py", SAGEMAKER_SUBMIT_DIRECTORY=str(code)
    )
    yield serving
    serving.stop()


def test_the_python_and_the_libraries_are_the_image_s() -> None:
    """But for XGBoost, which may be the build without GPU code: the version is the same."""
    names = [name for name in RUNS_HERE.packages if name != "xgboost"]
    script = (
        "import json, sys, importlib.metadata as m, importlib.util\n"
        f"print(json.dumps([sys.version_info[:2], {{name: m.version(name) for name in {names}}}]))"
    )

    told = subprocess.run([PYTHON, "-c", script], capture_output=True, text=True, check=True).stdout

    python, packages = json.loads(told)
    assert tuple(python) == RUNS_HERE.python
    assert packages == {name: RUNS_HERE.packages[name] for name in names}


def test_training_makes_the_same_model_as_the_python_here(trained: Path) -> None:
    assert [path.name for path in (trained / "model").iterdir()] == ["xgboost-model"]
    scores = booster(trained / "model" / "xgboost-model").predict(features(VALIDATION))
    assert np.array_equal(scores, plain().predict(features(VALIDATION)))


def test_the_choice_leaves_the_model_that_it_chose(trained: Path, chosen: Path) -> None:
    models = [(base / "model" / "xgboost-model").read_bytes() for base in (trained, chosen)]

    assert models[0] == models[1]
    choice = json.loads((chosen / "output" / "data" / "choice.json").read_text())
    assert choice["chosen"]["job_name"] == "f-0"
    assert json.loads((chosen / "model" / ".decision.json").read_text())["threshold"] == choice["threshold"]["value"]


def test_rows_are_sampled(tmp_path: Path) -> None:
    requirements = (CODE / "sampling_requirements.txt").read_text()
    given = {"num_round": "5", "objective": "binary:logistic", "imbalance": "smote", "sampling_ratio": "1"}

    base = submit(with_channels(tmp_path), "train.py", requirements=requirements, **given)

    assert (base / "model" / "xgboost-model").stat().st_size


@pytest.mark.parametrize("accept", ["text/csv", "application/json"])
def test_serving_answers_with_the_model_s_scores(endpoint: Endpoint, accept: str) -> None:
    rows = transactions(50, seed=3)

    status, text = endpoint.invoke(csv_of(rows), accept=accept)

    is_json = accept == "application/json"
    scores = [each["score"] for each in json.loads(text)["predictions"]] if is_json else text.split()
    assert status == 200
    assert np.array_equal(np.array(scores, dtype=np.float32), plain().predict(features(rows)))
