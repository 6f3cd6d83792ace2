"""What the List operations have in common: filters, order and pages."""

import base64
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call, Request, Response
from localcloud.sagemaker.training_rules import refuse_unknown

_DEFAULT_PAGE = 10
_JOB_FILTERS = (
    "NextToken",
    "MaxResults",
    "CreationTimeAfter",
    "CreationTimeBefore",
    "NameContains",
    "StatusEquals",
    "SortBy",
    "SortOrder",
)


def page(
    resources: Iterable[Resource],
    request: Request,
    member: str,
    summary: Callable[[Resource], dict[str, Any]],
) -> Response:
    """One page of summaries under `member`, newest first unless `SortOrder` says Ascending."""
    chosen = [resource for resource in resources if _matches(resource, request)]
    descending = request.get("SortOrder", "Descending") == "Descending"
    by_name = request.get("SortBy") == "Name"
    chosen.sort(key=lambda resource: resource.name if by_name else _created(resource).isoformat(), reverse=descending)
    start = _decode(request.get("NextToken"))
    end = start + request.get("MaxResults", _DEFAULT_PAGE)
    response: Response = {member: [summary(resource) for resource in chosen[start:end]]}
    if end < len(chosen):
        response["NextToken"] = base64.b64encode(str(end).encode()).decode()
    return response


def page_of_jobs(
    call: Call, request: Request, kind: str, member: str, summary: Callable[[Resource], dict[str, Any]]
) -> Response:
    """One page of a kind of jobs. Raises ValidationError for what the local cloud doesn't know yet."""
    refuse_unknown(request, _JOB_FILTERS, "")
    if request.get("SortBy") not in (None, "Name", "CreationTime"):
        raise ValidationError(
            f"The local cloud does not sort by {request['SortBy']} yet; it sorts by Name and CreationTime."
        )
    with call.resources.lock:
        return page(call.resources.all(kind), request, member, summary)


def _created(resource: Resource) -> datetime:
    created = resource.description["CreationTime"]
    assert isinstance(created, datetime)
    return created


def _matches(resource: Resource, request: Request) -> bool:
    status = next((value for key, value in resource.description.items() if key == _STATUS.get(resource.kind)), None)
    wanted = request.get("StatusEquals")
    created = _created(resource)
    after, before = _time(request.get("CreationTimeAfter")), _time(request.get("CreationTimeBefore"))
    return (
        request.get("NameContains", "") in resource.name
        and (wanted is None or wanted == status)
        and (after is None or created > after)
        and (before is None or created < before)
    )


_STATUS = {
    "training-job": "TrainingJobStatus",
    "hyper-parameter-tuning-job": "HyperParameterTuningJobStatus",
    "transform-job": "TransformJobStatus",
    "endpoint": "EndpointStatus",
}


def _time(value: Any) -> datetime | None:
    """A time as it comes over the wire (seconds since 1970) or from within."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromtimestamp(float(value), UTC)


def _decode(token: str | None) -> int:
    if token is None:
        return 0
    try:
        start = base64.b64decode(token, validate=True)
    except ValueError:
        start = b""
    if not re.fullmatch(rb"[0-9]{1,9}", start):
        raise ValidationError("Invalid pagination token.")
    return int(start)
