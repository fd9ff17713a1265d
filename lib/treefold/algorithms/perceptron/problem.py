"""The function that solvers minimise: the objective of a batch of networks, one pass per evaluation."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.early_stopping import HELD, EarlyStopping
from treefold.algorithms.perceptron.network import Network
from treefold.algorithms.perceptron.objective import Objective, objective
from treefold.dataset.blocks import Blocks
from treefold.dataset.folds import training
from treefold.dataset.splits import Split


class Problem(NamedTuple):
    """A batch of penalised fits of one network; a row of variables is its weights and biases.

    Attributes
    ----------
    ridge : (models,)
        L2 strengths; of weights only.
    by_class : (classes,), optional
        Factors of the weights of rows.
    watch : EarlyStopping, optional
        Of rows held out, none of which are among the ``blocks``.
    """

    blocks: Blocks
    network: Network
    ridge: NDArray
    by_class: NDArray | None = None
    watch: EarlyStopping | None = None

    def __call__(self, x: NDArray, chosen: NDArray) -> tuple[NDArray, NDArray]:
        """Objectives ``(len(chosen),)`` and gradients ``(len(chosen), size)`` of the models ``chosen``: one pass."""
        args = (x, self.network, self.by_class)
        total: Objective
        if self.watch is None:
            total = self.blocks.sum(objective, *args)
        else:
            total = self.watch.sum(objective, *args, x=x, models=chosen, about=(x, self.by_class))
        value, slope = self.penalty(x, chosen)
        return total.loss / total.weight + value, total.gradient / total.weight + slope

    def fitted_on(self, split: Split | None) -> Blocks:
        """The blocks without the rows of fold 1 of a split."""
        return self.blocks if split is None else training(self.blocks, split, HELD)

    def penalty(self, x: NDArray, chosen: NDArray) -> tuple[NDArray, NDArray]:
        """Penalties and their gradients."""
        weights = x * self.network.layers.penalised
        slope = self.ridge[chosen, None] * weights
        return 0.5 * np.einsum("mp,mp->m", weights, slope), slope
