"""The notebooks, and how they come into each JupyterLab space."""

import hashlib
import json
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.data import DataStack
from stacks.objects import allow_reading
from stacks.settings import Settings

_FOLDER = Path(__file__).parent.parent / "notebooks"
_SCRIPT = _FOLDER / "into_space.sh"
_LANGUAGES = ("en", "es")


class NotebookChanged(Exception):
    """A notebook would bring somebody's own outputs into everybody's spaces; the message names it."""


class StudioNotebooks(Construct):
    """A lifecycle configuration that copies the notebooks into a space as its JupyterLab starts.

    Where they lie, and what they need to know of the stack, is in a parameter that the script reads: a lifecycle
    configuration can't be changed, and a space keeps the name of the one that it was made with, so that name must
    stay when only notebooks change.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, data: DataStack) -> None:
        super().__init__(scope, construct_id)
        self._archive = assets.Asset(
            self,
            "Archive",
            path=str(_FOLDER),
            exclude=["*", *(f"!{path.relative_to(_FOLDER)}" for path in _notebooks())],
            ignore_mode=cdk.IgnoreMode.DOCKER,
        )
        self._parameter = ssm.StringParameter(
            self,
            "Parameter",
            parameter_name=f"/{settings.project}/notebooks",
            description="Where the notebooks lie, and what they need to know of the stack",
            string_value=cdk.Stack.of(self).to_json_string(
                {
                    "archive": self._archive.s3_object_url,
                    "stack": {settings.project: data.outputs(settings)},
                }
            ),
        )
        script = f"#!/bin/bash\nPARAMETER={self._parameter.parameter_name}\n{_SCRIPT.read_text()}"
        self.lifecycle_config = sagemaker.CfnStudioLifecycleConfig(
            self,
            "IntoSpace",
            studio_lifecycle_config_app_type="JupyterLab",
            studio_lifecycle_config_name=f"{settings.project}-notebooks-{_digest(_SCRIPT.read_text())}",
            studio_lifecycle_config_content=cdk.Fn.base64(script),
        )

    def grant_fetch(self, role: iam.Role) -> None:
        """Let the role read the parameter and the archive; their own grants allow more."""
        role.add_to_policy(iam.PolicyStatement(actions=["ssm:GetParameter"], resources=[self._parameter.parameter_arn]))
        allow_reading(role, self._archive.bucket, self._archive.s3_object_key)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _notebooks() -> list[Path]:
    """Those that a source is there for, in each language. Raises NotebookChanged."""
    names = [f"{source.stem}.ipynb" for source in sorted((_FOLDER / "source").glob("*.py"))]
    paths = [_FOLDER / language / name for language in _LANGUAGES for name in names]
    for path in paths:
        cells = json.loads(path.read_text())["cells"]
        if any(cell.get("outputs") or cell.get("execution_count") for cell in cells):
            raise NotebookChanged(
                f"notebooks/{path.relative_to(_FOLDER)} has been run, and its outputs would come into every user's "
                "space: run `python -m notebooks build`, which makes it anew, and work on a copy."
            )
    return paths
