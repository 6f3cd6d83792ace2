"""Domains: CreateDomain, DescribeDomain, ListDomains, UpdateDomain, DeleteDomain (aws-facts, section 5)."""

import secrets
import string
from typing import Any

from localcloud.sagemaker.errors import ResourceInUse, ValidationError
from localcloud.sagemaker.listing import page
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call, Request, Response, everything, named, tags_of
from localcloud.sagemaker.studio.home import check_subnets_of_home, give_home, leave_home
from localcloud.sagemaker.studio.lifecycle import (
    DELETING,
    STARTING,
    begin,
    create,
    find,
    find_at_rest,
    picked,
    refuse_deletion,
    studio_operation,
)
from localcloud.sagemaker.studio.settings import check_settings

_DEFAULTS = {
    "AppNetworkAccessType": "PublicInternetOnly",
    "HomeEfsFileSystemCreation": "Enabled",
    "TagPropagation": "DISABLED",
}
_REPLACED = ("AppSecurityGroupManagement", "SubnetIds", "AppNetworkAccessType", "TagPropagation")
_SETTINGS = ("DefaultUserSettings", "DefaultSpaceSettings")
_MERGED = {
    "DefaultUserSettings": "DefaultUserSettings",
    "DefaultSpaceSettings": "DefaultSpaceSettings",
    "DomainSettingsForUpdate": "DomainSettings",
}


def _any_domain(call: Call, request: Request) -> str:
    """What CreateDomain's permission is asked for: the id isn't chosen yet."""
    return call.arn("domain", "*")


@studio_operation("CreateDomain", arn=_any_domain)
def create_domain(call: Call, request: Request) -> Response:
    """Raises ValidationError, and ResourceInUse when the name is taken."""
    _check_new(call, request)
    domain_id = "d-" + "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(12))
    arn = call.arn("domain", domain_id)
    now = call.platform.now()
    description: dict[str, Any] = {
        **_DEFAULTS,
        **{member: value for member, value in request.items() if member != "Tags"},
        "DomainId": domain_id,
        "DomainArn": arn,
        "Url": f"https://{domain_id}.studio.{call.caller.region}.sagemaker.aws",
        "CreationTime": now,
        "LastModifiedTime": now,
    }
    domain = Resource("domain", domain_id, arn, description, tags_of(request))
    give_home(call, description)
    create(call, domain)
    return picked(description, "DomainArn", "DomainId", "Url")


def _check_new(call: Call, request: Request) -> None:
    if request["AuthMode"] == "SSO":
        raise ValidationError("AuthMode SSO: the local cloud has no IAM Identity Center; allowed is IAM.")
    if not request.get("VpcId") or not request.get("SubnetIds"):
        raise ValidationError("VpcId and SubnetIds are required outside Unified Studio (aws-facts 5.1).")
    if not request["DefaultUserSettings"].get("ExecutionRole"):
        raise ValidationError("DefaultUserSettings must have an ExecutionRole (aws-facts 5.1).")
    if any(domain.description["DomainName"] == request["DomainName"] for domain in call.resources.all("domain")):
        raise ResourceInUse(f"A domain named {request['DomainName']} exists already; choose another DomainName.")
    for member in _SETTINGS:
        check_settings(call, request.get(member, {}))


@studio_operation("DescribeDomain", arn=named("domain", "DomainId"))
def describe_domain(call: Call, request: Request) -> Response:
    return dict(find(call, "domain", request["DomainId"]).description)


@studio_operation("ListDomains", arn=everything)
def list_domains(call: Call, request: Request) -> Response:
    members = ("DomainArn", "DomainId", "DomainName", "Status", "CreationTime", "LastModifiedTime", "Url")
    return page(call.resources.all("domain"), request, "Domains", lambda domain: picked(domain.description, *members))


@studio_operation("UpdateDomain", arn=named("domain", "DomainId"))
def update_domain(call: Call, request: Request) -> Response:
    """Settings given replace the ones of the same name, one level deep; the others stay."""
    domain = find_at_rest(call, "domain", request["DomainId"])
    _check_update(call, domain, request)
    updated = {**domain.description, **picked(request, *_REPLACED, "HomeEfsFileSystemCreation")}
    for given, kept in _MERGED.items():
        if given in request:
            updated[kept] = {**updated.get(kept, {}), **request[given]}
    for member in _SETTINGS:
        check_settings(call, updated.get(member, {}))
    give_home(call, updated)
    domain.description.update(updated)
    begin(call, domain, "Updating", then="InService", after=STARTING)
    return {"DomainArn": domain.arn}


def _check_update(call: Call, domain: Resource, request: Request) -> None:
    current = domain.description
    if "VpcId" in request:
        raise ValidationError("VpcId can only be added to a Unified Studio domain that has none.")
    if request.get("HomeEfsFileSystemCreation") == "Disabled" and current["HomeEfsFileSystemCreation"] == "Enabled":
        raise ValidationError("HomeEfsFileSystemCreation cannot be changed from Enabled to Disabled (UpdateDomain).")
    check_subnets_of_home(domain, request)
    access = request.get("AppNetworkAccessType", current["AppNetworkAccessType"])
    if access != current["AppNetworkAccessType"] and _has_running_apps(call, domain):
        raise ValidationError(
            f"Unable to update Domain [{domain.arn}] with InService App. Delete all InService apps in the domain "
            "including shared Apps for [domain-shared] User Profile, and try again."
        )


def _has_running_apps(call: Call, domain: Resource) -> bool:
    return any(
        app.description["DomainId"] == domain.name and app.description["Status"] in ("InService", "Pending", "Deleting")
        for app in call.resources.all("app")
    )


@studio_operation("DeleteDomain", arn=named("domain", "DomainId"))
def delete_domain(call: Call, request: Request) -> Response:
    """Raises ResourceInUse while the domain has user profiles or spaces (aws-facts 5.7).

    Its home file system stays unless the retention policy says Delete; the security groups stay (aws-facts 5.8, 5.9).
    """
    domain = find_at_rest(call, "domain", request["DomainId"])
    for kind in ("user-profile", "space"):
        if any(member.description["DomainId"] == domain.name for member in call.resources.all(kind)):
            raise refuse_deletion(domain, kind)
    leave_home(call, domain, request)
    begin(call, domain, "Deleting", then=None, after=DELETING)
    return {}
