"""The report of a run: what its files and AWS's own records say, on one page."""

import json
from collections.abc import Iterable
from typing import Any, Protocol

from lambdas.report.costs import Costs
from lambdas.report.errors import UnreadableFile
from lambdas.report.findings import Findings
from lambdas.report.jobs import TrainingJob, Tuning
from lambdas.report.page import page
from lambdas.report.request import Request
from lambdas.report.steps import Event, Timeline


class Store(Protocol):
    def read(self, bucket: str, key: str) -> str:
        """Raises UnreadableFile."""
        ...

    def write(self, bucket: str, key: str, content: str, content_type: str) -> None: ...

    def link(self, bucket: str, key: str) -> str:
        """An address at which anyone can read the object for a while."""
        ...


class Jobs(Protocol):
    def training_job(self, name: str) -> TrainingJob: ...

    def tuning(self, name: str) -> Tuning: ...


class Executions(Protocol):
    def history(self, execution_arn: str) -> Iterable[Event]:
        """The execution's events so far, first to last, as Step Functions' GetExecutionHistory has them."""
        ...


def write_report(request: Request, store: Store, jobs: Jobs, executions: Executions) -> dict[str, str]:
    """Leave `tuning_history.json` and `report.html` under the prefix; return where the report lies.

    Reads `evaluation.json`, `choice.json` and `data_report.json` there. Raises UnreadableFile.
    """
    found = _findings(request, store, jobs, executions)
    _write(request, store, "tuning_history.json", _tuning_history(found.tuning), "application/json")
    key = _write(request, store, "report.html", page(found), "text/html; charset=utf-8")
    return {"report": f"s3://{request.bucket}/{key}", "report_url": store.link(request.bucket, key)}


def _findings(request: Request, store: Store, jobs: Jobs, executions: Executions) -> Findings:
    def read(name: str) -> Any:
        try:
            return json.loads(store.read(request.bucket, f"{request.prefix}{name}"))
        except ValueError as error:
            raise UnreadableFile(
                f"s3://{request.bucket}/{request.prefix}{name} is not what an earlier step of the run leaves: {error}. "
                "Start another run."
            ) from error

    choice = read("choice.json")
    trained = jobs.training_job(choice["trained"]["job_name"])
    chooser = jobs.training_job(request.choose_job)
    tuning = None if request.tuning_job is None else jobs.tuning(request.tuning_job)
    return Findings(
        request=request,
        evaluation=read("evaluation.json"),
        choice=choice,
        data=read("data_report.json"),
        trained=trained,
        tuning=tuning,
        timeline=Timeline.of(executions.history(request.execution_arn)),
        costs=Costs.of(request.training_usd_per_hour, trained, tuning, chooser),
    )


def _tuning_history(tuning: Tuning | None) -> str:
    return json.dumps({"tuning_job": None, "jobs": []} if tuning is None else tuning.as_json(), indent=2)


def _write(request: Request, store: Store, name: str, content: str, content_type: str) -> str:
    key = f"{request.prefix}{name}"
    store.write(request.bucket, key, content, content_type)
    return key
