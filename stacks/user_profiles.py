"""Studio's users, as the settings name them."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from stacks.instance_types import instance_type_meant, is_instance_type

SHORTEST_IDLE_MINUTES, LONGEST_IDLE_MINUTES = 60, 525_600
"""AWS's bounds (aws-facts 5.4)."""

MOST_PROFILES = 50
"""Each has a role of its own, and CloudFormation takes templates of 1 MB."""

_LONGEST_NAME = 63
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
_ALLOWED_NAME = "1 to 63 letters, digits and hyphens, neither first nor last a hyphen"
_ALLOWED_ENTRY = (
    'a name, or an object such as {"name": "ana", "instance_types": ["ml.t3.medium", "ml.m5.2xlarge"], '
    '"idle_minutes": 120}'
)


@dataclass(frozen=True)
class UserProfile:
    """One of Studio's users; what is None is as for everybody."""

    name: str
    instance_types: tuple[str, ...] | None = None
    """The instance types that this user may use, instead of `studio_instance_types`."""
    idle_minutes: int | None = None
    """After which an app of this user's is shut down, instead of `studio_idle_minutes`. Taken away again, what they
    were stays: AWS keeps settings that an update does not name."""

    @classmethod
    def read(cls, given: str | Mapping[str, Any]) -> Self:
        """What `problems_of` finds nothing wrong with."""
        if isinstance(given, str):
            return cls(given)
        types = given.get("instance_types")
        return cls(given["name"], None if types is None else tuple(types), given.get("idle_minutes"))


def problems_of(given: Any) -> list[str]:
    """Everything that is wrong with `settings.user_profiles`, each profile by its name."""
    if not isinstance(given, list | tuple):
        return [f"settings.user_profiles is {given!r}; allowed is a list, each entry {_ALLOWED_ENTRY}."]
    if len(given) > MOST_PROFILES:
        return [f"settings.user_profiles has {len(given)} entries; allowed are {MOST_PROFILES} at most."]
    names = [entry.get("name") if isinstance(entry, Mapping) else entry for entry in given]
    # In lower case, as SageMaker writes ARNs (aws-facts 1.12).
    lowered = [name.lower() for name in names if isinstance(name, str)]
    twice = sorted({name for name in lowered if lowered.count(name) > 1})
    problems = [
        f"settings.user_profiles names {name!r} twice; allowed are names that differ by more than their case."
        for name in twice
    ]
    for place, entry in enumerate(given):
        problems += _problems_of_entry(entry, f"settings.user_profiles[{place}]")
    return problems


def _problems_of_entry(entry: Any, path: str) -> Iterator[str]:
    if not isinstance(entry, str | Mapping):
        yield f"{path} is {entry!r}; allowed is {_ALLOWED_ENTRY}."
        return
    profile = {"name": entry} if isinstance(entry, str) else entry
    known = [field.name for field in fields(UserProfile)]
    for name in profile:
        if name not in known:
            yield f"{path}.{name} is not known; allowed are {', '.join(known)}{_hint(name, known)}."
    if not _is_profile_name(profile.get("name")):
        yield f"{path} has the name {profile.get('name')!r}; allowed are {_ALLOWED_NAME}."
    if "instance_types" in profile:
        yield from problems_of_instance_types(profile["instance_types"], f"{path}.instance_types")
    if "idle_minutes" in profile and not _are_idle_minutes(profile["idle_minutes"]):
        yield (
            f"{path}.idle_minutes is {profile['idle_minutes']!r}; allowed is a whole number from "
            f"{SHORTEST_IDLE_MINUTES} to {LONGEST_IDLE_MINUTES}."
        )


def _hint(name: Any, known: list[str]) -> str:
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _is_profile_name(given: Any) -> bool:
    """The API's CreateUserProfile, UserProfileName."""
    return isinstance(given, str) and len(given) <= _LONGEST_NAME and _NAME.fullmatch(given) is not None


_ALLOWED_TYPES = 'allowed is a list of one or more different instance types, such as ["ml.t3.medium"]'


def problems_of_instance_types(given: Any, path: str) -> list[str]:
    """Everything that is wrong with a list of instance types."""
    texts = [text for text in given if isinstance(text, str)] if isinstance(given, list | tuple) else []
    if not texts or len(set(texts)) < len(given):
        return [f"{path} is {given!r}; {_ALLOWED_TYPES}."]
    return [
        f"{path} has {text!r}, which is not an instance type that SageMaker has; "
        f"did you mean {instance_type_meant(text)}?"
        for text in texts
        if not is_instance_type(text)
    ]


def _are_idle_minutes(given: Any) -> bool:
    return type(given) is int and SHORTEST_IDLE_MINUTES <= given <= LONGEST_IDLE_MINUTES
