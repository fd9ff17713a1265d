"""Reading what a conf names."""

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from treefold.engine.failures import unreadable_file
from treefold.errors import InputError


def read_parquet(spark: SparkSession, path: str) -> DataFrame:
    """``spark.read.parquet(path)``, its errors told in one line.

    Raises
    ------
    InputError
        If there is nothing at ``path``, or no Parquet.
    """
    try:
        return spark.read.parquet(path)
    except AnalysisException as error:
        if error.getCondition() == "PATH_NOT_FOUND":
            raise InputError(f"there is nothing at {path}: check the path") from error
        if error.getCondition() == "UNABLE_TO_INFER_SCHEMA":
            raise InputError(f"there are no Parquet files at {path}: check the path") from error
        raise InputError(f"{path} cannot be read: {_first_line(error)}") from error
    except Exception as error:
        raise unreadable_file(error) or error from None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
