"""Containers as forks of a warm process, held to what tells a fork from a process of its own."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from localcloud.sagemaker import images, processes
from localcloud.sagemaker.containers import Container, remove_all

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks safely after such imports"),
]

REPOSITORY = Path(__file__).parents[2]
LONGEST_SECONDS = 60
WAIT_FOR_EVER = "import time\nprint('started', flush=True)\ntime.sleep(600)\n"


@pytest.fixture(scope="module", autouse=True)
def warm_process() -> Iterator[None]:
    processes.warm_up()
    yield
    processes.cool_down()


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    monkeypatch.setenv("LOCALCLOUD_WORK", str(tmp_path / "work"))
    with Container("job-1") as container:
        yield container


def start(container: Container, program: str, **variables: str) -> list[str]:
    """Start a module of the container's; what it prints comes into the list."""
    (container.base / "program.py").write_text(program)
    lines: list[str] = []
    environment = {**container.environment({"AWS_REGION": "eu-west-1"}), **variables}
    container.start([sys.executable, "-m", "program", "--flag"], environment, lines.extend)
    return lines


def run(container: Container, program: str, **variables: str) -> tuple[int | None, list[str]]:
    """The exit code and the output."""
    lines = start(container, program, **variables)
    return container.wait(LONGEST_SECONDS), lines


def start_script(container: Container, script: str, **files: str) -> list[str]:
    """Start a training job's container with a script, other text files beside it, and a hyperparameter, max_depth."""
    archive = container.base / "sourcedir.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in {"script.py": script, **{f"{name}.txt": text for name, text in files.items()}}.items():
            (container.base / name).write_text(content)
            tar.add(container.base / name, arcname=name)
    given = {"max_depth": "5", "sagemaker_program": "script.py", "sagemaker_submit_directory": str(archive)}
    config = container.directory("input", "config")
    (config / "hyperparameters.json").write_text(json.dumps(given))
    (config / "inputdataconfig.json").write_text("{}")
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))
    lines: list[str] = []
    container.start(images.command("train"), container.environment({}), lines.extend)
    return lines


def run_script(container: Container, script: str, **files: str) -> tuple[int | None, list[str]]:
    lines = start_script(container, script, **files)
    return container.wait(LONGEST_SECONDS), lines


def failure(container: Container) -> str:
    return (container.base / "output" / "failure").read_text()


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + LONGEST_SECONDS
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked after yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# --- what a container sees --------------------------------------------------------------------------------------


def test_a_container_has_imported_before_it_starts(container: Container) -> None:
    modules = {"boto3", "numpy", "pandas", "sklearn.metrics", "xgboost"}

    _, lines = run(container, f"import sys; print({modules} <= set(sys.modules))")

    assert lines == ["True"]


def test_a_container_s_variables_are_its_own_and_no_other_s(container: Container) -> None:
    program = "import json, os; print(json.dumps(dict(os.environ))); os.environ['LEFT_BEHIND'] = '1'"
    first = {**container.environment({"AWS_REGION": "eu-west-1"}), "SECRET": "1"}

    assert json.loads(run(container, program, SECRET="1")[1][0]) == first  # noqa: S106
    with Container("job-2") as other:
        assert json.loads(run(other, program)[1][0]) == other.environment({"AWS_REGION": "eu-west-1"})


def test_a_container_starts_as_python_itself_would_start_it(container: Container) -> None:
    program = (
        "import json, logging, os, signal, sys, tempfile, boto3\n"
        "print(json.dumps([os.getcwd(), tempfile.gettempdir(), sys.argv, sys.path[:2], __name__]))\n"
        "print(logging.root.handlers, boto3.DEFAULT_SESSION, signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)\n"
    )

    _, lines = run(container, program)

    base, temporary = str(container.base), str(container.base / "tmp")
    started = [base, temporary, [f"{base}/program.py", "--flag"], [base, str(REPOSITORY)], "__main__"]
    assert json.loads(lines[0]) == started
    assert lines[1] == "[] None True"


def test_a_container_has_no_descriptors_but_its_streams(container: Container) -> None:
    with Container("job-2") as sibling:
        start(sibling, WAIT_FOR_EVER)

        _, lines = run(container, "import os; print(sorted(map(int, os.listdir('/proc/self/fd')))[:-1])")

    assert lines == ["[0, 1, 2]"]  # and the one that lists them


def test_no_two_containers_draw_the_same_random_numbers(container: Container) -> None:
    program = "import random, numpy as np; print(random.random(), np.random.rand(), np.random.default_rng().random())"

    numbers = {number for _ in range(2) for number in run(container, program)[1][0].split()}

    assert len(numbers) == 6


def test_xgboost_trains_on_several_threads_in_every_container(container: Container) -> None:
    program = (
        "import numpy as np, xgboost as xgb\n"
        "rows = xgb.DMatrix(np.random.rand(1000, 4), label=np.arange(1000) % 2)\n"
        "print(xgb.train({'nthread': 2}, rows, 3).num_boosted_rounds())\n"
    )

    assert [run(container, program) for _ in range(2)] == [(0, ["3"])] * 2


def test_scikit_learn_computes_on_several_threads_in_every_container(container: Container) -> None:
    """With OpenMP's, those of SciPy's BLAS, and XGBoost's beside them."""
    program = (
        "import numpy as np, xgboost as xgb\n"
        "from sklearn.decomposition import PCA\n"
        "from sklearn.ensemble import HistGradientBoostingClassifier\n"
        "from sklearn.metrics import average_precision_score\n"
        "rows, labels = np.random.rand(20_000, 8), np.arange(20_000) % 2\n"
        "rows[:, 0] += labels\n"
        "rows = PCA().fit_transform(rows)\n"
        "xgb.train({'nthread': 2}, xgb.DMatrix(rows, label=labels), 2)\n"
        "scores = HistGradientBoostingClassifier(max_iter=5).fit(rows, labels).predict_proba(rows)[:, 1]\n"
        "print(average_precision_score(labels, scores) > 0.9)\n"
    )

    assert [run(container, program) for _ in range(2)] == [(0, ["True"])] * 2


@pytest.mark.parametrize("variables", [{"OMP_NUM_THREADS": "1"}, {"PYTHONHASHSEED": "0"}])
def test_a_variable_that_is_read_as_a_library_is_loaded_is_not_lost(
    container: Container, variables: Mapping[str, str]
) -> None:
    # Given a program that tells whether it was forked, in which case it would be too late
    program = "import sys; print('numpy' in sys.modules)"

    # When the job sets such a variable
    _, lines = run(container, program, **variables)

    # Then the program has got an interpreter of its own
    assert lines == ["False"]


# --- how it ends ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "code"),
    [("pass", 0), ("raise SystemExit(7)", 7), ("raise SystemExit('no')", 1), ("raise ValueError", 1)],
)
def test_the_exit_code_is_the_one_that_python_would_give(container: Container, program: str, code: int) -> None:
    assert run(container, program)[0] == code


def test_a_program_s_end_is_complete(container: Container) -> None:
    """Its threads have ended, then its `atexit` functions, and its last words are there."""
    program = (
        "import atexit, threading, time\n"
        "atexit.register(print, 'at exit')\n"
        "threading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()\n"
        "raise ValueError('the reason')\n"
    )

    _, lines = run(container, program)

    assert lines[-3:] == ["ValueError: the reason", "thread", "at exit"]


def test_sigterm_reaches_the_program(container: Container) -> None:
    handler = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"
    lines = start(container, handler + WAIT_FOR_EVER)
    assert eventually(lambda: bool(lines))

    container.terminate()

    assert container.wait(LONGEST_SECONDS) == 3


def test_a_program_that_a_signal_ends_says_which(container: Container) -> None:
    lines = start(container, WAIT_FOR_EVER)
    assert eventually(lambda: bool(lines))

    container.terminate()

    assert container.wait(LONGEST_SECONDS) == -signal.SIGTERM


@pytest.mark.parametrize("ended_by", ["itself", "kill", "the end"])
def test_what_a_container_has_started_dies_with_it(container: Container, ended_by: str) -> None:
    # Given a process that has started another
    program = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True)\n"
    lines = start(container, program if ended_by == "itself" else program + WAIT_FOR_EVER)
    assert eventually(lambda: bool(lines))

    # When it ends, one way or another
    endings: dict[str, Callable[[], object]] = {"itself": container.wait, "kill": container.kill, "the end": remove_all}
    endings[ended_by]()

    # Then the other is gone
    assert eventually(lambda: not alive(int(lines[0])))
    processes.warm_up()


def test_nothing_survives_the_sudden_death_of_the_local_cloud(tmp_path: Path) -> None:
    # Given a local cloud with a container that has started a process
    (tmp_path / "program.py").write_text(
        "import os, subprocess, time\n"
        "print(os.getppid(), os.getpid(), subprocess.Popen(['sleep', '600']).pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    cloud = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from localcloud.sagemaker import processes\n"
        "processes.warm_up()\n"
        "environment = processes.common_environment()\n"
        f"processes.start([sys.executable, '-m', 'program'], Path({str(tmp_path)!r}), environment, 1)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", cloud], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        assert all(alive(pid) for pid in pids)

        # When it is killed
        process.kill()

        # Then the warm process, the container and what it started end
        assert eventually(lambda: not any(alive(pid) for pid in pids))


def test_a_container_ends_with_the_warm_process_and_the_next_one_says_why_it_does_not_start(
    container: Container,
) -> None:
    # Given a container of a warm process
    lines = start(container, "import os\nprint(os.getppid(), flush=True)\n" + WAIT_FOR_EVER)
    assert eventually(lambda: bool(lines))

    # When the warm process is killed
    os.kill(int(lines[0]), signal.SIGKILL)

    # Then the container counts as killed, and is
    assert container.wait(LONGEST_SECONDS) == -signal.SIGKILL
    with pytest.raises(processes.WarmProcessEnded):
        start(container, "pass")
    processes.cool_down()
    processes.warm_up()


# --- script mode ------------------------------------------------------------------------------------------------


def test_a_script_is_forked_too_and_starts_afresh(container: Container) -> None:
    script = (
        "import json, logging, os, signal, sys, boto3\n"
        "print(json.dumps([os.getcwd(), sys.argv[1:], __name__, sys.path[0], 'xgboost' in sys.modules]))\n"
        "print(logging.root.handlers, boto3.DEFAULT_SESSION, signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)\n"
        "print(sorted(map(int, os.listdir('/proc/self/fd')))[:-1])\n"
        "print(os.environ['SM_HP_MAX_DEPTH'], 'PYTHONPATH' in os.environ)\n"
    )
    code = str(container.base / "code")

    exit_code, lines = run_script(container, script)

    assert exit_code == 0
    assert json.loads(lines[0]) == [code, ["--max_depth", "5"], "__main__", code, True]
    assert lines[1:] == ["[] None True", "[0, 1, 2]", "5 False"]


@pytest.mark.parametrize("module", ["localcloud", "localcloud.sagemaker", "training_code.train", "lambdas"])
def test_a_script_cannot_import_this_repository(container: Container, module: str) -> None:
    exit_code, lines = run_script(container, f"import {module}")

    assert exit_code == 1
    assert lines[-1] == f"ModuleNotFoundError: No module named '{module.partition('.')[0]}'"


def test_requirements_are_looked_for_in_a_fork_too(container: Container) -> None:
    exit_code, lines = run_script(container, "import imblearn; print('ran')", requirements="imbalanced-learn==0.14.2\n")

    assert exit_code == 0
    assert lines[0].startswith("INFO requirements.txt: pip would install imbalanced-learn==0.14.2 if it were missing")
    assert lines[-1] == "ran"


def test_requirements_that_are_missing_are_the_reason_of_the_failure(container: Container) -> None:
    exit_code, _ = run_script(container, "print('ran')", requirements="imbalanced-learn<0.1\n")

    assert exit_code == 1
    assert failure(container).startswith("framework error: \nNotEmulated: requirements.txt has 'imbalanced-learn<0.1'")


def test_a_script_s_last_words_are_the_reason_of_the_failure(container: Container) -> None:
    exit_code, lines = run_script(container, "raise ValueError('no such column')")

    assert exit_code == 1
    assert failure(container).startswith(
        f'ExecuteUserScriptError:\nCommand "{sys.executable} -m script --max_depth 5"\n'
    )
    assert failure(container).endswith("ValueError: no such column")
    assert lines[-1] == "ValueError: no such column"


def test_sigterm_reaches_the_script_which_may_still_save_its_model(container: Container) -> None:
    # Given a script that runs, under a driver that listens: it is the driver that passes standard error on
    script = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    print('saved')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('started', file=sys.stderr)\n"
        "time.sleep(600)\n"
    )
    lines = start_script(container, script)
    assert eventually(lambda: bool(lines))

    # When the platform asks the container to end
    container.terminate()

    # Then the script does so in its own way
    assert container.wait(LONGEST_SECONDS) == 0
    assert lines == ["started", "saved"]
