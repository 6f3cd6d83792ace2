"""What happens to a tuning job once it is made: the thread that starts its training jobs and learns from them."""

import logging
import secrets
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker import training
from localcloud.sagemaker.early_stopping import MedianRule
from localcloud.sagemaker.errors import ResourceLimitExceeded, ServiceError
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.search import Search, parse_ranges
from localcloud.sagemaker.service import Call

OBJECTIVE_HYPERPARAMETER = "_tuning_objective_metric"
"""What SageMaker adds to the hyperparameters of a tuning job's children (aws-facts 4.7)."""

_ATTEMPTS = 5
"""So many training jobs may fail before the first one succeeds."""

_POLL_SECONDS = 0.1
_LOG = logging.getLogger(__name__)
_LOOK = "Please take a look at the training job failures to get more details."
_COUNTERS = {
    "Completed": "Completed",
    "Failed": "NonRetryableError",
    "Stopped": "Stopped",
    "InProgress": "InProgress",
    "Stopping": "InProgress",
}


@dataclass(frozen=True)
class Child:
    """A training job of the tuning job, and the trial that it tries."""

    job: Resource
    trial: int
    tuned: dict[str, str]

    @property
    def status(self) -> str:
        return str(self.job.description["TrainingJobStatus"])

    @property
    def ended(self) -> bool:
        return self.status in training.ENDED

    def value(self, metric: str) -> float | None:
        """The objective as the job logged it last, if it is Completed or Stopped (aws-facts 4.10)."""
        if self.status not in ("Completed", "Stopped"):
            return None
        data = self.job.description["FinalMetricDataList"]
        return next((float(each["Value"]) for each in data if each["MetricName"] == metric), None)


class TuningRun:
    """Keeps as many training jobs going as the tuning job allows, until all are done."""

    def __init__(self, call: Call, job: Resource, parents: Sequence[Resource]) -> None:
        self._call = call
        self._job = job
        self._parents = parents
        self._config: dict[str, Any] = job.description["HyperParameterTuningJobConfig"]
        self._objective: dict[str, str] = self._config["HyperParameterTuningJobObjective"]
        self._search = Search(
            parse_ranges(self._config["ParameterRanges"]),
            self._config["Strategy"],
            maximize=self._maximize,
            seed=self._config.get("RandomSeed", zlib.crc32(job.name.encode())),
        )
        self._children: list[Child] = []
        self._told: set[int] = set()
        self._median_rule = MedianRule(maximize=self._maximize)
        self._judged: dict[int, int] = {}
        self._waiting: tuple[int, dict[str, str]] | None = None
        self._stop = threading.Event()

    @property
    def _maximize(self) -> bool:
        return self._objective["Type"] == "Maximize"

    @property
    def _sign(self) -> int:
        return 1 if self._maximize else -1

    @property
    def _metric(self) -> str:
        return self._objective["MetricName"]

    def start(self) -> None:
        threading.Thread(target=self._run, name=self._job.name, daemon=True).start()

    def stop(self) -> None:
        """Ask for an early end; the caller has set the job's status to Stopping."""
        self._job.description["LastModifiedTime"] = self._call.platform.now()
        self._stop.set()

    def _run(self) -> None:
        try:
            reason = self._tune()
        except ServiceError as error:
            reason = error.message
        except Exception:  # noqa: BLE001 - a job whose thread breaks must still end
            _LOG.exception("Tuning job %s broke down", self._job.name)
            reason = "InternalServerError: We encountered an internal error. Please try again."
        self._stop_children()
        self._end(reason)

    # --- the search -----------------------------------------------------------------------------------------

    def _tune(self) -> str:
        """Run the training jobs; the reason why the tuning job failed, or nothing."""
        self._learn_from_parents()
        while not self._stop.is_set():
            done = len(self._children) == self._most and self._running == 0  # first, lest a job end unseen
            self._learn()
            failure = self._failure()
            if failure or done:
                return failure
            self._launch()
            self._stop_early()
            self._stop.wait(_POLL_SECONDS)
        return ""

    def _learn_from_parents(self) -> None:
        for parent in self._parents:
            for tried, value in parent.runtime.trials():
                self._search.learn(tried, value)
        self._refresh()

    @property
    def _most(self) -> int:
        return int(self._config["ResourceLimits"]["MaxNumberOfTrainingJobs"])

    @property
    def _running(self) -> int:
        return sum(not child.ended for child in self._children)

    def _learn(self) -> None:
        for child in self._children:
            if child.ended and child.trial not in self._told:
                self._told.add(child.trial)
                self._search.tell(child.trial, child.value(self._metric))
                if child.status == "Completed":
                    self._median_rule.learn(child.job.runtime.series(self._metric))
                self._refresh()

    def _stop_early(self) -> None:
        """Ask the training jobs to end that do worse than the completed ones did; each round is judged once."""
        if self._config["TrainingJobEarlyStoppingType"] != "Auto":
            return
        for child in self._children:
            if child.job.description["SecondaryStatus"] == "Training":
                series = child.job.runtime.series(self._metric)
                if self._median_rule.is_beaten(series, after=self._judged.get(child.trial, -1)):
                    training.stop(self._call, child.job)
                self._judged[child.trial] = max(series, default=-1)

    def _failure(self) -> str:
        """Why there is no point in going on: nothing to go by after the first attempts, or after all."""
        ended, most = [child for child in self._children if child.ended], self._most
        if len(ended) < min(_ATTEMPTS, most) or self._best() is not None:
            return ""
        if any(child.status != "Failed" for child in ended):
            return f"No objective metrics found after running {len(ended)} training jobs. {_LOOK}"
        if len(ended) == most:
            return f"All training jobs failed. {_LOOK}"
        return f"No training job succeeded after {len(ended)} attempts. {_LOOK}"

    def _launch(self) -> None:
        """Fill up to MaxParallelTrainingJobs; a trial that the quota has no room for waits for the next turn."""
        free = self._config["ResourceLimits"]["MaxParallelTrainingJobs"] - self._running
        for _ in range(min(free, self._most - len(self._children))):
            trial, tuned = self._waiting or self._search.ask()
            try:
                job = training.launch(self._call, self._request(tuned), self._job.arn)
            except ResourceLimitExceeded:
                self._waiting = (trial, tuned)
                return
            self._waiting = None
            self._children.append(Child(job, trial, tuned))
            self._refresh()

    def _request(self, tuned: dict[str, str]) -> dict[str, Any]:
        """The next child's CreateTrainingJob; the tuning job's tags go on to it (aws-facts 4.1, 4.7, 4.8)."""
        definition = deepcopy(self._job.description["TrainingJobDefinition"])
        static = definition.pop("StaticHyperParameters", None) or {}
        return {
            **definition,
            "TrainingJobName": f"{self._job.name}-{len(self._children) + 1:03d}-{secrets.token_hex(4)}",
            "HyperParameters": {**static, **tuned},
            "Tags": [{"Key": key, "Value": value} for key, value in self._job.tags.items()],
        }

    # --- the end --------------------------------------------------------------------------------------------

    def _stop_children(self) -> None:
        for child in self._children:
            training.stop(self._call, child.job)
        while self._running:
            time.sleep(_POLL_SECONDS)

    def _end(self, reason: str) -> None:
        with self._call.resources.lock:
            self._refresh()
            description, now = self._job.description, self._call.platform.now()
            description["HyperParameterTuningEndTime"] = description["LastModifiedTime"] = now
            if description["HyperParameterTuningJobStatus"] == "Stopping":
                description["HyperParameterTuningJobStatus"] = "Stopped"
            elif reason:
                description["FailureReason"] = reason
                description["HyperParameterTuningJobStatus"] = "Failed"
            else:
                description["HyperParameterTuningJobStatus"] = "Completed"

    # --- what Describe tells --------------------------------------------------------------------------------

    def _refresh(self) -> None:
        with self._call.resources.lock:
            description = self._job.description
            description.update(counters(self._children, self._metric))
            description["LastModifiedTime"] = self._call.platform.now()
            best = self._best()
            if best is not None:
                description["BestTrainingJob"] = self.summary(best)
            overall = self._overall_best()
            if overall is not None:
                description["OverallBestTrainingJob"] = overall

    def _best(self) -> Child | None:
        """Of the training jobs that are Completed; a stopped one is never the best (aws-facts 4.10)."""
        values = [(child.value(self._metric), child) for child in self._children if child.status == "Completed"]
        found = [(self._sign * value, child) for value, child in values if value is not None]
        return max(found, key=lambda each: each[0])[1] if found else None

    def _overall_best(self) -> dict[str, Any] | None:
        """The best of the parents' and the own best; only with IdenticalDataAndAlgorithm (aws-facts 4.11)."""
        warm_start = self._job.description.get("WarmStartConfig")
        if warm_start is None or warm_start["WarmStartType"] != "IdenticalDataAndAlgorithm":
            return None
        found = [
            {**tuning_job.description["BestTrainingJob"], "TuningJobName": tuning_job.name}
            for tuning_job in (*self._parents, self._job)
            if "BestTrainingJob" in tuning_job.description
        ]
        return max(
            found,
            key=lambda each: self._sign * each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
            default=None,
        )

    def children(self) -> list[Child]:
        return list(self._children)

    def trials(self) -> Iterator[tuple[dict[str, str], float]]:
        """All hyperparameters that its training jobs tried, tuned or not, and the objective that came of them."""
        static = self._job.description["TrainingJobDefinition"]["StaticHyperParameters"]
        for child in self.children():
            value = child.value(self._metric)
            if value is not None:
                yield {**static, **child.tuned}, value

    def summary(self, child: Child) -> dict[str, Any]:
        """A HyperParameterTrainingJobSummary."""
        description, value = child.job.description, child.value(self._metric)
        summary = {name: description[name] for name in _SUMMARY_MEMBERS if name in description}
        summary["TunedHyperParameters"] = dict(child.tuned)
        summary["ObjectiveStatus"] = _objective_status(child, self._metric)
        if value is not None:
            summary["FinalHyperParameterTuningJobObjectiveMetric"] = {**self._objective, "Value": value}
        return summary


_SUMMARY_MEMBERS = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingStartTime",
    "TrainingEndTime",
    "TrainingJobStatus",
    "FailureReason",
)


def counters(children: list[Child], metric: str) -> dict[str, dict[str, int]]:
    """TrainingJobStatusCounters and ObjectiveStatusCounters."""
    jobs = Counter(_COUNTERS[child.status] for child in children)
    objectives = Counter(_objective_status(child, metric) for child in children)
    return {
        "TrainingJobStatusCounters": {
            name: jobs[name] for name in ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
        },
        "ObjectiveStatusCounters": {name: objectives[name] for name in ("Succeeded", "Pending", "Failed")},
    }


def _objective_status(child: Child, metric: str) -> str:
    if not child.ended:
        return "Pending"
    return "Failed" if child.value(metric) is None else "Succeeded"
