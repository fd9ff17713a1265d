"""Causes of a failed Spark job, read from error classes, names of properties, and marks of our own.

The wording of Spark's messages changes from release to release; these do not.
"""

import re
from typing import Any

from treefold.engine.storage.block_store import BlocksLost
from treefold.errors import InputError

MODULES = ("treefold", "numpy", "scipy", "pyarrow", "pandas", "numba", "threadpoolctl")
RESULT_SIZE = "spark.driver.maxResultSize"  # this failure has no error class, but its message names the property


def condition(error: BaseException) -> str:
    """Spark's error class of an exception, such as ``SPARK_JOB_CANCELLED``; empty if it has none."""
    thrown: Any = getattr(error, "java_exception", error)
    try:
        return thrown.getCondition() or ""
    except Exception:  # not one of Spark's, or the JVM is gone
        return ""


def cancelled(error: BaseException) -> bool:
    """Whether the job was cancelled."""
    return condition(error) == "SPARK_JOB_CANCELLED"


def blocks_lost(error: BaseException) -> bool:
    """Whether a task missed blocks that it could not recompute."""
    return BlocksLost.MARK in str(error)


def too_large(error: BaseException) -> bool:
    """Whether tasks returned more than the driver accepts."""
    return RESULT_SIZE in str(error)


def without_module(error: BaseException) -> InputError | None:
    """The error of a Python worker that cannot import the library or one of its dependencies; else None."""
    found = re.search(r"ModuleNotFoundError: No module named '(\w+)", str(error))
    if found is None or found[1] not in MODULES:
        return None
    cure = "name a zip of lib/treefold in spark.submit.pyFiles" if found[1] == "treefold" else "install it there"
    return InputError(
        f"a Python worker of Spark's has no module '{found[1]}': {cure}, or let spark.pyspark.python be an interpreter "
        "that has treefold installed"
    )


def beyond_result_size(name: str, size: str) -> InputError:
    """The error of a pass whose result exceeds what the driver accepts, even if it is a single partial."""
    return InputError(
        f"what a task of pass {name} returns is beyond {RESULT_SIZE}, which is {size}: raise it, and "
        "spark.driver.memory with it"
    )


def bytes_of(size: str) -> int:
    """Bytes of a size in the notation of Spark's properties, such as ``1g`` or ``512m``."""
    digits = size.strip().lower().removesuffix("b")
    unit = digits[-1:] if digits[-1:] in UNITS else ""
    return int(digits.removesuffix(unit)) << UNITS.get(unit, 0)


UNITS = {"k": 10, "m": 20, "g": 30, "t": 40, "p": 50}
