"""The home file system of a domain: when it is made, and when it goes (aws-facts 5.3, 5.8, 5.9).

SageMaker makes and deletes it itself, so its callers need no permission of EFS or EC2.
"""

from typing import Any

from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call, Request


def give_home(call: Call, description: dict[str, Any]) -> None:
    """Make the home file system of a domain that is to have one and has none yet. Raises ValidationError."""
    if description["HomeEfsFileSystemCreation"] == "Enabled" and "HomeEfsFileSystemId" not in description:
        description["HomeEfsFileSystemId"] = call.platform.create_home(
            description["DomainArn"], description["VpcId"], description["SubnetIds"]
        )


def check_subnets_of_home(domain: Resource, request: Request) -> None:
    """Raise ValidationError where an update changes the subnets that the home's mount targets are in."""
    subnets = domain.description["SubnetIds"]
    if "HomeEfsFileSystemId" in domain.description and set(request.get("SubnetIds", subnets)) != set(subnets):
        raise ValidationError(
            "The local cloud does not know yet what becomes of a home file system's mount targets "
            f"when SubnetIds change; allowed are {', '.join(subnets)}."
        )


def leave_home(call: Call, domain: Resource, request: Request) -> None:
    """Delete the home file system of a domain that goes, if the request says so; AWS's default is to retain it."""
    retention = request.get("RetentionPolicy", {}).get("HomeEfsFileSystem", "Retain")
    file_system_id = domain.description.get("HomeEfsFileSystemId")
    if retention == "Delete" and file_system_id is not None:
        call.platform.delete_home(domain.arn, file_system_id)
