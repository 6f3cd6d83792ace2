"""The errors of this function; their class names are what the state machine shows."""


class UnreadableSource(Exception):
    """The data's address can't be read: nothing is known about the data itself."""


class InvalidData(Exception):
    """What the address holds is no data set that a model could be trained on."""


class TooMuchData(InvalidData):
    """It may be a good data set, but it is larger than this function takes."""
