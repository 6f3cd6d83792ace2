"""Removes what one run has made: called when the run fails.

Event: `{"name": base name of the run}`. Result: `{"removed": ["Endpoint fraud-…", …]}`.
"""

import os
from typing import Any

from lambdas.teardown.announcement import withdraw
from lambdas.teardown.resources import IN_ORDER, RUN_JOBS, client, delete, stop


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    sagemaker = client("sagemaker")
    name = str(event["name"])
    for kind in RUN_JOBS:
        pages = sagemaker.get_paginator(kind.paginator).paginate(NameContains=name, StatusEquals="InProgress")
        for page in list(pages):  # all of them, before what is stopped moves the rest
            for job in page[kind.member]:
                stop(sagemaker, kind, job[kind.name_member])
    removed = [f"{kind.noun} {name}" for kind in IN_ORDER if delete(sagemaker, kind, name)]
    withdraw(client("ssm"), os.environ["ENDPOINT_PARAMETER"], name)
    return {"removed": removed}
