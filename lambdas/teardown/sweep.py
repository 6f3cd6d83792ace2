"""One sweep: every endpoint of the project is judged, what has to go goes, and the rest is told apart."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.teardown.announcement import read, to_announce, write
from lambdas.teardown.executions import Runs
from lambdas.teardown.invocations import Watched, invocations
from lambdas.teardown.resources import (
    ENDPOINT,
    ENDPOINT_CONFIG,
    MODEL,
    RUN_JOBS,
    Found,
    Kind,
    delete,
    if_of_project,
    is_missing,
    of_project,
    stop,
    summaries,
)
from lambdas.teardown.rules import (
    DUE_TAG,
    EXPIRES_AT_TAG,
    WARNED_FOR_TAG,
    Endpoint,
    Limits,
    Reason,
    Run,
    Verdict,
    idle_time,
    judge,
    may_be_idle,
)

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)

_UNSETTLED = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack"})
"""AWS deletes no endpoint that is changing."""
_GOING = "Deleting"
_PARTS = {ENDPOINT_CONFIG.noun: "endpoint-config", MODEL.noun: "model"}
"""How an ARN spells what goes with an endpoint."""

_RUNS_OVER = (Run.SUCCEEDED, Run.FAILED, Run.FORGOTTEN)


@dataclass(frozen=True)
class Account:
    """The clients that a sweep needs, and the names of what it asks them for."""

    sagemaker: Any
    cloudwatch: Any
    step_functions: Any
    ssm: Any
    state_machine_arn: str
    endpoint_parameter: str
    """Where clients look for the endpoint that serves."""


@dataclass(frozen=True)
class Removal:
    """Something that was removed or stopped (in a dry run: would be)."""

    kind: str
    name: str
    why: str


@dataclass(frozen=True)
class Dated:
    """An endpoint and its date: one of which is warned, or that was set."""

    name: str
    arn: str
    expires_at: datetime


@dataclass
class Report:
    """What a sweep did, and what it could not do."""

    removed: list[Removal] = field(default_factory=list)
    warned: list[Dated] = field(default_factory=list)
    redated: list[Dated] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    """Endpoints that have to go, and that AWS does not let go as long as they are changing."""
    failures: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.removed or self.warned or self.redated or self.failures)

    def after(self, earlier: "Report") -> "Report":
        """This sweep and an earlier one as one."""
        return Report(
            removed=earlier.removed + [each for each in self.removed if each not in earlier.removed],
            warned=earlier.warned + [each for each in self.warned if each not in earlier.warned],
            redated=earlier.redated + [each for each in self.redated if each not in earlier.redated],
            unsettled=self.unsettled,
            failures=earlier.failures + [each for each in self.failures if each not in earlier.failures],
        )


@dataclass
class _Hosted:
    """An endpoint with the names of its configuration and models, as far as they are known."""

    facts: Endpoint
    config: str
    next_config: str
    """Of an update that is under way; else empty."""
    variants: tuple[str, ...]


class Sweep:
    """Carries out the rules once; what fails is noted, and the rest goes on."""

    def __init__(self, account: Account, limits: Limits, now: datetime, *, dry_run: bool) -> None:
        self._account, self._limits, self._now, self._dry_run = account, limits, now, dry_run
        self._runs = Runs(account.step_functions, account.state_machine_arn)
        self._arn_prefix = ""
        """Of the account's resources in SageMaker, as an endpoint's ARN tells it."""
        self._blind = False
        """An endpoint could not be looked at, so what it serves is not known."""
        self._others: set[str] = set()
        """The names of the endpoints that are not the project's."""
        self.report = Report()

    def run(self) -> Report:
        for kind in RUN_JOBS:
            with self._noting(f"look for {kind.noun}s"):
                self._stop_jobs(kind)
        hosted: list[_Hosted] | None = None
        with self._noting("look for Endpoints"):
            hosted = list(self._look_at_endpoints())
        if hosted is not None:  # what serves must be known before anything that may serve it goes
            self._find_quiet_ones(hosted)
            staying = self._remove(hosted)
            if not (self._blind or self._dry_run):
                self._announce(staying)
        return self.report

    def note(self, warned: Sequence[Dated]) -> list[str]:
        """Let warnings have been given, so that they are not repeated; what could not be done."""
        before = len(self.report.failures)
        for dated in warned:
            self._tag(dated.arn, WARNED_FOR_TAG, dated.expires_at.isoformat())
        return self.report.failures[before:]

    @contextmanager
    def _noting(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            logger.exception("Could not %s", doing)
            self.report.failures.append(f"could not {doing}: {error}")

    # --- jobs ---------------------------------------------------------------------------------------------------

    def _stop_jobs(self, kind: Kind) -> None:
        """Those that an execution started which is over: it was stopped, or failed without a chance to clean up."""
        for job in self._of_project(kind, NameContains=f"{self._limits.project}-", StatusEquals="InProgress"):
            with self._noting(f"look at {kind.noun} {job.name}"):
                why = self._over(job)
                if why is not None:
                    self._act(kind, job, why, stop)

    # --- endpoints ----------------------------------------------------------------------------------------------

    def _look_at_endpoints(self) -> Iterator[_Hosted]:
        for summary in summaries(self._account.sagemaker, ENDPOINT):
            failures = len(self.report.failures)
            with self._noting(f"look at Endpoint {summary[ENDPOINT.name_member]}"):
                found = if_of_project(self._account.sagemaker, ENDPOINT, self._limits.project, summary)
                hosted = None if found is None else self._hosted(found)
                if hosted is not None:
                    yield hosted
                elif found is None and summary["EndpointStatus"] != _GOING:
                    self._others.add(summary[ENDPOINT.name_member])
            self._blind |= len(self.report.failures) > failures

    def _hosted(self, found: Found) -> _Hosted | None:
        """None if it is gone, or going, already."""
        try:
            described = self._account.sagemaker.describe_endpoint(EndpointName=found.name)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        if described["EndpointStatus"] == _GOING:
            return None
        facts = Endpoint(
            name=found.name,
            arn=found.summary[ENDPOINT.arn_member],
            status=described["EndpointStatus"],
            created=described["CreationTime"],
            settled=described["LastModifiedTime"],
            tags=found.tags,
            run=self._runs.of(found.tags),
        )
        variants = tuple(variant["VariantName"] for variant in described.get("ProductionVariants", []))
        pending = described.get("PendingDeploymentSummary", {}).get("EndpointConfigName", "")
        return _Hosted(facts, described["EndpointConfigName"], pending, variants)

    def _find_quiet_ones(self, hosted: list[_Hosted]) -> None:
        with self._noting("ask CloudWatch for invocations"):
            answer = invocations(self._account.cloudwatch, list(self._watched(hosted)), self._now)
            for each in hosted:
                each.facts = replace(each.facts, quiet=each.facts.name in answer.quiet)
            self.report.failures += [f"could not find out whether anybody calls {name}" for name in answer.unknown]

    def _watched(self, hosted: list[_Hosted]) -> Iterator[Watched]:
        for each in hosted:
            if may_be_idle(each.facts, self._now, self._limits):
                yield Watched(each.facts.name, each.variants, idle_time(each.facts, self._limits))

    # --- removing -----------------------------------------------------------------------------------------------

    def _remove(self, hosted: list[_Hosted]) -> list[Endpoint]:
        """Endpoints, then the configurations and then the models that only they used; the endpoints that stay."""
        facts = [each.facts for each in hosted]
        staying: list[Endpoint] = []
        gone: dict[str, str] = {}
        serving: set[str] = set()
        for each in hosted:
            self._arn_prefix = each.facts.arn.partition(":endpoint/")[0] + ":"
            verdict = judge(each.facts, facts, self._now, self._limits)
            if verdict.reason is not None and self._remove_endpoint(each.facts, verdict.reason):
                gone[each.config] = verdict.reason
            else:
                staying.append(each.facts)
                serving |= {each.config, each.next_config}
                self._mind_the_date(each.facts, verdict)
        models: dict[str, str] = {}
        kept: set[str] | None = None
        with self._noting("look for EndpointConfigs"):
            models, kept = self._remove_configs(gone, serving - {""})
        if kept is not None:
            with self._noting("look for Models"):
                self._remove_models(models, kept)
        return staying

    def _mind_the_date(self, endpoint: Endpoint, verdict: Verdict) -> None:
        dated = Dated(endpoint.name, endpoint.arn, verdict.expires_at)
        if verdict.redate and self._tag(endpoint.arn, EXPIRES_AT_TAG, verdict.expires_at.isoformat()):
            self.report.redated.append(dated)
        if verdict.warn:
            self.report.warned.append(dated)

    def _remove_endpoint(self, endpoint: Endpoint, reason: Reason) -> bool:
        if endpoint.status in _UNSETTLED and not self._dry_run:
            self.report.unsettled.append(endpoint.name)
            return False
        found = Found(endpoint.name, {ENDPOINT.arn_member: endpoint.arn}, endpoint.tags)
        return self._act(ENDPOINT, found, reason, delete)

    def _remove_configs(self, gone: Mapping[str, str], serving: set[str]) -> tuple[dict[str, str], set[str]]:
        """The models of the configurations that went, each with its reason, and those of the ones that stay."""
        models: dict[str, str] = {}
        kept: set[str] = set()
        unseen = set(serving)
        for config in self._parts(ENDPOINT_CONFIG, gone.keys() | serving):
            unseen.discard(config.name)
            used = self._models_of(config.name)
            why = None if config.name in serving else gone.get(config.name) or self._due(config)
            if why is not None and self._remove_part(ENDPOINT_CONFIG, config, why):
                models |= dict.fromkeys(used, why)
            else:
                kept |= used
        for name in unseen:  # configurations of somebody else's, with which an endpoint of the project serves
            kept |= self._models_of(name)
        return models, kept

    def _remove_models(self, models: Mapping[str, str], kept: set[str]) -> None:
        for model in self._parts(MODEL, set(models)):
            why = None if model.name in kept else models.get(model.name) or self._due(model)
            if why is not None:
                self._remove_part(MODEL, model, why)

    def _due(self, part: Found) -> str | None:
        """Why a configuration or a model goes that no endpoint is known to use; not if an endpoint is not known."""
        return None if self._blind else part.tags.get(DUE_TAG) or self._over(part)

    def _over(self, found: Found) -> str | None:
        """Why something goes that an execution made: that is over."""
        return "its run has ended" if self._runs.of(found.tags) in _RUNS_OVER else None

    def _remove_part(self, kind: Kind, part: Found, why: str) -> bool:
        """Its endpoint may be gone: what is refused now is marked, to be tried again at the next sweep.

        That finds it if it is named as runs name theirs; else it stays, and costs nothing, until the stack is deleted.
        """
        done = self._act(kind, part, why, delete)
        if not done and part.tags.get(DUE_TAG) != why:
            self._tag(part.summary[kind.arn_member], DUE_TAG, why)
        return done

    def _models_of(self, config: str) -> set[str]:
        try:
            described = self._account.sagemaker.describe_endpoint_config(EndpointConfigName=config)
        except ClientError as error:
            if is_missing(error):
                return set()
            raise
        variants = [*described["ProductionVariants"], *described.get("ShadowProductionVariants", [])]
        return {variant["ModelName"] for variant in variants if "ModelName" in variant}

    def _parts(self, kind: Kind, names: Set[str]) -> Iterator[Found]:
        """The project's of a kind that are named as runs name theirs, and those of these names.

        To look at the tags of all that an account may have, every few minutes, would take long, and cost.
        """
        seen = set()
        for found in self._of_project(kind, NameContains=f"{self._limits.project}-"):
            seen.add(found.name)
            yield found
        for name in sorted(names - seen):
            summary = {kind.name_member: name, kind.arn_member: f"{self._arn_prefix}{_PARTS[kind.noun]}/{name.lower()}"}
            found_by_name = if_of_project(self._account.sagemaker, kind, self._limits.project, summary)
            if found_by_name is not None:
                yield found_by_name

    # --- where clients are sent ---------------------------------------------------------------------------------

    def _announce(self, staying: list[Endpoint]) -> None:
        """What fails is made good by the next sweep, which looks anew."""
        ssm, parameter = self._account.ssm, self._account.endpoint_parameter
        with self._noting(f"bring {parameter} up to date"):
            announced = read(ssm, parameter)
            due = to_announce(announced, staying, self._others)
            if due != announced:
                write(ssm, parameter, due)
                logger.info("%s named %s, which is not there; now it names %s", parameter, announced, due)

    # --- all of them --------------------------------------------------------------------------------------------

    def _of_project(self, kind: Kind, **filters: str) -> Iterator[Found]:
        return of_project(self._account.sagemaker, kind, self._limits.project, **filters)

    def _act(self, kind: Kind, found: Found, why: str, act: Callable[[Any, Kind, str], bool]) -> bool:
        """Whether it was done, or would be."""
        with self._noting(f"{act.__name__} {kind.noun} {found.name}"):
            if self._dry_run or act(self._account.sagemaker, kind, found.name):
                self.report.removed.append(Removal(kind.noun, found.name, str(why)))
            return True
        return False

    def _tag(self, arn: str, key: str, value: str) -> bool:
        """Whether it was done, or would be."""
        with self._noting(f"tag {arn}"):
            if not self._dry_run:
                self._account.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": key, "Value": value}])
            return True
        return False
