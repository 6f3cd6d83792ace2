"""What people are told of a sweep."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from lambdas.teardown.rules import EXPIRES_AT_TAG
from lambdas.teardown.sweep import Dated, Report

_LONGEST_SUBJECT = 99
_LONGEST_MESSAGE_BYTES = 256 * 1024
"""SNS takes less than 100 characters as a subject, and 256 KiB as a message (the API's Publish)."""

_CUT = "\n… and more: the rest is in the janitor's log."
_EXTENSION = timedelta(hours=1)


def subject(project: str, report: Report, *, dry_run: bool) -> str:
    parts = [
        (len(report.removed), "to be removed (dry run)" if dry_run else "removed"),
        (len(report.warned), "to expire soon"),
        (len(report.redated), "given a date"),
        (len(report.failures), "FAILED"),
    ]
    text = f"{project}: " + ", ".join(f"{count} {what}" for count, what in parts if count)
    return text[:_LONGEST_SUBJECT]


def message(report: Report, *, dry_run: bool) -> str:
    text = "\n".join(_lines(report, dry_run=dry_run))
    encoded = text.encode()
    if len(encoded) <= _LONGEST_MESSAGE_BYTES:
        return text
    return encoded[: _LONGEST_MESSAGE_BYTES - len(_CUT.encode())].decode(errors="ignore") + _CUT


def _lines(report: Report, *, dry_run: bool) -> Iterator[str]:
    if dry_run:
        yield "Dry run: nothing was changed. This is what would have been."
    for failure in report.failures:
        yield f"FAILED: {failure}"
    for removal in report.removed:
        yield f"Removed {removal.kind} {removal.name}: {removal.why}."
    for dated in report.redated:
        yield f"Endpoint {dated.name} had no date that is allowed. It lives until {_shown(dated.expires_at)} now."
    for dated in report.warned:
        yield _warning(dated)


def _warning(dated: Dated) -> str:
    later = f"{dated.expires_at + _EXTENSION:%Y-%m-%dT%H:%M:%SZ}"
    return (
        f"Endpoint {dated.name} is removed at {_shown(dated.expires_at)}. To keep it, move its date, such as:\n"
        f"  aws sagemaker add-tags --resource-arn {dated.arn} --tags Key={EXPIRES_AT_TAG},Value={later}"
    )


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
