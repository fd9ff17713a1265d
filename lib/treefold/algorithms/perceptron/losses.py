"""Losses of a network: how products of the last layer become a loss and slopes."""

from typing import NamedTuple, Protocol

from numpy.typing import NDArray

from treefold.algorithms.perceptron import kernels
from treefold.errors import InputError


class Loss(Protocol):
    """The loss of a row of outputs."""

    @property
    def link(self) -> str:
        """How outputs become predictions: see :class:`treefold.algorithms.linear.batch.LinearBatch`."""
        ...

    def slopes(self, Z: NDArray, bias: NDArray, target: NDArray, weight: NDArray, bias_gradient: NDArray) -> float:
        """Replace the products ``Z`` by weighted slopes; return the weighted loss.

        Parameters
        ----------
        Z : (rows, outputs)
            Products of the last layer; overwritten.
        bias : (outputs,)
            Added to the products.
        target : (rows, outputs)
            Labels; for a classifier ``(rows, 1)``, the index of the class.
        weight : (rows,)
            Weights of the rows.
        bias_gradient : (outputs,)
            Overwritten by the sums of the slopes.

        Returns
        -------
        float
        """
        ...

    def check(self, least: float) -> None:
        """Raise InputError if the loss does not take labels of which ``least`` is the least."""
        ...


class CrossEntropy(NamedTuple):
    """``-log softmax(z)[label]``, with one output for each class."""

    @property
    def link(self) -> str:
        """Softmax."""
        return "softmax"

    def slopes(self, Z: NDArray, bias: NDArray, target: NDArray, weight: NDArray, bias_gradient: NDArray) -> float:
        """See :class:`Loss`."""
        return float(kernels.cross_entropy(Z, bias, target[:, 0], weight, bias_gradient))

    def check(self, least: float) -> None:
        """Do nothing: the first pass has checked that labels are classes."""


class Squared(NamedTuple):
    """``(z - y)^2 / 2``, summed over the outputs."""

    @property
    def link(self) -> str:
        """Identity."""
        return "identity"

    def slopes(self, Z: NDArray, bias: NDArray, target: NDArray, weight: NDArray, bias_gradient: NDArray) -> float:
        """See :class:`Loss`."""
        return float(kernels.regression(Z, bias, target, weight, kernels.SQUARED, 0.0, bias_gradient))

    def check(self, least: float) -> None:
        """Do nothing: any number is a label."""


class Huber(NamedTuple):
    """``r^2 / 2`` for a residual up to ``width``, ``width (|r| - width / 2)`` beyond; summed over the outputs.

    Attributes
    ----------
    width : float
        Residual at which the loss becomes linear, in the units of the label; > 0.

    References
    ----------
    Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35, 1964, sec. 3.
    """

    width: float = 1.35

    @property
    def link(self) -> str:
        """Identity."""
        return "identity"

    def slopes(self, Z: NDArray, bias: NDArray, target: NDArray, weight: NDArray, bias_gradient: NDArray) -> float:
        """See :class:`Loss`."""
        return float(kernels.regression(Z, bias, target, weight, kernels.HUBER, self.width, bias_gradient))

    def check(self, least: float) -> None:
        """Do nothing: any number is a label."""


class Poisson(NamedTuple):
    """``exp(z) - y z``, the negative log-likelihood of a count of mean ``exp(z)``; summed over the outputs."""

    @property
    def link(self) -> str:
        """Logarithm."""
        return "log"

    def slopes(self, Z: NDArray, bias: NDArray, target: NDArray, weight: NDArray, bias_gradient: NDArray) -> float:
        """See :class:`Loss`."""
        return float(kernels.regression(Z, bias, target, weight, kernels.POISSON, 0.0, bias_gradient))

    def check(self, least: float) -> None:
        """Raise InputError if a count is negative."""
        if least < 0:
            raise InputError(f"a label is {least:g}: counts are 0 or more")
