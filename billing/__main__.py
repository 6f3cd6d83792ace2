"""`python -m billing`: 0 if nothing of the project bills now, 1 if something does, 2 if that cannot be found out."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from billing.account import Account, CannotTell
from billing.items import billing_items
from billing.table import show

_SETTINGS = Path(__file__).parent.parent / "cdk.json"
_NOTHING, _SOMETHING, _CANNOT_TELL, _INTERRUPTED = 0, 1, 2, 130


def main(console: Console) -> int:
    try:
        return _report(console)
    except CannotTell as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return _CANNOT_TELL
    except KeyboardInterrupt:
        return _INTERRUPTED


def _report(console: Console) -> int:
    """Raises CannotTell."""
    project = _project()
    with console.status("Asking AWS …"):
        account = Account.connect()
    with console.status(f"Looking for what bills in account {account.number}, {account.region} …"):
        items = billing_items(account.read(project))
    console.print(f"Account {account.number}, {account.region}", style="dim")
    if not items:
        console.print(f"Nothing of project {project} bills now.")
        return _NOTHING
    show(console, items, datetime.now(UTC))
    return _SOMETHING


def _project() -> str:
    try:
        return str(json.loads(_SETTINGS.read_text())["context"]["settings"]["project"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotTell(f"{_SETTINGS} has no context.settings.project; it must be as in the repository.") from error


sys.exit(main(Console(highlight=False)))
