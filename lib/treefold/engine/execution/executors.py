"""Executors of the application: how many there are and may be, and when blocks are to be spread over more."""

from collections.abc import Callable

from pyspark import SparkContext


def spark_property(context: SparkContext, name: str, default: str = "") -> str:
    """A property of the application; ``default`` if it is not set or empty.

    ``SparkContext.getConf`` asks the JVM for all properties, one call each.

    Parameters
    ----------
    context : SparkContext
        Of the application.
    name : str
        Name of the property.
    default : str, optional
        Returned if the property is not set or empty.

    Returns
    -------
    str
    """
    return str(context._jsc.getConf().get(name, default)) or default


def slots_asked_for(get: Callable[[str, str], str | None]) -> int:
    """Most task slots that an application may get from its cluster, by its properties; 0 if they do not tell.

    Parameters
    ----------
    get : callable
        A property by its name and default, as ``SparkConf.get``.

    Returns
    -------
    int
    """

    def number(name: str, default: int = 0) -> int:
        text = get(name, str(default)) or ""
        return int(text) if text.isdigit() else default

    dynamic = (get("spark.dynamicAllocation.enabled", "false") or "").lower() == "true"
    executors = number("spark.dynamicAllocation.maxExecutors" if dynamic else "spark.executor.instances")
    cores = executors * number("spark.executor.cores", 1)
    most = number("spark.cores.max")
    return int((min(cores, most) if cores and most else cores or most) // float(get("spark.task.cpus", "1") or 1))


def executors_of(context: SparkContext) -> int:
    """Number of executors that the application has; Spark counts the driver as one."""
    return len(context._jsc.sc().statusTracker().getExecutorInfos()) - 1


class Growth:
    """Whether the application has at least twice the executors on which its blocks were placed.

    To place blocks anew, all rows are read once more. To do so only at doublings bounds how often that happens.

    Parameters
    ----------
    executors : callable
        The present number of executors.
    """

    def __init__(self, executors: Callable[[], int]) -> None:
        self._executors, self._fewest = executors, 0

    def placed(self) -> None:
        """Note that the blocks are placed on the present executors, of which there is at least one."""
        self._fewest = max(1, self._executors())

    def grown(self, tasks: int) -> bool:
        """Whether to place the blocks of so many tasks anew.

        Parameters
        ----------
        tasks : int
            Number of tasks of a pass. One task cannot be spread.

        Returns
        -------
        bool
        """
        now = max(1, self._executors())
        self._fewest = min(self._fewest, now)  # blocks of lost executors were placed on those that were left
        return tasks > self._fewest and now >= 2 * self._fewest
