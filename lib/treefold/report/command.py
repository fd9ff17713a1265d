"""How every job meets the shell: arguments, exit codes, the last line."""

import argparse
import errno
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from treefold.errors import InputError

# What Spark says of a JVM, or of an executor, that is smaller than it can do with.
MEMORY = re.compile(r"(System|Executor) memory \d+ must be at least \d+|java\.lang\.OutOfMemoryError[^\n]*")
FULL = errno.ENOSPC, errno.EDQUOT, errno.EROFS


def run(job: Callable[[argparse.Namespace], dict[str, Any]], about: str, example: str) -> None:
    """Run a job and exit.

    The result's JSON is the last line on stdout and the exit code 0. Bad input, a disk that takes no more, or too
    little memory for Spark, is one line on stderr and exit code 2; anything else is a defect and shows its traceback.

    Parameters
    ----------
    job : parsed arguments -> result
    about, example : str
        For ``--help``.
    """
    parser = argparse.ArgumentParser(description=about, epilog=f"example: {example}")
    parser.add_argument("conf", help="a TOML file, such as conf/digits.toml")
    parser.add_argument("overrides", nargs="*", metavar="table.key=value", help="conf keys to set otherwise")
    parser.add_argument("--overwrite", action="store_true", help="replace the output if it exists, in one step")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint of a killed run")
    try:
        result = job(parser.parse_intermixed_args())
    except InputError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(2)
    except OSError as error:
        if error.errno not in FULL:
            raise
        print(f"error: {error.filename or 'a disk'} cannot be written: {error.strerror}", file=sys.stderr, flush=True)
        sys.exit(2)
    except Exception as error:
        short = MEMORY.search(str(error))
        if not short:
            raise
        print(
            f"error: Spark has too little memory ({short[0]}): raise spark.driver.memory or spark.executor.memory in "
            "conf/spark",
            file=sys.stderr, flush=True,
        )  # fmt: skip
        sys.exit(2)
    _hand_over(json.dumps(result))


def _hand_over(result: str) -> None:
    """To the file that spark-submit.sh prints at the end, or to stdout."""
    if "TREEFOLD_RESULT" in os.environ:
        Path(os.environ["TREEFOLD_RESULT"]).write_text(result + "\n")
    else:
        print(result, flush=True)
