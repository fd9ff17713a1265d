"""Bad input that a worker found while Spark evaluated a DataFrame."""

import re

from treefold.engine.reading.spark_errors import unreadable_file
from treefold.errors import InputError

RAISED = re.compile(r"treefold\.errors\.InputError: ([^\n]+)")

USER_RAISED = re.compile(r"\[USER_RAISED_EXCEPTION] ([^\n]+)")


def bad_input(error: Exception) -> InputError | None:
    """The bad input behind an exception of Spark, in one line; None if it has another cause."""
    found = RAISED.search(str(error)) or USER_RAISED.search(str(error))
    return InputError(found[1]) if found else unreadable_file(error)
