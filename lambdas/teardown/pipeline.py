"""The purge's steps through what runs and people have made: executions, jobs, endpoints, models, packages."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from lambdas.teardown.obstacles import Obstacle, Step, attempt, in_turn
from lambdas.teardown.resources import (
    ENDPOINT,
    ENDPOINT_CONFIG,
    JOBS,
    MODEL,
    MODEL_PACKAGE,
    MODEL_PACKAGE_GROUP,
    Found,
    Kind,
    is_missing,
    of_project,
)


def purge_pipeline(sagemaker: Any, step_functions: Any, state_machine_arn: str, project: str) -> Step:
    """Executions first, since they make more; what uses something goes before what it uses."""
    deletable_jobs = [kind for kind in JOBS if kind.delete]
    return in_turn(
        partial(_stop_executions, step_functions, state_machine_arn),
        *(partial(_stop_jobs, sagemaker, kind, project) for kind in JOBS),
        *(partial(_delete, sagemaker, kind, project) for kind in (ENDPOINT, ENDPOINT_CONFIG, MODEL, *deletable_jobs)),
        partial(_delete_packages, sagemaker, project),
        partial(_delete, sagemaker, MODEL_PACKAGE_GROUP, project),
    )


def _stop_executions(step_functions: Any, state_machine_arn: str) -> list[Obstacle]:
    listed = step_functions.get_paginator("list_executions")
    try:
        pages = list(listed.paginate(stateMachineArn=state_machine_arn, statusFilter="RUNNING"))
    except step_functions.exceptions.StateMachineDoesNotExist:
        return []
    running = [execution for page in pages for execution in page["executions"]]
    stops = {
        execution["name"]: partial(step_functions.stop_execution, executionArn=execution["executionArn"])
        for execution in running
    }
    return [
        obstacle
        for name, stop in stops.items()
        for obstacle in attempt("stopping", f"execution {name}", stop, _no_execution)
    ]


def _no_execution(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "ExecutionDoesNotExist")


def _stop_jobs(sagemaker: Any, kind: Kind, project: str) -> list[Obstacle]:
    """Jobs that are over stay listed, and are no obstacle."""
    stopping = of_project(sagemaker, kind, project, StatusEquals="Stopping")
    running = of_project(sagemaker, kind, project, StatusEquals="InProgress")
    return [Obstacle(f"{kind.noun} {job.name}", "stopping") for job in stopping] + [
        obstacle for job in running for obstacle in _ask(sagemaker, kind, job, "stopping", kind.stop)
    ]


def _delete(sagemaker: Any, kind: Kind, project: str) -> list[Obstacle]:
    obstacles = []
    for found in of_project(sagemaker, kind, project):
        status = _change_under_way(kind, found)
        if status:
            obstacles.append(Obstacle(f"{kind.noun} {found.name}", status))
        else:
            obstacles += _ask(sagemaker, kind, found, "deleting", kind.delete)
    return obstacles


def _change_under_way(kind: Kind, found: Found) -> str:
    """The status of what can't be deleted just now; else nothing."""
    status = str(found.summary.get(f"{kind.noun}Status", ""))
    return status if status.endswith("ing") or status == "RollingBack" else ""


def _ask(sagemaker: Any, kind: Kind, found: Found, doing: str, action: str) -> list[Obstacle]:
    act: Callable[[], object] = partial(getattr(sagemaker, action), **{kind.name_member: found.name})
    return attempt(doing, f"{kind.noun} {found.name}", act, is_missing)


def _delete_packages(sagemaker: Any, project: str) -> list[Obstacle]:
    """Those in a group have no tags of their own, and go with the project's groups (the API's CreateModelPackage)."""
    return [
        obstacle
        for arn in _packages(sagemaker, project)
        for obstacle in attempt(
            "deleting", f"ModelPackage {arn}", partial(sagemaker.delete_model_package, ModelPackageName=arn), is_missing
        )
    ]


def _packages(sagemaker: Any, project: str) -> Iterator[str]:
    listed = sagemaker.get_paginator("list_model_packages")
    for group in of_project(sagemaker, MODEL_PACKAGE_GROUP, project):
        for page in list(listed.paginate(ModelPackageGroupName=group.name)):
            yield from (package["ModelPackageArn"] for package in page["ModelPackageSummaryList"])
    for package in of_project(sagemaker, MODEL_PACKAGE, project, ModelPackageType="Unversioned"):
        yield package.summary["ModelPackageArn"]
