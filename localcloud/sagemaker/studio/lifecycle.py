"""How Studio's things come and go: a change takes a moment of the cloud's time, as it does on AWS.

A change that is due is carried out when the next Studio operation looks, so no thread is needed. An app's start may
have to wait for a script besides.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from localcloud.sagemaker.errors import ResourceInUse, ResourceNotFound, ValidationError
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import ArnOf, Call, ContextOf, Handler, Request, Response, no_context, operation

STARTING = timedelta(seconds=0.5)
DELETING = timedelta(seconds=1)
STOPPING_AN_APP = timedelta(seconds=2)
APP_METADATA_IS_KEPT = timedelta(hours=24)
"""After that, AWS forgets a deleted app (the SageMaker API's DescribeApp, CreationTime)."""

NOUNS = {
    "domain": "Domain",
    "user-profile": "UserProfile",
    "space": "Space",
    "app": "App",
    "studio-lifecycle-config": "StudioLifecycleConfig",
    "image": "Image",
    "image-version": "ImageVersion",
    "app-image-config": "AppImageConfig",
}
_STATUS_MEMBERS = {"image": "ImageStatus", "image-version": "ImageVersionStatus"}


class Startup(Protocol):
    """What runs as an app starts, and may go on until the app ends."""

    def outcome(self, now: datetime) -> str | None:
        """Why the start failed, nothing if it went well, or None while it is under way."""
        ...

    def end(self) -> None:
        """End whatever runs still."""
        ...


@dataclass(frozen=True)
class Change:
    """What becomes of a resource at a time, once its startup is over: a status, or nothing when it is gone by then."""

    at: datetime
    status: str | None
    startup: Startup | None = None


def studio_operation(name: str, arn: ArnOf, context: ContextOf = no_context) -> Callable[[Handler], Handler]:
    """Register an operation that sees every change that is due, and runs alone."""

    def register(handler: Handler) -> Handler:
        def alone(call: Call, request: Request) -> Response:
            with call.resources.lock:
                _settle(call)
                return handler(call, request)

        return operation(name, arn, context)(alone)

    return register


def begin(
    call: Call,
    resource: Resource,
    status: str,
    *,
    then: str | None,
    after: timedelta,
    startup: Startup | None = None,
) -> None:
    """Set `status` now; `after` that long, and after the startup, it becomes `then` (None: the resource is gone).

    What an earlier startup left running ends.
    """
    now = call.platform.now()
    running = resource.runtime.startup if isinstance(resource.runtime, Change) else resource.runtime
    if running is not None:
        running.end()
    _set_status(resource, status, now)
    resource.runtime = Change(now + after, then, startup)


def _settle(call: Call) -> None:
    now = call.platform.now()
    for resource in call.resources:
        change = resource.runtime
        if isinstance(change, Change) and change.at <= now:
            failure = change.startup.outcome(now) if change.startup else ""
            if failure:
                _fail(resource, change, failure, now)
            elif failure is not None:
                _carry_out(call, resource, change)


def _fail(resource: Resource, change: Change, reason: str, now: datetime) -> None:
    if change.startup is not None:
        change.startup.end()
    resource.runtime = None
    resource.description["FailureReason"] = reason
    _set_status(resource, "Failed", now)


def _carry_out(call: Call, resource: Resource, change: Change) -> None:
    resource.runtime = change.startup
    if change.status is None:
        call.resources.remove(resource)
        return
    _set_status(resource, change.status, change.at)
    if change.status == "Deleted":
        resource.runtime = Change(change.at + APP_METADATA_IS_KEPT, None)


def status_of(resource: Resource) -> str:
    return str(resource.description[_STATUS_MEMBERS.get(resource.kind, "Status")])


def _set_status(resource: Resource, status: str, now: datetime) -> None:
    resource.description[_STATUS_MEMBERS.get(resource.kind, "Status")] = status
    if "LastModifiedTime" in resource.description:
        resource.description["LastModifiedTime"] = now


def add(call: Call, resource: Resource) -> None:
    """Add a resource. Raises ResourceInUse when its name is taken."""
    taken = call.resources.by_arn(resource.arn)
    if taken is not None and taken.description.get("Status") != "Deleted":
        raise ResourceInUse(f"{NOUNS[resource.kind]} [{resource.arn}] already exists.")
    call.resources.add(resource)


def create(call: Call, resource: Resource) -> None:
    """Add a resource, Pending for a moment. Raises ResourceInUse when its name is taken."""
    add(call, resource)
    begin(call, resource, "Pending", then="InService", after=STARTING)


def find(call: Call, kind: str, name: str) -> Resource:
    """The resource; names are compared without regard to case. Raises ResourceNotFound."""
    arn = call.arn(kind, name)
    resource = call.resources.by_arn(arn)
    if resource is None:
        raise ResourceNotFound(f"{NOUNS[kind]} [{arn}] does not exist.")
    return resource


def find_in_service(call: Call, kind: str, name: str) -> Resource:
    """The resource that something is to be made in. Raises ValidationError while it can't take it."""
    resource = find(call, kind, name)
    if resource.description["Status"] != "InService":
        raise ValidationError(
            f"{NOUNS[kind]} [{resource.arn}] is {resource.description['Status']}; wait until it is InService."
        )
    return resource


def find_at_rest(call: Call, kind: str, name: str) -> Resource:
    """The resource that is to be changed or deleted. Raises ResourceInUse while another change is under way."""
    resource = find(call, kind, name)
    if status_of(resource) in ("Pending", "Updating", "Deleting", "CREATING", "DELETING"):
        raise ResourceInUse(f"{NOUNS[kind]} [{resource.arn}] is {status_of(resource)}; wait for that to end.")
    return resource


def refuse_deletion(resource: Resource, kind: str) -> ResourceInUse:
    """The error for a resource that things of `kind` still hang on."""
    return ResourceInUse(
        f"Unable to delete {NOUNS[resource.kind]} [{resource.arn}] because {NOUNS[kind]}(s) are associated with it."
    )


def has_apps(call: Call, owner: Resource) -> bool:
    """Whether an app of a user profile or space is there that has neither failed nor been deleted (aws-facts 5.7)."""
    prefix = owner.arn.replace(f":{owner.kind}/", ":app/", 1) + "/"
    return any(
        app.arn.startswith(prefix) and app.description["Status"] not in ("Failed", "Deleted")
        for app in call.resources.all("app")
    )


def picked(description: dict[str, Any], *members: str) -> dict[str, Any]:
    return {member: description[member] for member in members if member in description}


def oldest_first(request: Request) -> Request:
    """The request with the order that Studio's lists have unless told otherwise (other lists: newest first)."""
    if request.get("SortBy") == "LastModifiedTime":
        raise ValidationError("The local cloud does not know SortBy LastModifiedTime yet; allowed is CreationTime.")
    return {"SortOrder": "Ascending", **request}
