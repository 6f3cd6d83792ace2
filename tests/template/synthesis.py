"""Synthesis in this process: what app.py does, with settings of the test's own."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# The CDK starts Node.js, which lies beside this Python, as soon as it is imported.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

import aws_cdk as cdk

from stacks.fraud_detection import FraudDetectionStack
from stacks.settings import Settings
from tests.template.deployment import Deployment

ROOT = Path(__file__).parents[2]

EVERYTHING: Mapping[str, Any] = {
    "studio_home_efs": True,
    "studio_image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/studio:1",
    "user_profiles": ["data-scientist", {"name": "ben", "instance_types": ["ml.m5.4xlarge"], "idle_minutes": 120}],
    "notification_emails": ["ana@example.com"],
    "retrain_every_days": 7,
    "retrain_on_new_data": True,
}
"""Settings under which the stack has all that it can have."""


def context(**settings: Any) -> dict[str, Any]:
    """What the CDK CLI gives the app as its context, with some of the settings of cdk.json replaced."""
    given: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return {**given, "aws:cdk:enable-path-metadata": True, "settings": given["settings"] | settings}


def application(folder: Path, **settings: Any) -> cdk.App:
    """What app.py makes, not yet synthesised."""
    app_context = context(**settings)
    checked = Settings.from_context(app_context["settings"])
    app = cdk.App(context=app_context, outdir=str(folder))
    FraudDetectionStack(app, checked.project, settings=checked)
    return app


def synthesise(folder: Path, **settings: Any) -> Deployment:
    application(folder, **settings).synth()
    return Deployment.read(folder, context(**settings)["settings"]["project"])
