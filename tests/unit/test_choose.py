import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from localcloud.xgboost_image import encoding
from tests.unit.synthetic_transactions import LESSON, transactions, write
from training_code.candidates import NoTrainedModel, feature_importance
from training_code.choose import main
from training_code.container import DataProblem, EnvironmentProblem
from training_code.inference import output_fn
from training_code.thresholds import Costs, Objective, Threshold, choose_threshold, readable

pytestmark = pytest.mark.slow

CODE = Path(__file__).parents[2] / "training_code"
TRAIN = transactions(1500, seed=1)
VALIDATION = transactions(500, seed=2)
FEATURES, LABELS = VALIDATION.iloc[:, 1:].to_numpy(dtype=np.float32), VALIDATION["label"].to_numpy()


# --- thresholds -----------------------------------------------------------------------------------------------------

MINIMUM = st.one_of(st.sampled_from([1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0]), st.floats(0, 1, exclude_min=True))
OBJECTIVES = st.one_of(
    st.just(Objective("best_f1")),
    st.builds(Objective, st.sampled_from(["recall_at_precision", "precision_at_recall"]), MINIMUM),
)
UNHURRIED = settings(deadline=None)
SCORES = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 0.7, 1.0]), st.floats(0, 1, width=32))


@dataclass(frozen=True)
class Scored:
    labels: np.ndarray
    scores: np.ndarray
    amounts: np.ndarray


@st.composite
def scored_rows(draw: st.DrawFn) -> Scored:
    """Rows with ties among their scores, of both classes, and with amounts that add up without a rounding error."""
    labels = [0, 1, *draw(st.lists(st.integers(0, 1), max_size=20))]
    count = len(labels)
    scores = draw(st.lists(SCORES, min_size=count, max_size=count))
    amounts = draw(st.lists(st.integers(0, 8), min_size=count, max_size=count))
    return Scored(np.array(labels), np.array(scores, dtype=np.float32), np.array(amounts, dtype=np.float64))


@dataclass(frozen=True)
class Point:
    """What a threshold gives, counted row by row."""

    precision: float
    recall: float
    f1: float
    cost: float
    flagged: list[bool]


def points(rows: Scored, false_alarm: float) -> list[Point]:
    """Of every threshold that there is, from the highest, which flags nothing."""
    return [_point(rows, at, false_alarm) for at in sorted({*rows.scores.tolist(), 2.0}, reverse=True)]


def _point(rows: Scored, at: float, false_alarm: float) -> Point:
    flagged = [score >= at for score in rows.scores.tolist()]
    pairs = list(zip(flagged, rows.labels.tolist(), strict=True))
    tp, fp, fn = pairs.count((True, 1)), pairs.count((True, 0)), pairs.count((False, 1))
    missed = sum(amount for amount, pair in zip(rows.amounts.tolist(), pairs, strict=True) if pair == (False, 1))
    return Point(
        precision=tp / (tp + fp) if tp + fp else 0,
        recall=tp / (tp + fn),
        f1=2 * tp / (2 * tp + fp + fn),
        cost=missed + false_alarm * fp,
        flagged=flagged,
    )


def best(found: Sequence[Point], objective: Objective) -> tuple[Point, bool]:
    """`max` and `min` return the first of equals, which is the one with the highest threshold."""
    if objective.name == "best_f1":
        return max(found, key=lambda point: point.f1), True
    if objective.name == "least_cost":
        return min(found, key=lambda point: point.cost), True
    assert objective.minimum is not None
    if objective.name == "precision_at_recall":
        return max((each for each in found if each.recall >= objective.minimum), key=lambda each: each.precision), True
    reaching = [each for each in found if each.precision >= objective.minimum]
    if reaching:
        return max(reaching, key=lambda point: point.recall), True
    return max(found, key=lambda point: point.precision), False


def written(scores: np.ndarray) -> dict[str, np.ndarray]:
    """The scores as they come back from an endpoint, by who writes them: read as doubles."""
    texts = {
        "the script": output_fn(scores, "text/csv")[0].split(),
        "the image": encoding.to_csv(scores.tolist()).split(),
        "the fewest digits": [str(score) for score in scores],
        "JSON": [str(each["score"]) for each in json.loads(output_fn(scores, "application/json")[0])["predictions"]],
    }
    return {writer: np.array([float(text) for text in answers]) for writer, answers in texts.items()}


@UNHURRIED
@given(scored_rows(), OBJECTIVES)
def test_the_threshold_is_the_best_of_all_and_the_highest_of_the_best(rows: Scored, objective: Objective) -> None:
    found = choose_threshold(rows.labels, rows.scores, objective)

    point, reached = best(points(rows, false_alarm=0), objective)
    assert (found.precision, found.recall, found.f1) == (point.precision, point.recall, point.f1)
    assert found.reached == reached
    assert (rows.scores.astype(np.float64) >= found.value).tolist() == point.flagged


@UNHURRIED
@given(scored_rows(), st.integers(0, 8))
def test_least_cost_adds_the_missed_rows_amounts_and_the_false_alarms(rows: Scored, false_alarm: int) -> None:
    objective = Objective("least_cost")

    found = choose_threshold(rows.labels, rows.scores, objective, Costs(rows.amounts, false_alarm))

    point, _ = best(points(rows, false_alarm), objective)
    assert found.cost == point.cost
    assert (rows.scores.astype(np.float64) >= found.value).tolist() == point.flagged


@UNHURRIED
@given(scored_rows(), OBJECTIVES)
def test_the_cost_is_told_for_other_objectives_too(rows: Scored, objective: Objective) -> None:
    found = choose_threshold(rows.labels, rows.scores, objective, Costs(rows.amounts, false_alarm=2))

    assert found.cost == best(points(rows, false_alarm=2), objective)[0].cost
    assert choose_threshold(rows.labels, rows.scores, objective).cost is None


@UNHURRIED
@given(scored_rows())
def test_the_best_f1_is_that_of_scikit_learns_curve(rows: Scored) -> None:
    precision, recall, _ = precision_recall_curve(rows.labels, rows.scores)

    found = choose_threshold(rows.labels, rows.scores, Objective("best_f1"))

    with np.errstate(invalid="ignore"):
        assert found.f1 == pytest.approx(np.nanmax(2 * precision * recall / (precision + recall)), abs=1e-12)


@UNHURRIED
@given(scored_rows(), OBJECTIVES)
def test_answers_from_the_threshold_on_are_the_rows_that_it_was_chosen_for_however_they_are_written(
    rows: Scored, objective: Objective
) -> None:
    found = choose_threshold(rows.labels, rows.scores, objective)

    flagged = best(points(rows, false_alarm=0), objective)[0].flagged
    for writer, answers in written(rows.scores).items():
        assert (answers >= found.value).tolist() == flagged, writer


@UNHURRIED
@given(st.floats(0, 1, width=32))
def test_a_threshold_parts_a_score_from_the_next_lower_one_however_both_are_written(number: float) -> None:
    score = np.float32(number)
    lower = np.nextafter(score, np.float32(-1))

    for answers in written(np.array([lower, score])).values():
        assert answers[0] < readable(score) <= answers[1]
        assert (answers.astype(np.float32) >= readable(score)).tolist() == [False, True]


def test_a_score_whose_shortest_writing_is_above_it_is_let_through() -> None:
    assert float(str(np.float32(0.7))) > float(np.float32(0.7)) >= readable(np.float32(0.7))


def test_a_missed_minimum_of_precision_gives_the_best_precision_and_says_so() -> None:
    labels, scores = np.array([0, 1, 0, 1]), np.array([0.9, 0.8, 0.7, 0.1], dtype=np.float32)

    found = choose_threshold(labels, scores, Objective("recall_at_precision", 0.9))

    assert found == Threshold(
        "recall_at_precision", 0.9, readable(scores[1]), reached=False, precision=0.5, recall=0.5, f1=0.5, cost=None
    )


@pytest.mark.parametrize("highest", [0.25, 0.7, 1.0])
def test_where_false_alarms_cost_more_than_frauds_nothing_is_flagged(highest: float) -> None:
    labels, scores = np.array([0, 1, 1]), np.array([highest, highest, 0.1], dtype=np.float32)

    found = choose_threshold(labels, scores, Objective("least_cost"), Costs(np.array([9.0, 2.0, 3.0]), 100))

    assert (found.precision, found.recall, found.f1, found.cost) == (0, 0, 0, 5)
    for answers in written(scores).values():
        assert not (answers >= found.value).any()
        assert not (answers.astype(np.float32) >= found.value).any()


def test_a_threshold_has_its_own_score_on_the_positive_side() -> None:
    found = choose_threshold(np.array([0, 1]), np.array([0.25, 0.5], dtype=np.float32), Objective("best_f1"))

    assert found.value == 0.5


@pytest.mark.parametrize(
    ("name", "minimum", "problem"),
    [
        ("most_fun", None, "is 'most_fun'; allowed is best_f1 or recall_at_precision or precision_at_recall or least"),
        ("best_f1", 0.5, "best_f1 has no minimum, but 0.5 is given"),
        ("recall_at_precision", None, r"the minimum of recall_at_precision is None; allowed is a number in \(0, 1\]"),
        ("precision_at_recall", 0, r"the minimum of precision_at_recall is 0; allowed is a number in \(0, 1\]"),
        ("precision_at_recall", 1.5, r"allowed is a number in \(0, 1\]"),
    ],
)
def test_an_objective_that_means_nothing_is_refused(name: str, minimum: float | None, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Objective(name, minimum)


# --- the job --------------------------------------------------------------------------------------------------------


def trained(rounds: int, **parameters: object) -> xgb.Booster:
    rows = xgb.DMatrix(TRAIN.iloc[:, 1:].to_numpy(), label=TRAIN["label"])
    return xgb.train(LESSON | {"gamma": 0} | parameters, rows, num_boost_round=rounds)


def as_bytes(booster: xgb.Booster) -> bytes:
    return bytes(booster.save_raw("ubj"))


BOOSTERS = [trained(rounds, max_depth=depth) for rounds, depth in ((3, 1), (3, 3), (20, 3), (60, 6))]
WEAK, *_, STRONG = MODELS = [as_bytes(booster) for booster in BOOSTERS]


def packed(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def link(name: str, target: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = tarfile.SYMTYPE, target
        tar.addfile(member)
    return buffer.getvalue()


@dataclass(frozen=True)
class Job:
    """The folders of a choosing job."""

    base: Path

    def candidate(self, job_name: str, archive: bytes) -> None:
        path = self.base / "train" / job_name / "output" / "model.tar.gz"
        path.parent.mkdir(parents=True)
        path.write_bytes(archive)

    def models(self, **models: bytes) -> None:
        for job_name, model in models.items():
            self.candidate(job_name, packed({"xgboost-model": model}))

    def run(self, *given: str, trained_job: str = "base", objective: str = "best_f1") -> dict[str, Any]:
        main(["--trained_job", trained_job, "--threshold_objective", objective, *given])
        return self.choice()

    def choice(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.base / "output" / "data" / "choice.json").read_text())
        return document

    def files(self) -> set[str]:
        return {str(path.relative_to(self.base)) for path in self.base.rglob("*") if path.is_file()}


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    write(VALIDATION, tmp_path / "validation" / "validation.csv")
    monkeypatch.setenv("SM_CHANNEL_TRAIN", str(tmp_path / "train"))
    monkeypatch.setenv("SM_CHANNEL_VALIDATION", str(tmp_path / "validation"))
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.setenv("SM_OUTPUT_DATA_DIR", str(tmp_path / "output" / "data"))
    return Job(tmp_path)


def scores_of(booster: xgb.Booster) -> np.ndarray:
    scores: np.ndarray = booster.predict(xgb.DMatrix(FEATURES))
    return scores


def names(documents: Iterable[Mapping[str, Any]]) -> list[str]:
    return [document["job_name"] for document in documents]


def test_the_candidate_with_the_highest_average_precision_on_the_validation_rows_is_chosen(job: Job) -> None:
    job.models(base=WEAK, tuned=STRONG)

    choice = job.run()

    precisions = [float(average_precision_score(LABELS, scores_of(BOOSTERS[place]))) for place in (3, 0)]
    areas = [float(roc_auc_score(LABELS, scores_of(BOOSTERS[place]))) for place in (3, 0)]
    assert choice["candidates"] == [
        {"job_name": "tuned", "source": "tuned", "average_precision": precisions[0], "roc_auc": areas[0]},
        {"job_name": "base", "source": "trained", "average_precision": precisions[1], "roc_auc": areas[1]},
    ]
    assert choice["chosen"] == {"job_name": "tuned", "source": "tuned", "average_precision": precisions[0]}
    assert choice["trained"] == {"job_name": "base", "average_precision": precisions[1]}
    assert choice["skipped"] == []
    assert choice["validation"] == {"rows": 500, "positives": int(LABELS.sum())}


@pytest.mark.parametrize("trained_job", range(len(MODELS)))
def test_the_chosen_model_is_never_below_the_trained_one(job: Job, trained_job: int) -> None:
    job.models(**{f"job-{number}": model for number, model in enumerate(MODELS)})

    choice = job.run(trained_job=f"job-{trained_job}")

    assert choice["trained"]["job_name"] == f"job-{trained_job}"
    assert choice["chosen"]["average_precision"] >= choice["trained"]["average_precision"]
    assert choice["chosen"]["average_precision"] == max(each["average_precision"] for each in choice["candidates"])


def test_of_equals_the_trained_model_wins_then_the_registered_one_then_the_tuned_by_name(job: Job) -> None:
    job.models(**dict.fromkeys(("a-tuned", "registered-model", "z-trained", "b-tuned"), STRONG))

    choice = job.run(trained_job="z-trained")

    assert names(choice["candidates"]) == ["z-trained", "registered-model", "a-tuned", "b-tuned"]
    assert choice["chosen"]["source"] == "trained"


def test_the_registered_model_can_win(job: Job) -> None:
    job.models(**{"base": WEAK, "registered-model": STRONG})

    assert job.run()["chosen"]["source"] == "registered"


def test_the_chosen_model_is_left_byte_for_byte_with_its_threshold_beside_it(job: Job) -> None:
    job.models(base=WEAK, tuned=STRONG)

    choice = job.run()

    assert (job.base / "model" / "xgboost-model").read_bytes() == STRONG
    assert json.loads((job.base / "model" / ".decision.json").read_text()) == {
        "threshold": choice["threshold"]["value"],
        "threshold_objective": "best_f1",
        "job_name": "tuned",
    }
    assert len(list((job.base / "model").iterdir())) == 2


def test_the_threshold_is_that_of_the_chosen_models_scores(job: Job) -> None:
    job.models(base=WEAK, tuned=STRONG)

    choice = job.run("--threshold_minimum", "0.8", objective="recall_at_precision")

    expected = choose_threshold(LABELS, scores_of(BOOSTERS[3]), Objective("recall_at_precision", 0.8))
    assert choice["threshold"] == vars(expected)


def test_a_missed_fraud_may_cost_the_rows_own_amount(job: Job) -> None:
    job.models(base=STRONG)
    table = VALIDATION.assign(amount=np.arange(len(VALIDATION)))[["label", 0, 1, "amount", 3]]
    write(table, job.base / "validation" / "validation.csv")

    choice = job.run(
        *("--missed_fraud", "amount", "--amount_feature", "2", "--false_alarm", "40"), objective="least_cost"
    )

    scores = BOOSTERS[3].predict(xgb.DMatrix(table.iloc[:, 1:].to_numpy(dtype=np.float32)))
    costs = Costs(np.arange(len(VALIDATION), dtype=np.float64), 40)
    assert choice["threshold"] == vars(choose_threshold(LABELS, scores, Objective("least_cost"), costs))


def test_a_missed_fraud_may_cost_the_same_for_every_row(job: Job) -> None:
    job.models(base=STRONG)

    choice = job.run("--missed_fraud", "120.5", "--false_alarm", "10", objective="least_cost")

    costs = Costs(np.full(len(LABELS), 120.5), 10)
    expected = choose_threshold(LABELS, scores_of(BOOSTERS[3]), Objective("least_cost"), costs)
    assert choice["threshold"] == vars(expected)


def test_the_cost_of_another_objectives_threshold_is_told_if_costs_are_given(job: Job) -> None:
    job.models(base=STRONG)

    with_costs = job.run("--missed_fraud", "100", "--false_alarm", "1")

    assert with_costs["threshold"]["cost"] > 0


def test_the_importance_of_the_features_is_their_share_of_the_gain(job: Job) -> None:
    job.models(base=STRONG)

    found = job.run()["feature_importance"]

    gains = {int(name[1:]): gain for name, gain in BOOSTERS[3].get_score(importance_type="gain").items()}
    shares = np.array([gains[each["feature"]] for each in found]) / np.sum(list(gains.values()))
    assert len(found) == len(gains)
    assert [each["gain"] for each in found] == pytest.approx(shares)
    assert [each["gain"] for each in found] == sorted((each["gain"] for each in found), reverse=True)


@pytest.mark.parametrize("parameters", [{"booster": "gblinear"}, {"gamma": 1e9}], ids=["linear", "no splits"])
def test_a_model_without_splits_has_no_important_features(parameters: dict[str, object]) -> None:
    rows = xgb.DMatrix(FEATURES, label=LABELS)

    booster = xgb.train({"objective": "binary:logistic"} | parameters, rows, num_boost_round=2)

    assert feature_importance(booster) == []


# --- candidates that cannot be used ---------------------------------------------------------------------------------

REGRESSION = as_bytes(xgb.train({"objective": "reg:squarederror"}, xgb.DMatrix(FEATURES, label=LABELS * 9), 5))
CLASSES = as_bytes(
    xgb.train({"objective": "multi:softprob", "num_class": 2}, xgb.DMatrix(FEATURES, label=LABELS), num_boost_round=2)
)
NARROW = as_bytes(xgb.train({"objective": "binary:logistic"}, xgb.DMatrix(FEATURES[:, :3], label=LABELS), 2))
NAMED = as_bytes(
    xgb.train(
        {"objective": "binary:logistic"}, xgb.DMatrix(FEATURES, label=LABELS, feature_names=["a", "b", "c", "d"]), 2
    )
)
GOOD = packed({"xgboost-model": STRONG})


def damaged(archive: bytes) -> bytes:
    """The tar of an archive with a byte of the model changed, and its old checksum."""
    content = bytearray(gzip.decompress(archive))
    content[2000] ^= 1
    return gzip.compress(bytes(content))[:-8] + archive[-8:]


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        pytest.param(b"", "its archive cannot be read", id="empty"),
        pytest.param(b"no archive", "its archive cannot be read", id="no archive"),
        pytest.param(GOOD[: len(GOOD) // 2], "its archive cannot be read", id="half an archive"),
        pytest.param(damaged(GOOD), "its archive cannot be read", id="a wrong checksum"),
        pytest.param(gzip.compress(b"no tar"), "its archive cannot be read", id="no tar"),
        pytest.param(packed({}), "its archive has no file xgboost-model", id="nothing in it"),
        pytest.param(packed({"model.json": STRONG}), "its archive has no file xgboost-model", id="another file"),
        pytest.param(packed({"xgboost-model": b""}), "its archive has no file xgboost-model", id="an empty model"),
        pytest.param(
            packed({"../xgboost-model": STRONG, "../../x": b""}),
            "its archive has no file xgboost-model",
            id="a path that leads out",
        ),
        pytest.param(
            packed({"/xgboost-model": STRONG}), "its archive has no file xgboost-model", id="an absolute path"
        ),
        pytest.param(packed({"output/xgboost-model": STRONG}), "its archive has no file xgboost-model", id="a folder"),
        pytest.param(
            link("xgboost-model", "../../base/output/model.tar.gz"),
            "its archive has no file xgboost-model",
            id="a link",
        ),
        pytest.param(packed({"xgboost-model": b"\x80\x04K\x01."}), "XGBoost cannot load its model", id="a pickle"),
        pytest.param(packed({"xgboost-model": STRONG[:-1]}), "XGBoost cannot load its model", id="a cut model"),
        pytest.param(
            packed({"xgboost-model": NARROW}),
            "its model takes 3 features, but the validation rows have 4",
            id="too few features",
        ),
        pytest.param(
            packed({"xgboost-model": NAMED}), "its model cannot score the validation rows", id="named features"
        ),
        pytest.param(packed({"xgboost-model": REGRESSION}), "its scores are not probabilities", id="a regression"),
        pytest.param(packed({"xgboost-model": CLASSES}), "its scores are not probabilities", id="several classes"),
    ],
)
def test_a_candidate_that_cannot_be_used_is_skipped_with_the_reason(job: Job, archive: bytes, reason: str) -> None:
    job.models(base=WEAK)
    job.candidate("other", archive)
    before = job.files()

    choice = job.run()

    assert choice["skipped"] == [{"job_name": "other", "reason": reason}]
    assert names(choice["candidates"]) == ["base"]
    assert job.files() - before == {"model/xgboost-model", "model/.decision.json", "output/data/choice.json"}


def test_a_model_in_an_archive_of_a_folder_is_found(job: Job) -> None:
    """`tar -C folder .` writes names that start with a dot and a slash."""
    job.candidate("base", packed({"./xgboost-model": STRONG}))

    assert job.run()["skipped"] == []


def test_other_members_of_an_archive_are_left_alone(job: Job) -> None:
    job.candidate("base", packed({"../../../../escaped": b"", "xgboost-model": STRONG, ".decision.json": b"{}"}))
    before = job.files()

    job.run()

    assert job.files() - before == {"model/xgboost-model", "model/.decision.json", "output/data/choice.json"}
    assert not (job.base.parent / "escaped").exists()


def test_other_files_of_the_channel_are_no_candidates(job: Job) -> None:
    job.models(base=STRONG)
    write(TRAIN, job.base / "train" / "base" / "output" / "output.tar.gz")
    write(TRAIN, job.base / "train" / "model.tar.gz")

    choice = job.run()

    assert names(choice["candidates"] + choice["skipped"]) == ["base"]


def test_without_the_trained_model_nothing_is_chosen(job: Job) -> None:
    job.models(tuned=STRONG)

    with pytest.raises(
        NoTrainedModel, match=r"no usable base/output/model\.tar\.gz: there is no such archive; trained"
    ):
        job.run()
    assert not (job.base / "model").exists()


def test_an_unusable_trained_model_is_an_error_with_the_reason(job: Job) -> None:
    job.models(tuned=STRONG, base=NARROW)

    with pytest.raises(NoTrainedModel, match="its model takes 3 features, but the validation rows have 4"):
        job.run()


# --- what is given --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_arguments", "problem"),
    [
        (["--threshold_objective", "f1"], "'f1' is given; allowed is best_f1 or recall_at_precision"),
        (["--threshold_minimum", "1.5"], "--threshold_minimum: '1.5' is given; allowed is a number in (0, 1]"),
        (["--threshold_minimum", "0"], "--threshold_minimum: '0' is given; allowed is a number in (0, 1]"),
        (["--threshold_minimum", "0.5"], "best_f1 has no minimum, but 0.5 is given; leave it out"),
        (
            ["--threshold_objective", "recall_at_precision"],
            "recall_at_precision is None; allowed is a number in (0, 1]",
        ),
        (["--threshold_objective", "least_cost"], "least_cost, which needs missed_fraud and false_alarm; give both"),
        (["--missed_fraud", "lots"], "'lots' is given; allowed is a number in [0, inf) or amount"),
        (["--missed_fraud", "-1"], "'-1' is given; allowed is a number in [0, inf) or amount"),
        (["--missed_fraud", "nan"], "'nan' is given; allowed is a number in [0, inf) or amount"),
        (["--false_alarm", "inf"], "'inf' is given; allowed is a number in [0, inf)"),
        (["--false_alarm", "1"], "missed_fraud and false_alarm belong together; give both, or neither"),
        (["--missed_fraud", "amount", "--false_alarm", "1"], "missed_fraud is amount, but amount_feature"),
        (["--amount_feature", "1.5"], "'1.5' is given; allowed is an integer in [0, inf)"),
        (["--max_depth", "5"], "unrecognized arguments: --max_depth 5"),
        (["--trained", "other"], "unrecognized arguments: --trained other"),
    ],
)
def test_a_wrong_argument_ends_the_job_with_what_is_allowed(
    job: Job, capsys: pytest.CaptureFixture[str], given_arguments: list[str], problem: str
) -> None:
    job.models(base=STRONG)

    with pytest.raises(SystemExit) as caught:
        job.run(*given_arguments)

    assert caught.value.code == 2
    assert problem in capsys.readouterr().err.splitlines()[-1]


def test_an_amount_that_is_no_feature_is_refused(job: Job) -> None:
    job.models(base=STRONG)

    with pytest.raises(DataProblem, match=r"amount_feature is 4, but .* have 4 features; allowed is .* in \[0, 3\]"):
        job.run("--missed_fraud", "amount", "--false_alarm", "1", "--amount_feature", "4")


def test_a_fraud_without_an_amount_is_refused(job: Job) -> None:
    job.models(base=STRONG)
    table = VALIDATION.copy()
    table.loc[table.index[table["label"] == 1][:2], 3] = np.nan
    write(table, job.base / "validation" / "validation.csv")

    with pytest.raises(DataProblem, match="2 frauds of the validation rows have no amount; give missed_fraud as a num"):
        job.run("--missed_fraud", "amount", "--false_alarm", "1", "--amount_feature", "3")


def test_a_missing_channel_is_named(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SM_CHANNEL_TRAIN")

    with pytest.raises(EnvironmentProblem, match="SM_CHANNEL_TRAIN is not set"):
        job.run()


def test_the_script_runs_as_a_module_at_the_root_of_the_containers_code(job: Job) -> None:
    job.models(base=STRONG)
    code = job.base / "code"
    code.mkdir()
    for module in CODE.glob("*.py"):
        shutil.copy(module, code)
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    subprocess.run(
        [sys.executable, "-m", "choose", "--trained_job", "base", "--threshold_objective", "best_f1"],
        cwd=code,
        env=alone,
        check=True,
    )

    assert job.choice()["chosen"]["job_name"] == "base"
