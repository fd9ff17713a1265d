"""Perceptrons under differential privacy."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from treefold.algorithms.perceptron import Network, PerceptronModel
from treefold.algorithms.perceptron.losses import Loss, Poisson
from treefold.algorithms.perceptron.private import fit_with_noise
from treefold.dataset.blocks import Blocks
from treefold.errors import InputError
from treefold.ml.base import Batch
from treefold.ml.private_params import noise_around, noise_of, spent, teller
from treefold.optim.status import DIVERGED, MAX_ITER
from treefold.privacy.clipped_rows import row_count
from treefold.privacy.noisy_blocks import Noise

if TYPE_CHECKING:
    from treefold.ml.perceptron.fitting import PerceptronTrainable

READ = {  # params that a fit by solver dpgd reads, or that have no effect on it
    "layers", "activation", "stepSize", "regParam", "seed", "initialWeights", "initialModel", "loss", "epsilon",
    "labelCol", "rawPredictionCol", "probabilityCol", "thresholds", "blockSize",
}  # fmt: skip


def perceptron_noise(params: "PerceptronTrainable") -> Noise:
    """The noise of all steps."""
    return noise_of(params, READ, params.value("maxIter"))


def fit_privately(params: "PerceptronTrainable", trials: Sequence[Any], blocks: Blocks, loss: Loss) -> Batch:
    """Fit one perceptron over blocks with noise.

    Parameters
    ----------
    params : PerceptronTrainable
        The estimator.
    trials : sequence of PerceptronTrainable
        The estimators to fit: one.
    blocks : Blocks
        The data set.
    loss : Loss
        Loss of the network.

    Returns
    -------
    Batch

    Raises
    ------
    InputError
        If the blocks have no noise, as those of a search, or the loss grows too fast.
    """
    noise = noise_around(blocks, trials)
    if isinstance(loss, Poisson):
        raise InputError("solver dpgd takes no loss poisson, whose gradients grow too fast: use huber")
    rows = blocks.sum(row_count).rows  # and the number of features is known
    network = Network(params.layers_for(blocks.features), params.value("activation"), loss)
    flat = fit_with_noise(
        blocks,
        network,
        params.first(network.layers)[0],
        params.value("clip"),
        rows=rows,
        ridge=params.value("regParam"),
        step_size=params.value("stepSize"),
        iterations=noise.passes,
        on_step=teller(params, noise, blocks),
    )
    model = PerceptronModel(network.layers.sizes, flat, network.activation, loss.link, privacy=spent(params, noise))
    status = np.array([MAX_ITER if np.isfinite(flat).all() else DIVERGED])
    return Batch([model], [[]], np.array([noise.passes]), status, [[]])
