"""Why rows are not scored; the messages say what was given, what is allowed, and what to do, and quote no cell."""


class Misuse(ValueError):
    """What the user gave cannot be used: a variable, or the file. Nothing was sent or made."""


class PredictFailed(Exception):
    """The rows could not be scored; notes on it say what else there is to know."""
