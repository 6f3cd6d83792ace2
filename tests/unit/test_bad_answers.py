"""An endpoint that answers anything but a probability a row: the evaluation says so, and leaves nothing."""

import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError, ResponseStreamingError
from botocore.response import StreamingBody
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.evaluate.endpoint import COLD_START_PAUSES, SageMakerEndpoint
from lambdas.evaluate.errors import EndpointFailed, ModelAnswerError
from lambdas.evaluate.scoring import ROWS_A_REQUEST
from tests.unit.test_evaluate import Bucket, evaluated, rows_csv

ROWS = 3
LONGEST_MESSAGE = 1000
Answer = bytes | Exception


def client_error(code: str, message: str = "no", **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}, **more}, "InvokeEndpoint")


def model_error(status: int, message: str = "no") -> ClientError:
    """The container's own answer, as SageMaker hands it on."""
    return client_error("ModelError", message, OriginalStatusCode=status)


CUT_OFF = b"0.1\n0.2\n0."
"""Sent as if there were more."""


class Runtime:
    """SageMaker's runtime, once boto3 has repeated what it repeats: `answer` says what comes of a request, by its
    number from 1 and its rows.
    """

    def __init__(self, answer: Callable[[int, str], Answer]) -> None:
        self.answer = answer
        self.asked = 0
        self.lock = threading.Lock()

    def invoke_endpoint(self, *, EndpointName: str, Body: bytes, ContentType: str, Accept: str) -> Any:  # noqa: N803
        with self.lock:
            self.asked += 1
            number = self.asked
        answer = self.answer(number, Body.decode())
        if isinstance(answer, Exception):
            raise answer
        length = len(answer) + 10 if answer == CUT_OFF else len(answer)
        return {"Body": StreamingBody(io.BytesIO(answer), length)}


def scores(csv: str) -> bytes:
    """What a model would say."""
    return "".join(f"{line.partition(',')[0]}\n" for line in csv.split("\n")).encode()


def endpoint(runtime: Runtime) -> SageMakerEndpoint:
    return SageMakerEndpoint("fraud-endpoint", runtime, lambda _: None)


def evaluation_of(answer: Callable[[int, str], Answer], rows: int = ROWS) -> tuple[Exception | None, list[str], int]:
    """The error, the keys that were written, and how often the endpoint was asked."""
    bucket = Bucket(rows_csv([(row % 2, 0.5) for row in range(rows)]))
    before, runtime, error = set(bucket.objects), Runtime(answer), None
    try:
        evaluated(bucket, endpoint(runtime))
    except Exception as caught:  # noqa: BLE001 - looked at by the tests
        error = caught
    return error, sorted(bucket.objects.keys() - before), runtime.asked


WRONG_ANSWERS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "0 numbers for its 3 rows"),
    "blank lines": (b"\n \n\n", "0 numbers for its 3 rows"),
    "too few": (b"0.1\n0.2\n", "2 numbers for its 3 rows"),
    "too many": (b"0.1\n0.2\n0.3\n0.4\n", "4 numbers for its 3 rows"),
    "text": (b"0.1\nfraud\n0.3\n", "'fraud' where a number belongs"),
    "JSON list": (b"[0.1, 0.2, 0.3]", "'[0.1' where a number belongs"),
    "JSON object": (b'{"predictions": [{"score": 0.1}, {"score": 0.2}, {"score": 0.3}]}', "where a number belongs"),
    "web page": (b"<html>\n<body>\n</html>\n", "'<html>' where a number belongs"),
    "not a number": (b"0.1\nnan\n0.3\n", "nan, which is no probability"),
    "infinite": (b"0.1\ninf\n0.3\n", "inf, which is no probability"),
    "above one": (b"0.1\n1.5\n0.3\n", "1.5, which is no probability"),
    "negative": (b"0.1\n-0.5\n0.3\n", "-0.5, which is no probability"),
    "classes for scores": (b"0\n1\n2\n", "2.0, which is no probability"),
    "no text": (b"\xff\xfe\n\x80\n\x81\n", "where a number belongs"),
    "very long": (b"0.1\n" + b"9" * 100_000 + b"\n0.3\n", "no probability"),
    "very long text": (b"0.1\n" + b"x" * 100_000 + b"\n0.3\n", "where a number belongs"),
}


@pytest.mark.parametrize(("answer", "got"), WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
def test_an_answer_that_is_no_probability_a_row_ends_the_evaluation_and_nothing_is_written(
    answer: bytes, got: str
) -> None:
    error, written, asked = evaluation_of(lambda *_: answer)

    assert type(error) is ModelAnswerError, error
    message = str(error)
    named = ("fraud-endpoint", "request 1 of 1", got, "Expected is one probability a row", "binary:logistic")
    assert [words for words in named if words not in message] == []
    assert len(message) < LONGEST_MESSAGE
    assert (written, asked) == ([], 1)


FAILURES: dict[str, tuple[Exception, int]] = {
    "refused by the container": (model_error(400), 1),
    "throttled for long": (client_error("ThrottlingException"), 1),
    "gone": (client_error("ValidationError", "Endpoint fraud-endpoint of account 1 not found."), 1),
    "denied": (client_error("AccessDeniedException"), 1),
    "silent": (ReadTimeoutError(endpoint_url="https://x"), 1),
    "closed": (ConnectionClosedError(endpoint_url="https://x"), 1),
    "unavailable for long": (client_error("ServiceUnavailable"), 1),
    "container fault": (model_error(500), 1 + len(COLD_START_PAUSES)),
    "container fault with a long text": (model_error(500, "x" * 100_000), 1 + len(COLD_START_PAUSES)),
    "never ready": (client_error("ModelNotReadyException"), 1 + len(COLD_START_PAUSES)),
    "stream broken": (ResponseStreamingError(error="reset"), 1 + len(COLD_START_PAUSES)),
}


@pytest.mark.parametrize(("failure", "times"), FAILURES.values(), ids=FAILURES)
def test_an_endpoint_that_fails_ends_the_evaluation_and_nothing_is_written(failure: Exception, times: int) -> None:
    error, written, asked = evaluation_of(lambda *_: failure)

    assert type(error) is EndpointFailed, error
    message = str(error)
    assert message.startswith("The endpoint fraud-endpoint did not answer: ")
    assert message.endswith(".")
    assert len(message) < LONGEST_MESSAGE
    assert (written, asked) == ([], times)


PASSING: dict[str, Answer] = {
    "container fault": model_error(503),
    "not ready": client_error("ModelNotReadyException"),
    "answer cut off": CUT_OFF,
    "stream broken": ResponseStreamingError(error="reset"),
}


@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING)
def test_what_passes_is_asked_again_and_the_answer_taken_once(failure: Answer) -> None:
    error, written, asked = evaluation_of(lambda number, csv: failure if number == 1 else scores(csv))

    assert error is None
    assert [key.rpartition("/")[2] for key in written] == ["choice.json", "evaluation.json"]
    assert asked == 2


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (client_error("ValidationError", "Endpoint not found."), EndpointFailed),
        (model_error(500), EndpointFailed),
        (b"0.5\n" * (ROWS_A_REQUEST - 1), ModelAnswerError),
        (b'{"error": "changed"}', ModelAnswerError),
    ],
    ids=["gone", "failing", "a row short", "another model"],
)
def test_an_endpoint_that_changes_among_the_requests_ends_the_evaluation(
    failure: Answer, error: type[Exception]
) -> None:
    found, written, _ = evaluation_of(
        lambda number, csv: scores(csv) if number in (1, 2) else failure, rows=5 * ROWS_A_REQUEST
    )

    assert type(found) is error, found
    assert written == []


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=60) | st.text('0123.,\n-einfa[]{}" ', max_size=60).map(str.encode))
def test_whatever_is_answered_is_taken_or_refused(answer: bytes) -> None:
    error, written, _ = evaluation_of(lambda *_: answer)

    assert error is None or type(error) is ModelAnswerError, repr(error)
    assert (written == []) == (error is not None)
