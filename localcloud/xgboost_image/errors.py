"""What the image's own code raises; a training job's `failure` file repeats it."""


def without_stack_trace(error: Exception) -> str:
    """XGBoost's message, without the addresses in its library that come after it."""
    return str(error).partition("Stack trace")[0].strip()


class UserError(Exception):
    """The job is set up wrongly."""


class AlgorithmError(Exception):
    """XGBoost refused what it was given."""


class NotEmulated(Exception):
    """AWS's image can do it, the process on this machine cannot: never pretend."""


class CodeProblem(Exception):
    """The code of script mode cannot be fetched or unpacked."""


class ExecuteUserScriptError(Exception):
    """The user's script ended with an error."""

    def __init__(self, command: str, output: str) -> None:
        super().__init__(f'ExecuteUserScriptError:\nCommand "{command}"\n{output}'.strip())
