"""The documents say what is so: their tables, links, commands, messages and names, held against the rest."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path

import pytest

from demo.options import Options
from docs.pages import ROOT, commands, documents, fenced, with_tables, without_fences
from docs.tables import INPUT, SECTIONS, TABLES, declared_fields, default_settings, setting_descriptions
from lambdas.plan import reading
from lambdas.plan.environment import Environment
from lambdas.plan.execution_input import OBJECTIVE, Serverless
from lambdas.plan.reading import read_input
from lambdas.prepare.limits import Limits
from lambdas.prepare.table import read_table
from stacks.settings import Settings

PAGES = documents()
README, SPANISH = ROOT / "README.md", ROOT / "README.es.md"
DOCS = ROOT / "docs"
ENVIRONMENT = Environment("fraud", "bucket", "image", "fraud-models", 60, 1440, 30)

ITSELF = "it is the demonstration itself"
BY_HAND = "by hand: it asks, or opens a browser, or takes longer than a test may"
CI = ".ci/run"
COMMANDS = "tests/pipeline/test_commands.py"

RUN_BY: Mapping[str, str] = {
    "make demo": ITSELF,
    "make demo DATA=lesson": ITSELF,
    "make demo KEEP=1": ITSELF,
    "make stop": ITSELF,
    "make demo DATA=creditcardfraud.zip": "tests/pipeline/test_real_data.py::test_the_run_reaches_its_end",
    """make demo INPUT='{"tuning": {"max_jobs": 3}}'""": (
        "tests/unit/test_documents.py::test_a_demo_takes_the_variables_that_it_is_given"
    ),
    """make demo DATA=claims-ready.csv INPUT='{"data": {"label_column": "is_fraud", "split": "time", """
    """"time_column": "day", "amount_column": "damage_eur"}}'""": (
        "tests/unit/test_documents.py::test_a_demo_takes_the_variables_that_it_is_given"
    ),
    "make setup && . .venv/bin/activate": CI,
    "make check": CI,
    "make test": CI,
    "make lint": CI,
    "pytest tests/unit/test_plan.py": CI,
    "pytest -n 2 tests/template": CI,
    "pytest tests/pipeline/test_full_run.py": CI,
    "make docs": "tests/unit/test_documents.py::test_the_tables_are_current",
    "cdk bootstrap": "tests/pipeline/conftest.py::deployed",
    "cdk deploy": "tests/pipeline/conftest.py::deployed",
    "cdk destroy": "tests/pipeline/test_zz_destroy.py::test_nothing_else_is_left",
    "make notebooks": BY_HAND,
    "make notebooks DATA=creditcardfraud.zip": BY_HAND,
    "make permissions": BY_HAND,
    "aws configure": BY_HAND,
    "pip install jupyterlab": BY_HAND,
    "jupyter lab ~/fraud-detection": BY_HAND,
    "mkdir ~/fraud-detection && cp -r notebooks/en notebooks/es notebooks/stack.json ~/fraud-detection": (
        "tests/unit/test_documents.py::test_a_copy_of_the_notebooks_finds_the_stack"
    ),
    "python -m notebooks build": "tests/unit/test_notebooks.py::test_a_notebook_is_what_its_source_gives",
    "make faults": "tests/teardown/test_faults.py::test_nothing_is_left_of_a_run_whatever_failed_in_it",
    "make bench-model DATA=creditcardfraud.zip": BY_HAND,
    "make billing": f"{COMMANDS}::test_make_tells_what_bills",
    "python -m billing": f"{COMMANDS}::test_what_bills_is_told_to_a_script",
    "make predict CSV=transactions.csv": f"{COMMANDS}::test_a_file_is_scored",
    "aws s3 cp transactions.csv s3://<BucketName>/raw/": f"{COMMANDS}::test_a_file_goes_where_runs_find_it",
    "aws stepfunctions start-execution --state-machine-arn <StateMachineArn> "
    """--input '{"data": {"source": "s3://<BucketName>/raw/transactions.csv"}}'""": (
        f"{COMMANDS}::test_a_run_is_started_and_tells_why_it_failed"
    ),
    "aws stepfunctions describe-execution --execution-arn <executionArn> --query '[status, error, cause]' "
    "--output text": f"{COMMANDS}::test_a_run_is_started_and_tells_why_it_failed",
    "aws cloudformation describe-stacks --stack-name fraud --query 'Stacks[0].Outputs[].[OutputKey, OutputValue]' "
    "--output text": f"{COMMANDS}::test_the_outputs_are_those_that_are_listed",
    "aws ssm get-parameter --name /fraud/endpoint-name --query Parameter.Value --output text": (
        f"{COMMANDS}::test_the_endpoint_that_serves_is_named"
    ),
    "aws sagemaker add-tags --resource-arn <the endpoint's ARN> --tags Key=expires-at,Value=<date>": (
        f"{COMMANDS}::test_moving_the_tag_is_one_command"
    ),
    "aws s3 ls s3://<BucketName>/runs/ --recursive": f"{COMMANDS}::test_a_run_leaves_what_is_listed",
    "aws sagemaker list-endpoints --query 'Endpoints[].[EndpointName, EndpointStatus]' --output text": (
        f"{COMMANDS}::test_the_endpoint_that_serves_is_named"
    ),
}
"""Where a command of the documents is run: by CI, by a test, or by nothing but somebody's hand."""

NOT_OF_THE_REPOSITORY = frozenset(
    {"runs", "raw", "train", "validation", "test", "code", "output", "choice", "en", "es", "fraud-detection"}
)
"""Folders of the bucket, and of a space."""
MADE_BY_A_RUN = frozenset(
    {"data_report.json", "choice.json", "evaluation.json", "tuning_history.json", "stack.json", "notebooks/stack.json"}
)

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
about_files_of_the_repository = pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "aws-facts.md"], ids=lambda page: str(page.relative_to(ROOT))
)


# --- tables ---------------------------------------------------------------------------------------------------------


@by_page
def test_the_tables_are_current(page: Path) -> None:
    assert page.read_text() == with_tables(page.read_text(), TABLES), "run `make docs`"


def test_every_table_is_in_a_document() -> None:
    found = {name for page in PAGES for name in re.findall(r"<!-- table: ([\w.]+) -->", page.read_text())}
    assert found == set(TABLES)


def test_every_field_of_the_input_is_described_and_no_other() -> None:
    declared = {name for path in SECTIONS for name in declared_fields(path)}
    assert set(INPUT) == declared | {f"objective.{metric}" for metric in OBJECTIVE}


def test_every_section_of_the_input_has_a_table() -> None:
    sections = {path.partition(".")[0] for path in SECTIONS}
    assert sections | {"hyperparameters", "objective"} == set(reading.SECTIONS)


def test_what_has_no_default_of_its_own_says_what_becomes_of_it() -> None:
    items = {name: item for path in SECTIONS for name, item in declared_fields(path).items()}
    assert [name for name, item in items.items() if item.default is None and not INPUT[name].default] == []
    assert [name for name, item in items.items() if item.default is MISSING] == []


def test_the_defaults_in_words_are_so() -> None:
    complete = read_input({}, ENVIRONMENT)
    assert complete.tuning.max_parallel_jobs == 3
    assert read_input({"tuning": {"max_jobs": 2}}, ENVIRONMENT).tuning.max_parallel_jobs == 2
    assert complete.endpoint.hosting == Serverless()
    assert (complete.endpoint.ttl_minutes, complete.endpoint.idle_minutes) == (60, 30)


def test_every_setting_is_described_and_has_a_default() -> None:
    declared = [field.name for field in fields(Settings)]
    assert list(setting_descriptions()) == declared
    assert set(default_settings()) == set(declared)


# --- links ----------------------------------------------------------------------------------------------------------


@by_page
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not leads_somewhere(page, link)] == []


def links(page: Path) -> list[str]:
    prose = re.sub(r"`[^`]*`", "", without_fences(page.read_text()))
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in link]


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(page: Path) -> set[str]:
    """As GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_fences(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_index() -> None:
    index = DOCS / "README.md"
    linked = {(DOCS / link).resolve() for link in links(index)} | {index}
    assert set(PAGES) <= linked


# --- commands -------------------------------------------------------------------------------------------------------


def test_every_command_is_run_somewhere() -> None:
    printed = {command for page in PAGES for command in commands(page)}
    assert printed - RUN_BY.keys() == set()


def test_no_command_is_listed_that_no_document_has() -> None:
    printed = {command for page in PAGES for command in commands(page)}
    assert RUN_BY.keys() - printed == set()


@pytest.mark.parametrize("where", sorted(set(RUN_BY.values()) - {ITSELF, BY_HAND}))
def test_where_a_command_is_run_is_there(where: str) -> None:
    path, _, name = where.partition("::")
    assert (ROOT / path).is_file()
    if name:
        assert name in functions(ROOT / path)


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


ALL = "-n 3 --decisions .permissions tests"
OPTIONS = {*shlex.split(ALL), "2", "-m", "not enable_socket and not slow"} - {"tests"}


@pytest.mark.parametrize("command", [command for command, where in RUN_BY.items() if where == CI])
def test_what_ci_is_said_to_run_it_runs(command: str) -> None:
    assert "make test" in (ROOT / CI).read_text().splitlines()
    program, *arguments = shlex.split(command.partition(" && ")[0])
    wanted = {command} if program == "pytest" else recipe(arguments[0])
    tests = {line for line in wanted if Path(line.split()[0]).name == "pytest"}
    assert wanted - tests <= recipe("test")
    for line in tests:
        assert {name for name in shlex.split(line)[1:] if not is_tested(name)} <= OPTIONS


def recipe(target: str) -> set[str]:
    """All that make would do for a target if nothing were there yet."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    told = subprocess.run(
        ["/usr/bin/env", "make", "--dry-run", "--always-make", "--no-print-directory", target],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(told.stdout.splitlines())


def is_tested(name: str) -> bool:
    """Whether pytest by itself, as `make test` calls it, comes to a file or folder."""
    path = ROOT / name
    return path.is_relative_to(ROOT / "tests") and (path.is_dir() or path.is_file())


def test_all_tests_are_those_that_pytest_finds_by_itself() -> None:
    assert f".venv/bin/pytest {ALL}" in recipe("test")
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["testpaths"] == [
        "tests"
    ]


def test_an_activated_shell_finds_the_cdk_and_the_aws_cli() -> None:
    folder = Path(sys.prefix) / "bin"
    found = subprocess.run(
        ["/bin/bash", "-c", f". {shlex.quote(str(folder / 'activate'))} && command -v cdk aws"],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.splitlines() == [str(folder / "cdk"), str(folder / "aws")]


def test_a_copy_of_the_notebooks_finds_the_stack(tmp_path: Path) -> None:
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    home.mkdir()
    for language in ("en", "es"):
        shutil.copytree(ROOT / "notebooks" / language, checkout / "notebooks" / language)
    (checkout / "notebooks" / "stack.json").write_text("{}")
    (command,) = (command for command in commands(DOCS / "using.md") if command.startswith("mkdir"))

    def copy() -> int:
        return subprocess.run(
            ["/bin/bash", "-c", command],
            cwd=checkout,
            env={"PATH": os.environ["PATH"], "HOME": str(home)},
            capture_output=True,
            check=False,
        ).returncode

    assert copy() == 0
    there = home / "fraud-detection"
    for notebook in (ROOT / "notebooks").glob("e[ns]/*.ipynb"):
        copied = there / notebook.parent.name / notebook.name
        assert '"../stack.json"' in copied.read_text().replace("\\", "")
        assert (copied.parent / "../stack.json").is_file()
        copied.write_text("somebody's work")
    assert copy() != 0
    assert {path.read_text() for path in there.rglob("*.ipynb")} == {"somebody's work"}


def test_a_demo_takes_the_variables_that_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "claims-ready.csv").touch()
    for command in RUN_BY:
        if command.startswith("make demo") and "INPUT" in command:
            given = Options.read(dict(word.split("=", 1) for word in shlex.split(command)[2:]))
            assert given.input
            read_input(given.input, ENVIRONMENT)


# --- names ----------------------------------------------------------------------------------------------------------


@about_files_of_the_repository
def test_the_files_that_are_named_are_there(page: Path) -> None:
    assert [name for name in named_files(page) if not is_there(name)] == []


def named_files(page: Path) -> Iterator[str]:
    for token in inline_code(page):
        folder = re.match(r"([a-z_-]+)/[\w/.-]*$", token)
        in_the_repository = folder is not None and folder[1] not in NOT_OF_THE_REPOSITORY
        if in_the_repository or re.fullmatch(r"[\w.-]+\.(py|md|json|toml|sh|ipynb)", token):
            yield token


def inline_code(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", without_fences(page.read_text()))


def is_there(name: str) -> bool:
    if name in MADE_BY_A_RUN or (ROOT / name).exists():
        return True
    own = (folder for folder in ROOT.iterdir() if folder.is_dir() and folder.name not in (".venv", "node_modules"))
    return "/" not in name and any(True for folder in own for _ in folder.rglob(name))


@by_page
def test_the_make_targets_that_are_named_are_there(page: Path) -> None:
    code = [*inline_code(page), *commands(page)]
    named = {target for text in code for target in re.findall(r"\bmake ([a-z][a-z-]*)", text)}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named - targets == set()


# --- examples -------------------------------------------------------------------------------------------------------


def test_the_inputs_that_are_shown_are_allowed() -> None:
    shown = [block.text for page in PAGES for block in fenced(page) if block.kind == "json"]
    shown += [code for page in PAGES for code in inline_code(page) if re.match(r'\{"(data|training|tuning)"', code)]
    assert len(shown) > 5
    for text in shown:
        read_input(json.loads(text), ENVIRONMENT)


def test_the_users_that_are_shown_are_allowed() -> None:
    (shown,) = (block.text for block in fenced(DOCS / "using.md") if block.kind == "json5")
    given = json.loads("{" + re.sub(r"//.*", "", shown) + "}")
    settings = Settings.from_context({**default_settings(), **given})
    for profile in settings.user_profiles:
        assert profile.instance_types is None or set(settings.studio_instance_types) < set(profile.instance_types)


def test_the_example_of_other_data_can_be_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = {block.kind: block.text for block in fenced(DOCS / "your-own-data.md")}
    header, *rows = blocks["csv"].splitlines()
    (tmp_path / "claims.csv").write_text("\n".join([header, *rows * 3]))
    monkeypatch.chdir(tmp_path)

    exec(blocks["python"], {})  # noqa: S102 - the document's own program

    table = read_table(tmp_path / "claims-ready.csv", "is_fraud", Limits())
    assert len(table) == 3 * len(rows)
    assert {"day", "damage_eur"} <= set(table.columns)


# --- the other language ---------------------------------------------------------------------------------------------


def test_both_readmes_have_the_same_sections_tables_and_commands() -> None:
    english, spanish = README.read_text(), SPANISH.read_text()
    assert list(commands(README)) == list(commands(SPANISH))
    assert shape(english) == shape(spanish)


def shape(text: str) -> list[str]:
    """The levels of its headings, and its tables' rows."""
    return [found[0] or "|" for found in re.findall(r"^(#+) |^(\|)", without_fences(text), re.MULTILINE)]


def test_both_readmes_lead_to_the_same_pages_and_to_each_other() -> None:
    english, spanish = set(links(README)), set(links(SPANISH))
    assert english ^ spanish == {"README.es.md", "README.md"}
    assert "README.es.md" in english


# --- messages -------------------------------------------------------------------------------------------------------

MESSAGES = [
    line for block in fenced(DOCS / "troubleshooting.md") if block.kind == "text" for line in block.text.splitlines()
]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_of_the_projects_is_in_its_code(message: str) -> None:
    parts = [part.strip(" .,:;") for part in message.split("…")]
    assert [part for part in parts if not any(part in text for text in texts())] == []


@cache
def texts() -> tuple[str, ...]:
    """All that the project may say: its texts, with … for what they are filled in with, and its classes' names."""
    folders = (folder for folder in ROOT.iterdir() if re.fullmatch(r"[a-z_]+", folder.name) and folder.name != "tests")
    paths = [path for folder in folders if folder.name != "node_modules" for path in folder.rglob("*.py")]
    others = [(ROOT / name).read_text() for name in ("Makefile", "notebooks/into_space.sh")]
    return (*others, *(text for path in paths for node in ast.walk(ast.parse(path.read_text())) for text in said(node)))


def said(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    elif isinstance(node, ast.ClassDef):
        yield node.name
