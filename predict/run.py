"""A file scored from beginning to end."""

import time
from dataclasses import dataclass
from typing import TextIO

from predict.answers import scores_in
from predict.aws import Clients
from predict.batch_job import RECORD_BYTES, BatchJob
from predict.batches import batches, body
from predict.display import Display
from predict.live import SageMakerEndpoint, score
from predict.model import Live, Registered, find_model
from predict.options import Options
from predict.scored_file import ScoredFile
from predict.transactions import Transactions


def predict(options: Options, display: Display) -> None:
    """Leave the file's rows with their scores in another file.

    Nothing is sent or made before all rows are known to be good, and there is no other file before all are scored.
    Raises Misuse and PredictFailed.
    """
    started = time.monotonic()
    with display.step("Find the model"):
        clients = Clients.connect()
        found = find_model(clients, options.project)
    model = found.model
    transactions = Transactions(options.csv, model.features)
    with ScoredFile(transactions, model.threshold, options.out) as scored:
        scoring = _Scoring(clients, transactions, scored, display)
        if isinstance(found, Live):
            scoring.live(found)
        else:
            scoring.as_batch(found, options)
    display.finished(scored.rows, scored.flagged, model.threshold, options.out, time.monotonic() - started)


@dataclass(frozen=True)
class _Scoring:
    clients: Clients
    transactions: Transactions
    scored: ScoredFile
    display: Display

    def live(self, found: Live) -> None:
        """By the endpoint."""
        kind = "serverless" if found.serverless else "on instances"
        self.display.say(f"  run {found.model.run_id}, endpoint {found.endpoint_name}, {kind}")
        rows = self._check(found.request_bytes)
        endpoint = SageMakerEndpoint(found.endpoint_name, self.clients.runtime)
        requests = batches(self.transactions.rows(), found.request_bytes)
        with self.display.rows("Score", rows) as advance:
            for batch, scores in score(requests, endpoint, found.requests_at_a_time):
                self.scored.add(batch, scores)
                advance(len(batch))
        self.scored.complete()

    def as_batch(self, found: Registered, options: Options) -> None:
        """By a batch transform job."""
        package = found.package_arn.partition(":model-package/")[2]
        self.display.say(f"  run {found.model.run_id}, model package {package}: no endpoint is in service")
        given, answered = self.scored.folder / "input.csv", self.scored.folder / "scores.csv"
        with given.open("w", encoding="ascii") as file:
            rows = self._check(RECORD_BYTES, file)
        with self.display.step("Score by a transform job") as tell:
            job = BatchJob(self.clients, found, options.project, options.instance_type, tell)
            self.display.say(f"  {job.name} on one {options.instance_type}: billed while it runs, some minutes")
            with job:
                job.run(given, answered)
                tell("writing the result")
                scores = scores_in(answered, rows, f"The transform job {job.name}")
                self.scored.add(self.transactions.rows(), scores)
                self.scored.complete()

    def _check(self, most_bytes: int, copy: TextIO | None = None) -> int:
        """How many rows there are, each of which a request can hold; `copy` gets what the model is to get of them."""
        rows = 0
        with self.display.rows(f"Check {self.transactions.path.name}") as advance:
            for batch in batches(self.transactions.rows(), most_bytes):
                if copy is not None:
                    copy.write(f"{body(batch)}\n")
                rows += len(batch)
                advance(len(batch))
        return rows
