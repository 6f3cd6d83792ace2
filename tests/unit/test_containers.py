"""A container is a real process with a directory of its own; these tests start real ones."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.sagemaker.containers import Container, S3Uri, TransferError, pack, relative_path, remove_all, unpack
from localcloud.sagemaker.errors import ValidationError

LONGEST_SECONDS = 30
ROLE = {"AWS_ACCESS_KEY_ID": "ASIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    monkeypatch.setenv("LOCALCLOUD_WORK", str(tmp_path / "work"))
    with Container("job-1") as container:
        yield container


def run(container: Container, program: str) -> tuple[int | None, list[str]]:
    """The exit code and the output of a Python program in the container."""
    lines: list[str] = []
    container.start([sys.executable, "-c", program], container.environment(ROLE), lines.extend)
    return container.wait(LONGEST_SECONDS), lines


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + LONGEST_SECONDS
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked after yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_container_sees_its_role_and_nothing_else_of_this_machine(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("MY_TOKEN", "secret")

    _, names = run(container, "import os; print(*sorted(os.environ), sep='\\n')")

    assert set(names) - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} == {
        *ROLE,
        *("PATH", "LANG", "HOME", "TMPDIR", "PYTHONPATH", "PYTHONUNBUFFERED", "OMP_WAIT_POLICY", "SAGEMAKER_BASE_DIR"),
    }


def test_the_image_can_be_started_from_a_container(container: Container) -> None:
    code, _ = run(container, "import localcloud.xgboost_image")

    assert code == 0


def test_both_streams_arrive_line_by_line_the_last_one_even_without_its_end(container: Container) -> None:
    _, lines = run(container, "import sys; print('one\\ntwo'); sys.stderr.write('three\\n'); print('four', end='')")

    assert lines == ["one", "two", "three", "four"]


def test_output_that_is_no_text_does_no_harm(container: Container) -> None:
    code, lines = run(container, "import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\n')")

    assert (code, len(lines)) == (0, 1)


def test_the_exit_code_is_the_process_s_own(container: Container) -> None:
    assert run(container, "raise SystemExit(7)")[0] == 7


def test_waiting_for_a_process_that_goes_on_gives_none(container: Container) -> None:
    container.start([sys.executable, "-c", "import time; time.sleep(600)"], container.environment(ROLE), print)

    assert container.wait(0.01) is None


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes the way Linux shows them")
@pytest.mark.parametrize("ended_by", [Container.remove, lambda _: remove_all()], ids=["remove", "the cloud's end"])
def test_no_process_outlives_its_container(container: Container, ended_by: Callable[[Container], None]) -> None:
    # Given a process that has started another
    program = "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"
    lines: list[str] = []
    container.start([sys.executable, "-c", program], container.environment(ROLE), lines.extend)
    assert eventually(lambda: bool(lines))
    assert alive(int(lines[0]))

    # When the container is removed
    ended_by(container)

    # Then both are gone, and the directory too
    assert eventually(lambda: not alive(int(lines[0])))
    assert container.wait() != 0
    assert not container.base.exists()


def test_containers_live_under_the_work_root(container: Container) -> None:
    assert container.base.parent == Path(os.environ["LOCALCLOUD_WORK"]).resolve()


@pytest.mark.parametrize(
    ("prefix", "key", "path"),
    [
        ("runs/1/train", "runs/1/train/train.csv", "train.csv"),
        ("runs/1/train/", "runs/1/train/part/0.csv", "part/0.csv"),
        ("runs/1/train/train.csv", "runs/1/train/train.csv", "train.csv"),
        ("runs/1/tr", "runs/1/train/0.csv", "train/0.csv"),
        ("train", "train-old/0.csv", "train-old/0.csv"),
        ("", "a/b.csv", "a/b.csv"),
    ],
)
def test_objects_are_laid_out_below_the_prefix(prefix: str, key: str, path: str) -> None:
    assert relative_path(prefix, key) == PurePosixPath(path)


@given(prefix=st.text(alphabet="ab./"), rest=st.text(alphabet="ab./", min_size=1))
def test_no_key_leads_out_of_its_channel(prefix: str, rest: str) -> None:
    try:
        path = relative_path(prefix, prefix + rest)
    except TransferError:
        return
    assert not path.is_absolute()
    assert ".." not in path.parts


def test_an_s3_uri_is_read_and_extended() -> None:
    uri = S3Uri.parse("s3://bucket/runs/1/")

    assert (uri.bucket, uri.key) == ("bucket", "runs/1/")
    assert str(uri / "job" / "model.tar.gz") == "s3://bucket/runs/1/job/model.tar.gz"
    assert str(S3Uri.parse("s3://bucket") / "job") == "s3://bucket/job"


@pytest.mark.parametrize("uri", ["https://bucket.s3.amazonaws.com/key", "s3://", "bucket/key", ""])
def test_what_is_no_s3_uri_is_refused(uri: str) -> None:
    with pytest.raises(ValidationError, match="is not an S3 URI"):
        S3Uri.parse(uri)


def test_an_archive_holds_what_the_directory_holds(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "code").mkdir(parents=True)
    (source / "xgboost-model").write_bytes(b"model")
    (source / "code" / "train.py").write_text("print()")

    pack(source, tmp_path / "model.tar.gz")
    unpack(tmp_path / "model.tar.gz", target)

    assert sorted(str(path.relative_to(target)) for path in target.rglob("*")) == [
        "code",
        "code/train.py",
        "xgboost-model",
    ]
