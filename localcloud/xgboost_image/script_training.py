"""Training with the user's script, with the arguments and the environment that AWS's toolkit gives it."""

import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from localcloud.xgboost_image import program, submitted_code
from localcloud.xgboost_image.container import Container
from localcloud.xgboost_image.errors import ExecuteUserScriptError, NotEmulated

PROGRAM = "sagemaker_program"
_SUBMIT_DIRECTORY = "sagemaker_submit_directory"


def train(container: Container) -> None:
    """Run `python -m <module> --name value …` in the code directory.

    Raises ExecuteUserScriptError if it fails, with all that it wrote to standard error.
    """
    given = {name: _decoded(value) for name, value in container.config("hyperparameters").items()}
    file = str(given[PROGRAM])
    if not file.endswith(".py"):
        raise NotEmulated(f"{PROGRAM} is {file}; on this machine it must be a Python file")
    submitted_code.fetch(str(given[_SUBMIT_DIRECTORY]), container.code)
    own = {name: value for name, value in given.items() if not name.startswith("sagemaker_")}
    environment = _environment(container, given, own)
    _run(program.Program(file.removesuffix(".py"), _arguments(own), str(container.code), environment), container)


def _decoded(value: str) -> Any:
    """The toolkit reads a value as JSON where it can, so that SDKs may quote it."""
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _arguments(own: Mapping[str, Any]) -> list[str]:
    return [word for name in sorted(own) for word in (f"--{name}" if len(name) > 1 else f"-{name}", str(own[name]))]


def _environment(container: Container, given: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, str]:
    """The variables of aws-facts 3.3; the script must not see the modules of this repository."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    values = _training_environment(container, given, own)
    values["training_env"] = dict(values)
    values |= {f"channel_{name}": str(container.channel(name)) for name in values["channels"]}
    values |= {f"hp_{name}": value for name, value in own.items()}
    variables = {f"SM_{name.upper()}": _as_variable(value) for name, value in values.items()}
    return {**inherited, **variables, "PYTHONUNBUFFERED": "1"}


def _training_environment(container: Container, given: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    channels = container.config("inputdataconfig")
    resources = container.config("resourceconfig")
    return {
        "channels": sorted(channels),
        "current_host": resources["current_host"],
        "hosts": resources["hosts"],
        "hps": dict(own),
        "input_config_dir": str(container.input / "config"),
        "input_data_config": channels,
        "input_dir": str(container.input),
        "log_level": logging.INFO,
        "model_dir": str(container.model),
        "module_dir": given[_SUBMIT_DIRECTORY],
        "module_name": str(given[PROGRAM]).removesuffix(".py"),
        "network_interface_name": resources.get("network_interface_name", "eth0"),
        "num_cpus": os.cpu_count(),
        "num_gpus": 0,
        "output_data_dir": str(container.output / "data"),
        "output_dir": str(container.output),
        "resource_config": resources,
        "user_args": _arguments(own),
        "user_entry_point": given[PROGRAM],
    }


def _as_variable(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _run(script: program.Program, container: Container) -> None:
    for folder in (container.model, container.output / "data"):
        folder.mkdir(parents=True, exist_ok=True)
    told: list[str] = []
    process = program.start(script)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    for line in process.stderr or ():
        sys.stderr.write(line)
        sys.stderr.flush()
        told.append(line)
    if process.wait():
        raise ExecuteUserScriptError(" ".join(script.command), "".join(told))
