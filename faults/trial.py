"""Trying scenarios: their executions run side by side, then the janitor sweeps, and what is left is counted."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from faults.deployment import Deployment, Ended
from faults.scenarios import FOR_GOOD, Blow, Janitor, Scenario
from localcloud.cloud import Item
from localcloud.faults import Fault, FaultKind

_AT_A_TIME = 6
_BATCH = 36
"""Executions between two sweeps: their endpoints stay below the account's quota."""

_ENDINGS = {
    FaultKind.ABORTED: "ABORTED",
    FaultKind.ABORTED_UNHEARD: "ABORTED",
    FaultKind.EXECUTION_TIME_OUT: "TIMED_OUT",
}
_WORDS = {
    FaultKind.JOB_FAILED: ("exit code: 137", "All training jobs failed"),
    FaultKind.JOB_STOPPED: ("Stopped",),
    FaultKind.JOB_TIME_OUT: ("Stopped", "No objective metrics"),
    FaultKind.ENDPOINT_FAILED: ("Failed to download model data",),
    FaultKind.ANSWER_LOST: ("on purpose", "already exist"),
}
"""One of which is in the cause of what really happened; other faults are named there themselves."""


@dataclass(frozen=True)
class Outcome:
    """A trial's end; `complaints` say what is not as it has to be."""

    scenario: Scenario
    ended: Ended
    left: tuple[Item, ...]
    complaints: tuple[str, ...]

    @property
    def good(self) -> bool:
        return not self.left and not self.complaints


@dataclass(frozen=True)
class _Trial:
    scenario: Scenario
    arn: str
    ended: Ended

    @property
    def serves(self) -> bool:
        """The run passed in spite of all: its endpoint is left until its date."""
        return self.ended.status == "SUCCEEDED"


def try_all(deployment: Deployment, scenarios: Sequence[Scenario], progress: Callable[[], None]) -> Iterator[Outcome]:
    """The scenarios by how the janitor fares, in batches."""
    for janitor in Janitor:
        chosen = [scenario for scenario in scenarios if scenario.janitor is janitor]
        for start in range(0, len(chosen), _BATCH):
            yield from _try(deployment, chosen[start : start + _BATCH], janitor, progress)


_numbers = itertools.count(1)


def _try(
    deployment: Deployment, batch: Sequence[Scenario], janitor: Janitor, progress: Callable[[], None]
) -> list[Outcome]:
    def execute(scenario: Scenario) -> _Trial:
        name = f"trial-{next(_numbers)}"
        for blow in scenario.blows:
            deployment.cloud.add_fault(Fault(name, blow.state, blow.kind, blow.times))
        arn = deployment.start(name, scenario.input)
        trial = _Trial(scenario, arn, deployment.wait(arn))
        progress()
        return trial

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        trials = list(pool.map(execute, batch))
    deployment.settle()
    complaints = _SWEEPS[janitor](deployment, trials)
    left = _left(deployment, [trial for trial in trials if not trial.serves])
    if any(trial.serves for trial in trials):
        deployment.cloud.advance_clock(days=1)
        complaints += _sweep(deployment)
        left |= _left(deployment, [trial for trial in trials if trial.serves])
    return [_outcome(trial, left.get(trial.arn, ()), complaints) for trial in trials]


# --- sweeps -------------------------------------------------------------------------------------------------------


def _sweep(deployment: Deployment) -> list[str]:
    """What the janitor complains of."""
    error = deployment.sweep()
    return [f"the janitor failed: {error}"] if error else []


def _sweep_after_a_missed_one(deployment: Deployment, trials: Sequence[_Trial]) -> list[str]:
    before = deployment.hosted()
    with deployment.janitor_denied(["sagemaker:List*"], ["*"]):
        error = deployment.sweep()
    complaints = [] if "AccessDenied" in error else ["the janitor was not down"]
    if deployment.hosted() != before:
        complaints.append("the janitor was not down: something is gone")
    return complaints + _sweep(deployment)


def _sweep_after_a_refusal(deployment: Deployment, trials: Sequence[_Trial]) -> list[str]:
    """Every other endpoint and model is refused; the janitor goes on with the rest, says so, and is right again."""
    hosted = deployment.hosted()
    made = sorted({item.name for trial in trials for item in hosted.get(trial.arn, [])})
    refused = made[::2]
    arns = [f"arn:aws:sagemaker:*:*:{kind}/{name}" for name in refused for kind in ("endpoint", "model")]
    with deployment.janitor_denied(["sagemaker:DeleteEndpoint", "sagemaker:DeleteModel"], arns or ["*"]):
        error = deployment.sweep()
    unnamed = [name for name in refused if name not in error]
    complaints = [f"the janitor did not say that it was refused {', '.join(unnamed)}"] if unnamed else []
    still = {item.name for items in deployment.hosted().values() for item in items}
    held_up = sorted(still & (set(made) - set(refused)))
    if held_up:
        complaints.append(f"a refusal held up {', '.join(held_up)}")
    return complaints + _sweep(deployment)


_SWEEPS: dict[Janitor, Callable[[Deployment, Sequence[_Trial]], list[str]]] = {
    Janitor.UP: lambda deployment, trials: _sweep(deployment),
    Janitor.DOWN_ONCE: _sweep_after_a_missed_one,
    Janitor.REFUSED_ONCE: _sweep_after_a_refusal,
}


# --- judging ------------------------------------------------------------------------------------------------------


def _left(deployment: Deployment, trials: Sequence[_Trial]) -> dict[str, tuple[Item, ...]]:
    """What is hosted, and what runs, by the execution that made it."""
    arns = {trial.arn for trial in trials}
    deployment.wait_until_jobs_have_stopped(arns)
    hosted, jobs = deployment.hosted(), deployment.running_jobs()
    return {arn: tuple(hosted.get(arn, []) + jobs.get(arn, [])) for arn in arns}


def _outcome(trial: _Trial, left: tuple[Item, ...], complaints: list[str]) -> Outcome:
    return Outcome(trial.scenario, trial.ended, left, (*complaints, *_wrong_ending(trial)))


def _wrong_ending(trial: _Trial) -> Iterator[str]:
    first, ended = trial.scenario.blows[0], trial.ended
    ending = next((_ENDINGS[blow.kind] for blow in trial.scenario.blows if blow.kind in _ENDINGS), "FAILED")
    if first.kind is FaultKind.ANSWER_LOST and ended.status == "SUCCEEDED":
        return
    if first.times < FOR_GOOD:
        ending = "SUCCEEDED"
    if ended.status != ending:
        yield f"the execution ended as {ended.status} ({ended.error}: {ended.cause}), not as {ending}"
    elif ending == "FAILED" and not _names(first, ended):
        yield f"the cause is not the true one: {ended.error}: {ended.cause}"


def _names(blow: Blow, ended: Ended) -> bool:
    told = f"{ended.error}: {ended.cause}"
    return any(words in told for words in _WORDS.get(blow.kind, (f"{blow.kind} on purpose in {blow.state}",)))
