"""The errors of this function; their class names are what the state machine shows."""


class UnreadableFile(Exception):
    """A file that an earlier step of the run leaves can't be read."""


class UnwritableFile(Exception):
    """What this step leaves can't be left in the bucket: the stack's fault, or AWS's."""
