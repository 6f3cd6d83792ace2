"""What models, endpoint configurations and endpoints have in common: finding them, and refusing what isn't known."""

from collections.abc import Collection, Mapping
from typing import Any

from localcloud.sagemaker.errors import ValidationError
from localcloud.sagemaker.resources import Resource
from localcloud.sagemaker.service import Call

_NOUNS = {"model": "model", "endpoint-config": "endpoint configuration", "endpoint": "endpoint"}


def find(call: Call, kind: str, name: str) -> Resource:
    """The resource; names are compared without regard to case. Raises ValidationError."""
    arn = call.arn(kind, name)
    resource = call.resources.by_arn(arn)
    if resource is None:
        raise ValidationError(f'Could not find {_NOUNS[kind]} "{arn}".')
    return resource


def refuse_taken(call: Call, kind: str, name: str) -> None:
    """Raise ValidationError if there is a resource of that name."""
    arn = call.arn(kind, name)
    if call.resources.by_arn(arn) is not None:
        raise ValidationError(f'Cannot create already existing {_NOUNS[kind]} "{arn}".')


def refuse_others(given: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Raise ValidationError naming the members of `given` that AWS knows and the local cloud does not."""
    others = sorted(set(given) - set(known))
    if others:
        raise ValidationError(
            f"The local cloud does not know {', '.join(others)} in {where} yet; it knows {', '.join(known)}."
        )
