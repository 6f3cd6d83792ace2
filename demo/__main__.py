"""`python -m demo`, with DATA, INPUT and KEEP from the environment; `python -m demo stop` ends a kept cloud."""

import os
import sys

from rich.console import Console

from demo.options import Options, OptionsError
from demo.run import DemoFailed, run, stop_kept
from localcloud.cdk import CdkError
from localcloud.cloud import LocalCloudError

_MISUSE, _FAILURE, _INTERRUPTED = 2, 1, 130


def main(arguments: list[str]) -> int:
    console = Console(highlight=False)
    try:
        if arguments == ["stop"]:
            stop_kept(console)
        else:
            run(Options.read(os.environ), console)
    except OptionsError as error:
        console.print(str(error), style="red", markup=False)
        return _MISUSE
    except (CdkError, LocalCloudError, DemoFailed) as error:
        console.print(f"\n{error}", style="red", markup=False)
        return _FAILURE
    except KeyboardInterrupt:
        console.print("\nInterrupted; the local cloud is stopped, and nothing is left.")
        return _INTERRUPTED
    return 0


sys.exit(main(sys.argv[1:]))
