import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from tests.unit.synthetic_transactions import LESSON, LESSON_ROUNDS, transactions, write
from training_code.container import DataProblem, EnvironmentProblem
from training_code.hyperparameters import HyperparameterError
from training_code.train import main

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*UBJSON:UserWarning"),  # the model's name has no extension, on AWS too
]

TRAIN = transactions(1500, seed=1)
VALIDATION = transactions(500, seed=2)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A training job's folders, with a file in each channel."""
    write(TRAIN, tmp_path / "train" / "train.csv")
    write(VALIDATION, tmp_path / "validation" / "validation.csv")
    monkeypatch.setenv("SM_CHANNEL_TRAIN", str(tmp_path / "train"))
    monkeypatch.setenv("SM_CHANNEL_VALIDATION", str(tmp_path / "validation"))
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.setenv("SM_HOSTS", '["algo-1"]')
    return tmp_path


def matrix(table: pd.DataFrame) -> xgb.DMatrix:
    return xgb.DMatrix(table.iloc[:, 1:].to_numpy(), label=table.iloc[:, 0].to_numpy())


def model(job: Path) -> xgb.Booster:
    booster = xgb.Booster()
    booster.load_model(job / "model" / "xgboost-model")
    return booster


def answers(booster: xgb.Booster) -> np.ndarray:
    prediction: np.ndarray = booster.predict(matrix(VALIDATION))
    return prediction


def test_the_lessons_hyperparameters_give_bit_for_bit_what_plain_xgboost_gives(job: Path) -> None:
    main([])

    plain = xgb.train(LESSON, matrix(TRAIN), num_boost_round=LESSON_ROUNDS)
    assert np.array_equal(answers(model(job)), answers(plain))


def test_decimals_are_read_as_exactly_as_pandas_wrote_them(job: Path) -> None:
    random = np.random.default_rng(3)
    table = TRAIN.assign(**{"0": random.normal(size=len(TRAIN))})
    write(table, job / "train" / "train.csv")
    write(table, job / "validation" / "validation.csv")

    main([])

    plain = xgb.train(LESSON, matrix(table), num_boost_round=LESSON_ROUNDS)
    assert np.array_equal(model(job).predict(matrix(table)), plain.predict(matrix(table)))


def test_given_hyperparameters_are_trained_with(job: Path) -> None:
    main(["--max_depth", "2", "--learning_rate", "0.5", "--num_round", "7", "--alpha", "1"])

    plain = xgb.train(LESSON | {"max_depth": 2, "eta": 0.5, "alpha": 1}, matrix(TRAIN), num_boost_round=7)
    assert np.array_equal(answers(model(job)), answers(plain))


def test_the_model_directory_has_one_file_only(job: Path) -> None:
    """A second file would become a member of an ensemble when the model is served."""
    main(["--num_round", "2"])

    assert [path.name for path in (job / "model").iterdir()] == ["xgboost-model"]


def test_several_files_of_a_channel_are_read_in_the_order_of_their_names(job: Path) -> None:
    (job / "train" / "train.csv").unlink()
    write(TRAIN[700:], job / "train" / "part-2.csv")
    write(TRAIN[:700], job / "train" / "part-1.csv")
    (job / "train" / "_SUCCESS").write_text("not data")
    (job / "train" / ".part-1.csv.crc").write_text("not data")

    main([])

    plain = xgb.train(LESSON, matrix(TRAIN), num_boost_round=LESSON_ROUNDS)
    assert np.array_equal(answers(model(job)), answers(plain))


def test_an_empty_field_is_a_missing_value(job: Path) -> None:
    table = TRAIN.copy()
    table.iloc[::7, 2] = np.nan
    write(table, job / "train" / "train.csv")

    main([])

    plain = xgb.train(LESSON, matrix(table), num_boost_round=LESSON_ROUNDS)
    assert np.array_equal(answers(model(job)), answers(plain))


def test_every_tenth_round_and_the_last_print_the_line_that_the_images_metric_definitions_look_for(
    job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    main(["--num_round", "25"])

    # CloudWatch has #011 for a tab.
    log = capfd.readouterr().out.replace("\t", "#011")
    assert re.findall(r".*\[([0-9]+)\].*#011validation-auc:\S+", log) == ["0", "10", "20", "24"]
    metrics = re.findall(r"#011(\S+?):", log.splitlines()[-1])
    assert metrics == ["train-auc", "train-aucpr", "validation-auc", "validation-aucpr"]


def test_early_stopping_keeps_the_best_round_of_the_last_metric(job: Path) -> None:
    main(["--early_stopping_rounds", "5", "--num_round", "400", "--eval_metric", "auc,logloss", "--gamma", "0"])

    watched = xgb.train(
        LESSON | {"gamma": 0, "eval_metric": "logloss"},
        matrix(TRAIN),
        num_boost_round=400,
        evals=[(matrix(VALIDATION), "validation")],
        early_stopping_rounds=5,
        verbose_eval=False,
    )
    assert model(job).num_boosted_rounds() == watched.best_iteration + 1


def test_early_stopping_watches_the_tuning_objective_first(job: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stopping = ["--early_stopping_rounds", "5", "--num_round", "400", "--gamma", "0"]

    main([*stopping, "--_tuning_objective_metric", "validation:logloss"])

    log = capfd.readouterr().out
    losses = [float(loss) for loss in re.findall(r"validation-logloss:(\S+)", log)]
    assert model(job).num_boosted_rounds() == losses.index(min(losses)) + 1


def test_the_tuning_objective_does_not_change_the_model(job: Path) -> None:
    main(["--_tuning_objective_metric", "validation:auc"])

    plain = xgb.train(LESSON, matrix(TRAIN), num_boost_round=LESSON_ROUNDS)
    assert np.array_equal(answers(model(job)), answers(plain))


def test_positives_weigh_as_many_negatives_as_the_training_rows_have_to_each(job: Path) -> None:
    main(["--imbalance", "scale_pos_weight"])

    label = TRAIN["label"]
    weight = (label == 0).sum() / (label == 1).sum()
    plain = xgb.train(LESSON | {"scale_pos_weight": weight}, matrix(TRAIN), num_boost_round=LESSON_ROUNDS)
    assert np.array_equal(answers(model(job)), answers(plain))


def test_a_weight_cannot_be_both_given_and_computed(job: Path) -> None:
    with pytest.raises(HyperparameterError, match="scale_pos_weight is given, and imbalance asks to compute it"):
        main(["--imbalance", "scale_pos_weight", "--scale_pos_weight", "3"])


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            ["--imbalance", "none"],
            "imbalance is 'none'; allowed is scale_pos_weight or over_sampling or under_sampling",
        ),
        (["--sampling_ratio", "0"], r"sampling_ratio is '0'; allowed is a number in \(0, 1\]"),
        (["--sampling_ratio", "1.1"], r"sampling_ratio is '1\.1'; allowed is a number in \(0, 1\]"),
        (["--imbalence", "smote"], "unknown hyperparameter 'imbalence'; the nearest known is 'imbalance'"),
    ],
)
def test_a_wrong_remedy_for_few_positives_is_refused(job: Path, given: list[str], problem: str) -> None:
    with pytest.raises(HyperparameterError, match=problem):
        main(given)


def test_all_wrong_hyperparameters_are_named_at_once(job: Path) -> None:
    with pytest.raises(HyperparameterError) as caught:
        main(["--imbalance", "none", "--eta", "2", "--max_dept", "5"])

    assert {problem.split()[0] for problem in caught.value.problems} == {"unknown", "eta", "imbalance"}


def test_an_unknown_hyperparameter_is_refused(job: Path) -> None:
    with pytest.raises(
        HyperparameterError, match="unknown hyperparameter 'max_dept'; the nearest known is 'max_depth'"
    ):
        main(["--max_dept", "5"])


def test_a_stray_argument_is_refused(job: Path) -> None:
    with pytest.raises(HyperparameterError, match="unknown hyperparameter '5'"):
        main(["5"])


def test_a_missing_channel_is_named(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SM_CHANNEL_VALIDATION")

    with pytest.raises(EnvironmentProblem, match="SM_CHANNEL_VALIDATION is not set"):
        main([])


def test_several_hosts_are_refused(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SM_HOSTS", '["algo-1", "algo-2"]')

    with pytest.raises(EnvironmentProblem, match="2 hosts are given; script mode trains on 1, so use mode builtin"):
        main([])


def test_an_empty_channel_is_named(job: Path) -> None:
    (job / "validation" / "validation.csv").unlink()

    with pytest.raises(DataProblem, match="the channel validation has no files"):
        main([])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("label,amount\n0,1.5\n1,2.5\n", r"train\.csv must hold numbers only, and no header; columns \[1, 2\]"),
        ("0,1.5\n1,secret\n", r"columns \[2\], counted from 1"),
        ("0,1.5\n1,2.5,3.5\n", r"train\.csv is no CSV file: .*Expected 2 fields in line 2, saw 3"),
        ("", r"train\.csv is no CSV file"),
        ("0,1.5\n0,2.5\n", "the first column of the channel train must be the label, with both 0 and 1"),
        ("0,1.5\n2,2.5\n", "the first column of the channel train must be the label"),
        ("0,1.5\n,2.5\n1,1\n", "the first column of the channel train must be the label"),
    ],
)
def test_a_bad_csv_is_refused_without_quoting_its_values(job: Path, content: str, problem: str) -> None:
    (job / "train" / "train.csv").write_text(content)

    with pytest.raises(DataProblem, match=problem) as caught:
        main([])

    assert "secret" not in str(caught.value)


def test_files_of_different_width_are_refused(job: Path) -> None:
    write(TRAIN.iloc[:, :3], job / "train" / "narrow.csv")

    with pytest.raises(DataProblem, match=r"channel train differ in their number of columns: \[3, 5\]"):
        main([])
