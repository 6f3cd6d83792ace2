"""The project's settings: what `cdk.json` says under `context.settings`, checked."""

import difflib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from stacks.user_profiles import (
    LONGEST_IDLE_MINUTES,
    SHORTEST_IDLE_MINUTES,
    UserProfile,
    problems_of,
    problems_of_instance_types,
)


class SettingsError(ValueError):
    """A setting is unknown or has a value that is not allowed; the message names each, and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """Everything that can be chosen about a deployment. `cdk.json` holds the defaults."""

    project: str
    """Begins every name, and is the value of the `project` tag. Two deployments in one account need two."""
    user_profiles: tuple[UserProfile, ...]
    """Studio's users: a name each, or an object with `name`, and `instance_types` or `idle_minutes` of their own."""
    studio_instance_types: tuple[str, ...]
    """What Studio's users may run apps, jobs and endpoints on; IAM refuses every other instance type."""
    studio_max_job_minutes: int
    """The longest run time that Studio's users may give a job of theirs, which has to name one."""
    studio_image_uri: str
    """The ECR URI of an image of one's own, to choose for JupyterLab beside SageMaker's; empty for none."""
    studio_idle_minutes: int
    """A Studio app without activity is shut down after as long (AWS allows no less than 60)."""
    endpoint_ttl_minutes: int
    """An endpoint's lifetime, unless the execution's input gives another."""
    endpoint_max_ttl_minutes: int
    """The longest lifetime that an input may give."""
    endpoint_idle_minutes: int
    """An endpoint without an invocation for as long is idle, and removed."""
    sweep_minutes: int
    """How often the janitor looks for what has to go."""
    expiry_warning_minutes: int
    """How long before an endpoint's date the janitor warns."""
    janitor_dry_run: bool
    """The janitor only reports what it would remove."""
    notification_emails: tuple[str, ...]
    """Who is told by e-mail what was removed and why; AWS asks each to confirm."""
    studio_home_efs: bool
    """Studio's users get a home file system, which bills for what it holds. AWS lets a domain that has one keep it:
    what is true once can't be false again (the SageMaker API's UpdateDomain)."""
    log_retention_days: int
    """How long CloudWatch keeps the logs; one of the numbers that it offers."""
    retrain_every_days: int
    """A run starts by itself every so many days; 0 for never. Each costs what a run costs."""
    retrain_on_new_data: bool
    """A run starts by itself for each CSV file or zip that lands under `raw/` in the bucket."""
    retrain_input: Mapping[str, Any]
    """The execution's input of runs that start by themselves, as in docs/using.md; the machine itself checks it."""

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Self:
        """Read and check the settings; raises SettingsError with everything that is wrong."""
        if not isinstance(context, Mapping):
            raise SettingsError(f"cdk.json: settings is {context!r}; it must be an object, as in the repository.")
        known = [field.name for field in fields(cls)]
        problems = [_unknown(name, known) for name in context if name not in known]
        problems += [f"settings.{name} is missing." for name in known if name not in context]
        problems += problems_of(context.get("user_profiles", []))
        problems += problems_of_instance_types(
            context.get("studio_instance_types", ["ml.t3.medium"]), "settings.studio_instance_types"
        )
        problems += [
            f"settings.{name} is {context[name]!r}; {rule.allowed}."
            for name, rule in _RULES.items()
            if name in context and not rule.holds(context[name])
        ]
        if not problems and context["endpoint_ttl_minutes"] > context["endpoint_max_ttl_minutes"]:
            problems.append(
                f"settings.endpoint_ttl_minutes is {context['endpoint_ttl_minutes']}; it must not be above "
                f"settings.endpoint_max_ttl_minutes ({context['endpoint_max_ttl_minutes']})."
            )
        if problems:
            raise SettingsError("cdk.json: " + " ".join(problems))
        lists = ("studio_instance_types", "notification_emails")
        profiles = tuple(UserProfile.read(given) for given in context["user_profiles"])
        return cls(**{**context, **{name: tuple(context[name]) for name in lists}, "user_profiles": profiles})


@dataclass(frozen=True)
class _Rule:
    holds: Callable[[Any], bool]
    allowed: str


def _whole_number(low: int, high: int) -> _Rule:
    return _Rule(
        lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high,
        f"allowed is a whole number from {low} to {high}",
    )


_TRUE_OR_FALSE = _Rule(lambda value: isinstance(value, bool), "allowed are true and false")
_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365)


_LONGEST_RETRAIN_INPUT = 8000
"""EventBridge takes 8,192 characters (its API's TargetInput), to which the stack adds what starts the run."""


def _is_execution_input(value: Any) -> bool:
    if not isinstance(value, Mapping) or not all(isinstance(section, Mapping) for section in value.values()):
        return False
    return len(json.dumps(value)) <= _LONGEST_RETRAIN_INPUT


_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


def _different(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    """Whether a value is a list of different texts that match."""

    def holds(value: Any) -> bool:
        texts = value if isinstance(value, list | tuple) else [None]
        return all(isinstance(text, str) and pattern.fullmatch(text) for text in texts) and len(set(texts)) == len(
            texts
        )

    return holds


_ECR_URI = re.compile(
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9]+([._/-][a-z0-9]+)*(:[\w.-]+|@sha256:[0-9a-f]{64})",
    re.ASCII,
)
_YEAR_DAYS = 365
_YEAR_MINUTES = 525_600
_LONGEST_JOB_MINUTES = 28 * 24 * 60
_RULES: Mapping[str, _Rule] = {
    "project": _Rule(
        lambda value: isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9]{1,7}", value) is not None,
        "allowed are 2 to 8 lower-case letters and digits, a letter first (a tuning job's name has only 32 characters)",
    ),
    "studio_image_uri": _Rule(
        lambda value: isinstance(value, str) and (not value or _ECR_URI.fullmatch(value) is not None),
        'allowed is "" or an image with its tag or digest, such as '
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/studio:1",
    ),
    "studio_max_job_minutes": _whole_number(1, _LONGEST_JOB_MINUTES),
    "studio_idle_minutes": _whole_number(SHORTEST_IDLE_MINUTES, LONGEST_IDLE_MINUTES),
    "endpoint_ttl_minutes": _whole_number(10, _YEAR_MINUTES),
    "endpoint_max_ttl_minutes": _whole_number(10, _YEAR_MINUTES),
    "endpoint_idle_minutes": _whole_number(5, _YEAR_MINUTES),
    "sweep_minutes": _whole_number(1, 60),
    "expiry_warning_minutes": _whole_number(1, _YEAR_MINUTES),
    "janitor_dry_run": _TRUE_OR_FALSE,
    "notification_emails": _Rule(_different(_EMAIL), "allowed is a list of different e-mail addresses"),
    "studio_home_efs": _TRUE_OR_FALSE,
    "retrain_every_days": _whole_number(0, _YEAR_DAYS),
    "retrain_on_new_data": _TRUE_OR_FALSE,
    "retrain_input": _Rule(
        _is_execution_input,
        "allowed is an object like the execution's input, its sections objects, too, of at most "
        f"{_LONGEST_RETRAIN_INPUT:,} characters as JSON",
    ),
    "log_retention_days": _Rule(
        lambda value: type(value) is int and value in _RETENTION_DAYS,
        f"allowed are {', '.join(map(str, _RETENTION_DAYS))}",
    ),
}


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}."
    return f"settings.{name} is not a setting; {hint}"
