"""All statistics of a model on labelled rows, in one pass."""

from typing import Any, NamedTuple

import numpy as np

from treefold.dataset.block import Block, positions
from treefold.dataset.blocks import add
from treefold.metrics.predictions import Predictions, Predictor, Statistic, merge_measured
from treefold.scoring.replicated_scores import ReplicatedScores
from treefold.statistics.bootstrap import Replicates

Level = tuple[int, float]  # number of a slice column, and a value of it


class Measured(NamedTuple):
    """Statistics of some rows.

    Attributes
    ----------
    sums : tuple
        Sums of each statistic.
    replicates : Replicates or None
    slices : {level: sums of the first statistic}
    """

    sums: tuple[Any, ...]
    replicates: Replicates | None
    slices: dict[Level, Any]


def evaluation(
    block: Block,
    predictor: Predictor,
    statistics: tuple[Statistic, ...],
    replicated: ReplicatedScores | None,
    slices: int,
) -> Measured:
    """What is measured of one block.

    Parameters
    ----------
    block : Block
        Rows.
    predictor : Predictor
        The model.
    statistics : as for :func:`treefold.metrics.measure`
        Statistics of predictions.
    replicated : ReplicatedScores | None
        Scores that are bootstrapped, if any.
    slices : int
        How many of the last extra columns are slice columns.
    """
    kept = block.weight > 0
    kept = kept if kept.any() else np.ones(len(kept), bool)
    X, y, weight = block.X[kept], block.y[kept], block.weight[kept]
    extra = [column[kept] for column in block.extra]
    offset = extra[:1] if getattr(predictor, "with_offset", False) else ()
    said = predictor.predictions(X, *offset)
    sums = tuple(statistic(said, y, weight) for statistic in statistics)
    drawn = replicated.sums(said, y, weight, positions(block)[kept]) if replicated else None
    found = {}
    for number, column in enumerate(extra[len(extra) - slices :]):
        for value in np.unique(column):
            rows = column == value
            found[number, float(value)] = statistics[0](_of_rows(said, rows), y[rows], weight[rows])
    return Measured(sums, drawn, found)


def merge_evaluations(left: Measured, right: Measured) -> Measured:
    """Statistics of the union of two sets of rows."""
    drawn = None if left.replicates is None or right.replicates is None else add(left.replicates, right.replicates)
    slices = dict(left.slices)
    for level, sums in right.slices.items():
        slices[level] = add(slices[level], sums) if level in slices else sums
    return Measured(merge_measured(left.sums, right.sums), drawn, slices)


def _of_rows(said: Predictions, rows: Any) -> Predictions:
    return Predictions(
        said.value[:, rows],
        said.classes,
        None if said.probability is None else said.probability[:, :, rows],
        None if said.score is None else said.score[:, rows],
    )
