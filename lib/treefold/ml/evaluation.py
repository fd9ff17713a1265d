"""Evaluation of a model on labelled data: one pass."""

from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame

from treefold.algorithms.moments import moments
from treefold.blocks import Pass
from treefold.errors import InputError
from treefold.metrics import (
    classification_counts,
    classification_scores,
    regression_scores,
    regression_sums,
)
from treefold.ml.model import LinearModelFace


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model on a data set.

    Attributes
    ----------
    scores : dict
        Of a classifier ``rows``, ``log_loss``, ``accuracy``, ``precision`` and ``recall`` by label, ``confusion``
        (label, prediction); of a regression ``rows``, ``rmse``, ``mae``, ``r2``. Weighted.
    passes : list of Pass
    """

    scores: dict[str, Any]
    passes: list[Pass] = field(repr=False)

    def __getattr__(self, name: str) -> Any:
        if name in self.scores:
            return self.scores[name]
        raise AttributeError(name)


def evaluate(model: LinearModelFace, data: DataFrame) -> Evaluation:
    """Evaluate a model on the rows of ``data``.

    Raises
    ------
    InputError
        If a label is no class of the model, or the data is bad as for a fit.
    """
    with model.open(data) as blocks:
        pure = model.scoring()
        if not pure.classes:
            shift = float(moments(blocks).mean[-1])
            sums = blocks.sum(regression_sums, pure, shift)
            _check_weight(sums.weight)
            return Evaluation(regression_scores(sums), blocks.passes)
        counts = blocks.sum(classification_counts, pure)
        if counts.bad_labels:
            raise InputError(
                f"{counts.bad_labels} rows have a label in '{model.value('labelCol')}' that is no class of the model: "
                f"it knows 0 to {pure.classes - 1}"
            )
        _check_weight(counts.weight)
        return Evaluation(classification_scores(counts), blocks.passes)


def _check_weight(weight: float) -> None:
    if not weight > 0:
        raise InputError("every row has weight 0: give at least one row a positive weight")
