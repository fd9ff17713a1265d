"""The error a person can act on."""


class InputError(ValueError):
    """Bad input: data, parameters, conf or an output path.

    The message is one line that names the problem and its solution; a job prints it and exits with code 2.
    """


class TryAgain(InputError):
    """Something is not available at the moment; the same command may succeed later."""


class ThresholdNotMet(Exception):
    """A job has done its work, but its result does not reach a threshold. ``result`` is the line of the job."""

    def __init__(self, message: str, result: dict) -> None:
        super().__init__(message)
        self.result = result
