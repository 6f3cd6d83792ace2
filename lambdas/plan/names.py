"""The names of a run."""

import hashlib
from datetime import UTC

from lambdas.plan.execution import Execution


def run_id(execution: Execution) -> str:
    """`yymmdd-hhmmss-<6 hex>`: the same for the same execution, so that a repeated call plans the same run.

    These 20 characters, with a dash and a project's name of at most 8 before them, leave 3 of the 32 that a tuning
    job's name may have (aws-facts 4.1).
    """
    digest = hashlib.sha256(execution.id.encode()).hexdigest()
    return f"{execution.start_time.astimezone(UTC):%y%m%d-%H%M%S}-{digest[:6]}"
