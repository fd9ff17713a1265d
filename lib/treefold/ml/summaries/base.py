"""The base of summaries: a model, its data, and one pass when it is needed."""

from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from treefold.dataset.blocks import Pass
from treefold.metrics import measure
from treefold.metrics.predictions import Statistic
from treefold.report.charts import Chart


class Summary:
    """A model on a labelled data set.

    It keeps a copy of the model, so params that are changed later do not change a figure. Figures are weighted by
    ``weightCol``.
    """

    reported: tuple[str, ...] = ()  # the figures that a job writes
    _java_obj: Any = None  # the destructor of pyspark.ml's summaries reads it

    def __init__(self, model: Any, data: DataFrame) -> None:
        self.model, self.data = model.copy(), data
        self.model.training_summary = None

    @property
    def predictions(self) -> DataFrame:
        """The data with the model's columns."""
        return self.model.transform(self.data)

    @property
    def predictionCol(self) -> str:
        """The column of predictions."""
        return str(self.model.value("predictionCol"))

    @property
    def labelCol(self) -> str:
        """The column of labels."""
        return str(self.model.value("labelCol"))

    @property
    def featuresCol(self) -> Any:
        """The column, or columns, of features."""
        return self.model.value("featuresCol")

    @property
    def weightCol(self) -> str | None:
        """The column of weights, if there is one."""
        return self.model.value("weightCol")

    @property
    def scores(self) -> dict[str, Any]:
        """The figures that a job writes, by name; None for a figure that is not defined."""
        figures = {name: getattr(self, name) for name in self.reported}
        return {name: known(value) if isinstance(value, float) else value for name, value in figures.items()}

    @property
    def passes(self) -> list[Pass]:
        """The passes that computed the figures."""
        return self._measured[1]

    def charts(self) -> list[Chart]:
        """Charts of a report."""
        return []

    def measure(self) -> Self:
        """Compute the figures, unless they are known."""
        _ = self._measured
        return self

    def measured_by(self, sums: Any, passes: list[Pass]) -> Self:
        """Use sums of :meth:`statistics` from another pass.

        Parameters
        ----------
        sums : tuple
            Sums of the statistics.
        passes : list of Pass
            The passes that computed them.

        Returns
        -------
        Self

        Raises
        ------
        InputError
            If no figure can be computed from the data.
        """
        self._check(sums)
        self.__dict__["_measured"] = sums, passes
        return self

    def statistics(self) -> tuple[Statistic, ...]:
        """The statistics of the pass."""
        return self._statistics()

    def _statistics(self) -> tuple[Statistic, ...]:
        raise NotImplementedError

    def _check(self, sums: Any) -> None:
        """Raise InputError if no figure can be computed from the data."""

    @cached_property
    def _measured(self) -> tuple[Any, list[Pass]]:
        with self.model.open(self.data) as blocks:
            sums = measure(blocks, self.model.scoring(), *self._statistics())
            self._check(sums)
            return sums, blocks.passes

    def _frame(self, **columns: NDArray) -> DataFrame:
        table = pa.table({name: np.asarray(column, np.float64) for name, column in columns.items()})
        return self.data.sparkSession.createDataFrame(table)


class Trained(Summary):
    """A model on its training data, and the summary of its fit.

    Parameters
    ----------
    model : Any
        The fitted model.
    data : DataFrame
        Its training data.
    fit : Any
        The summary of the fit.
    """

    def __init__(self, model: Any, data: DataFrame, fit: Any) -> None:
        super().__init__(model, data)
        self.fit = fit

    @property
    def objectiveHistory(self) -> list[float]:
        """Objective, including the penalty, at the start and after each iteration."""
        return list(self.fit.objectiveHistory)

    @property
    def totalIterations(self) -> int:
        """Number of iterations."""
        return int(self.fit.totalIterations)

    @property
    def validationHistory(self) -> list[float]:
        """Mean loss of the rows held out for early stopping, at the start and after each iteration."""
        return list(self.fit.validationHistory)

    @property
    def outcome(self) -> str:
        """Why the fit ended."""
        return str(self.fit.outcome)

    @property
    def passes(self) -> list[Pass]:
        """The passes of the fit."""
        return list(self.fit.passes)

    def to_dict(self) -> dict[str, Any]:
        """What a job writes about the fit."""
        return dict(self.fit.to_dict())

    def charts(self) -> list[Chart]:
        """Charts of the fit for a report."""
        return list(self.fit.charts())


def known(value: float) -> float | None:
    """The value, or None for NaN, which JSON has not."""
    return None if np.isnan(value) else float(value)


def thinned(*line: NDArray, points: int = 200) -> tuple[list[float], ...]:
    """A line with at most ``points`` of its points, including both ends."""
    places = np.unique(np.linspace(0, len(line[0]) - 1, points).round().astype(int))
    return tuple(np.asarray(values)[places].tolist() for values in line)
