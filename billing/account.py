"""What AWS answers about the project's resources that can bill, found by their tag."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's name
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
)
from botocore.parsers import ResponseParserError

from lambdas.teardown.resources import is_missing
from lambdas.teardown.rules import PROJECT_TAG

# One call for the tags of each resource, in an account that may hold many: throttling is to be expected.
_PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 6}, connect_timeout=5)

_UNDER_WAY = ("InProgress", "Stopping")
_ENDED_APP = ("Deleted", "Failed")

Document = Mapping[str, Any]


class CannotTell(Exception):
    """What bills cannot be found out; the message says why, and what to do."""


@dataclass(frozen=True)
class Endpoint:
    described: Document
    config: Document
    """Empty if it is gone."""
    tags: Mapping[str, str]


@dataclass(frozen=True)
class App:
    listed: Document
    space: Document
    profile: Document
    """The space that it is in, and its user's profile, as they are described; empty if there is none."""


@dataclass(frozen=True)
class Domain:
    described: Document
    apps: tuple[App, ...]
    spaces: tuple[Document, ...]
    """As the list has them."""


@dataclass(frozen=True)
class Found:
    """The project's resources, as SageMaker describes them; some may have ended since they were listed."""

    endpoints: tuple[Endpoint, ...] = ()
    training_jobs: tuple[Document, ...] = ()
    processing_jobs: tuple[Document, ...] = ()
    transform_jobs: tuple[Document, ...] = ()
    domains: tuple[Domain, ...] = ()


@dataclass(frozen=True)
class Account:
    """An account in a region, through the credentials at hand. All that it does may raise CannotTell."""

    number: str
    region: str
    sagemaker: Any

    @classmethod
    def connect(cls) -> "Account":
        with _explained():
            sagemaker = boto3.client("sagemaker", config=_PATIENT)
            number = boto3.client("sts", config=_PATIENT).get_caller_identity()["Account"]
        return cls(number, sagemaker.meta.region_name, sagemaker)

    def read(self, project: str) -> Found:
        reader = _Reader(self.sagemaker, project)
        with _explained():
            return Found(
                endpoints=tuple(reader.endpoints()),
                training_jobs=tuple(reader.jobs("Training")),
                processing_jobs=tuple(reader.jobs("Processing")),
                transform_jobs=tuple(reader.jobs("Transform")),
                domains=tuple(reader.domains()),
            )


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except NoRegionError as error:
        raise CannotTell(
            "No AWS region is set. Set AWS_DEFAULT_REGION, such as AWS_DEFAULT_REGION=us-east-1, "
            "or AWS_PROFILE to a profile that has one."
        ) from error
    except NoCredentialsError as error:
        raise CannotTell(
            "There are no AWS credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "or AWS_PROFILE to a profile that has them."
        ) from error
    except ClientError as error:
        answer = error.response["Error"]
        raise CannotTell(
            f"AWS refused {error.operation_name}: {answer['Code']}: {_sentence(answer['Message'])} "
            "Use credentials that are valid and may list and describe SageMaker's resources."
        ) from error
    except (ConnectionError, HTTPClientError, ResponseParserError, OSError) as error:
        raise CannotTell(
            f"AWS could not be reached: {_sentence(error)} "
            "Check the network, and AWS_ENDPOINT_URL and AWS_CA_BUNDLE if they are set."
        ) from error
    except (BotoCoreError, ValueError) as error:  # a profile or an address that is none, a login that is over
        raise CannotTell(f"AWS could not be asked: {_sentence(error)}") from error


def _sentence(text: object) -> str:
    return f"{str(text).rstrip('. ')}."


@dataclass(frozen=True)
class _Reader:
    """Passes over what vanishes while it is looked at."""

    sagemaker: Any
    project: str

    def endpoints(self) -> Iterator[Endpoint]:
        for summary in self._list("list_endpoints", "Endpoints"):
            tags = self._tags(summary["EndpointArn"])
            if tags.get(PROJECT_TAG) == self.project:
                described = _if_there(self.sagemaker.describe_endpoint, EndpointName=summary["EndpointName"])
                if described:
                    name = described["EndpointConfigName"]
                    config = _if_there(self.sagemaker.describe_endpoint_config, EndpointConfigName=name)
                    yield Endpoint(described, config, tags)

    def jobs(self, noun: str) -> Iterator[Document]:
        """The jobs under way. One that begins to stop meanwhile is in both lists."""
        arns = {
            summary[f"{noun}JobName"]: summary[f"{noun}JobArn"]
            for status in _UNDER_WAY
            for summary in self._list(f"list_{noun.lower()}_jobs", f"{noun}JobSummaries", StatusEquals=status)
        }
        describe = getattr(self.sagemaker, f"describe_{noun.lower()}_job")
        for name, arn in arns.items():
            if self._is_ours(arn):
                described = _if_there(describe, **{f"{noun}JobName": name})
                if described:
                    yield described

    def domains(self) -> Iterator[Domain]:
        for summary in self._list("list_domains", "Domains"):
            if self._is_ours(summary["DomainArn"]):
                domain_id = summary["DomainId"]
                described = _if_there(self.sagemaker.describe_domain, DomainId=domain_id)
                spaces = self._list("list_spaces", "Spaces", DomainIdEquals=domain_id)
                yield Domain(described, tuple(self._apps(domain_id)), tuple(spaces))

    def _apps(self, domain_id: str) -> Iterator[App]:
        for app in self._list("list_apps", "Apps", DomainIdEquals=domain_id):
            if app["Status"] not in _ENDED_APP:
                space = self._of_domain("space", "SpaceName", domain_id, app.get("SpaceName"))
                user = app.get("UserProfileName") or space.get("OwnershipSettings", {}).get("OwnerUserProfileName")
                yield App(app, space, self._of_domain("user_profile", "UserProfileName", domain_id, user))

    def _of_domain(self, noun: str, member: str, domain_id: str, name: str | None) -> Document:
        describe = getattr(self.sagemaker, f"describe_{noun}")
        return _if_there(describe, DomainId=domain_id, **{member: name}) if name else {}

    def _list(self, operation: str, member: str, **filters: str) -> Iterator[Document]:
        try:
            for page in self.sagemaker.get_paginator(operation).paginate(**filters):
                yield from page[member]
        except ClientError as error:
            if not is_missing(error):
                raise

    def _is_ours(self, arn: str) -> bool:
        return self._tags(arn).get(PROJECT_TAG) == self.project

    def _tags(self, arn: str) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self._list("list_tags", "Tags", ResourceArn=arn)}


def _if_there(describe: Callable[..., Document], **named: str) -> Document:
    """The description, or an empty one of what is gone."""
    try:
        return describe(**named)
    except ClientError as error:
        if is_missing(error):
            return {}
        raise
