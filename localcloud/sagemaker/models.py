"""CreateModel, DescribeModel, ListModels, DeleteModel."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.containers import S3Uri, client
from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.hosting_rules import find, refuse_others, refuse_taken
from localcloud.sagemaker.images import require_own_region, require_xgboost
from localcloud.sagemaker.listing import page
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call, Request, Response, everything, named, operation, tags_of

_KNOWN = ("ModelName", "PrimaryContainer", "ExecutionRoleArn", "EnableNetworkIsolation", "Tags")
_KNOWN_OF_CONTAINER = ("Image", "Mode", "ModelDataUrl", "Environment", "ContainerHostname")


@operation("CreateModel", arn=named("model", "ModelName"))
def create_model(call: Call, request: Request) -> Response:
    """One container, of AWS's XGBoost image, with an artefact that the execution role can read.

    Raises ValidationError.
    """
    name = request["ModelName"]
    refuse_taken(call, "model", name)
    _check(request)
    require_own_region(request["PrimaryContainer"]["Image"], call.caller.region)
    _check_model_data(call, request["PrimaryContainer"]["ModelDataUrl"], request["ExecutionRoleArn"])
    arn = call.arn("model", name)
    container = {"Mode": "SingleModel", "Environment": {}, **request["PrimaryContainer"]}
    description = {
        "ModelName": name,
        "ModelArn": arn,
        "PrimaryContainer": container,
        "ExecutionRoleArn": request["ExecutionRoleArn"],
        "EnableNetworkIsolation": False,
        "CreationTime": call.platform.now(),
    }
    with call.resources.lock:
        refuse_taken(call, "model", name)
        call.resources.add(Resource("model", name, arn, description, tags_of(request)))
    return {"ModelArn": arn}


def _check(request: Request) -> None:
    refuse_others(request, _KNOWN, "CreateModel")
    for member in ("PrimaryContainer", "ExecutionRoleArn"):
        if not request.get(member):
            raise ValidationError(f"CreateModel needs {member}.")
    if request.get("EnableNetworkIsolation"):
        raise ValidationError("The local cloud cannot isolate a container from the network; allowed is false.")
    _check_container(request["PrimaryContainer"])


def _check_container(container: Mapping[str, Any]) -> None:
    refuse_others(container, _KNOWN_OF_CONTAINER, "PrimaryContainer")
    require_xgboost(container.get("Image"))
    if container.get("Mode", "SingleModel") != "SingleModel":
        raise ValidationError("The local cloud serves one model per container; allowed Mode is SingleModel.")
    url = container.get("ModelDataUrl", "")
    if not url.startswith("s3://") or not url.endswith(".tar.gz"):
        raise ValidationError(
            f"ModelDataUrl '{url}' must point to a single gzip compressed tar archive: s3://<bucket>/<key>.tar.gz."
        )


def _check_model_data(call: Call, url: str, role_arn: str) -> None:
    """CreateModel looks for the artefact with the role that it is handed, as AWS does."""
    uri = S3Uri.parse(url)
    try:
        role = call.platform.assume(role_arn, "SageMaker", call.caller.region)
        client("s3", role).head_object(Bucket=uri.bucket, Key=uri.key)
    except (ValidationError, ClientError, BotoCoreError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket"):
            raise ValidationError(f"Could not find model data at {url}.") from error
        raise ValidationError(
            f'Could not access model data at {url}. Please ensure that the role "{role_arn}" exists and that its trust '
            'relationship policy allows the action "sts:AssumeRole" for the service principal '
            '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the object '
            f"is located in {call.caller.region}."
        ) from error


@operation("DescribeModel", arn=named("model", "ModelName"))
def describe_model(call: Call, request: Request) -> Response:
    return dict(find(call, "model", request["ModelName"]).description)


@operation("ListModels", arn=everything)
def list_models(call: Call, request: Request) -> Response:
    return page(call.resources.all("model"), request, "Models", _summary)


def _summary(model: Resource) -> dict[str, Any]:
    return {member: model.description[member] for member in ("ModelName", "ModelArn", "CreationTime")}


@operation("DeleteModel", arn=named("model", "ModelName"))
def delete_model(call: Call, request: Request) -> Response:
    """The artefact stays, and so do endpoints that serve the model (the SageMaker API's DeleteModel)."""
    call.resources.remove(find(call, "model", request["ModelName"]))
    return {}
