"""Task slots of a local master, and whether other jobs use them."""

import logging
import re
from typing import Any

from pyspark import SparkContext

SETTLE = 1000  # milliseconds to wait until Spark's status shows which jobs have ended

log = logging.getLogger(__name__)


def slots_of(context: SparkContext) -> int:
    """Number of tasks that a local master runs at once; 0 for any other master."""
    java: Any = context._jvm.java  # type: ignore[union-attr]  # of a container it knows the share of the processors
    cpus = int(context.getConf().get("spark.task.cpus", "1") or 1)
    return local_slots(context.master or "", java.lang.Runtime.getRuntime().availableProcessors()) // cpus


def other_jobs(context: SparkContext) -> bool:
    """Whether jobs are running now.

    A listener writes Spark's status of jobs, some milliseconds after the result of a job has arrived. Without waiting
    for its queued events, a job that has ended would still count as running.
    """
    try:
        context._jsc.sc().listenerBus().waitUntilEmpty(SETTLE)
    except Exception as error:  # the private method is missing, or the listener is busy: the status may be late
        log.info("the status of Spark's jobs may be out of date: %r", error)
    return bool(context.statusTracker().getActiveJobsIds())


def local_slots(master: str, processors: int) -> int:
    """Number of processors of a local master, from its URL, or all of them; 0 for any other master."""
    found = re.fullmatch(r"local(?:\[(\*|\d+)(?:,.*)?])?", master)
    if not found:
        return 0
    return processors if found[1] == "*" else int(found[1] or 1)
