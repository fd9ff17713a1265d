"""Executors that come after the data was opened: how many an application may get."""

from collections.abc import Callable


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
    return (min(cores, most) if cores and most else cores or most) // max(1, number("spark.task.cpus", 1))
