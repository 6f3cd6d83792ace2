"""The names that Step Functions gives to what services answer."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.failing_tasks import meet
from localcloud.faults import Fault, FaultKind
from localcloud.ministack_adapter import TaskError
from localcloud.task_errors import task_error


def error(code: str) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(answer, "Operation")


def name(failure: BaseException) -> str:
    assert isinstance(failure, TaskError)
    return str(failure.error)


@pytest.mark.parametrize(
    ("service", "code", "sdk", "expected"),
    [
        ("sagemaker", "ResourceLimitExceeded", False, "SageMaker.ResourceLimitExceededException"),
        ("sagemaker", "ConflictException", True, "SageMaker.ConflictException"),
        ("sagemaker", "ValidationException", False, "SageMaker.AmazonSageMakerException"),
        ("sagemaker", "ValidationException", True, "SageMaker.SageMakerException"),
        ("lambda", "TooManyRequestsException", False, "Lambda.TooManyRequestsException"),
        ("ssm", "ParameterNotFound", True, "Ssm.ParameterNotFoundException"),
        ("ssm", "AccessDeniedException", True, "Ssm.AccessDeniedException"),
        ("ssm", "UnrecognizedClientException", True, "Ssm.SsmException"),
        ("sfn", "ExecutionDoesNotExist", True, "Sfn.ExecutionDoesNotExistException"),
    ],
)
def test_an_error_that_the_service_s_model_names_keeps_its_name(
    service: str, code: str, sdk: bool, expected: str
) -> None:
    assert name(task_error(service, error(code), sdk=sdk)) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.API_ERROR, "Ssm.InternalServerErrorException"),
        (FaultKind.THROTTLING, "Ssm.ThrottlingException"),
        (FaultKind.ANSWER_LOST, "Ssm.InternalServerErrorException"),
    ],
)
def test_a_parameter_s_task_can_be_made_to_fail(kind: FaultKind, expected: str) -> None:
    with pytest.raises(TaskError) as failure:
        meet(Fault("run", "Announce", kind, 1), "ssm", dict, sdk=True)

    assert name(failure.value) == expected
