"""Who imports whom: the arrows between the folders, and what each function's package needs."""

import ast
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_socket import SocketBlockedError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FOLDERS = (
    *("stacks", "lambdas", "training_code", "localcloud", "demo", "billing", "faults", "predict", "bench"),
    *("notebooks", "docs", "permissions", "tests"),
)

MAY_IMPORT: dict[str, set[str]] = {
    "app.py": {"stacks"},
    "stacks": {"stacks"},
    "lambdas": {"lambdas", "training_code"},
    "training_code": {"training_code"},
    "localcloud": {"localcloud"},
    "demo": {"demo", "localcloud"},
    "billing": {"billing", "lambdas"},
    "faults": {"faults", "localcloud"},
    "predict": {"predict"},
    "bench": {"bench", "localcloud"},
    "notebooks": {"notebooks", "demo", "localcloud"},
    "permissions": {"permissions"},
    "docs": {"docs", "stacks", "lambdas", "training_code"},
}

MAY_INSTALL: dict[str, set[str]] = {
    "app.py": {"aws_cdk"},
    "stacks": {"aws_cdk", "constructs"},
    # boto3 comes with Lambda's runtime.
    "lambdas": {"boto3", "botocore"},
    # What AWS's XGBoost image holds (aws-facts 2.6), and what it is told to install for resampling.
    "training_code": {"numpy", "pandas", "xgboost", "sklearn", "imblearn"},
}
IN_THE_PANDAS_LAYER = {"numpy", "pandas", "pyarrow"}


def modules(folder: str) -> list[Path]:
    path = ROOT / folder
    found = [path] if path.is_file() else sorted(path.rglob("*.py"))
    assert found, f"nothing in {folder}"
    return found


def imports(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, wherever in it; `from x import y` gives `x.y` too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_folders(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)} & set(FOLDERS)


def third_parties(path: Path) -> set[str]:
    """What would have to be installed. Files beside one another in training_code are modules of the container's."""
    own = {*FOLDERS, *(module.stem for module in modules("training_code"))}
    return {name.partition(".")[0] for name in imports(path)} - own - sys.stdlib_module_names


def where(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


# --- the arrows -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("folder", "allowed"), MAY_IMPORT.items(), ids=MAY_IMPORT)
def test_a_folder_imports_only_what_the_design_lets_it(folder: str, allowed: set[str]) -> None:
    straying = [path for path in modules(folder) if imported_folders(path) - allowed]

    assert where(straying) == []


def test_only_the_plan_knows_the_hyperparameters_and_nothing_else_of_the_training_code() -> None:
    named = {
        (path.parent.name, name.removeprefix("training_code.").partition(".")[0])
        for path in modules("lambdas")
        for name in imports(path)
        if name.startswith("training_code.")
    }

    assert named == {("plan", "hyperparameters")}


def test_lambdas_do_not_import_one_another() -> None:
    crossing = [
        (path.relative_to(ROOT), name)
        for path in modules("lambdas")
        for name in imports(path)
        if name.startswith("lambdas.") and name.split(".")[1] != path.parent.name
    ]

    assert crossing == []


@pytest.mark.parametrize(("folder", "allowed"), MAY_INSTALL.items(), ids=MAY_INSTALL)
def test_a_folder_needs_only_what_is_there_where_it_runs(folder: str, allowed: set[str]) -> None:
    if folder == "lambdas":
        allowed = allowed | IN_THE_PANDAS_LAYER  # who may use the layer: see below

    assert {name for path in modules(folder) for name in third_parties(path)} <= allowed


def test_only_resampling_needs_what_awss_image_does_not_hold() -> None:
    importing = [path for path in modules("training_code") if "imblearn" in third_parties(path)]

    assert where(importing) == ["training_code/sampling.py"]


@pytest.mark.parametrize("name", ["boto3", "time", "datetime", "socket", "urllib", "http", "random", "uuid"])
def test_synthesis_asks_neither_a_network_nor_a_clock(name: str) -> None:
    asking = [
        path
        for path in [*modules("app.py"), *modules("stacks")]
        if name in {imported.partition(".")[0] for imported in imports(path)}
    ]

    assert where(asking) == []


def test_one_package_alone_touches_ministack() -> None:
    touching = [path for folder in MAY_IMPORT for path in modules(folder) if "ministack" in third_parties(path)]

    assert {str(path.parent.relative_to(ROOT)) for path in touching} == {"localcloud/ministack_adapter"}


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_unit_tests_have_no_sockets() -> None:
    with pytest.raises(SocketBlockedError):
        socket.socket(socket.AF_INET)


# --- what is packed ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Package:
    """A `Code(…)` in the stacks."""

    handler: str
    folders: tuple[str, ...]
    pandas: bool

    @property
    def entry(self) -> Path:
        return ROOT / f"{self.handler.rpartition('.')[0]}.py"


def packages() -> list[Package]:
    calls = [
        node
        for path in modules("stacks")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Code"
    ]
    return [_package(call) for call in calls]


def _package(call: ast.Call) -> Package:
    handler, folders = (ast.literal_eval(argument) for argument in call.args)
    options = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    return Package(handler, folders, options.get("pandas", False))


def needed(entry: Path) -> set[Path]:
    """The entry and every file of the repository that it imports, directly or not."""
    found: set[Path] = set()
    waiting = [entry]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            files = (ROOT / f"{name.replace('.', '/')}.py" for name in imports(path))
            waiting += [file for file in files if file.is_file()]
    return found


def test_every_function_of_the_stack_is_looked_at() -> None:
    assert {package.handler for package in packages()} == {
        "lambdas/plan/handler.handler",
        "lambdas/prepare/handler.handler",
        "lambdas/evaluate/handler.handler",
        "lambdas/report/handler.handler",
        "lambdas/teardown/run.handler",
        "lambdas/teardown/janitor.handler",
        "lambdas/teardown/purge.handler",
    }


@pytest.mark.parametrize("package", packages(), ids=lambda package: package.handler)
def test_a_package_holds_the_folders_that_its_handler_imports_and_no_other(package: Package) -> None:
    folders = {str(path.parent.relative_to(ROOT)) for path in needed(package.entry)}

    assert set(package.folders) == folders


@pytest.mark.parametrize("package", packages(), ids=lambda package: package.handler)
def test_a_function_has_the_pandas_layer_if_it_needs_it(package: Package) -> None:
    installed = {name for path in needed(package.entry) for name in third_parties(path)}

    assert bool(installed & IN_THE_PANDAS_LAYER) == package.pandas


def test_no_module_of_a_lambda_lies_idle() -> None:
    used = {path for package in packages() for path in needed(package.entry)}

    assert where(sorted(set(modules("lambdas")) - used)) == []
