"""The errors of this function; their class names are what the state machine shows."""


class ModelAnswerError(Exception):
    """The endpoint answered, but not with one probability a row."""


class EndpointFailed(Exception):
    """The endpoint did not answer; `may_pass` where the same request may succeed in a while."""

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass


class UnusableRows(Exception):
    """The rows to evaluate on are not what the preparation leaves."""
