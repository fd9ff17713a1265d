"""Task slots of the application, what the task pool takes of them, and whether other jobs use them."""

import logging
import math
import re
from functools import lru_cache
from typing import Any, NamedTuple

from pyspark import SparkContext
from pyspark.resource import ResourceProfile, ResourceProfileBuilder, TaskResourceRequests

from treefold.engine.execution.executors import executors_of, spark_property

SETTLE = 1000  # milliseconds to wait until Spark's status shows which jobs have ended
SHARE = 0.001  # of a processor, which a task of the pool asks for on a cluster

log = logging.getLogger(__name__)


class PoolSlots(NamedTuple):
    """What the tasks of a pool run on.

    Attributes
    ----------
    most : int
        Number of tasks of other jobs that can run at once.
    held : bool
        Whether they hold slots that other jobs could use.
    profile : ResourceProfile, optional
        With which they ask for next to no processor.
    """

    most: int
    held: bool = True
    profile: ResourceProfile | None = None


def pool_slots(context: SparkContext, tasks: int) -> PoolSlots:
    """What a pool of some tasks runs on.

    Parameters
    ----------
    context : SparkContext
        Context of the session.
    tasks : int
        Number of tasks.

    Returns
    -------
    PoolSlots
    """
    if is_local(context):
        return PoolSlots(slots_of(context))
    scheduler: Any = context._jsc.sc()
    slots = scheduler.maxNumConcurrentTasks(scheduler.resourceProfileManager().defaultResourceProfile())
    profile = fractional(str(context.applicationId)) if own_profiles(context) else None
    if profile is None:
        return PoolSlots(slots)
    executors = max(1, executors_of(context))
    held = not spare(slots / executors, task_cpus(context), math.ceil(tasks / executors))
    return PoolSlots(slots, held, profile)


def spare(slots: float, cpus: float, tasks: int) -> bool:
    """Whether an executor has as many slots for other jobs beside tasks of the pool as without.

    Spark fills ``floor((cores - SHARE * tasks) / cpus)`` slots.

    Parameters
    ----------
    slots : float
        Slots of the executor.
    cpus : float
        Processors that a task of another job asks for.
    tasks : int
        Tasks of the pool in the executor.

    Returns
    -------
    bool

    Examples
    --------
    >>> spare(2, 1.0, 2), spare(2, 0.99, 2)
    (False, True)
    """
    return math.ceil(slots * cpus) - SHARE * tasks >= slots * cpus


def slots_of(context: SparkContext) -> int:
    """Number of tasks that a local master runs at once; 0 for any other master."""
    java: Any = context._jvm.java  # type: ignore[union-attr]  # of a container it knows the share of the processors
    processors = java.lang.Runtime.getRuntime().availableProcessors()
    return int(local_slots(context.master or "", processors) // task_cpus(context))


def is_local(context: SparkContext) -> bool:
    """Whether driver and tasks are one process."""
    return local_slots(context.master or "", 1) > 0


def task_cpus(context: SparkContext) -> float:
    """Processors that a task asks for, a fraction since Spark 4.3."""
    return float(spark_property(context, "spark.task.cpus", "1"))


def own_profiles(context: SparkContext) -> bool:
    """Whether stages may have a profile of their own on the executors there are.

    With dynamic allocation Spark would start executors for it, which have no blocks.
    """
    return spark_property(context, "spark.dynamicAllocation.enabled") != "true"


@lru_cache(maxsize=1)
def fractional(application: str) -> ResourceProfile | None:
    """The profile of an application's tasks that ask for ``SHARE`` of a processor; None before Spark 4.3."""
    try:
        return ResourceProfileBuilder().require(TaskResourceRequests().cpus(SHARE)).build
    except Exception as error:
        log.info("tasks of the pool take whole slots: this Spark has no fractions of a processor (%r)", error)
        return None


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
