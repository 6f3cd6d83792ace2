"""The stack, deployed on a local cloud, and what a trial asks of it."""

import csv
import io
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localcloud.cdk import CdkApp
from localcloud.cloud import Cloud, Item

_HOSTING = ("endpoint", "endpoint-config", "model")
_MADE_BY_STATES = (*_HOSTING, "hyper-parameter-tuning-job")
_JOBS = {
    "training-job": ("list_training_jobs", "TrainingJob"),
    "hyper-parameter-tuning-job": ("list_hyper_parameter_tuning_jobs", "HyperParameterTuningJob"),
}
_ROWS = 400
_KEY = "raw/made-up.csv"
_DENIAL = "denied-for-a-trial"
_LONGEST_SECONDS = 300
_POLL_SECONDS = 0.3


@dataclass(frozen=True)
class Ended:
    """How an execution ended."""

    status: str
    error: str
    cause: str


@dataclass(frozen=True)
class Deployment:
    app: CdkApp
    outputs: Mapping[str, str]
    clients: dict[str, Any] = field(default_factory=dict)

    @property
    def cloud(self) -> Cloud:
        return self.app.cloud

    def client(self, service: str) -> Any:
        """As the account's administrator."""
        if service not in self.clients:
            self.clients[service] = self.cloud.client(service)
        return self.clients[service]

    # --- runs ---------------------------------------------------------------------------------------------------

    def definition(self) -> dict[str, Any]:
        arn = self.outputs["StateMachineArn"]
        described = self.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        definition: dict[str, Any] = json.loads(described["definition"])
        return definition

    def upload_data(self) -> None:
        """A few rows, made up: enough to train on, and fast."""
        draw = random.Random(1729)  # noqa: S311 - no secret depends on it
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(["V1", "V2", "Amount", "Class"])
        for number in range(_ROWS):
            label = int(number % 5 == 0)
            rows.writerow([round(draw.gauss(label, 0.5), 3), round(draw.gauss(0, 1), 3), number % 97, label])
        self.client("s3").put_object(Bucket=self.outputs["BucketName"], Key=_KEY, Body=text.getvalue().encode())

    def start(self, name: str, given: Mapping[str, Any]) -> str:
        """Start a short run, with the given fields of the input beside the data's address; the execution's ARN."""
        defaults: dict[str, Any] = {
            "data": {"source": f"s3://{self.outputs['BucketName']}/{_KEY}"},
            "hyperparameters": {"num_round": 3},
            "tuning": {"max_jobs": 1},
        }
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs["StateMachineArn"], name=name, input=json.dumps({**defaults, **given})
        )
        return str(started["executionArn"])

    def wait(self, arn: str) -> Ended:
        described: dict[str, Any] = {}

        def ended() -> bool:
            described.update(self.client("stepfunctions").describe_execution(executionArn=arn))
            return bool(described["status"] != "RUNNING")

        until(ended, f"{arn} ends")
        return Ended(described["status"], described.get("error") or "", described.get("cause") or "")

    # --- what is there ------------------------------------------------------------------------------------------

    def hosted(self) -> dict[str, list[Item]]:
        """Endpoints, configurations and models, by the execution that made them."""
        found: dict[str, list[Item]] = {}
        for item in self.cloud.inventory():
            if item.service == "sagemaker" and item.kind in _HOSTING:
                found.setdefault(self._execution_of(item.kind, item.name), []).append(item)
        return found

    def running_jobs(self, *statuses: str) -> dict[str, list[Item]]:
        """Jobs that are in progress, or in one of the given statuses, by the execution that started them."""
        found: dict[str, list[Item]] = {}
        for kind, (operation, noun) in _JOBS.items():
            for status in statuses or ("InProgress",):
                for page in self.client("sagemaker").get_paginator(operation).paginate(StatusEquals=status):
                    for job in page[f"{noun}Summaries"]:
                        name = job[f"{noun}Name"]
                        found.setdefault(self._execution_of(kind, name), []).append(Item("sagemaker", kind, name))
        return found

    def settle(self) -> None:
        """Wait until what the calls of ended executions began is there: they may have been on their way."""
        sagemaker = self.client("sagemaker")
        until(lambda: not sagemaker.list_endpoints(StatusEquals="Creating")["Endpoints"], "no endpoint is Creating")
        until(self._is_quiet, "nothing is made any more")

    def _is_quiet(self) -> bool:
        """Jobs may go on, and the tuning jobs among them start others."""
        before = self._made()
        time.sleep(1)
        return self._made() == before

    def _made(self) -> set[Item]:
        return {item for item in self.cloud.inventory() if item.kind in _MADE_BY_STATES}

    def wait_until_jobs_have_stopped(self, executions: set[str]) -> None:
        """Those that are Stopping: a job has two minutes for that."""
        until(lambda: not executions & self.running_jobs("Stopping").keys(), "no job is Stopping")

    def _execution_of(self, kind: str, name: str) -> str:
        """The tag of what is there; empty if it is gone meanwhile."""
        _, _, _, region, account, *_ = self.outputs["StateMachineArn"].split(":")
        arn = f"arn:aws:sagemaker:{region}:{account}:{kind}/{name.lower()}"
        try:
            tags = self.client("sagemaker").list_tags(ResourceArn=arn)["Tags"]
        except ClientError:
            return ""
        return next((str(tag["Value"]) for tag in tags if tag["Key"] == "execution"), "")

    # --- the janitor --------------------------------------------------------------------------------------------

    def stop_schedule(self) -> None:
        """Sweeps come only when a trial asks for one."""
        events = self.client("events")
        janitor = f":function:{self.outputs['JanitorName']}"
        for rule in events.list_rules()["Rules"]:
            targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
            if any(target["Arn"].endswith(janitor) for target in targets):
                events.disable_rule(Name=rule["Name"])

    def sweep(self) -> str:
        """What the janitor raised, or nothing; what it deleted is gone after that."""
        answer = self.client("lambda").invoke(FunctionName=self.outputs["JanitorName"], Payload=self._scheduled_event())
        body = json.loads(answer["Payload"].read())
        sagemaker = self.client("sagemaker")
        until(lambda: not sagemaker.list_endpoints(StatusEquals="Deleting")["Endpoints"], "no endpoint is Deleting")
        return str(body.get("errorMessage", "")) if "FunctionError" in answer else ""

    def _scheduled_event(self) -> bytes:
        """As EventBridge sends it, at the cloud's time."""
        return json.dumps({"source": "aws.events", "time": self.cloud.now().isoformat()}).encode()

    @contextmanager
    def janitor_denied(self, actions: list[str], resources: list[str]) -> Iterator[None]:
        """The janitor may not do something for a while."""
        function = self.client("lambda").get_function_configuration(FunctionName=self.outputs["JanitorName"])
        role = function["Role"].rpartition("/")[2]
        statement = {"Effect": "Deny", "Action": actions, "Resource": resources}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam = self.client("iam")
        iam.put_role_policy(RoleName=role, PolicyName=_DENIAL, PolicyDocument=document)
        try:
            yield
        finally:
            iam.delete_role_policy(RoleName=role, PolicyName=_DENIAL)


def deploy(cloud: Cloud, root: Path, folder: Path) -> Deployment:
    app = CdkApp(cloud, root, folder / "cdk.out")
    app.synth()
    app.bootstrap()
    app.deploy()
    stack = json.loads((root / "cdk.json").read_text())["context"]["settings"]["project"]
    deployment = Deployment(app, app.outputs(stack))
    deployment.stop_schedule()
    deployment.upload_data()
    return deployment


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _LONGEST_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {_LONGEST_SECONDS} seconds until {what}.")
        time.sleep(_POLL_SECONDS)
