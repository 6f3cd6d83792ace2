"""Lambda: a served model in, its evaluation out."""

from typing import Any

from lambdas.evaluate.endpoint import SageMakerEndpoint
from lambdas.evaluate.evaluation import evaluate
from lambdas.evaluate.request import Request
from lambdas.evaluate.storage import S3Store


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    request = Request.read(event)
    return evaluate(request, S3Store(), SageMakerEndpoint(request.endpoint_name))
