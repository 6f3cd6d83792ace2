"""Lambda: a run that has been evaluated in, its report out."""

from typing import Any

from lambdas.report.execution_history import StepFunctionsExecutions
from lambdas.report.report import write_report
from lambdas.report.request import Request
from lambdas.report.sagemaker_jobs import SageMakerJobs
from lambdas.report.storage import S3Store


def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    return write_report(Request.read(event), S3Store(), SageMakerJobs(), StepFunctionsExecutions())
