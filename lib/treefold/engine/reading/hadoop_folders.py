"""Folders as Spark sees them: on any file system, with Spark's own credentials."""

from typing import Any

from pyspark.sql import DataFrame, SparkSession

from treefold.engine.reading.spark_plan import parquet_roots
from treefold.engine.reading.table_formats import refuse_table_folders


class HadoopFolders:
    """See :class:`~treefold.engine.reading.table_formats.Folders`."""

    def __init__(self, session: SparkSession) -> None:
        self.path: Any = session.sparkContext._jvm.org.apache.hadoop.fs.Path  # type: ignore[union-attr]
        self.conf = session._jsparkSession.sessionState().newHadoopConf()

    def ask(self, path: str) -> None:
        """Ask the file system of a path whether the path exists; raises the JVM's exception if it does not answer."""
        asked = self.path(path)
        asked.getFileSystem(self.conf).exists(asked)

    def named(self, path: str) -> str:
        """A path with the scheme and host of its file system, and no slash at its end."""
        asked = self.path(path)
        return str(asked.getFileSystem(self.conf).makeQualified(asked).toString())

    def exists(self, path: str) -> bool:
        """See :class:`~treefold.engine.reading.table_formats.Folders`."""
        try:
            asked = self.path(path)
            return bool(asked.getFileSystem(self.conf).exists(asked))
        except Exception:  # any Py4JJavaError, for example because a parent folder may not be read
            return False

    def names(self, path: str) -> list[str]:
        """See :class:`~treefold.engine.reading.table_formats.Folders`."""
        try:
            asked = self.path(path)
            if not self.exists(path):  # PySpark asks the JVM some 80 times what it has raised
                return []
            return [status.getPath().getName() for status in asked.getFileSystem(self.conf).listStatus(asked)]
        except Exception:  # as above
            return []


def refuse_tables(data: DataFrame) -> None:
    """Raise InputError if a DataFrame reads the folder of a table, or a folder inside it, as plain Parquet."""
    roots = parquet_roots(data)
    if roots:
        refuse_table_folders(HadoopFolders(data.sparkSession), roots)
