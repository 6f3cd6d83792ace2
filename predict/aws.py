"""AWS, through the credentials at hand, and what its refusals mean to the user."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from boto3.exceptions import Boto3Error
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

from predict.errors import PredictFailed

_USUAL = Config(retries={"mode": "standard", "total_max_attempts": 6}, connect_timeout=5)
_PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 8}, connect_timeout=5, read_timeout=70)
"""A model may take 60 seconds to answer, and a serverless endpoint throttles what exceeds its concurrency."""

AWS_ERRORS = (BotoCoreError, ClientError, Boto3Error)
_NOT_THERE = ("NoSuchKey", "ParameterNotFound", "ResourceNotFound")


@dataclass(frozen=True)
class Clients:
    """The services that are asked; `region` is theirs."""

    ssm: Any
    cloudformation: Any
    s3: Any
    sagemaker: Any
    runtime: Any

    @property
    def region(self) -> str:
        return str(self.sagemaker.meta.region_name)

    @classmethod
    def connect(cls) -> "Clients":
        """Raises PredictFailed."""
        with explained():
            return cls(
                ssm=boto3.client("ssm", config=_USUAL),
                cloudformation=boto3.client("cloudformation", config=_USUAL),
                s3=boto3.client("s3", config=_USUAL),
                sagemaker=boto3.client("sagemaker", config=_USUAL),
                runtime=boto3.client("sagemaker-runtime", config=_PATIENT),
            )


def is_missing(error: ClientError) -> bool:
    """Whether what was asked for is not there; SageMaker and CloudFormation say so in a message only."""
    code, message = code_and_message(error)
    return code in _NOT_THERE or (
        code in ("ValidationException", "ValidationError")
        and any(words in message.lower() for words in ("could not find", "does not exist", "not found"))
    )


def code_and_message(error: ClientError) -> tuple[str, str]:
    """What AWS refused a call with; an answer that is not AWS's may have neither."""
    answer = error.response.get("Error", {})
    return answer.get("Code", "Unknown"), answer.get("Message", "")


@contextmanager
def explained() -> Iterator[None]:
    """Turns what AWS, or the way to it, refuses into PredictFailed."""
    try:
        yield
    except NoRegionError as error:
        raise PredictFailed(
            "No AWS region is set. Set AWS_DEFAULT_REGION, such as AWS_DEFAULT_REGION=us-east-1, "
            "or AWS_PROFILE to a profile that has one."
        ) from error
    except NoCredentialsError as error:
        raise PredictFailed(
            "There are no AWS credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "or AWS_PROFILE to a profile that has them. After `make demo KEEP=1` set the variables that it printed."
        ) from error
    except ClientError as error:
        code, message = code_and_message(error)
        raise PredictFailed(f"AWS refused {error.operation_name}: {code}: {sentence(message)}") from error
    except (ConnectionError, HTTPClientError, ResponseParserError) as error:
        raise PredictFailed(
            f"AWS could not be reached: {sentence(error)} "
            "Check the network, and AWS_ENDPOINT_URL and AWS_CA_BUNDLE if they are set."
        ) from error
    except (BotoCoreError, Boto3Error) as error:  # a profile that is none, a login that is over, an upload that broke
        raise PredictFailed(f"AWS could not be asked: {sentence(error)}") from error


def sentence(text: object) -> str:
    return f"{str(text).rstrip('. ')}."
