"""`python -m permissions [folder]`: a line for each statement of each role, with the runs that use it.

The folder holds what tests recorded (`pytest --decisions folder`). Exit code 0 if every permission is used, and none is
missing.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from permissions.record import NoRecord, Record
from permissions.unexercised import UNEXERCISED
from permissions.verdict import Verdict

_FOLDER = Path(__file__).parent.parent / ".permissions"


def main(arguments: list[str]) -> int:
    console = Console(highlight=False, soft_wrap=True, markup=False)
    try:
        record = Record.read(Path(arguments[0]) if arguments else _FOLDER)
    except NoRecord as error:
        console.print(str(error), style="red")
        return 1
    verdict = Verdict.of(record, UNEXERCISED)
    console.print(*map(str, verdict.lines), sep="\n", end="\n\n")
    for complaint in _wrong(verdict):
        console.print(complaint, style="red")
    unused, missing = len(verdict.unused), len(verdict.missing)
    idle = f", {len(verdict.needless)} explained without need" if verdict.needless else ""
    console.print(f"permissions: {len(verdict.lines)} statements, {unused} unused, {missing} missing{idle}")
    return 0 if verdict.good else 1


def _wrong(verdict: Verdict) -> Iterator[str]:
    for line in verdict.unused:
        yield f"Unused: {', '.join(line.unused)} of {line}"
    for refused in verdict.missing:
        yield f"Missing: {refused}"
    for entry in verdict.needless:
        yield f"Explained without need: {entry.role}: {', '.join(entry.actions)} ({entry.reason})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
