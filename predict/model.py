"""Where the project's current model is: behind its endpoint, else the newest approved one of the registry."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from predict.aws import Clients, explained, is_missing
from predict.errors import PredictFailed

MEGABYTE = 1_000_000
SERVERLESS_BYTES = 4 * MEGABYTE
INSTANCE_BYTES = 6 * MEGABYTE
"""Of a request's body: 4 MB to a serverless endpoint (aws-facts 6.6), 6 MB else (2.19), which are 4,194,304 and
6,291,456 bytes. What the decimal megabyte leaves is the margin."""

REQUESTS_AT_A_TIME = 4
"""As many as the evaluation sends, below the 5 that a serverless endpoint takes by default: others may call it, too."""

_NO_ENDPOINT = "none"
"""What the parameter says while there is no endpoint."""


@dataclass(frozen=True)
class Model:
    """What a run says of its model. `prefix` ends with a slash."""

    run_id: str
    bucket: str
    prefix: str
    features: tuple[str, ...]
    """Names, in the order that the model takes."""
    threshold: float
    """A row is flagged from this score on."""


@dataclass(frozen=True)
class Live:
    """A model behind an endpoint, and how much that takes."""

    model: Model
    endpoint_name: str
    serverless: bool
    request_bytes: int
    requests_at_a_time: int


@dataclass(frozen=True)
class Registered:
    """A model package, and what it takes to run it."""

    model: Model
    package_arn: str
    container: Mapping[str, Any]
    """As CreateModel takes it."""
    role_arn: str


def find_model(clients: Clients, project: str) -> Live | Registered:
    """Raises PredictFailed, also when there is neither."""
    with explained():
        found = _live(clients, project) or _registered(clients, project)
    if found is None:
        raise PredictFailed(
            f"Project {project} has no model to score with in {clients.region}: no endpoint is in service, and the "
            f"registry's group {project}-models has no approved model. Start the state machine {project}-pipeline, "
            "wait until it has succeeded, then come back."
        )
    return found


# --- behind an endpoint -----------------------------------------------------------------------------------------


def _live(clients: Clients, project: str) -> Live | None:
    name = _announced(clients, project)
    described = _described(clients, name) if name else None
    if described is None or described["EndpointStatus"] != "InService":
        return None
    run_id = name.removeprefix(f"{project}-")
    bucket, prefix = _output(clients, project, "BucketName"), f"runs/{run_id}/"
    threshold = _read(clients, bucket, f"{prefix}evaluation.json").get("threshold")
    model = _model(clients, run_id, bucket, prefix, threshold)
    config = clients.sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    serverless = config["ProductionVariants"][0].get("ServerlessConfig")
    if serverless is None:
        return Live(model, name, False, INSTANCE_BYTES, REQUESTS_AT_A_TIME)
    return Live(model, name, True, SERVERLESS_BYTES, min(REQUESTS_AT_A_TIME, serverless["MaxConcurrency"]))


def _announced(clients: Clients, project: str) -> str:
    """The name of the current endpoint, which the state machine left; empty if there is none."""
    try:
        name = str(clients.ssm.get_parameter(Name=f"/{project}/endpoint-name")["Parameter"]["Value"])
    except ClientError as error:
        if is_missing(error):
            return ""
        raise
    return "" if name == _NO_ENDPOINT else name


def _described(clients: Clients, endpoint_name: str) -> Mapping[str, Any] | None:
    try:
        described: Mapping[str, Any] = clients.sagemaker.describe_endpoint(EndpointName=endpoint_name)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return described


# --- in the registry --------------------------------------------------------------------------------------------


def _registered(clients: Clients, project: str) -> Registered | None:
    arn = _newest_approved(clients, f"{project}-models")
    if arn is None:
        return None
    package = clients.sagemaker.describe_model_package(ModelPackageName=arn)
    metadata = package.get("CustomerMetadataProperties", {})
    missing = [name for name in ("run_id", "bucket", "prefix", "threshold") if name not in metadata]
    if missing:
        raise PredictFailed(
            f"The newest approved model, {arn}, was not registered by the state machine: its metadata has no "
            f"{', '.join(missing)}. Reject it, or start the state machine for a newer one."
        )
    model = _model(clients, metadata["run_id"], metadata["bucket"], metadata["prefix"], metadata["threshold"])
    container = package["InferenceSpecification"]["Containers"][0]
    members = {name: container[name] for name in ("Image", "ModelDataUrl", "Environment") if name in container}
    return Registered(model, arn, members, _output(clients, project, "ExecutionRoleArn"))


def _newest_approved(clients: Clients, group: str) -> str | None:
    pages = clients.sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
    )
    try:
        return next((str(each["ModelPackageArn"]) for page in pages for each in page["ModelPackageSummaryList"]), None)
    except ClientError as error:
        if is_missing(error):
            return None
        raise


# --- what the run and the stack left ----------------------------------------------------------------------------


def _model(clients: Clients, run_id: str, bucket: str, prefix: str, threshold: Any) -> Model:
    where = f"{prefix}data_report.json"
    features = _read(clients, bucket, where).get("features")
    if not isinstance(features, list) or not features or not all(isinstance(name, str) for name in features):
        raise PredictFailed(f"s3://{bucket}/{where} has no list of the model's features. Start the state machine anew.")
    return Model(run_id, bucket, prefix, tuple(features), _threshold(threshold, run_id))


def _threshold(given: Any, run_id: str) -> float:
    try:
        threshold = float(given)
    except (TypeError, ValueError):
        threshold = math.nan
    if math.isnan(threshold):
        raise PredictFailed(f"Run {run_id} has left no threshold for its model. Start the state machine anew.")
    return threshold


def _read(clients: Clients, bucket: str, key: str) -> Mapping[str, Any]:
    try:
        document = json.loads(clients.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if is_missing(error):
            raise PredictFailed(
                f"s3://{bucket}/{key} is not there, so what the model takes is not known. Start the state machine anew."
            ) from error
        raise
    except ValueError as error:
        raise PredictFailed(f"s3://{bucket}/{key} is no JSON. Start the state machine anew.") from error
    return document if isinstance(document, dict) else {}


def _output(clients: Clients, project: str, name: str) -> str:
    """Of the deployed stack."""
    try:
        (stack,) = clients.cloudformation.describe_stacks(StackName=project)["Stacks"]
    except ClientError as error:
        if is_missing(error):
            raise PredictFailed(
                f"There is no stack {project} in {clients.region}. Deploy it with `cdk deploy`, or give the project "
                "and the region of the one that is deployed."
            ) from error
        raise
    outputs = {output["OutputKey"]: str(output["OutputValue"]) for output in stack.get("Outputs", [])}
    if name not in outputs:
        raise PredictFailed(f"The stack {project} has no output {name}; it is an older one. Run `cdk deploy`.")
    return outputs[name]
