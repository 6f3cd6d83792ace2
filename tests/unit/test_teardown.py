"""What the project has made is found by its tag, and ended and removed; whatever belongs to others stays."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError

from lambdas.teardown import run
from lambdas.teardown.resources import MODEL, TRAINING_JOB, Found, Kind, delete, of_project, stop
from tests.unit.small_account import (
    KINDS,
    SESSION,
    Parameters,
    Refused,
    Resource,
    Resources,
    SageMaker,
    client,
    in_this_thread,
)

OURS = {"project": "fraud", "run-id": "1"}
EVERYTHING = ["fraud-1", "fraud-2", "fraud-3", "fraud-4", "fraud-5"]


def models(*names: str, tags: dict[str, str]) -> Resources:
    return {("Model", name): Resource(dict(tags)) for name in names}


def sagemaker_with(held: Resources | None = None, **refusals: Refused) -> Any:
    return client("sagemaker", SageMaker(held or {}, refusals=refusals).answer)


def names(found: Iterable[Found]) -> list[str]:
    return [each.name for each in found]


# --- which are the project's ------------------------------------------------------------------------------------


def test_resources_of_the_project_are_found_on_every_page() -> None:
    sagemaker = sagemaker_with(models(*EVERYTHING, tags=OURS))

    assert names(of_project(sagemaker, MODEL, "fraud")) == EVERYTHING


@pytest.mark.parametrize(
    "tags", [{}, {"project": "other"}, {"project": "Fraud"}, {"Project": "fraud"}, {"run-id": "fraud"}]
)
def test_what_does_not_bear_the_projects_tag_is_not_the_projects(tags: dict[str, str]) -> None:
    sagemaker = sagemaker_with(models("fraud-1", tags=tags))

    assert names(of_project(sagemaker, MODEL, "fraud")) == []


def test_what_is_found_comes_with_all_of_its_tags() -> None:
    tags = OURS | {f"tag-{number}": str(number) for number in range(5)}

    (found,) = of_project(sagemaker_with(models("fraud-1", tags=tags)), MODEL, "fraud")

    assert found.tags == tags


def test_filters_go_to_the_list() -> None:
    running, ended = Resource(OURS, "InProgress"), Resource(OURS, "Completed")
    sagemaker = sagemaker_with({("TrainingJob", "fraud-1-0"): running, ("TrainingJob", "fraud-2-0"): ended})

    assert names(of_project(sagemaker, TRAINING_JOB, "fraud", StatusEquals="InProgress")) == ["fraud-1-0"]


def test_what_goes_while_it_is_looked_at_is_passed_over() -> None:
    gone = Refused("ValidationException", "Could not find model")
    sagemaker = sagemaker_with(models("fraud-1", tags=OURS), ListTags=gone)

    assert names(of_project(sagemaker, MODEL, "fraud")) == []


def test_tags_that_may_not_be_read_are_an_error() -> None:
    denied = Refused("AccessDeniedException", "is not authorized to perform: sagemaker:ListTags")
    sagemaker = sagemaker_with(models("fraud-1", tags=OURS), ListTags=denied)

    with pytest.raises(ClientError, match="AccessDenied"):
        list(of_project(sagemaker, MODEL, "fraud"))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_kind_is_spelled_as_awss_model_has_it(kind: Kind) -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    sagemaker = SESSION.client("sagemaker")
    operations = sagemaker.meta.method_to_api_mapping

    listed = model.operation_model(operations[kind.paginator]).output_shape.members[kind.member].member

    assert sagemaker.can_paginate(kind.paginator)
    assert {kind.name_member, kind.arn_member} <= listed.members.keys()
    for action in filter(None, (kind.delete, kind.stop)):
        assert model.operation_model(operations[action]).input_shape.required_members == [kind.name_member]


# --- deleting and stopping --------------------------------------------------------------------------------------


def test_deleting_tells_whether_there_was_anything() -> None:
    sagemaker = sagemaker_with(models("fraud-1", tags=OURS))

    assert delete(sagemaker, MODEL, "fraud-1")
    assert not delete(sagemaker, MODEL, "fraud-1")


@pytest.mark.parametrize(
    "refused",
    [
        Refused("AccessDeniedException", "is not authorized to perform: sagemaker:DeleteModel"),
        Refused("ValidationException", "Cannot delete a model that is in use"),
    ],
)
def test_a_deletion_that_is_refused_is_an_error(refused: Refused) -> None:
    sagemaker = sagemaker_with(models("fraud-1", tags=OURS), DeleteModel=refused)

    with pytest.raises(ClientError, match=refused.args[1]):
        delete(sagemaker, MODEL, "fraud-1")


@pytest.mark.parametrize(
    "refused",
    [
        Refused("ResourceNotFound", "Requested resource not found."),
        Refused("ValidationException", "The request was rejected because the training job is in status Completed."),
    ],
)
def test_a_job_that_has_ended_or_gone_needs_no_stop(refused: Refused) -> None:
    assert not stop(sagemaker_with(StopTrainingJob=refused), TRAINING_JOB, "fraud-1-0")


def test_stopping_tells_whether_there_was_anything() -> None:
    sagemaker = sagemaker_with({("TrainingJob", "fraud-1-0"): Resource(OURS, "InProgress")})

    assert stop(sagemaker, TRAINING_JOB, "fraud-1-0")
    assert not stop(sagemaker, TRAINING_JOB, "fraud-2-0")


def test_a_stop_that_is_not_allowed_is_an_error() -> None:
    denied = Refused("AccessDeniedException", "is not authorized to perform: sagemaker:StopTrainingJob")

    with pytest.raises(ClientError, match="AccessDenied"):
        stop(sagemaker_with(StopTrainingJob=denied), TRAINING_JOB, "fraud-1-0")


# --- a run that failed ------------------------------------------------------------------------------------------


@pytest.fixture
def sagemaker() -> SageMaker:
    kinds = ("Endpoint", "EndpointConfig", "Model")
    return SageMaker({(noun, name): Resource(dict(OURS)) for noun in kinds for name in EVERYTHING})


@pytest.fixture
def ssm() -> Parameters:
    return Parameters({"/fraud/endpoint-name": "fraud-5"})


@pytest.fixture
def remove(sagemaker: SageMaker, ssm: Parameters, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    answers = {"sagemaker": sagemaker.answer, "ssm": ssm.answer}
    monkeypatch.setattr(boto3, "client", lambda service, config: client(service, answers[service], config))
    monkeypatch.setenv("ENDPOINT_PARAMETER", "/fraud/endpoint-name")
    monkeypatch.setattr(time, "sleep", in_this_thread(sagemaker.pass_time))
    return lambda name: list(run.handler({"name": name}, None)["removed"])


def test_what_a_failed_run_made_is_removed_in_order(remove: Callable[[str], list[str]], sagemaker: SageMaker) -> None:
    assert remove("fraud-3") == ["Endpoint fraud-3", "EndpointConfig fraud-3", "Model fraud-3"]

    assert ("Model", "fraud-3") not in sagemaker.resources
    assert ("Model", "fraud-2") in sagemaker.resources


def test_only_the_running_jobs_of_the_failed_run_are_stopped(
    remove: Callable[[str], list[str]], sagemaker: SageMaker
) -> None:
    jobs = {("TrainingJob", f"fraud-6-{number}"): Resource(OURS, "InProgress") for number in range(3)}
    jobs["TrainingJob", "fraud-6-ended"] = Resource(OURS, "Failed")
    jobs["HyperParameterTuningJob", "fraud-6-0"] = Resource(OURS, "InProgress")
    jobs["TrainingJob", "fraud-5-0"] = Resource(OURS, "InProgress")
    sagemaker.resources |= jobs

    remove("fraud-6")

    assert [done for done in sagemaker.done if done[0].startswith("Stop")] == [
        ("StopHyperParameterTuningJob", "fraud-6-0"),
        *[("StopTrainingJob", f"fraud-6-{number}") for number in range(3)],
    ]
    assert sagemaker.resources["TrainingJob", "fraud-5-0"].status == "InProgress"


def test_a_run_that_made_nothing_leaves_nothing_to_remove(remove: Callable[[str], list[str]]) -> None:
    assert remove("fraud-none") == []


def test_a_removal_that_is_not_allowed_is_an_error(remove: Callable[[str], list[str]], sagemaker: SageMaker) -> None:
    denied = Refused("AccessDeniedException", "is not authorized to perform: sagemaker:DeleteEndpoint")
    sagemaker.refusals["DeleteEndpoint"] = denied

    with pytest.raises(ClientError, match="AccessDenied"):
        remove("fraud-1")


def test_clients_are_sent_no_more_to_the_endpoint_of_a_run_that_failed_after_it_was_announced(
    remove: Callable[[str], list[str]], ssm: Parameters
) -> None:
    remove("fraud-5")

    assert ssm.values == {"/fraud/endpoint-name": "none"}


def test_a_run_that_failed_leaves_the_endpoint_of_another_announced(
    remove: Callable[[str], list[str]], ssm: Parameters
) -> None:
    remove("fraud-3")

    assert ssm.values == {"/fraud/endpoint-name": "fraud-5"}
