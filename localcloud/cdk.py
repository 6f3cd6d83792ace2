"""The stock CDK CLI, pointed at a local cloud."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.cloud import ACCOUNT, REGION, Cloud

_LAST_LINES = 30


class CdkError(Exception):
    """A command of the CDK CLI failed; the message holds the end of what it printed."""


@dataclass(frozen=True)
class CdkApp:
    """A CDK application in `folder`, whose node_modules holds the CLI; it is synthesised once, into `assembly`."""

    cloud: Cloud
    folder: Path
    assembly: Path

    def synth(self, *options: str) -> None:
        self._run("synth", "--quiet", "--output", str(self.assembly), *options)

    def bootstrap(self) -> None:
        self._run("bootstrap", f"aws://{ACCOUNT}/{REGION}", *self._synthesised())

    def deploy(self) -> None:
        # The application's own file for outputs is of its deployment to AWS.
        outputs = str(self.assembly.parent / "outputs.json")
        self._run("deploy", "--all", "--require-approval", "never", "--outputs-file", outputs, *self._synthesised())

    def destroy(self) -> None:
        self._run("destroy", "--all", "--force", *self._synthesised())

    def outputs(self, stack: str) -> dict[str, str]:
        """The deployed stack's outputs by key."""
        described: Any = self.cloud.client("cloudformation").describe_stacks(StackName=stack)
        return {output["OutputKey"]: output["OutputValue"] for output in described["Stacks"][0]["Outputs"]}

    def _synthesised(self) -> tuple[str, str]:
        return "--app", str(self.assembly)

    def _run(self, *arguments: str) -> None:
        command = [str(self.folder / "node_modules" / ".bin" / "cdk"), *arguments, "--no-notices"]
        finished = subprocess.run(
            command, cwd=self.folder, env=self._environment(), capture_output=True, text=True, check=False
        )
        if finished.returncode:
            lines = (finished.stdout + finished.stderr).splitlines()[-_LAST_LINES:]
            raise CdkError(f"`cdk {arguments[0]}` failed (exit code {finished.returncode}):\n" + "\n".join(lines))

    def _environment(self) -> dict[str, str]:
        """This process's, but for any AWS account that it names; Python and Node.js are this environment's."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        binaries = str(Path(sys.executable).parent)
        return {
            **own,
            **self.cloud.environment,
            "PATH": os.pathsep.join([binaries, own.get("PATH", os.defpath)]),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CI": "true",
        }


def remove_assembly(app: CdkApp) -> None:
    shutil.rmtree(app.assembly, ignore_errors=True)
