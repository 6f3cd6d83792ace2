"""An execution's history, as boto3 finds it in Step Functions."""

from collections.abc import Iterator
from typing import Any

import boto3

from lambdas.report.steps import Event


class StepFunctionsExecutions:
    def __init__(self, client: Any = None) -> None:
        self._step_functions = client or boto3.client("stepfunctions")

    def history(self, execution_arn: str) -> Iterator[Event]:
        paginator = self._step_functions.get_paginator("get_execution_history")
        for page in paginator.paginate(executionArn=execution_arn, includeExecutionData=False):
            yield from page["events"]
