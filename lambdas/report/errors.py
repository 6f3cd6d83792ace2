"""The errors of this function; their class names are what the state machine shows."""


class UnreadableFile(Exception):
    """A file that an earlier step of the run leaves can't be read."""
