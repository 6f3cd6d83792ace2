"""`python -m localcloud.xgboost_image train` or `serve`: the two commands that SageMaker gives a container."""

import logging
import os
import sys

from localcloud.xgboost_image.container import Container
from localcloud.xgboost_image.errors import ExecuteUserScriptError, NotEmulated

logger = logging.getLogger(__name__)


def train(container: Container) -> int:
    """Return the exit code; the reason of a failure is left in output/failure, as AWS's toolkit words it."""
    try:
        _train(container)
    except ExecuteUserScriptError as error:
        container.fail(str(error))
    except Exception as error:
        logger.exception("Reporting training FAILURE")
        container.fail(f"framework error: \n{type(error).__name__}: {error}")
    else:
        return 0
    return 1


def _train(container: Container) -> None:
    hosts = container.config("resourceconfig")["hosts"]
    if len(hosts) != 1:
        raise NotEmulated(f"the job has {len(hosts)} hosts; this machine is 1")
    from localcloud.xgboost_image import script_training  # noqa: PLC0415

    if script_training.PROGRAM in container.config("hyperparameters"):
        script_training.train(container)
        return
    from localcloud.xgboost_image import algorithm_training  # noqa: PLC0415  imports XGBoost, which is slow

    algorithm_training.train(container)


def serve(container: Container) -> int:
    from localcloud.xgboost_image import algorithm_serving, script_serving, server, submitted_code  # noqa: PLC0415

    program = os.environ.get("SAGEMAKER_PROGRAM")
    if program is None:
        server.serve(algorithm_serving.AlgorithmModel(container.model))
    else:
        submitted_code.fetch(os.environ["SAGEMAKER_SUBMIT_DIRECTORY"], container.code)
        script = script_serving.load_module(program, container.code)
        server.serve(script_serving.ScriptModel(script, container.model))
    return 0


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    commands = {"train": train, "serve": serve}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:  # noqa: PLR2004
        sys.exit(f"usage: python -m localcloud.xgboost_image {'|'.join(commands)}")
    return commands[sys.argv[1]](Container.of_this_process())


if __name__ == "__main__":
    sys.exit(main())
