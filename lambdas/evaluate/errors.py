"""The errors of this function; their class names are what the state machine shows."""

LONGEST_SHOWN = 500


def cut(text: str) -> str:
    """As much of a container's words as a message has room for."""
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"


class ModelAnswerError(Exception):
    """The endpoint answered, but not with one probability a row."""


class EndpointFailed(Exception):
    """The endpoint did not answer; `may_pass` where the same request may succeed in a while."""

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass


class UnreadableFile(Exception):
    """A file that an earlier step of the run leaves can't be read."""


class UnusableChoice(Exception):
    """The job that chooses the model left no word of its choice, or not the expected one."""


class UnusableRows(Exception):
    """The rows to evaluate on are not what the preparation leaves, or lack what the costs need."""


class UnwritableFile(Exception):
    """What this step leaves can't be left in the bucket: the stack's fault, or AWS's."""
