"""Lambda: the execution input in, the plan of the run out."""

import os
from pathlib import Path
from typing import Any

from lambdas.plan.earlier_runs import SageMakerRuns
from lambdas.plan.environment import Environment
from lambdas.plan.execution import Execution
from lambdas.plan.planning import Planning
from lambdas.plan.storage import S3Store

TRAINING_CODE = Path(__file__).parents[2] / "training_code"


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    planning = Planning(Environment.read(os.environ), S3Store(), SageMakerRuns(), TRAINING_CODE)
    return planning.plan(event["input"], Execution.read(event["execution"])).as_json()
