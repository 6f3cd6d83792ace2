"""The server process: `python -m localcloud.server`, started and configured by `localcloud.cloud`."""

import asyncio.constants
import os
from pathlib import Path

from localcloud import ministack_adapter as ministack
from localcloud import wire
from localcloud.cloudformation import ResourceTypes
from localcloud.faults import Faults
from localcloud.pandas_layer import publish_pandas_layers
from localcloud.sagemaker import processes
from localcloud.sagemaker.service import SageMaker
from localcloud.step_functions import Tasks

# A client that keeps its connection open would hold the server's end back for 30 seconds.
asyncio.constants.SSL_SHUTDOWN_TIMEOUT = 1.0


def main() -> None:
    ministack.check()
    processes.warm_up()
    ministack.adapt()
    if record := os.environ.get("LOCALCLOUD_DECISIONS"):
        ministack.record_decisions(Path(record))
    service = SageMaker(ministack.MinistackPlatform())
    wire.serve(service)
    faults = Faults()
    wire.serve_control(service, faults)
    ResourceTypes(service).register()
    ministack.register_tasks(Tasks(service, faults).run)
    publish_pandas_layers()
    ministack.main()


if __name__ == "__main__":
    main()
