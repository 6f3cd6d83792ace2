"""CreateEndpoint, DescribeEndpoint, ListEndpoints, UpdateEndpoint, DeleteEndpoint."""

import threading
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.hosting import Deployment, DeploymentFailed, Server, start_server
from localcloud.sagemaker.hosting_quotas import check_quotas
from localcloud.sagemaker.hosting_rules import find, refuse_others, refuse_taken
from localcloud.sagemaker.listing import page
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import (
    Call,
    Request,
    Response,
    everything,
    named,
    operation,
    request_conditions,
    tags_of,
)

_FILTERS = (
    "SortBy",
    "SortOrder",
    "NextToken",
    "MaxResults",
    "NameContains",
    "CreationTimeBefore",
    "CreationTimeAfter",
    "StatusEquals",
)
_SETTLED = ("InService", "Failed")
_UNEXPECTED = "Request to service failed. If failure persists after retry, contact customer support."


@dataclass(frozen=True)
class Hosted:
    """What stands behind an endpoint; no server while it is Creating, nor once it has Failed."""

    deployment: Deployment
    server: Server | None = None


@operation("CreateEndpoint", arn=named("endpoint", "EndpointName"))
def create_endpoint(call: Call, request: Request) -> Response:
    """Answers at once; the endpoint is Creating until its container answers a ping. Raises ValidationError.

    Raises ResourceLimitExceeded beyond the quotas.
    """
    refuse_others(request, ("EndpointName", "EndpointConfigName", "Tags"), "CreateEndpoint")
    name = request["EndpointName"]
    arn = call.arn("endpoint", name)
    now = call.platform.now()
    with call.resources.lock:
        deployment = _planned(call, "CreateEndpoint", request)
        refuse_taken(call, "endpoint", name)
        check_quotas(deployment, _deployed(call))
        description = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": deployment.config_name,
            "EndpointStatus": "Creating",
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        endpoint = Resource("endpoint", name, arn, description, tags_of(request), Hosted(deployment))
        call.resources.add(endpoint)
    _deploy_in_background(call, endpoint, deployment)
    return {"EndpointArn": arn}


def _planned(call: Call, operation_name: str, request: Request) -> Deployment:
    """What the request asks to serve; the caller needs the permission on the configuration too (aws-facts 1.13)."""
    config_name = request["EndpointConfigName"]
    config_arn = call.arn("endpoint-config", config_name)
    conditions = request_conditions(request, call.resources.by_arn(config_arn))
    call.caller.authorize(f"sagemaker:{operation_name}", config_arn, conditions)
    config = find(call, "endpoint-config", config_name)
    variant = config.description["ProductionVariants"][0]
    model = find(call, "model", variant["ModelName"])
    return Deployment(request["EndpointName"], config.name, variant, model.description)


def _deployed(call: Call) -> list[Deployment]:
    endpoints = call.resources.all("endpoint")
    return [endpoint.runtime.deployment for endpoint in endpoints if endpoint.description["EndpointStatus"] != "Failed"]


def _deploy_in_background(call: Call, endpoint: Resource, deployment: Deployment) -> None:
    threading.Thread(target=_deploy, args=(call, endpoint, deployment), daemon=True).start()


def _deploy(call: Call, endpoint: Resource, deployment: Deployment) -> None:
    """The endpoint comes to serve `deployment`, or says why not; then it serves what it served before, if anything."""
    failure, server = _UNEXPECTED, None
    try:
        server = start_server(deployment, call.platform, call.caller.region)
    except DeploymentFailed as error:
        failure = str(error)
    finally:
        before = endpoint.runtime.server
        with call.resources.lock:
            endpoint.description["LastModifiedTime"] = call.platform.now()
            if server is None:
                endpoint.description["FailureReason"] = failure
                endpoint.description["EndpointStatus"] = "Failed" if before is None else "InService"
            else:
                _put_in_service(call, endpoint, server)
    if server is not None and before is not None:
        before.stop()


def _put_in_service(call: Call, endpoint: Resource, server: Server) -> None:
    deployment = server.deployment
    endpoint.runtime = Hosted(deployment, server)
    endpoint.description.pop("FailureReason", None)
    endpoint.description.update(
        EndpointConfigName=deployment.config_name,
        ProductionVariants=[_variant_summary(call, deployment)],
        EndpointStatus="InService",
    )


def _variant_summary(call: Call, deployment: Deployment) -> dict[str, Any]:
    variant = deployment.variant
    image = deployment.model["PrimaryContainer"]["Image"]
    member, size = "InstanceCount", variant.get("InitialInstanceCount")
    if deployment.serverless is not None:
        member, size = "ServerlessConfig", deployment.serverless
    return {
        "VariantName": deployment.variant_name,
        "DeployedImages": [{"SpecifiedImage": image, "ResolutionTime": call.platform.now()}],
        "CurrentWeight": variant["InitialVariantWeight"],
        "DesiredWeight": variant["InitialVariantWeight"],
        f"Current{member}": size,
        f"Desired{member}": size,
    }


@operation("DescribeEndpoint", arn=named("endpoint", "EndpointName"))
def describe_endpoint(call: Call, request: Request) -> Response:
    return dict(find(call, "endpoint", request["EndpointName"]).description)


@operation("ListEndpoints", arn=everything)
def list_endpoints(call: Call, request: Request) -> Response:
    refuse_others(request, _FILTERS, "ListEndpoints")
    if request.get("SortBy") == "Status":
        raise ValidationError("The local cloud does not know SortBy Status yet; it knows Name and CreationTime.")
    return page(call.resources.all("endpoint"), request, "Endpoints", _summary)


def _summary(endpoint: Resource) -> dict[str, Any]:
    members = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
    return {member: endpoint.description[member] for member in members}


@operation("UpdateEndpoint", arn=named("endpoint", "EndpointName"))
def update_endpoint(call: Call, request: Request) -> Response:
    """Another configuration behind the same name: the old one serves until the new one answers a ping.

    Raises ValidationError, also for instances that are to become serverless (aws-facts 6.6). Invocations that run
    at the moment of the change may fail, unlike AWS's.
    """
    refuse_others(request, ("EndpointName", "EndpointConfigName"), "UpdateEndpoint")
    with call.resources.lock:
        endpoint = find(call, "endpoint", request["EndpointName"])
        deployment = _planned(call, "UpdateEndpoint", {**request, "EndpointName": endpoint.name})
        _check_settled(endpoint)
        current = endpoint.runtime.deployment
        if endpoint.description["EndpointStatus"] == "Failed":
            raise ValidationError(f'Endpoint "{endpoint.arn}" has failed; delete it and create it anew.')
        if current.serverless is None and deployment.serverless is not None:
            raise ValidationError(f'Endpoint "{endpoint.arn}" runs on instances and cannot become serverless.')
        check_quotas(deployment, (other for other in _deployed(call) if other is not current))
        _change(call, endpoint, "Updating")
    _deploy_in_background(call, endpoint, deployment)
    return {"EndpointArn": endpoint.arn}


@operation("DeleteEndpoint", arn=named("endpoint", "EndpointName"))
def delete_endpoint(call: Call, request: Request) -> Response:
    """Answers at once; configuration and model stay (aws-facts 6.5). Raises ValidationError during a change."""
    with call.resources.lock:
        endpoint = find(call, "endpoint", request["EndpointName"])
        _check_settled(endpoint)
        _change(call, endpoint, "Deleting")
    threading.Thread(target=_take_down, args=(call, endpoint), daemon=True).start()
    return {}


def _take_down(call: Call, endpoint: Resource) -> None:
    if endpoint.runtime.server is not None:
        endpoint.runtime.server.stop()
    call.resources.remove(endpoint)


def _check_settled(endpoint: Resource) -> None:
    if endpoint.description["EndpointStatus"] not in _SETTLED:
        raise ValidationError(f'Cannot update in-progress endpoint "{endpoint.arn}".')


def _change(call: Call, endpoint: Resource, status: str) -> None:
    endpoint.description.update(EndpointStatus=status, LastModifiedTime=call.platform.now())
