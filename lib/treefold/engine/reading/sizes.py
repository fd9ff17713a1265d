"""What the driver has to know of the data before they are read: a number, by a small job."""

from functools import lru_cache

from pyspark.ml.functions import vector_to_array
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import DataFrame

from treefold.engine.reading.columns import column_named, field_named, numeric_row
from treefold.engine.reading.spark_errors import unreadable_file


def width_of(data: DataFrame, name: str) -> int:
    """Numbers of an array or vector, by the first row of the data; 0 for a column of numbers, or if there is no row.

    Parameters
    ----------
    data : DataFrame
        The data.
    name : str
        Name of the column.

    Returns
    -------
    int

    Raises
    ------
    InputError
        If Spark cannot read a file.
    """
    field = field_named(data, name)
    if field is None or not numeric_row(field.dataType):
        return 0
    column = column_named(data, name)
    numbers = data.select(vector_to_array(column) if isinstance(field.dataType, VectorUDT) else column)
    try:
        row = numbers.first()
    except Exception as error:
        raise unreadable_file(error) or error from None
    return len(row[0]) if row and row[0] is not None else 0


@lru_cache(maxsize=1)  # all settings of a search ask it of the same DataFrame
def more_rows(data: DataFrame, count: int) -> bool:
    """Whether the data has more rows than ``count``: one job, which reads no column that it can do without.

    Raises
    ------
    InputError
        If Spark cannot read a file.
    """
    try:
        return data.limit(count + 1).count() > count
    except Exception as error:
        raise unreadable_file(error) or error from None
