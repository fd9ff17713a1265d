"""Rows to predict in which a feature is null: counted, left out, kept, or named."""

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as f

from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.columns import column_named, complete, with_fields, without_null
from treefold.engine.reading.row_reader import METADATA
from treefold.errors import InputError
from treefold.ml.predict import OF_A_BATCH

CURE = "set data.nulls to 'drop' or 'keep'"


class NullRows:
    """What is done with rows in which a feature is null.

    Parameters
    ----------
    nulls : {"fail", "drop", "keep"}
    columns : Columns
        The feature columns.

    Attributes
    ----------
    keep : bool
        Whether such rows have null predictions.
    """

    def __init__(self, nulls: str, columns: Columns) -> None:
        self.nulls, self.columns, self.keep = nulls, columns, nulls == "keep"
        self.seen: Observation | None = None

    def handled(self, data: DataFrame) -> DataFrame:
        """The rows, counted if they may have nulls, without those that are left out."""
        if self.nulls == "fail":
            return data
        full = complete(with_fields(data, self.columns.names), self.columns)
        self.seen = Observation()
        data = data.observe(self.seen, f.count_if(~full).alias("nulls"))
        return data if self.keep else data.where(full)

    @property
    def count(self) -> int:
        """Rows with a null; known after the rows were evaluated, and 0 if each of them ends the job."""
        return int(self.seen.get["nulls"]) if self.seen else 0

    def named(self, data: DataFrame, key: list[str], error: InputError) -> InputError:
        """The error of a worker that has met a null; it names the column and the row, by its key, and the file.

        Parameters
        ----------
        data : DataFrame
            The rows to predict.
        key : list of str
            Columns by whose values the row is named.
        error : InputError
            As the worker has raised it.

        Returns
        -------
        InputError
        """
        if " holds null " not in str(error):
            return error
        if OF_A_BATCH not in str(error):
            return InputError(f"{error}, or {CURE}")
        rows = with_fields(data, self.columns.names)
        full = without_null(rows, self.columns)
        bad = rows.where(~complete(rows, self.columns))
        known = [column_named(data, name).cast("string") for name in key]
        try:
            found = bad.select(*full.values(), *known, f.col(f"{METADATA}.file_path")).first()
        except AnalysisException:  # the rows are not those of files
            found = bad.select(*full.values(), *known, f.lit("")).first()
        if found is None:
            return error
        column = next(name for name, whole in zip(full, found, strict=False) if not whole)
        row = ", ".join(f"{name} = {value}" for name, value in zip(key, found[len(full) :], strict=False))
        where = f"in the row with {row}" if row else "in a row"
        return InputError(f"column '{column}' holds null {where}{f' of {found[-1]}' if found[-1] else ''}: {CURE}")
