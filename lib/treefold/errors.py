"""The error a person can act on."""


class InputError(ValueError):
    """Bad input: data, parameters, conf or an output path.

    The message is one line that names the thing and the cure; a job prints it and exits with code 2.
    """
