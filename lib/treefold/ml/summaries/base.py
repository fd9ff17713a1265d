"""What summaries share: a model, its data, one pass when it is needed."""

from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from treefold.blocks import Pass
from treefold.metrics import measure
from treefold.metrics.predictions import Statistic


class Summary:
    """A model on a labelled data set.

    The model is that of the moment: params changed later change no figure. Figures are weighted by ``weightCol``.
    """

    reported: tuple[str, ...] = ()  # the figures that a job writes down

    def __init__(self, model: Any, data: DataFrame) -> None:
        self.model, self.data = model.copy(), data
        self.model.summary = None

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
        """What a job writes down: the figures by name, None for one that is not defined."""
        return {name: getattr(self, name) for name in self.reported}

    @property
    def passes(self) -> list[Pass]:
        """The passes that made the figures."""
        return self._measured[1]

    def charts(self) -> list[dict[str, Any]]:
        """What a report draws."""
        return []

    def measure(self) -> Self:
        """See to it that the figures are there."""
        _ = self._measured
        return self

    def _statistics(self) -> tuple[Statistic, ...]:
        raise NotImplementedError

    def _check(self, sums: Any) -> None:
        """Raise InputError if the data cannot be summed up."""

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
    """A model on its training data, and how its fit went."""

    def __init__(self, model: Any, data: DataFrame, fit: Any) -> None:
        super().__init__(model, data)
        self.fit = fit

    @property
    def objectiveHistory(self) -> list[float]:
        """Objective at the start and after each iteration, penalty included."""
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

    def facts(self) -> dict[str, Any]:
        """What a job writes down of the fit."""
        return dict(self.fit.facts())

    def charts(self) -> list[dict[str, Any]]:
        """What a report draws of the fit."""
        return list(self.fit.charts())


def known(value: float) -> float | None:
    """None for a NaN, which no file of figures can hold."""
    return None if np.isnan(value) else float(value)


def thinned(*line: NDArray, points: int = 200) -> tuple[list[float], ...]:
    """A line of many points as one of few, its ends among them."""
    places = np.unique(np.linspace(0, len(line[0]) - 1, points).round().astype(int))
    return tuple(np.asarray(values)[places].tolist() for values in line)
