"""The image's two commands run as processes, the way the platform starts them; finer rules are tried in this one."""

import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from localcloud.xgboost_image import algorithm_training, channels, content_types, hyperparameters, submitted_code
from localcloud.xgboost_image.algorithm_serving import MAX_CONTENT_LENGTH, AlgorithmModel, ModelProblem
from localcloud.xgboost_image.errors import AlgorithmError, CodeProblem, NotEmulated, UserError
from localcloud.xgboost_image.script_serving import ScriptModel, ScriptProblem
from localcloud.xgboost_image.server import Invocation
from tests.unit.image_processes import (
    CHANNEL,
    LESSON_STRINGS,
    TRAIN,
    VALIDATION,
    Endpoint,
    archive,
    booster,
    configure,
    csv_of,
    environment,
    features,
    plain,
    project_code,
    run_train,
)
from tests.unit.synthetic_transactions import LESSON, transactions, write
from training_code import inference
from training_code.choose import DECISION_FILE

pytestmark = [pytest.mark.enable_socket, pytest.mark.filterwarnings("ignore:.*(UBJSON|Text file input):UserWarning")]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    write(TRAIN, tmp_path / "input" / "data" / "train" / "train.csv")
    write(VALIDATION, tmp_path / "input" / "data" / "validation" / "validation.csv")
    return tmp_path


# --- Training --------------------------------------------------------------------------------------------------------


def test_algorithm_mode_trains_the_lessons_model(base: Path) -> None:
    configure(base, LESSON_STRINGS)

    finished = run_train(base)

    assert finished.returncode == 0, finished.stderr
    assert [path.name for path in (base / "model").iterdir()] == ["xgboost-model"]
    trained = booster(base / "model" / "xgboost-model")
    assert np.array_equal(trained.predict(features(VALIDATION)), plain().predict(features(VALIDATION)))
    last = [line for line in finished.stdout.splitlines() if line.startswith("[99]")]
    assert [word.split(":")[0] for word in last[0].split("\t")[1:]] == [
        "train-auc",
        "train-aucpr",
        "validation-auc",
        "validation-aucpr",
    ]


def test_script_mode_trains_the_lessons_model_with_the_projects_code(base: Path) -> None:
    code = project_code(base / "sourcedir.tar.gz")
    configure(base, LESSON_STRINGS | {"sagemaker_program": "train.py", "sagemaker_submit_directory": str(code)})

    finished = run_train(base)

    assert finished.returncode == 0, finished.stderr
    assert [path.name for path in (base / "model").iterdir()] == ["xgboost-model"]
    trained = booster(base / "model" / "xgboost-model")
    assert np.array_equal(trained.predict(features(VALIDATION)), plain().predict(features(VALIDATION)))
    assert "[99]\ttrain-auc:" in finished.stdout


def test_a_script_that_fails_leaves_its_last_words(base: Path) -> None:
    code = project_code(base / "sourcedir.tar.gz")
    configure(base, {"max_dept": "5", "sagemaker_program": "train.py", "sagemaker_submit_directory": str(code)})

    finished = run_train(base)

    assert finished.returncode == 1
    assert (
        (base / "output" / "failure")
        .read_text()
        .startswith(
            f'ExecuteUserScriptError:\nCommand "{sys.executable} -m train --max_dept 5"\n'
            "HyperparameterError: unknown hyperparameter 'max_dept'; the nearest known is 'max_depth'"
        )
    )
    assert "unknown hyperparameter 'max_dept'" in finished.stderr


def test_bad_data_is_the_reason_of_the_failure_without_a_trace_back(base: Path) -> None:
    """AWS shows the beginning of what the script wrote to standard error, so nothing else may be there."""
    (base / "input" / "data" / "train" / "train.csv").write_text("label,amount\n1,2\n")
    code = project_code(base / "sourcedir.tar.gz")
    configure(base, LESSON_STRINGS | {"sagemaker_program": "train.py", "sagemaker_submit_directory": str(code)})

    run_train(base)

    _, command, *rest = (base / "output" / "failure").read_text().splitlines()
    assert command.startswith("Command ")
    assert len(rest) == 1
    assert rest[0].startswith("DataProblem: ")


def test_what_a_script_wrote_to_standard_error_is_told_from_its_beginning(base: Path) -> None:
    script = "import sys\nfor number in range(100):\n    print(number, file=sys.stderr)\nsys.exit(3)\n"
    code = archive(base / "sourcedir.tar.gz", {"tell.py": script})
    configure(base, {"sagemaker_program": "tell.py", "sagemaker_submit_directory": str(code)})

    run_train(base)

    assert (base / "output" / "failure").read_text().splitlines()[2:] == [str(number) for number in range(100)]


def test_a_script_gets_the_environment_of_awss_toolkit(base: Path) -> None:
    script = (
        "import json, os, pathlib, sys\n"
        "seen = {'arguments': sys.argv[1:], 'variables': dict(os.environ)}\n"
        "(pathlib.Path(os.environ['SM_OUTPUT_DATA_DIR']) / 'seen.json').write_text(json.dumps(seen))\n"
    )
    code = archive(base / "sourcedir.tar.gz", {"show.py": script})
    given = {"max_depth": "5", "a": "x", "sagemaker_program": "show.py", "sagemaker_submit_directory": str(code)}
    configure(base, given)

    assert run_train(base).returncode == 0

    seen = json.loads((base / "output" / "data" / "seen.json").read_text())
    variables = seen["variables"]
    assert seen["arguments"] == ["-a", "x", "--max_depth", "5"]
    assert variables["SM_CHANNEL_TRAIN"] == str(base / "input" / "data" / "train")
    assert variables["SM_CHANNELS"] == '["train","validation"]'
    assert variables["SM_MODEL_DIR"] == str(base / "model")
    assert variables["SM_HPS"] == '{"a":"x","max_depth":5}'
    assert variables["SM_HP_MAX_DEPTH"] == "5"
    assert variables["SM_HOSTS"] == '["algo-1"]'
    assert variables["SM_CURRENT_HOST"] == "algo-1"
    assert variables["SM_MODULE_NAME"] == "show"
    assert "PYTHONPATH" not in variables


def test_algorithm_mode_refuses_a_hyperparameter_that_it_does_not_know(base: Path) -> None:
    configure(base, LESSON_STRINGS | {"silent": "0"})

    finished = run_train(base)

    assert finished.returncode == 1
    assert (base / "output" / "failure").read_text() == (
        "framework error: \nUserError: Extraneous hyperparameter found: silent"
    )
    assert not (base / "model").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"num_round": "10", "eta": "2"}, r"Hyperparameter eta: 2\.0 is not in \[0, 1\]"),
        ({"num_round": "10", "subsample": "0"}, r"Hyperparameter subsample: 0\.0 is not in \(0, 1\]"),
        ({"num_round": "ten"}, r"Hyperparameter num_round: could not parse value \(caused by ValueError\)"),
        ({"num_round": "10", "booster": "tree"}, r"Hyperparameter booster: tree is not in \['gbtree', "),
        ({"eta": "0.2"}, "Missing required hyperparameter: num_round"),
        ({"num_round": "10", "objective": "multi:softmax"}, "Require input for parameter 'num_class'"),
        ({"num_round": "10", "eval_metric": "auc"}, "Metric 'auc' can only be applied"),
        ({"num_round": "10", "eval_metric": "auk"}, r"Hyperparameter eval_metric: value \['auk'\] not in range \["),
        ({"num_round": "10", "monotone_constraints": "(2,)"}, r"value \(2,\) not in range \[-1, 0, 1\]"),
    ],
)
def test_algorithm_mode_refuses_what_the_image_refuses(given: dict[str, str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        hyperparameters.check(given)


@pytest.mark.parametrize(
    ("given", "name"),
    [({"_kfold": "5"}, "_kfold"), ({"use_dask_gpu_training": "true"}, "use_dask"), ({"eval_metric": "auc,f1"}, "f1")],
)
def test_what_this_machine_cannot_do_is_refused_by_name(given: dict[str, str], name: str) -> None:
    with pytest.raises(NotEmulated, match=name):
        hyperparameters.check(LESSON_STRINGS | given)


def test_an_alias_counts_as_the_hyperparameter() -> None:
    assert hyperparameters.check({"num_round": "1", "learning_rate": "0.3"}) == {"num_round": 1, "eta": 0.3}


@pytest.mark.parametrize(
    ("configured", "error", "words"),
    [
        ({"validation": CHANNEL}, UserError, "Missing required channel: train"),
        ({"train": CHANNEL, "test": CHANNEL}, UserError, "Extraneous channel found: test"),
        (
            {"train": {}},
            NotEmulated,
            "ContentType of the channel train is missing, which the image takes for text/libsvm",
        ),
        ({"train": {"ContentType": "application/x-parquet"}}, NotEmulated, "must be text/csv"),
        ({"train": {"ContentType": "text/csv; label_size=2"}}, UserError, "label_size must be equal to 1"),
        (
            {"train": {"ContentType": "application/json"}},
            UserError,
            "application/json is not an accepted ContentType: ",
        ),
        ({"train": CHANNEL | {"TrainingInputMode": "Pipe"}}, UserError, "for 'train' channel is not supported"),
    ],
)
def test_channels_that_the_image_or_this_machine_cannot_read_are_refused(
    configured: dict[str, dict[str, str]], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        channels.check(configured)


@pytest.mark.parametrize(
    "content_type",
    [
        "csv",
        "text/csv",
        "Text/CSV",
        "text/csv; label_size=1",
        "text/csv;label_size = 1",
        "text/csv; charset=utf-8",
        "text/csv; label_size=1; charset=utf-8",
    ],
)
def test_csv_may_be_called_in_several_ways(content_type: str) -> None:
    channels.check({"train": CHANNEL | {"ContentType": content_type}})


@pytest.mark.parametrize(
    "content_type",
    [
        "incorrect_format",
        "application/json",
        "csv; charset=utf-8",
        "text/csv; label_size=5",
        "text/csv; label_size=1=1",
        "text/csv; label_size=1; label_size=2",
        "label_size=1; text/csv",
    ],
)
def test_a_content_type_that_the_image_refuses_is_refused(content_type: str) -> None:
    with pytest.raises(UserError, match="is not an accepted"):
        content_types.data_format(content_type)


@pytest.mark.parametrize("content_type", [None, "libsvm", "text/libsvm", "text/x-libsvm"])
def test_what_has_no_content_type_is_libsvm(content_type: str | None) -> None:
    assert content_types.data_format(content_type) == content_types.LIBSVM


def test_several_files_are_one_channel_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(TRAIN[700:], tmp_path / "part-2.csv")
    write(TRAIN[:700], tmp_path / "part-1.csv")
    (tmp_path / "_SUCCESS").write_text("not data")

    rows = channels.read(tmp_path, csv_weights=0)

    assert np.array_equal(rows.get_label(), TRAIN["label"])
    assert rows.num_col() == 4


def test_weights_may_stand_beside_the_label(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("1,0.5,7\n0,2,8\n")

    rows = channels.read(tmp_path, csv_weights=1)

    assert (list(rows.get_weight()), rows.num_col()) == ([0.5, 2.0], 1)


def test_an_empty_channel_is_refused(base: Path) -> None:
    (base / "input" / "data" / "validation" / "validation.csv").write_text("")

    with pytest.raises(UserError, match="No data in validation channel path"):
        algorithm_training.train(configure(base, LESSON_STRINGS))


def test_a_csv_without_a_delimiter_is_refused(base: Path) -> None:
    (base / "input" / "data" / "train" / "train.csv").write_text("\n0,1\n")

    with pytest.raises(UserError, match=r"Could not determine delimiter on line 1 of train\.csv"):
        algorithm_training.train(configure(base, LESSON_STRINGS))


def test_what_xgboost_refuses_is_an_algorithm_error(base: Path) -> None:
    with pytest.raises(AlgorithmError, match=r"XGB train call failed with exception:\n .*gpu_hist"):
        algorithm_training.train(configure(base, LESSON_STRINGS | {"tree_method": "gpu_hist"}))


@pytest.mark.parametrize(
    ("more", "watched"),
    [
        ({"eval_metric": "auc,logloss"}, "logloss"),
        ({"eval_metric": "logloss,auc", "_tuning_objective_metric": "validation:logloss"}, "logloss"),
        ({"eval_metric": "logloss,auc"}, "auc"),
    ],
)
def test_early_stopping_watches_the_tuning_objective_or_the_last_metric(
    base: Path, more: dict[str, str], watched: str
) -> None:
    given = LESSON_STRINGS | {"gamma": "0", "num_round": "400", "early_stopping_rounds": "5"} | more

    algorithm_training.train(configure(base, given))

    expected = xgb.train(
        LESSON | {"gamma": 0, "eval_metric": watched},
        features(TRAIN),
        num_boost_round=400,
        evals=[(features(VALIDATION), "validation")],
        early_stopping_rounds=5,
        verbose_eval=False,
    )
    assert booster(base / "model" / "xgboost-model").num_boosted_rounds() == expected.best_iteration + 1


# --- The user's code -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../outside.py", "inner/../../outside.py"])
def test_an_archive_that_climbs_out_is_refused(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "sourcedir.tar.gz", {name: "print('out')"})

    with pytest.raises(CodeProblem, match=r"cannot unpack sourcedir\.tar\.gz: .*outside the destination"):
        submitted_code.fetch(str(path), tmp_path / "code")

    assert not (tmp_path / "outside.py").exists()


def test_a_link_out_of_the_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sourcedir.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        link = tarfile.TarInfo("train.py")
        link.type, link.linkname = tarfile.SYMTYPE, "../../secret"
        tar.addfile(link)

    with pytest.raises(CodeProblem, match="cannot unpack"):
        submitted_code.fetch(str(path), tmp_path / "code")


def test_code_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print()")

    with pytest.raises(CodeProblem, match=r"cannot unpack train\.py"):
        submitted_code.fetch(str(tmp_path / "train.py"), tmp_path / "code")


@pytest.mark.parametrize("name", ["setup.py", "pyproject.toml"])
def test_a_package_that_aws_would_install_is_not_passed_over(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "sourcedir.tar.gz", {name: ""})

    with pytest.raises(NotEmulated, match=rf"{name}, which AWS's image installs"):
        submitted_code.fetch(str(path), tmp_path / "code")


def require(folder: Path, text: str) -> None:
    """Fetch code with these requirements."""
    submitted_code.fetch(str(archive(folder / "sourcedir.tar.gz", {"requirements.txt": text})), folder / "code")


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "Imbalanced.Learn >= 0.10, < 1",
        "xgboost==3.2.0",
        "pandas>=2  # tables",
        "numpy \\\n>=1",
        "no-such-package==1 ; python_version < '3'",
    ],
)
def test_requirements_that_are_there_are_logged(tmp_path: Path, line: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        require(tmp_path, f"# what the code needs\n\n{line}\n")

    (message,) = caplog.messages
    assert message.startswith("requirements.txt: pip would i")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("numpy<1", r"has 'numpy<1', and this machine has numpy \d"),
        ("xgboost==1.7.4", r"and this machine has xgboost(-cpu)? 3\.2\.0"),
        ("no-such-package==1", "'no-such-package==1', and no-such-package is not installed on this machine"),
        ("-r others.txt", "has '-r others.txt', an option of pip"),
        ("--index-url https://example.com", "an option of pip"),
        ("numpy==2.4.6 --hash=sha256:0", "an option of pip"),
        ("numpy @ https://example.com/numpy.whl", "without an address"),
        ("pandas[excel]", "without an address and extras"),
    ],
)
def test_requirements_that_pip_would_have_to_install_are_refused_by_name(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(NotEmulated, match=words):
        require(tmp_path, f"pandas\n{line}\n")


def test_a_line_that_is_no_requirement_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CodeProblem, match="has 'numpy 2', which is no requirement"):
        require(tmp_path, "numpy 2")


# --- Serving ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("trained") / "model"
    directory.mkdir()
    plain().save_model(directory / "xgboost-model")
    return directory


@pytest.fixture(scope="module")
def algorithm_endpoint(model: Path) -> Iterator[Endpoint]:
    endpoint = Endpoint(model.parent)
    yield endpoint
    endpoint.stop()


@pytest.fixture(scope="module")
def script_endpoint(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    base = tmp_path_factory.mktemp("script")
    shutil.copytree(model, base / "model")
    code = project_code(base / "sourcedir.tar.gz")
    endpoint = Endpoint(base, SAGEMAKER_PROGRAM="inference.py", SAGEMAKER_SUBMIT_DIRECTORY=str(code))
    yield endpoint
    endpoint.stop()


@pytest.mark.parametrize("mode", ["algorithm_endpoint", "script_endpoint"])
def test_57_requests_at_once_are_each_answered_in_the_order_of_their_rows(
    mode: str, request: pytest.FixtureRequest
) -> None:
    """The lesson's test rows make 57 batches."""
    endpoint: Endpoint = request.getfixturevalue(mode)
    rows = transactions(57 * 20, seed=3)
    batches = [csv_of(rows[start : start + 20]) for start in range(0, len(rows), 20)]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(endpoint.invoke, batches))

    assert {status for status, _ in answers} == {200}
    assert all(text.endswith("\n") and text.count("\n") == 20 for _, text in answers)
    scores = np.array("".join(text for _, text in answers).split(), dtype=np.float32)
    assert np.array_equal(scores, plain().predict(features(rows)))


@pytest.mark.parametrize("mode", ["algorithm_endpoint", "script_endpoint"])
def test_json_is_answered_to_those_who_want_it(mode: str, request: pytest.FixtureRequest) -> None:
    endpoint: Endpoint = request.getfixturevalue(mode)

    status, text = endpoint.invoke(csv_of(VALIDATION[:2]), accept="application/json")

    expected = plain().predict(features(VALIDATION[:2])).tolist()
    assert (status, json.loads(text)) == (200, {"predictions": [{"score": score} for score in expected]})


@pytest.mark.parametrize("mode", ["algorithm_endpoint", "script_endpoint"])
@pytest.mark.parametrize(
    ("accept", "answered"),
    [("text/csv", "text/csv; charset=utf-8"), ("application/json", "application/json")],
)
def test_an_answer_says_what_it_is(mode: str, accept: str, answered: str, request: pytest.FixtureRequest) -> None:
    endpoint: Endpoint = request.getfixturevalue(mode)

    status, _, content_type = endpoint.request_with_type(
        "POST", "/invocations", csv_of(VALIDATION[:2]), Content_Type="text/csv", Accept=accept
    )

    assert (status, content_type) == (200, answered)


@pytest.mark.parametrize(("mode", "starts"), [("algorithm_endpoint", "0."), ("script_endpoint", '{"predictions": ')])
def test_who_wants_anything_gets_csv_of_the_algorithm_and_json_of_a_script(
    mode: str, starts: str, request: pytest.FixtureRequest
) -> None:
    """A trap: ask for what you read."""
    endpoint: Endpoint = request.getfixturevalue(mode)

    status, text = endpoint.invoke(csv_of(VALIDATION[:2]), accept="*/*")

    assert status == 200
    assert text.startswith(starts)


def test_algorithm_mode_writes_a_score_as_the_double_that_it_is(algorithm_endpoint: Endpoint) -> None:
    _, text = algorithm_endpoint.invoke(csv_of(VALIDATION[:20]))

    assert [float(score) for score in text.split()] == plain().predict(features(VALIDATION[:20])).tolist()


def test_batch_transform_is_told_what_algorithm_mode_takes(algorithm_endpoint: Endpoint) -> None:
    status, text = algorithm_endpoint.request("GET", "/execution-parameters")

    told = json.loads(text)
    assert status == 200
    assert (told["BatchStrategy"], told["MaxPayloadInMB"]) == ("MULTI_RECORD", 6)


def test_script_mode_does_not_tell_what_it_takes(script_endpoint: Endpoint) -> None:
    assert script_endpoint.request("GET", "/execution-parameters")[0] == 404


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status", "words"),
    [
        (b"", "text/csv", "*/*", 204, ""),
        (b"1,2,x,4\n", "text/csv", "*/*", 415, "Loading csv data failed with Exception, please ensure data is in csv"),
        (b"1,2,3,4\n1,2\n", "text/csv", "*/*", 415, "please ensure data is in csv format"),
        (b"\xff\xfe1,2\n", "text/csv", "*/*", 415, "please ensure data is in csv format"),
        (b"{}", "application/json", "*/*", 415, "application/json is not an accepted ContentType: csv, "),
        (b"1:2\n", "text/libsvm", "*/*", 415, "text/libsvm is not emulated on this machine"),
        (b"1,2,3,4,5\n", "text/csv", "*/*", 400, "Unable to evaluate payload provided: "),
        (b"1,2,3,4,5\n", "text/csv", "text/html", 400, "Unable to evaluate payload provided: "),
        (b"1,2,3,4\n", "text/csv", "text/html", 406, "Accept type text/html is not supported. Please use supported"),
        (b"1,2,3,4\n", "text/csv", "application/jsonlines", 500, "<title>500 Internal Server Error</title>"),
        (b"1" * (MAX_CONTENT_LENGTH + 1), "text/csv", "*/*", 413, "exceeds the capacity limit"),
    ],
    ids=[
        *("nothing", "text", "ragged", "not UTF-8", "JSON", "LIBSVM", "too wide"),
        *("too wide and unacceptable", "unacceptable", "JSON lines", "too large"),
    ],
)
def test_algorithm_mode_refuses_with_the_images_status(
    algorithm_endpoint: Endpoint, body: bytes, content_type: str, accept: str, status: int, words: str
) -> None:
    answered, text = algorithm_endpoint.invoke(body, content_type, accept)

    assert answered == status
    assert words in text


def test_algorithm_mode_takes_features_that_are_left_out_for_missing_values(algorithm_endpoint: Endpoint) -> None:
    """A trap: XGBoost checks for too many columns only."""
    narrow = VALIDATION.iloc[:3, :-1]

    status, text = algorithm_endpoint.invoke(csv_of(narrow))

    assert (status, text.count("\n")) == (200, 3)


def test_a_missing_content_type_is_not_taken_for_csv(algorithm_endpoint: Endpoint, script_endpoint: Endpoint) -> None:
    answers = [each.request("POST", "/invocations", b"1,2,3,4\n") for each in (algorithm_endpoint, script_endpoint)]

    assert [status for status, _ in answers] == [415, 500]


def test_an_error_of_the_script_is_a_500_whose_reason_is_in_the_log_alone(script_endpoint: Endpoint) -> None:
    status, text = script_endpoint.invoke(b"1,2,3\n")

    reason = "BadRequest: the rows have 3 features, but the model takes 4; leave out the label"
    assert status == 500
    assert "<title>500 Internal Server Error</title>" in text
    assert reason not in text
    assert reason in script_endpoint.log


def test_a_script_to_serve_cannot_lean_on_this_repository(model: Path, tmp_path: Path) -> None:
    code = archive(tmp_path / "sourcedir.tar.gz", {"inference.py": "import training_code.inference"})
    variables = environment(model.parent, SAGEMAKER_PROGRAM="inference.py", SAGEMAKER_SUBMIT_DIRECTORY=str(code))

    finished = subprocess.run(
        [sys.executable, "-m", "localcloud.xgboost_image", "serve"],
        env=variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 1
    assert "No module named 'training_code'" in finished.stderr


def test_another_path_is_not_found(algorithm_endpoint: Endpoint) -> None:
    assert algorithm_endpoint.request("GET", "/models")[0] == 404
    assert algorithm_endpoint.request("POST", "/models", b"1,2,3,4\n")[0] == 404


def test_sigterm_ends_the_server_cleanly(model: Path) -> None:
    endpoint = Endpoint(model.parent)

    assert endpoint.stop() == 0


def invocation(table: pd.DataFrame) -> Invocation:
    return Invocation(csv_of(table), "text/csv", "text/csv")


def test_a_second_model_file_makes_an_ensemble(model: Path, tmp_path: Path) -> None:
    """A trap: whatever lies beside the model changes the answers."""
    shutil.copy(model / "xgboost-model", tmp_path / "xgboost-model")
    other = xgb.train(LESSON, features(TRAIN), num_boost_round=2)
    other.save_model(tmp_path / "another-model")

    answer = AlgorithmModel(tmp_path).answer(invocation(VALIDATION))

    rows = features(VALIDATION)
    mean = np.mean([other.predict(rows), plain().predict(rows)], axis=0)
    assert np.array_equal(np.array(answer.body.split(), dtype=np.float32), mean)


def test_files_that_start_with_a_dot_are_no_models(model: Path, tmp_path: Path) -> None:
    shutil.copy(model / "xgboost-model", tmp_path / "xgboost-model")
    (tmp_path / ".hidden").write_text("no model")

    answer = AlgorithmModel(tmp_path).answer(invocation(VALIDATION))

    assert np.array_equal(np.array(answer.body.split(), dtype=np.float32), plain().predict(features(VALIDATION)))


def test_batch_transform_gets_a_line_a_row_whatever_it_wants(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_BATCH", "true")

    answer = AlgorithmModel(model).answer(Invocation(csv_of(VALIDATION), "text/csv", "application/json"))

    scores = plain().predict(features(VALIDATION)).tolist()
    assert (answer.content_type, answer.body.decode()) == ("application/json", "".join(f"{each}\n" for each in scores))


def test_scores_of_several_classes_are_columns(tmp_path: Path) -> None:
    rows = features(TRAIN)
    several = xgb.train({"objective": "multi:softprob", "num_class": 2}, rows, num_boost_round=2)
    several.save_model(tmp_path / "xgboost-model")

    answer = AlgorithmModel(tmp_path).answer(invocation(VALIDATION))

    expected = several.predict(features(VALIDATION)).tolist()
    assert [[float(score) for score in line.split(",")] for line in answer.body.decode().splitlines()] == expected


def test_the_projects_script_reads_its_model_whatever_lies_beside_it(model: Path, tmp_path: Path) -> None:
    shutil.copy(model / "xgboost-model", tmp_path / "xgboost-model")
    for name in (DECISION_FILE, "another-model", "evaluation.json"):
        (tmp_path / name).write_text("no model")

    answer = ScriptModel(inference, tmp_path).answer(invocation(VALIDATION))

    assert np.array_equal(np.array(answer.body.split(), dtype=np.float32), plain().predict(features(VALIDATION)))


def test_what_the_choice_leaves_is_one_model_to_both_modes(model: Path, base: Path) -> None:
    """It leaves the decision beside the model, in a file that the image must not take for a second one."""
    train = base / "input" / "data" / "train"
    (train / "train.csv").unlink()
    (train / "f-0" / "output").mkdir(parents=True)
    with tarfile.open(train / "f-0" / "output" / "model.tar.gz", "w:gz") as tar:
        tar.add(model / "xgboost-model", "xgboost-model")
    code = project_code(base / "sourcedir.tar.gz")
    given = {"trained_job": "f-0", "threshold_objective": "best_f1"}
    configure(base, given | {"sagemaker_program": "choose.py", "sagemaker_submit_directory": str(code)})

    finished = run_train(base)

    assert finished.returncode == 0, finished.stderr
    assert {path.name for path in (base / "model").iterdir()} == {"xgboost-model", DECISION_FILE}
    assert [path.name for path in (base / "output" / "data").iterdir()] == ["choice.json"]
    for served in (AlgorithmModel(base / "model"), ScriptModel(inference, base / "model")):
        scores = np.array(served.answer(invocation(VALIDATION)).body.split(), dtype=np.float32)
        assert np.array_equal(scores, plain().predict(features(VALIDATION)))


def test_answers_that_were_to_be_selected_are_not_made_up(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_INFERENCE_OUTPUT", "predicted_label")

    with pytest.raises(NotEmulated, match="SAGEMAKER_INFERENCE_OUTPUT is not emulated"):
        AlgorithmModel(model)


@pytest.mark.parametrize("content", ["no model", ""])
def test_a_file_that_is_no_model_cannot_be_served(tmp_path: Path, content: str) -> None:
    (tmp_path / "evaluation.json").write_text(content)

    with pytest.raises(ModelProblem, match=r"Unable to load model: Model at .*evaluation\.json cannot be loaded"):
        AlgorithmModel(tmp_path)


def test_an_empty_model_directory_cannot_be_served(tmp_path: Path) -> None:
    with pytest.raises(ModelProblem, match="has no files"):
        AlgorithmModel(tmp_path)


def script(**functions: object) -> ModuleType:
    module = ModuleType("script")
    vars(module).update(functions)
    return module


def load(directory: str) -> xgb.Booster:
    return booster(Path(directory) / "xgboost-model")


def test_a_script_needs_a_model_fn_only(model: Path) -> None:
    request = Invocation(csv_of(VALIDATION).strip(), "text/csv", "text/csv")

    answer = ScriptModel(script(model_fn=load), model).answer(request)

    assert answer.content_type == "text/csv"
    assert np.array_equal(np.array(answer.body.split(), dtype=np.float32), plain().predict(features(VALIDATION)))


def test_the_default_input_fn_takes_a_newline_at_the_end_for_another_row(model: Path) -> None:
    """A trap of the image's, which strips its own algorithm's requests only."""
    with pytest.raises(ValueError, match="inhomogeneous"):
        ScriptModel(script(model_fn=load), model).answer(Invocation(b"1,2,3,4\n", "text/csv", "text/csv"))


def test_an_answer_without_its_type_is_html_to_the_image(model: Path) -> None:
    functions = script(model_fn=load, output_fn=lambda prediction, accept: f"{len(prediction)} {accept}")

    answer = ScriptModel(functions, model).answer(Invocation(b"1,2,3,4", "text/csv", "text/csv"))

    assert (answer.status, answer.body, answer.content_type) == (HTTPStatus.OK, b"1 text/csv", "text/html")


def test_a_script_may_do_all_in_transform_fn(tmp_path: Path) -> None:
    def transform_fn(model: str, data: str, content_type: str, accept: str) -> tuple[str, str]:
        return f"{model} {data} {content_type}", "text/plain"

    answer = ScriptModel(script(model_fn=lambda _: "m", transform_fn=transform_fn), tmp_path).answer(
        Invocation(b"1,2", "text/csv", "text/csv")
    )

    assert (answer.body, answer.content_type) == (b"m 1,2 text/csv", "text/plain")


def test_a_script_without_model_fn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotImplementedError, match="Please provide a model_fn implementation"):
        ScriptModel(script(), tmp_path)


def test_transform_fn_excludes_the_three_others(tmp_path: Path) -> None:
    with pytest.raises(ScriptProblem, match="Cannot use transform_fn implementation with input_fn"):
        ScriptModel(script(model_fn=id, transform_fn=id, input_fn=id), tmp_path)
