import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.base import BaseSampler
from sklearn.metrics import log_loss

from tests.unit.synthetic_transactions import LESSON, LESSON_ROUNDS, transactions, write
from training_code.container import DataProblem, Rows
from training_code.sampling import Sampling, resample
from training_code.train import main

pytestmark = pytest.mark.filterwarnings("ignore:.*UBJSON:UserWarning")  # the model's name has no extension, on AWS too

SAMPLERS = ("over_sampling", "under_sampling", "smote")
TRAIN = transactions(1500, seed=1)
# No feature of a training row is anywhere near.
MARKER = 1000
VALIDATION = transactions(500, seed=2).assign(marker=MARKER).drop(columns=3)


def rows(positives: int, negatives: int, *, missing: bool = False) -> Rows:
    """Rows that can be told apart by their first feature."""
    count = positives + negatives
    random = np.random.default_rng(7)
    features = np.column_stack([np.arange(count), random.normal(size=count)]).astype(np.float32)
    if missing:
        features[0, 1] = np.nan
    labels = np.zeros(count, dtype=np.float32)
    labels[random.permutation(count)[:positives]] = 1
    return Rows(features, labels)


def of_class(some: Rows, label: int) -> np.ndarray:
    selected: np.ndarray = some.features[some.labels == label]
    return selected


def as_set(features: np.ndarray) -> set[tuple[float, ...]]:
    return {tuple(row) for row in features.tolist()}


# --- what the samplers do -----------------------------------------------------------------------------------------


def test_over_sampling_repeats_positives_until_the_ratio_is_there() -> None:
    given_rows = rows(10, 200)

    sampled = resample(given_rows, Sampling("over_sampling", 0.5, seed=0))

    assert (sampled.positives, sampled.negatives) == (100, 200)
    assert as_set(of_class(sampled, 1)) == as_set(of_class(given_rows, 1))
    assert as_set(of_class(sampled, 0)) == as_set(of_class(given_rows, 0))


def test_under_sampling_leaves_negatives_out_until_the_ratio_is_there() -> None:
    given_rows = rows(10, 200)

    sampled = resample(given_rows, Sampling("under_sampling", 0.5, seed=0))

    assert (sampled.positives, sampled.negatives) == (10, 20)
    assert as_set(of_class(sampled, 1)) == as_set(of_class(given_rows, 1))
    assert as_set(of_class(sampled, 0)) < as_set(of_class(given_rows, 0))


def test_smote_adds_positives_between_those_that_there_are() -> None:
    given_rows = rows(10, 200)

    sampled = resample(given_rows, Sampling("smote", 0.5, seed=0))

    made_up = as_set(of_class(sampled, 1)) - as_set(of_class(given_rows, 1))
    known = of_class(given_rows, 1)
    assert (sampled.positives, sampled.negatives) == (100, 200)
    assert len(made_up) == 90
    assert all((known.min(axis=0) <= row).all() and (row <= known.max(axis=0)).all() for row in made_up)


@pytest.mark.parametrize("method", SAMPLERS)
def test_the_seed_alone_decides_what_is_drawn(method: str) -> None:
    first, again, other = (resample(rows(10, 200), Sampling(method, 0.5, seed)) for seed in (5, 5, -5))

    assert np.array_equal(first.features, again.features)
    assert not np.array_equal(first.features, other.features)


@pytest.mark.parametrize("method", SAMPLERS)
def test_sampled_rows_are_of_the_precision_that_is_trained_with(method: str) -> None:
    assert resample(rows(10, 200), Sampling(method, 0.5, seed=0)).features.dtype == np.float32


@pytest.mark.parametrize("method", ["over_sampling", "under_sampling"])
def test_drawing_rows_does_not_mind_missing_values(method: str) -> None:
    sampled = resample(rows(10, 200, missing=True), Sampling(method, 1, seed=0))

    assert sampled.positives == sampled.negatives


def test_two_positives_are_enough_for_smote() -> None:
    assert resample(rows(2, 200), Sampling("smote", 0.1, seed=0)).positives == 20


# --- what it refuses ------------------------------------------------------------------------------------------------


def test_smote_refuses_missing_values() -> None:
    with pytest.raises(DataProblem, match="missing or infinite values, between which smote cannot interpolate; use"):
        resample(rows(10, 200, missing=True), Sampling("smote", 1, seed=0))


def test_smote_refuses_a_single_positive() -> None:
    with pytest.raises(DataProblem, match="has 1 positive, and smote interpolates between at least 2; use"):
        resample(rows(1, 200), Sampling("smote", 1, seed=0))


@pytest.mark.parametrize("method", SAMPLERS)
@pytest.mark.parametrize("ratio", [0.01, 0.05])
def test_a_ratio_that_the_rows_already_have_is_refused(method: str, ratio: float) -> None:
    with pytest.raises(DataProblem, match=r"has 10 positives to 200 negatives, a ratio of 0\.05; give a higher"):
        resample(rows(10, 200), Sampling(method, ratio, seed=0))


@settings(deadline=None)
@given(
    st.sampled_from(SAMPLERS),
    st.integers(1, 30),
    st.integers(1, 60),
    st.integers(1, 1000).map(lambda thousandths: thousandths / 1000),
    st.booleans(),
)
def test_the_ratio_is_met_to_a_row_or_the_rows_are_refused(
    method: str, positives: int, negatives: int, ratio: float, missing: bool
) -> None:
    try:
        sampled = resample(rows(positives, negatives, missing=missing), Sampling(method, ratio, seed=0))
    except DataProblem:
        return
    if method == "under_sampling":
        assert sampled.positives == positives
        assert sampled.negatives <= positives / ratio < sampled.negatives + 1
    else:
        assert sampled.negatives == negatives
        assert sampled.positives <= negatives * ratio + 1e-9 < sampled.positives + 1


# --- in a training job ----------------------------------------------------------------------------------------------


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A training job's folders. The test rows lie beside the channels, and would be an error if they were read."""
    write(TRAIN, tmp_path / "train" / "train.csv")
    write(VALIDATION, tmp_path / "validation" / "validation.csv")
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "test.csv").write_text("must not be read")
    monkeypatch.setenv("SM_CHANNEL_TRAIN", str(tmp_path / "train"))
    monkeypatch.setenv("SM_CHANNEL_VALIDATION", str(tmp_path / "validation"))
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    return tmp_path


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[np.ndarray, np.ndarray]]:
    """The features and labels of every call of a sampler, each of which still does its work."""
    calls = []
    fit_resample: Any = BaseSampler.fit_resample

    def recorded(self: BaseSampler, features: np.ndarray, labels: np.ndarray, **options: Any) -> Any:
        calls.append((features.copy(), labels.copy()))
        return fit_resample(self, features, labels, **options)

    monkeypatch.setattr(BaseSampler, "fit_resample", recorded)
    return calls


def model(job: Path) -> xgb.Booster:
    booster = xgb.Booster()
    booster.load_model(job / "model" / "xgboost-model")
    return booster


@pytest.mark.parametrize("method", SAMPLERS)
def test_a_sampler_sees_the_training_rows_and_no_other(
    job: Path, seen: list[tuple[np.ndarray, np.ndarray]], method: str
) -> None:
    main(["--imbalance", method, "--num_round", "2"])

    ((features, labels),) = seen
    assert np.array_equal(features, TRAIN.iloc[:, 1:].to_numpy(dtype=np.float32))
    assert np.array_equal(labels, TRAIN["label"])
    assert features.max() < MARKER / 2


@pytest.mark.parametrize("method", SAMPLERS)
def test_the_validation_metric_is_of_exactly_the_validation_rows(
    job: Path, capfd: pytest.CaptureFixture[str], method: str
) -> None:
    main(["--imbalance", method, "--num_round", "20", "--eval_metric", "logloss"])

    reported = float(capfd.readouterr().out.splitlines()[-1].rpartition("validation-logloss:")[2])
    scores = model(job).predict(xgb.DMatrix(VALIDATION.iloc[:, 1:].to_numpy()))
    assert reported == pytest.approx(log_loss(VALIDATION["label"], scores), abs=1e-5)


@pytest.mark.parametrize("method", SAMPLERS)
def test_the_model_is_trained_on_what_the_sampler_gives(job: Path, method: str) -> None:
    main(["--imbalance", method, "--sampling_ratio", "0.6", "--seed", "3"])

    given_rows = Rows(TRAIN.iloc[:, 1:].to_numpy(dtype=np.float32), TRAIN["label"].to_numpy(dtype=np.float32))
    sampled = resample(given_rows, Sampling(method, 0.6, seed=3))
    plain = xgb.train(LESSON | {"seed": 3}, sampled.matrix(), num_boost_round=LESSON_ROUNDS)
    scored = xgb.DMatrix(VALIDATION.iloc[:, 1:].to_numpy())
    assert np.array_equal(model(job).predict(scored), plain.predict(scored))


def test_under_tuning_the_sampler_works_as_it_does_in_a_training_job(
    job: Path, seen: list[tuple[np.ndarray, np.ndarray]], capfd: pytest.CaptureFixture[str]
) -> None:
    """A tuning job gives its static hyperparameters to all of its jobs, and adds its objective (aws-facts 4.7)."""
    main(["--imbalance", "smote", "--num_round", "2", "--_tuning_objective_metric", "validation:logloss"])

    assert len(seen) == 1
    assert "validation-logloss" in capfd.readouterr().out


def test_without_a_sampler_its_library_is_not_needed(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imblearn", None)  # an import would fail

    main(["--imbalance", "scale_pos_weight", "--num_round", "2"])

    assert (job / "model" / "xgboost-model").is_file()


def test_the_image_installs_the_version_that_is_tested_here() -> None:
    requirements = Path(__file__).parents[2] / "training_code" / "sampling_requirements.txt"

    assert requirements.read_text() == f"imbalanced-learn=={version('imbalanced-learn')}\n"
