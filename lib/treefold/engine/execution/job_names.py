"""Names of jobs in Spark's UI, and the property by which tasks know their pass."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark import SparkContext

from treefold.engine.storage.provenance import PASS


@contextmanager
def described(context: SparkContext, description: str, during: str) -> Iterator[None]:
    """Name jobs, and set the pass of their tasks, within a ``with`` statement; then restore the caller's names.

    Parameters
    ----------
    context : SparkContext
        Context of the session.
    description : str
        Description of the jobs in Spark's UI.
    during : str
        Name of the pass, which tasks read.

    Returns
    -------
    iterator
        For the ``with`` statement.
    """
    names = {"spark.job.description": description, PASS: during}
    before = {key: context.getLocalProperty(key) for key in names}
    for key, name in names.items():
        context.setLocalProperty(key, name)
    try:
        yield
    finally:
        for key, old in before.items():
            context.setLocalProperty(key, old)  # type: ignore[arg-type]
