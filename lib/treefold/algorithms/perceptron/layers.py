"""The order of weights and biases of a network in a flat array, which is that of MLlib's ``weights``."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.random import substream, uniform
from treefold.errors import InputError


class Layers(NamedTuple):
    """Sizes of the layers, from the features to the outputs.

    For each pair of neighbouring layers the flat array has the weights, beginning with those from the first unit of the
    lower layer to all units of the upper one, and then the biases of the upper layer.

    Attributes
    ----------
    sizes : tuple of int
        At least two.
    """

    sizes: tuple[int, ...]

    @property
    def inputs(self) -> int:
        """Number of features."""
        return self.sizes[0]

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return self.sizes[-1]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Sizes of the lower and the upper layer of each affine map."""
        return list(zip(self.sizes[:-1], self.sizes[1:], strict=True))

    @property
    def size(self) -> int:
        """Number of weights and biases."""
        return sum((lower + 1) * upper for lower, upper in self.pairs)

    def affine(self, flat: NDArray) -> Iterator[tuple[NDArray, NDArray]]:
        """Weights ``(lower, upper)`` and biases ``(upper,)`` of each map, views of ``flat`` ``(size,)``."""
        start = 0
        for lower, upper in self.pairs:
            middle, end = start + lower * upper, start + (lower + 1) * upper
            yield flat[start:middle].reshape(lower, upper), flat[middle:end]
            start = end

    @property
    def penalised(self) -> NDArray[np.bool_]:
        """Which numbers are weights, ``(size,)``: biases are not penalised."""
        marks = np.zeros(self.size, bool)
        for weights, _ in self.affine(marks):
            weights[:] = True
        return marks

    def drawn(self, seed: int, activation: str) -> NDArray:
        """Random weights and biases, ``(size,)``: uniform in ``+- gain * sqrt(6 / (lower + upper))``.

        The gain is 1, or 4 for the logistic sigmoid, whose slope is at most a quarter.

        References
        ----------
        Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010, eq.
        16. Bengio, "Practical recommendations for gradient-based training of deep architectures", 2012, sec. 3, eq. 15:
        the gain.
        """
        gain = 4 if activation == "sigmoid" else 1
        flat = np.empty(self.size)
        for number, ((lower, upper), part) in enumerate(zip(self.pairs, self.affine(flat), strict=True)):
            bound = gain * np.sqrt(6 / (lower + upper))
            for stream, values in enumerate(part):
                draws = uniform(np.arange(values.size, dtype=np.uint64), substream(seed, number, stream))
                values[:] = (bound * (2 * draws - 1)).reshape(values.shape)
        return flat

    def check_inputs(self, features: int) -> None:
        """Raise InputError if the layers do not begin with the number of features."""
        if self.inputs != features:
            raise InputError(
                f"layers begin with {self.inputs}, but there are {features} features: let layers begin with {features}"
            )
