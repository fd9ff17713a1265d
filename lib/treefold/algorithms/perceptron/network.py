"""A network: forward and backward products by BLAS, and compiled loops between them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.algorithms.perceptron import kernels
from treefold.algorithms.perceptron.layers import Layers
from treefold.algorithms.perceptron.losses import Loss
from treefold.dataset.block import Matrix
from treefold.dataset.random import substream

ACTIVATIONS = {
    "identity": kernels.IDENTITY, "relu": kernels.RELU, "sigmoid": kernels.SIGMOID, "tanh": kernels.TANH,
}  # fmt: skip
LAYER_STREAM = 0xD0  # of the draws of dropout


class Dropout(NamedTuple):
    """Which hidden units take part for a row: each with probability ``1 - rate``, and then ``1 / (1 - rate)`` times.

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014.

    Attributes
    ----------
    rate : float
        In (0, 1).
    keys : (rows,) uint64
        Of the draws of each row.
    """

    rate: float
    keys: NDArray[np.uint64]

    def apply(self, A: NDArray, layer: int) -> None:
        """Drop units of activations, or of their slopes, ``(rows, units)`` in their place."""
        least, scale = np.uint64(round(self.rate * 2**32)), A.dtype.type(1 / (1 - self.rate))
        kernels.drop(A, self.keys, np.uint64(substream(LAYER_STREAM, layer)), least, scale)


def hidden(X: Matrix, layers: Layers, flat: NDArray, activation: str, dropout: Dropout | None = None) -> list[NDArray]:
    """Activations ``(rows, units)`` of the hidden layers, in the type of ``X``; an empty list for a linear model.

    Parameters
    ----------
    X : (rows, features)
        Features.
    layers : Layers
        Sizes of the layers.
    flat : (size,) in the type of ``X``
        Weights and biases.
    activation : str
        Activation of the hidden layers.
    dropout : Dropout, optional
        Hidden units to drop.

    Returns
    -------
    list of (rows, units)
    """
    found: list[NDArray] = []
    for number, (weights, bias) in enumerate(list(layers.affine(flat))[:-1]):
        Z = np.ascontiguousarray((found[-1] if found else X) @ weights)
        kernels.activate(Z, bias, ACTIVATIONS[activation])
        if dropout is not None:
            dropout.apply(Z, number)
        found.append(Z)
    return found


class Network(NamedTuple):
    """Layers, the activation of the hidden ones, and the loss of the last.

    Attributes
    ----------
    layers : Layers
    activation : str
        ``relu``, ``sigmoid``, ``tanh`` or ``identity``.
    loss : Loss
    """

    layers: Layers
    activation: str
    loss: Loss

    def loss_of(self, X: Matrix, target: NDArray, weight: NDArray, flat: NDArray) -> float:
        """Weighted loss of rows.

        Parameters
        ----------
        X : (rows, features)
            Features, dense or CSR.
        target : (rows, outputs)
            Labels; for a classifier ``(rows, 1)``, the index of the class.
        weight : (rows,)
            Weights of the rows.
        flat : (parameters,)
            Weights and biases of all layers.

        Returns
        -------
        float
        """
        lower = [X, *hidden(X, self.layers, flat, self.activation)][-1]
        weights, bias = list(self.layers.affine(flat))[-1]
        return self.loss.slopes(np.ascontiguousarray(lower @ weights), bias, target, weight, np.empty_like(bias))

    def gradient(
        self,
        X: Matrix,
        target: NDArray,
        weight: NDArray,
        flat: NDArray,
        gradient: NDArray,
        dropout: Dropout | None = None,
    ) -> float:
        """Write the gradient of the weighted loss of rows into ``gradient``; return the loss.

        Parameters
        ----------
        X : (rows, features) float32 or float64
            Features.
        target : (rows, outputs), for a classifier (rows, 1)
            Labels, or indices of classes.
        weight : (rows,)
            Weights of the rows.
        flat, gradient : (size,), in the type of ``X``
            Weights and biases, and the gradient, which is written.
        dropout : Dropout, optional
            Hidden units to drop.

        Returns
        -------
        float
        """
        maps, slopes = list(self.layers.affine(flat)), list(self.layers.affine(gradient))
        lower: list[Matrix] = [X, *hidden(X, self.layers, flat, self.activation, dropout)]
        slope = np.ascontiguousarray(lower[-1] @ maps[-1][0])
        value = self.loss.slopes(slope, maps[-1][1], target, weight, slopes[-1][1])
        for number in reversed(range(len(maps))):
            _product_of_columns(lower[number], slope, slopes[number][0])
            if number:
                slope = slope @ maps[number][0].T
                kind = ACTIVATIONS[self.activation]
                if dropout is not None:
                    dropout.apply(slope, number - 1)
                    lower[number] *= 1 - dropout.rate
                kernels.through_activation(slope, lower[number], kind, slopes[number - 1][1])
        return value


def _product_of_columns(A: Matrix, slope: NDArray, into: NDArray) -> None:
    """Write ``A' slope`` into ``into``."""
    if isinstance(A, csr_array):
        into[:] = A.T @ slope
    else:
        np.matmul(A.T, slope, out=into)
