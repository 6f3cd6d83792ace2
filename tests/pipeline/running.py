"""The deployment that all pipeline tests share, and the executions that they start on it."""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localcloud.cdk import CdkApp
from localcloud.cloud import ACCOUNT, REGION, Item

PROJECT = "fraud"
"""As cdk.json has it."""

RETRAINING: Mapping[str, Any] = {"data": {"seed": 7}, "tuning": {"enabled": False}}
"""The setting `retrain_input` of the deployment."""

HOSTING = frozenset({"endpoint", "endpoint-config", "model"})
"""What a run leaves behind when it succeeds, and must not when it fails."""

JOBS = frozenset({"training-job", "hyper-parameter-tuning-job"})

_POLL_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 300


@dataclass(frozen=True)
class Run:
    """An execution of the state machine that has ended; `states` are those entered, in order."""

    arn: str
    status: str
    output: Any
    error: str
    cause: str
    started: datetime
    stopped: datetime
    states: tuple[str, ...]
    run_id: str
    """Empty if the input was refused."""

    @property
    def name(self) -> str:
        return f"{PROJECT}-{self.run_id}"

    @property
    def prefix(self) -> str:
        return f"runs/{self.run_id}/"


@dataclass(frozen=True)
class Deployed:
    """The stack, deployed; `before` is all that the account held until then, CDK's bootstrap."""

    app: CdkApp
    before: frozenset[Item]
    outputs: Mapping[str, str]
    clients: dict[str, Any] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        return self.outputs["BucketName"]

    def client(self, service: str) -> Any:
        """As the account's administrator."""
        if service not in self.clients:
            self.clients[service] = self.app.cloud.client(service)
        return self.clients[service]

    def disconnect(self) -> None:
        """A cloud that is told to end waits for connections that are still open."""
        for client in self.clients.values():
            client.close()

    # --- the janitor ----------------------------------------------------------------------------------------

    def stop_schedule(self) -> None:
        """Sweeps come only when a test asks for one: what a run left must not go while others look at it."""
        self.client("events").disable_rule(Name=self.resource("Teardown", "Sweeps"))

    def start_schedule(self) -> None:
        self.client("events").enable_rule(Name=self.resource("Teardown", "Sweeps"))

    def sweep(self) -> dict[str, Any]:
        """What the janitor answers: its report, or its error."""
        invoked = self.client("lambda").invoke(
            FunctionName=self.outputs["JanitorName"], Payload=self._scheduled_event()
        )
        answer: dict[str, Any] = json.loads(invoked["Payload"].read())
        return answer

    def _scheduled_event(self) -> bytes:
        """As EventBridge sends it, at the cloud's time."""
        return json.dumps({"source": "aws.events", "time": self.app.cloud.now().isoformat()}).encode()

    # --- retraining -----------------------------------------------------------------------------------------

    def stop_retraining(self) -> None:
        """Tests upload data without end; runs start only when a test asks for one."""
        self.client("events").disable_rule(Name=self.resource("Pipeline", "RetrainingNewData"))

    def start_retraining(self) -> None:
        self.client("events").enable_rule(Name=self.resource("Pipeline", "RetrainingNewData"))

    # --- executions -----------------------------------------------------------------------------------------

    def run(self, execution_input: Any) -> Run:
        return self.finish(self.start(execution_input))

    def start(self, execution_input: Any) -> str:
        """Start the deployed machine; return the execution's ARN."""
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs["StateMachineArn"], input=json.dumps(execution_input)
        )
        return str(started["executionArn"])

    def finish(self, execution_arn: str) -> Run:
        ended = self.ended(execution_arn)
        events = self.history(execution_arn)
        return Run(
            arn=execution_arn,
            status=ended["status"],
            output=json.loads(ended.get("output", "null")),
            error=ended.get("error", ""),
            cause=ended.get("cause", ""),
            started=ended["startDate"],
            stopped=ended["stopDate"],
            states=tuple(
                event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event
            ),
            run_id=self.run_id(execution_arn),
        )

    def ended(self, execution_arn: str) -> dict[str, Any]:
        """The description of an execution, once it has ended."""

        def describe() -> dict[str, Any]:
            described: dict[str, Any] = self.client("stepfunctions").describe_execution(executionArn=execution_arn)
            return described

        wait_until(lambda: describe()["status"] != "RUNNING", f"{execution_arn} ends")
        return describe()

    def run_id(self, execution_arn: str) -> str:
        """What the state that names the run gave out; empty as long as it has not, and if it failed."""
        events = self.history(execution_arn)
        exits = [event["stateExitedEventDetails"] for event in events if "stateExitedEventDetails" in event]
        return next((json.loads(left["output"]) for left in exits if left["name"] == "Plan the run"), "")

    def executions(self) -> frozenset[str]:
        """The ARNs of all that the deployed machine knows."""
        pages = self.client("stepfunctions").get_paginator("list_executions")
        found = pages.paginate(stateMachineArn=self.outputs["StateMachineArn"])
        return frozenset(execution["executionArn"] for page in found for execution in page["executions"])

    def given(self, execution_arn: str) -> Any:
        """The input of an execution."""
        return json.loads(self.history(execution_arn)[0]["executionStartedEventDetails"]["input"])

    def remove(self, name: str) -> None:
        """Let the pipeline's own function remove what the run with this name made."""
        function = self.resource("Pipeline", "RemoveRun")
        self.client("lambda").invoke(FunctionName=function, Payload=json.dumps({"name": name}))

    def history(self, execution_arn: str) -> list[dict[str, Any]]:
        pages = self.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=execution_arn)
        return [event for page in pages for event in page["events"]]

    # --- what is there --------------------------------------------------------------------------------------

    def sagemaker(self, kinds: frozenset[str] = HOSTING) -> frozenset[Item]:
        """All resources of these kinds, once no deletion is under way."""
        listed = self.client("sagemaker").list_endpoints
        wait_until(lambda: not listed(StatusEquals="Deleting")["Endpoints"], "the endpoints are deleted")
        inventory = self.app.cloud.inventory()
        return frozenset(item for item in inventory if item.service == "sagemaker" and item.kind in kinds)

    def announced(self) -> str:
        """The endpoint that clients are sent to."""
        found = self.client("ssm").get_parameter(Name=self.outputs["EndpointParameter"])
        return str(found["Parameter"]["Value"])

    def announce(self, endpoint: str) -> None:
        """Send clients to an endpoint, by hand."""
        self.client("ssm").put_parameter(Name=self.outputs["EndpointParameter"], Value=endpoint, Overwrite=True)

    def versions(self) -> list[dict[str, Any]]:
        """The registered models, described, the newest first."""
        sagemaker = self.client("sagemaker")
        pages = sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=f"{PROJECT}-models", SortBy="CreationTime", SortOrder="Descending"
        )
        arns = [package["ModelPackageArn"] for page in pages for package in page["ModelPackageSummaryList"]]
        return [sagemaker.describe_model_package(ModelPackageName=arn) for arn in arns]

    def registered(self, run: Run) -> list[dict[str, Any]]:
        """The versions that a run has registered."""
        return [each for each in self.versions() if each["CustomerMetadataProperties"]["run_id"] == run.run_id]

    def approve_only(self, run: Run) -> dict[str, Any]:
        """Let the version that a run has registered be the one that others compete with; return it."""
        for version in self.versions():
            of_the_run = version["CustomerMetadataProperties"]["run_id"] == run.run_id
            self.client("sagemaker").update_model_package(
                ModelPackageArn=version["ModelPackageArn"],
                ModelApprovalStatus="Approved" if of_the_run else "Rejected",
            )
        (approved,) = self.registered(run)
        return approved

    def objects(self, prefix: str) -> frozenset[str]:
        """The keys in the bucket that begin with `prefix`."""
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return frozenset(found["Key"] for page in pages for found in page.get("Contents", []))

    def upload(self, name: str, content: bytes) -> str:
        """Put a file where the team leaves its data; return its address, for `data.source`."""
        self.client("s3").put_object(Bucket=self.bucket, Key=f"raw/{name}", Body=content)
        return f"s3://{self.bucket}/raw/{name}"

    def read(self, key: str) -> bytes:
        content: bytes = self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def resource(self, stack: str, construct: str) -> str:
        """The physical name of what a nested stack made for a construct, such as ("Pipeline", "PlanRole")."""
        nested = self._physical(PROJECT, f"{stack}NestedStack{stack}NestedStackResource")
        return self._physical(nested, construct)

    def _physical(self, stack: str, construct: str) -> str:
        """The CDK's logical ids are the construct's name and eight hexadecimal digits."""
        described = self.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
        names = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in described}
        return next(str(names[id_]) for id_ in names if re.fullmatch(rf"{construct}[0-9A-F]{{8}}", id_))

    def tags(self, arn: str) -> dict[str, str]:
        pages = self.client("sagemaker").get_paginator("list_tags").paginate(ResourceArn=arn)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def arn(kind: str, name: str) -> str:
    """Of a SageMaker resource."""
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"Waited {_LONGEST_WAIT_SECONDS} seconds until {what}"
        time.sleep(_POLL_SECONDS)
