"""`python -m predict`, with CSV, OUT, PROJECT and INSTANCE_TYPE from the environment."""

import os
import sys

from rich.console import Console

from predict.display import Display
from predict.errors import Misuse, PredictFailed
from predict.options import Options
from predict.run import predict

_MISUSE, _FAILURE, _INTERRUPTED = 2, 1, 130


def main(arguments: list[str], console: Console) -> int:
    """0, or 2 if what was given cannot be used, 1 if the rows could not be scored, 130 after an interrupt."""
    try:
        predict(Options.read(arguments, os.environ), Display(console))
    except Misuse as error:
        return _told(console, str(error), error, _MISUSE)
    except (PredictFailed, OSError) as error:
        return _told(console, str(error), error, _FAILURE)
    except KeyboardInterrupt as error:
        return _told(console, "Interrupted, before the result was complete.", error, _INTERRUPTED)
    return 0


def _told(console: Console, message: str, error: BaseException, code: int) -> int:
    for text in (message, *getattr(error, "__notes__", ())):
        console.print(text, style="red", markup=False, soft_wrap=True)
    return code


sys.exit(main(sys.argv[1:], Console(highlight=False)))
