"""The fit of a calibration to out-of-fold scores."""

from collections.abc import Sequence
from typing import Any

from treefold.algorithms.calibration.isotonic import Isotonic, fit_isotonic
from treefold.algorithms.calibration.scores import out_of_fold
from treefold.algorithms.calibration.sigmoid import Sigmoid, fit_sigmoid
from treefold.dataset.blocks import Blocks, Pass
from treefold.dataset.splits import Split

METHODS: dict[str, Any] = {"sigmoid": fit_sigmoid, "isotonic": fit_isotonic}


def fit(blocks: Blocks, split: Split, models: Sequence[Any], method: str) -> tuple[Sigmoid | Isotonic, list[Pass]]:
    """The calibration of classifiers that were fitted without one fold each.

    Parameters
    ----------
    blocks : Blocks
        All rows. The scores are computed once, and the passes of the fit are over the scores.
    split : Split
        Assignment of rows to folds.
    models : sequence of NumpyModel
        For each fold the model that was fitted to the other folds.
    method : str
        ``sigmoid`` or ``isotonic``.

    Returns
    -------
    tuple of (Sigmoid or Isotonic) and list of Pass
        The calibration, and the passes over the scores.
    """
    scored = blocks.map(out_of_fold, split, tuple(models))
    try:
        made: Sigmoid | Isotonic = METHODS[method](scored)
        return made, list(scored.passes)
    finally:
        scored.close()
