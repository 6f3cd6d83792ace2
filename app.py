"""The CDK application: reads the settings from cdk.json, and builds the one stack."""

import sys

import aws_cdk as cdk

from stacks.fraud_detection import FraudDetectionStack
from stacks.functions import NotInstalled
from stacks.settings import Settings, SettingsError
from stacks.studio_notebooks import NotebookChanged


def main() -> None:
    app = cdk.App()
    try:
        settings = Settings.from_context(app.node.try_get_context("settings") or {})
        FraudDetectionStack(app, settings.project, settings=settings)
    except (SettingsError, NotInstalled, NotebookChanged) as error:
        sys.exit(str(error))
    app.synth()


main()
