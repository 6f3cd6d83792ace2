"""How a JupyterLab or Code Editor app starts: with the script of its lifecycle configuration, as a process here.

The script is bash's, in a home folder that is the space's and outlives its apps. It has the credentials of the app's
execution role and nothing of this machine's but PATH.
"""

import os
import secrets
import tempfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from localcloud.sagemaker.containers import Container, LogStream
from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call, Request
from localcloud.sagemaker.studio.lifecycle_configs import script_in
from localcloud.sagemaker.studio.settings import (
    NO_SCRIPT,
    default_script,
    levels_above,
    listed_scripts,
    require_lifecycle_config,
)

LOG_GROUP = "/aws/sagemaker/studio"
LONGEST = timedelta(minutes=5)
"""A script that takes longer fails (SageMaker developer guide, "Debug lifecycle configurations")."""

_RUNS_SCRIPTS = ("JupyterLab", "CodeEditor")
_COMMAND = 'cd && bash "$1"; printf "\\n%s %s\\n" "$2" "$?"'
"""Its last line bears the script's exit code: once it is read, all that the script wrote has been logged. What the
script left running with `nohup … &`, as AWS's guide advises for what takes long, goes on."""


def space_home(domain_id: str, space_name: str) -> Path:
    """The home folder of a space's apps, under the work root (env LOCALCLOUD_WORK, else the system's)."""
    return Path(os.environ.get("LOCALCLOUD_WORK") or tempfile.gettempdir()) / "studio" / domain_id / space_name


class Script:
    """A lifecycle configuration's script for an app, and what it leaves running until the app ends."""

    def __init__(self, call: Call, config: Resource, app: str, role: Mapping[str, str], home: Path) -> None:
        self.config_arn = config.arn
        self._content = script_in(config.description["StudioLifecycleConfigContent"])
        self._stream = f"{app}/LifecycleConfigOnStart"
        self._role = role
        self._home = home
        self._now = call.platform.now
        self._deadline = self._now() + LONGEST
        self._last_line = secrets.token_hex(16)
        self._logs: LogStream | None = None
        self._exit_code: int | None = None
        self._container: Container | None = None

    def start(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        self._container = Container("lifecycle-config")
        script = self._container.base / "lifecycle_script.sh"
        script.write_bytes(self._content)
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(self._home),
            "TMPDIR": str(self._container.directory("tmp")),
            **self._role,
        }
        command = ["bash", "-c", _COMMAND, "bash", str(script), self._last_line]
        self._container.start(command, environment, self._receive)

    def _receive(self, lines: list[str]) -> None:
        """Runs in the thread that reads the output."""
        if self._logs is None:
            self._logs = LogStream(self._role, LOG_GROUP, self._stream, self._now)
        self._logs.write([line for line in lines if not line.startswith(self._last_line)])
        for line in lines:
            if line.startswith(self._last_line):
                self._exit_code = int(line.removeprefix(self._last_line))

    def outcome(self, now: datetime) -> str | None:
        if self._exit_code == 0:
            return ""
        if self._exit_code is None and now <= self._deadline:
            return None
        why = "took longer than 5 minutes" if self._exit_code is None else f"failed with exit code {self._exit_code}"
        return (
            f"Lifecycle configuration {self.config_arn} {why}. "
            f"Its output is in the log group {LOG_GROUP}, stream {self._stream}."
        )

    def end(self) -> None:
        if self._container is not None:
            self._container.remove()


def script_of(call: Call, request: Request, owner: Resource) -> Script | None:
    """The script with which the app of a request starts: the request's own, else the space's, the user profile's or
    the domain's default. It isn't started yet. Raises ValidationError.
    """
    app_type = request["AppType"]
    levels = levels_above(call, owner.description)
    defaults = [default_script(level, app_type) for level in (owner.description.get("SpaceSettings", {}), *levels)]
    named = [request.get("ResourceSpec", {}).get("LifecycleConfigArn"), *defaults]
    arn = next((arn for arn in named if arn is not None), NO_SCRIPT)
    if arn == NO_SCRIPT:
        return None
    if app_type not in _RUNS_SCRIPTS or owner.kind != "space":
        raise ValidationError(
            f"The local cloud runs lifecycle configurations of {' and '.join(_RUNS_SCRIPTS)} apps in spaces only; "
            f"LifecycleConfigArn {arn} would have to run."
        )
    if arn not in listed_scripts(levels, app_type):
        raise ValidationError(
            f"Lifecycle configuration {arn} is not among the LifecycleConfigArns of {app_type}AppSettings "
            "that apply to the space's apps."
        )
    config = require_lifecycle_config(call, arn, app_type)
    # Whether AWS refuses such an app or lets it fail is not documented.
    role = call.platform.assume(_execution_role(owner, *levels), "SageMaker", call.caller.region)
    domain_id, space_name = owner.description["DomainId"], owner.description["SpaceName"]
    app = f"{domain_id}/{space_name}/{app_type}/{request['AppName']}"
    return Script(call, config, app, role, space_home(domain_id, space_name))


def _execution_role(space: Resource, *levels: Mapping[str, str]) -> str:
    role = next((level["ExecutionRole"] for level in levels if level.get("ExecutionRole")), None)
    if role is None:
        raise ValidationError(f"Space [{space.arn}] is shared, and DefaultSpaceSettings have no ExecutionRole.")
    return role
