"""What happens to a training job once it is made: the thread that owns its container."""

import json
import logging
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from localcloud.sagemaker import images
from localcloud.sagemaker.containers import (
    Container,
    LogStream,
    S3Uri,
    TransferError,
    client,
    download_prefix,
    pack,
    upload_file,
)
from localcloud.sagemaker.metrics import MetricLog, as_logged
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call

STOP_GRACE_SECONDS = 120
"""How long a process may go on after SIGTERM; AWS's time (StopTrainingJob's documentation)."""

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
HOST = "algo-1"
_POLL_SECONDS = 0.1
_LONGEST_REASON = 1024
_LOG = logging.getLogger(__name__)

_MESSAGES = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}


class JobFailed(Exception):
    """The job cannot go on; the message is its FailureReason."""


def enter(description: dict[str, Any], secondary: str, now: datetime) -> None:
    """Move a job to a secondary status, and note when, as DescribeTrainingJob tells it."""
    transitions = description["SecondaryStatusTransitions"]
    if transitions:
        transitions[-1]["EndTime"] = now
    transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": _MESSAGES[secondary]})
    description["SecondaryStatus"] = secondary
    description["LastModifiedTime"] = now


class TrainingRun:
    """Takes one job from its data in S3 to its model in S3, in a thread of its own."""

    def __init__(self, call: Call, job: Resource, role: Mapping[str, str]) -> None:
        self._platform = call.platform
        self._lock = call.resources.lock
        self._region = call.caller.region
        self._job = job
        self._role = role
        self._s3 = client("s3", role)
        self._metrics = MetricLog()
        self._stop = threading.Event()
        self._killed = threading.Event()
        self._expired = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name=self._job.name, daemon=True).start()

    def stop(self) -> None:
        """Ask for an early end; the caller has set the job's status to Stopping."""
        enter(self._job.description, "Stopping", self._platform.now())
        self._stop.set()

    def kill(self) -> None:
        """Let the container die, as for want of memory."""
        self._killed.set()

    def expire(self) -> None:
        """Let the job's time be up."""
        self._expired.set()

    def series(self, metric: str) -> Mapping[int, float]:
        """A metric's values so far, by training round."""
        return self._metrics.series(metric)

    def _run(self) -> None:
        with self._lock:
            self._job.description["TrainingStartTime"] = self._platform.now()
        reason = ""
        try:
            with Container(self._job.name) as container:
                ending = self._train(container)
        except JobFailed as error:
            ending, reason = "Failed", str(error)
        except Exception:  # noqa: BLE001 - a job whose thread breaks must still end
            _LOG.exception("Training job %s broke down", self._job.name)
            ending, reason = "Failed", "InternalServerError: We encountered an internal error. Please try again."
        self._end(ending, reason)

    def _train(self, container: Container) -> str:
        """The secondary status with which the job ends, if it does not fail."""
        self._advance("Downloading")
        self._download(container)
        if self._stop.is_set():
            return "Stopped"
        self._advance("Training")
        ending = self._execute(container)
        self._advance("Uploading")
        self._upload(container, ending)
        return ending

    # --- the steps ------------------------------------------------------------------------------------------

    def _download(self, container: Container) -> None:
        description = self._job.description
        config = container.directory("input", "config")
        for name, content in configuration(description).items():
            (config / name).write_text(json.dumps(content))
        container.directory("output", "data")
        container.directory("model")
        for channel in description["InputDataConfig"]:
            uri = S3Uri.parse(channel["DataSource"]["S3DataSource"]["S3Uri"])
            directory = container.directory("input", "data", channel["ChannelName"])
            try:
                count = download_prefix(self._s3, uri, directory)
            except TransferError as error:
                raise JobFailed(f"ClientError: Data download failed:{error}") from error
            if not count:
                raise JobFailed(f"ClientError: Data download failed:{self._nothing_under(uri)}")

    def _nothing_under(self, uri: S3Uri) -> str:
        return (
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
            f"exists in the selected region ({self._region}), that objects exist under that S3 prefix, and that the "
            f'role "{self._job.description["RoleArn"]}" has "s3:ListBucket" permissions on bucket "{uri.bucket}".'
        )

    def _execute(self, container: Container) -> str:
        """Run the container to its end, or to the end of its time."""
        longest = timedelta(seconds=self._job.description["StoppingCondition"]["MaxRuntimeInSeconds"])
        deadline = self._platform.now() + longest
        stream = f"{self._job.name}/{HOST}-{int(self._platform.now().timestamp() * 1000)}"
        logs = LogStream(self._role, LOG_GROUP, stream, self._platform.now)

        def receive(lines: list[str]) -> None:
            shown = [as_logged(line) for line in lines]
            self._metrics.read(shown, self._platform.now())
            logs.write(shown)

        container.start(images.command("train"), self._environment(container), receive)
        while (code := container.wait(_POLL_SECONDS)) is None:
            if self._killed.is_set():
                container.kill()
            ending = self._cut_short(deadline)
            if ending:
                _end_process(container)
                return ending
        if code != 0:
            raise JobFailed(failure_reason(container, code))
        return "Completed"

    def _environment(self, container: Container) -> dict[str, str]:
        description = self._job.description
        return {
            **description.get("Environment", {}),
            **container.environment(self._role),
            "TRAINING_JOB_NAME": self._job.name,
            "TRAINING_JOB_ARN": self._job.arn,
        }

    def _cut_short(self, deadline: datetime) -> str | None:
        if self._stop.is_set():
            return "Stopped"
        expired = self._expired.is_set() or self._platform.now() > deadline
        return "MaxRuntimeExceeded" if expired else None

    def _upload(self, container: Container, ending: str) -> None:
        """A job that was cut short keeps what model it had saved by then."""
        model, output = container.directory("model"), container.directory("output", "data")
        if ending == "Completed" or any(model.iterdir()):
            artifact = self._upload_archive(container, model, "model.tar.gz")
            with self._lock:
                self._job.description["ModelArtifacts"] = {"S3ModelArtifacts": str(artifact)}
        if any(output.iterdir()):
            self._upload_archive(container, output, "output.tar.gz")

    def _upload_archive(self, container: Container, source: Path, name: str) -> S3Uri:
        output = self._job.description["OutputDataConfig"]
        target = S3Uri.parse(output["S3OutputPath"]) / self._job.name / "output" / name
        archive = container.directory("artifacts") / name
        pack(source, archive)
        try:
            upload_file(self._s3, archive, target, output.get("KmsKeyId", ""))
        except TransferError as error:
            raise JobFailed(f"ClientError: Artifact upload failed:{error}") from error
        return target

    # --- the status -----------------------------------------------------------------------------------------

    def _advance(self, secondary: str) -> None:
        with self._lock:
            if self._job.description["TrainingJobStatus"] == "InProgress":
                enter(self._job.description, secondary, self._platform.now())

    def _end(self, ending: str, reason: str) -> None:
        """Settle the job; one that is being stopped ends as stopped, whatever else happened."""
        with self._lock:
            description, now = self._job.description, self._platform.now()
            if description["TrainingJobStatus"] == "Stopping":
                ending, reason = "Stopped", ""
            seconds = max(1, round((now - description["TrainingStartTime"]).total_seconds()))
            description["TrainingEndTime"] = now
            description["TrainingTimeInSeconds"] = description["BillableTimeInSeconds"] = seconds
            description["FinalMetricDataList"] = self._metrics.final()
            if reason:
                description["FailureReason"] = reason[:_LONGEST_REASON]
            enter(description, ending, now)
            description["SecondaryStatusTransitions"][-1]["EndTime"] = now
            description["TrainingJobStatus"] = "Stopped" if ending == "MaxRuntimeExceeded" else ending


def configuration(description: Mapping[str, Any]) -> dict[str, Any]:
    """The files in /opt/ml/input/config, by name (aws-facts 3.4)."""
    instance_type = description["ResourceConfig"]["InstanceType"]
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": [HOST]}
    return {
        "hyperparameters.json": description.get("HyperParameters", {}),
        "inputdataconfig.json": {
            channel["ChannelName"]: _channel_configuration(channel) for channel in description["InputDataConfig"]
        },
        "resourceconfig.json": {
            "current_host": HOST,
            "current_instance_type": instance_type,
            "current_group_name": "homogeneousCluster",
            "hosts": [HOST],
            "instance_groups": [group],
            "network_interface_name": "eth0",
        },
    }


def _channel_configuration(channel: Mapping[str, Any]) -> dict[str, str]:
    source = channel["DataSource"]["S3DataSource"]
    configuration = {
        "TrainingInputMode": "File",
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    if channel.get("ContentType"):
        configuration["ContentType"] = channel["ContentType"]
    return configuration


def failure_reason(container: Container, code: int) -> str:
    """What AWS says of a container that ended with `code`: what it wrote to its failure file, and the code.

    A process that a signal ended has a negative code here, and 128 more than the signal on AWS.
    """
    file = container.base / "output" / "failure"
    written = file.read_text(errors="replace").strip() if file.is_file() else ""
    suffix = f", exit code: {code if code >= 0 else 128 - code}"
    return f"AlgorithmError: {written}"[: _LONGEST_REASON - len(suffix)] + suffix


def _end_process(container: Container) -> None:
    container.terminate()
    if container.wait(STOP_GRACE_SECONDS) is None:
        container.kill()
        container.wait()
