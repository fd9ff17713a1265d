"""Evaluation of a model on labelled data: one pass."""

from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame

from treefold.blocks import Pass
from treefold.errors import InputError
from treefold.metrics import measure
from treefold.metrics.classification import (
    Confusion,
    LabelCounts,
    accuracy,
    confusion,
    label_counts,
    log_loss,
    precision,
    recall,
)
from treefold.metrics.regression import Errors, errors, mae, r2, rmse
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
        if pure.classes:
            counts, table = measure(blocks, pure, label_counts, confusion)
            _check_labels(counts, model)
            _check_rows(counts.weight[0])
            return Evaluation(_class_scores(counts, table), blocks.passes)
        (sums,) = measure(blocks, pure, errors)
        _check_rows(sums.label.weight[0])
        return Evaluation(_error_scores(sums), blocks.passes)


def _class_scores(counts: LabelCounts, table: Confusion) -> dict[str, Any]:
    return {
        "rows": int(counts.rows[0]),
        "log_loss": float(log_loss(counts)[0]),
        "accuracy": float(accuracy(counts)[0]),
        "precision": precision(counts)[0].tolist(),
        "recall": recall(counts)[0].tolist(),
        "confusion": table.table[0].tolist(),
    }


def _error_scores(sums: Errors) -> dict[str, Any]:
    explained = float(r2(sums)[0])
    return {
        "rows": int(sums.rows[0]),
        "rmse": float(rmse(sums)[0]),
        "mae": float(mae(sums)[0]),
        "r2": explained if explained == explained else None,
    }


def _check_labels(counts: LabelCounts, model: LinearModelFace) -> None:
    if counts.unknown[0]:
        raise InputError(
            f"{counts.unknown[0]} rows have a label in '{model.value('labelCol')}' that is no class of the model: "
            f"it knows 0 to {model.scoring().classes - 1}"
        )


def _check_rows(weight: float) -> None:
    if not weight > 0:
        raise InputError("every row has weight 0: give at least one row a positive weight")
