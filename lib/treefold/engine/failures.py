"""Spark's own failures to read, told in one line."""

import re

from treefold.errors import InputError


def unreadable_file(error: Exception) -> InputError | None:
    """The bad input behind an exception of Spark's, if it is a file that Spark could not read."""
    found = re.search(r"\[FAILED_READ_FILE[^]]*] [^\n]*?file ([^\n]+?)\. ", f"{error} ")
    return InputError(f"{found[1]} is damaged or no Parquet file: restore it or remove it") if found else None
