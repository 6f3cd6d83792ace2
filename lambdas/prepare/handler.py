"""Lambda: the data's address and how to split it in, a summary of what it left in the bucket out."""

from typing import Any

from lambdas.prepare.limits import Limits
from lambdas.prepare.preparation import Preparation, Request
from lambdas.prepare.source import open_web
from lambdas.prepare.storage import S3Objects


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    request = Request.read(event)
    report = Preparation(S3Objects(), open_web(), Limits()).run(request)
    return report.summary()
