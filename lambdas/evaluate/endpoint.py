"""The endpoint, as boto3 reaches it."""

import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError, ResponseStreamingError

from lambdas.evaluate.errors import EndpointFailed, cut

PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 8}, read_timeout=70)
"""An answer may take 60 seconds, and a serverless endpoint throttles what exceeds its concurrency."""

COLD_START_PAUSES = (2.0, 4.0, 8.0)
CONTAINER_FAULT = 500


class SageMakerEndpoint:
    def __init__(self, name: str, client: Any = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self.name = name
        self._runtime = client or boto3.client("sagemaker-runtime", config=PATIENT)
        self._sleep = sleep

    def invoke(self, csv: str) -> str:
        """The answer to rows of CSV; a container that is still starting is asked again. Raises EndpointFailed."""
        for pause in COLD_START_PAUSES:
            try:
                return self._invoke_once(csv)
            except EndpointFailed as error:
                if not error.may_pass:
                    raise
                self._sleep(pause)
        return self._invoke_once(csv)

    def _invoke_once(self, csv: str) -> str:
        try:
            answer = self._runtime.invoke_endpoint(
                EndpointName=self.name, Body=csv.encode(), ContentType="text/csv", Accept="text/csv"
            )
            body: bytes = answer["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise EndpointFailed(
                f"The endpoint {self.name} did not answer: {cut(str(error))}. Its log has the container's own words.",
                may_pass=_may_pass(error),
            ) from error
        return body.decode(errors="replace")


def _may_pass(error: BotoCoreError | ClientError) -> bool:
    """What botocore does not repeat: the container's own 5xx, which comes as a ModelError, a model's not being ready,
    and an answer that breaks off.
    """
    if not isinstance(error, ClientError):
        return isinstance(error, IncompleteReadError | ResponseStreamingError)
    code, status = error.response["Error"]["Code"], int(error.response.get("OriginalStatusCode", 0))
    return code == "ModelNotReadyException" or (code == "ModelError" and status >= CONTAINER_FAULT)
