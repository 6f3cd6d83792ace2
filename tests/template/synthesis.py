"""Synthesis in this process: what app.py does, with settings of the test's own."""

import json
import os
import sys
from pathlib import Path
from typing import Any

# The CDK starts Node.js, which lies beside this Python, as soon as it is imported.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

import aws_cdk as cdk

from stacks.fraud_detection import FraudDetectionStack
from stacks.settings import Settings
from tests.template.deployment import Deployment

ROOT = Path(__file__).parents[2]


def context(**settings: Any) -> dict[str, Any]:
    """What cdk.json gives the app as its context, with some of the settings replaced."""
    given: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return {**given, "settings": given["settings"] | settings}


def synthesise(folder: Path, **settings: Any) -> Deployment:
    app_context = context(**settings)
    checked = Settings.from_context(app_context["settings"])
    app = cdk.App(context=app_context, outdir=str(folder))
    FraudDetectionStack(app, checked.project, settings=checked)
    app.synth()
    return Deployment.read(folder, checked.project)
