"""A model judged by what its endpoint answers."""

import json
from typing import Any

from lambdas.evaluate.bootstrap import Intervals
from lambdas.evaluate.choice import CHOICE_FILE
from lambdas.evaluate.curves import curves
from lambdas.evaluate.gate import Gate
from lambdas.evaluate.latency import Timed, latency
from lambdas.evaluate.money import Money
from lambdas.evaluate.quality import Judge
from lambdas.evaluate.request import Request
from lambdas.evaluate.run_files import RunFiles, Store
from lambdas.evaluate.scoring import BYTES_A_REQUEST, ROWS_A_REQUEST, Endpoint, score
from lambdas.evaluate.slices import slices

LARGE = ("curves",)
"""A state's output may have 256 KB."""


def evaluate(request: Request, store: Store, endpoint: Endpoint) -> dict[str, Any]:
    """Score the test rows, and leave `choice.json` and `evaluation.json` under the prefix.

    The result is what `evaluation.json` holds, but for its curves. Raises UnreadableFile, UnusableChoice, UnusableRows,
    EndpointFailed, ModelAnswerError or UnwritableFile; by then neither is there, or the choice alone.
    """
    files = RunFiles(store, request.bucket, request.prefix)
    choice, rows = files.choice(request.choose_job), files.test_rows()
    amounts = files.amounts(rows)
    money = Money.of(request.costs, rows.labels, amounts) if request.costs else None
    timed = Timed(endpoint)
    scores = score(rows.batches(ROWS_A_REQUEST, BYTES_A_REQUEST), "test", timed)
    judge = Judge.of(rows.labels, scores, choice.threshold, money)
    quality, intervals = judge.quality(), Intervals.of(judge)
    evaluation = {
        "run_id": request.run_id,
        "endpoint_name": request.endpoint_name,
        "chosen": choice.chosen_as_json(),
        "rows": len(rows.labels),
        "batches": len(timed.seconds),
        "positives": rows.positives,
        **choice.threshold_as_json(),
        **quality.as_json(),
        "intervals": intervals.as_json(),
        "money": judge.money_as_json(),
        "slices": [each.as_json(choice.threshold) for each in slices(rows.labels, scores, amounts)],
        "latency": latency(timed.seconds),
        "curves": curves(judge),
        **Gate.of(request.objective, quality.metrics(), intervals.bounds).as_json(),
    }
    files.write_json(CHOICE_FILE, choice.text)
    files.write_json("evaluation.json", json.dumps(evaluation, indent=2, allow_nan=False))
    return {name: value for name, value in evaluation.items() if name not in LARGE}
