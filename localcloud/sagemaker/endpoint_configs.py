"""CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig."""

from typing import Any

from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.hosting_rules import find, refuse_others, refuse_taken
from localcloud.sagemaker.listing import page
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call, Request, Response, everything, named, operation, tags_of

_KNOWN = ("EndpointConfigName", "ProductionVariants", "Tags")
_KNOWN_OF_VARIANT = (
    "VariantName",
    "ModelName",
    "InitialInstanceCount",
    "InstanceType",
    "InitialVariantWeight",
    "ServerlessConfig",
)
_MEMORY_STEP_MB = 1024
_USING_IT = ("Creating", "Updating", "InService")

Variant = dict[str, Any]


@operation("CreateEndpointConfig", arn=named("endpoint-config", "EndpointConfigName"))
def create_endpoint_config(call: Call, request: Request) -> Response:
    """One production variant, serverless or on instances. Raises ValidationError."""
    refuse_others(request, _KNOWN, "CreateEndpointConfig")
    name = request["EndpointConfigName"]
    variants = request["ProductionVariants"]
    if len(variants) != 1:
        raise ValidationError(f"The local cloud serves one production variant per endpoint; given are {len(variants)}.")
    variant = {"InitialVariantWeight": 1.0, **variants[0]}
    _check_variant(variant)
    arn = call.arn("endpoint-config", name)
    description = {
        "EndpointConfigName": name,
        "EndpointConfigArn": arn,
        "ProductionVariants": [variant],
        "CreationTime": call.platform.now(),
    }
    with call.resources.lock:
        refuse_taken(call, "endpoint-config", name)
        find(call, "model", variant["ModelName"])
        call.resources.add(Resource("endpoint-config", name, arn, description, tags_of(request)))
    return {"EndpointConfigArn": arn}


def _check_variant(variant: Variant) -> None:
    refuse_others(variant, _KNOWN_OF_VARIANT, "a production variant")
    if "ModelName" not in variant:
        raise ValidationError("A production variant needs a ModelName; inference components are not known here.")
    if "ServerlessConfig" in variant:
        _check_serverless(variant)
    elif "InstanceType" not in variant or "InitialInstanceCount" not in variant:
        raise ValidationError("A production variant needs InstanceType and InitialInstanceCount, or ServerlessConfig.")


def _check_serverless(variant: Variant) -> None:
    """aws-facts 6.6; the ranges are in the service model already."""
    if "InstanceType" in variant or "InitialInstanceCount" in variant:
        raise ValidationError("A variant with ServerlessConfig can have neither InstanceType nor InitialInstanceCount.")
    config = variant["ServerlessConfig"]
    if config["MemorySizeInMB"] % _MEMORY_STEP_MB:
        raise ValidationError(
            f"MemorySizeInMB {config['MemorySizeInMB']} is not allowed; allowed are 1024, 2048, 3072, 4096, 5120, 6144."
        )
    if config.get("ProvisionedConcurrency", 0) > config["MaxConcurrency"]:
        raise ValidationError(
            f"ProvisionedConcurrency {config['ProvisionedConcurrency']} must not exceed "
            f"MaxConcurrency {config['MaxConcurrency']}."
        )


@operation("DescribeEndpointConfig", arn=named("endpoint-config", "EndpointConfigName"))
def describe_endpoint_config(call: Call, request: Request) -> Response:
    return dict(find(call, "endpoint-config", request["EndpointConfigName"]).description)


@operation("ListEndpointConfigs", arn=everything)
def list_endpoint_configs(call: Call, request: Request) -> Response:
    return page(call.resources.all("endpoint-config"), request, "EndpointConfigs", _summary)


def _summary(config: Resource) -> dict[str, Any]:
    members = ("EndpointConfigName", "EndpointConfigArn", "CreationTime")
    return {member: config.description[member] for member in members}


@operation("DeleteEndpointConfig", arn=named("endpoint-config", "EndpointConfigName"))
def delete_endpoint_config(call: Call, request: Request) -> Response:
    """Raises ValidationError while a live endpoint uses it.

    AWS says that one must not do that (aws-facts 1.14), yet lets it happen, and the endpoint can then no longer be
    updated. Here it is refused, so that a wrong order shows; an endpoint that is Deleting or Failed doesn't count.
    """
    with call.resources.lock:
        config = find(call, "endpoint-config", request["EndpointConfigName"])
        for endpoint in call.resources.all("endpoint"):
            uses = endpoint.description["EndpointConfigName"] == config.name
            if uses and endpoint.description["EndpointStatus"] in _USING_IT:
                raise ValidationError(
                    f'Endpoint configuration "{config.arn}" is in use by endpoint "{endpoint.arn}", which is '
                    f"{endpoint.description['EndpointStatus']}; delete the endpoint first."
                )
        call.resources.remove(config)
    return {}
