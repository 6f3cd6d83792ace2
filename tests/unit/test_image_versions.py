"""What the image's version means here: its libraries, and what may become of a model that another version reads."""

import json
import pickle
import re
from pathlib import Path

import pytest
import xgboost as xgb

from localcloud.sagemaker import images
from localcloud.sagemaker.errors import ValidationError
from localcloud.xgboost_image.algorithm_serving import AlgorithmModel, ModelProblem
from localcloud.xgboost_image.versions import RUNS_HERE, VERSIONS
from tests.unit.image_processes import REPOSITORY, plain
from training_code.candidates import UnusableCandidate, load

OTHERS = [tag for tag in VERSIONS if tag != RUNS_HERE.tag]
PIN = re.compile(r"^(?P<name>[\w-]+)==(?P<version>[\w.]+)", re.MULTILINE)

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*UBJSON:UserWarning")]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    plain().save_model(tmp_path / "xgboost-model")
    return tmp_path / "xgboost-model"


def test_the_local_cloud_has_the_version_that_runs_here() -> None:
    assert RUNS_HERE.tag == images.VERSION


@pytest.mark.parametrize("tag", OTHERS)
def test_the_local_cloud_does_not_take_it_for_another(tag: str) -> None:
    account = images.REGISTRIES["us-east-1"]
    with pytest.raises(ValidationError, match=f"has no sagemaker-xgboost:{tag} "):
        images.require_xgboost(f"{account}.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:{tag}")


def test_xgboost_here_is_the_image_s() -> None:
    assert xgb.__version__ == RUNS_HERE.packages["xgboost"]


def test_the_packages_for_the_image_s_python_are_the_image_s() -> None:
    pinned = dict(PIN.findall((REPOSITORY / "requirements-image.txt").read_text()))

    assert pinned.items() >= RUNS_HERE.packages.items()
    assert pinned["xgboost-cpu"] == pinned["xgboost"]


def test_a_model_has_the_format_of_the_version_that_runs_here(saved: Path) -> None:
    content = saved.read_bytes()

    assert content.startswith(RUNS_HERE.model_start)
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(content)  # noqa: S301  it is no pickle: that is the point


def test_a_model_of_a_version_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Not only misread: 1.7-1's binary format went with XGBoost 3.1."""
    unread = [version for tag, version in VERSIONS.items() if tag not in RUNS_HERE.scores_models_of]
    assert [version.tag for version in unread] == ["1.7-1"]
    content = unread[0].model_start + bytes(1000)
    (tmp_path / "xgboost-model").write_bytes(content)

    with pytest.raises(ModelProblem, match="cannot be loaded"):
        AlgorithmModel(tmp_path)
    with pytest.raises(UnusableCandidate, match="XGBoost cannot load its model"):
        load(content)


def test_a_model_holds_what_older_versions_misread(saved: Path) -> None:
    """A list since XGBoost 3.1: without a word, an older one takes it for 0.5 (aws-facts 2.21)."""
    booster = xgb.Booster()
    booster.load_model(saved)

    model = json.loads(booster.save_raw("json"))

    base_score = json.loads(model["learner"]["learner_model_param"]["base_score"])
    assert isinstance(base_score, list)
    assert base_score != [0.5]
    assert not any(RUNS_HERE.tag in VERSIONS[tag].scores_models_of for tag in OTHERS)
