"""S3: which signatures a request may bear."""

from typing import Any

from ministack import app
from ministack.services import s3

from localcloud.ministack_adapter.internals import HttpResponse, Used

USED: Used = ((app, ("SERVICE_HANDLERS",)), (s3, ("_error",)))


def refuse_signature_version_2() -> None:
    """Refuse what S3 takes in its oldest regions only, and there no longer for new buckets (aws-facts 11.4); ministack
    takes it. It is boto3's choice for a presigned link, unless it is told another."""
    original: Any = app.SERVICE_HANDLERS["s3"]

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]], **more: Any
    ) -> HttpResponse:
        if headers.get("authorization", "").startswith("AWS ") or query.keys() >= {"AWSAccessKeyId", "Signature"}:
            message = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
            refused: HttpResponse = s3._error("InvalidRequest", message, 400, path)
            return refused
        answer: HttpResponse = await original(method, path, headers, body, query, **more)
        return answer

    app.SERVICE_HANDLERS["s3"] = handle
