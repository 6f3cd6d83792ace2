"""The errors of this function; their class names are what the state machine shows."""

LONGEST_SHOWN = 80


def cut(text: str, most: int = LONGEST_SHOWN) -> str:
    """As much of a text that somebody else has written as a message has room for."""
    return text if len(text) <= most else text[:most] + "…"


class UnreadableSource(Exception):
    """The data's address can't be read: nothing is known about the data itself."""


class InvalidData(Exception):
    """What the address holds is no data set that a model could be trained on."""


class TooMuchData(InvalidData):
    """It may be a good data set, but it is larger than this function takes."""


class UnwritableFile(Exception):
    """The data is good, but what was made of it can't be left in the bucket: the stack's fault, or AWS's."""
