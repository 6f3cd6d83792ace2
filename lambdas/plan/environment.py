"""What the stack tells the function."""

from collections.abc import Mapping
from dataclasses import dataclass

from lambdas.plan.errors import MisconfiguredFunction

NAMES = (
    *("PROJECT", "BUCKET", "IMAGE_URI", "MODEL_PACKAGE_GROUP"),
    *("DEFAULT_TTL_MINUTES", "MAX_TTL_MINUTES", "DEFAULT_IDLE_MINUTES"),
)


@dataclass(frozen=True)
class Environment:
    project: str
    bucket: str
    image_uri: str
    model_package_group: str
    default_ttl_minutes: int
    max_ttl_minutes: int
    default_idle_minutes: int

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> "Environment":
        """Raises MisconfiguredFunction, naming every variable that is missing or is no whole number of minutes."""
        missing = [name for name in NAMES if not variables.get(name)]
        if missing:
            raise MisconfiguredFunction(f"The environment of the function lacks {', '.join(missing)}. Deploy it again.")
        return cls(
            project=variables["PROJECT"],
            bucket=variables["BUCKET"],
            image_uri=variables["IMAGE_URI"],
            model_package_group=variables["MODEL_PACKAGE_GROUP"],
            default_ttl_minutes=_minutes(variables, "DEFAULT_TTL_MINUTES"),
            max_ttl_minutes=_minutes(variables, "MAX_TTL_MINUTES"),
            default_idle_minutes=_minutes(variables, "DEFAULT_IDLE_MINUTES"),
        )


def _minutes(variables: Mapping[str, str], name: str) -> int:
    try:
        return int(variables[name])
    except ValueError as error:
        raise MisconfiguredFunction(
            f"The function's environment variable {name} is {variables[name]!r}; it must be a whole number of minutes."
        ) from error
