"""The interface of a loss of linear models."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from treefold.statistics.label_summary import DataSummary


class Start(NamedTuple):
    """Start of a fit: the best model without features, approximately.

    Attributes
    ----------
    intercepts : (outputs,)
        Intercepts; for an output without coefficients its value.
    hessian : (outputs, outputs)
        Second derivatives of the loss with respect to the margins at the start, averaged over the rows, for labels in
        the units of the fit; ones on the diagonal for a loss with a kink.
    n_linear : int
        Number of outputs that have coefficients; they come first. Any other output is one number fitted for all rows.
    """

    intercepts: NDArray
    hessian: NDArray
    n_linear: int = 1

    @property
    def outputs(self) -> int:
        """Outputs of a row."""
        return len(self.intercepts)


@dataclass(frozen=True)
class Loss:
    """A loss ``L(margin, label)``, its derivatives with respect to the margins, and how it is fitted.

    Margins are ``(models, outputs, rows)`` and labels ``(rows,)``. Rows come last, so that every operation runs along
    contiguous memory; results have the type of the margins. Losses are frozen dataclasses: equal parameters make equal
    losses, also after they were sent to an executor.

    A loss of your own implements ``__call__``. Everything else has a default that suits a smooth loss of one output
    whose label is a number: it starts at the mean label and has no second derivatives, so that L-BFGS, gradient descent
    and mini-batches fit it. Its class must be importable on the executors, or defined in ``__main__``.

    Attributes
    ----------
    homogeneity : int
        d in ``L(c margin, c label) = c^d L(margin, label)``. If d > 0, the label is divided by its deviation for the
        fit. 0 if the label has no unit.
    constant_curvature : bool
        Whether the second derivatives are 1 for every row, so that one pass suffices for the minimum.
    twice_differentiable : bool
        Whether :meth:`curvature` is implemented, which Newton's method needs.
    shift_invariant : bool
        Whether the loss stays the same if one number is added to all margins of a row; coefficients are then centred.
    row_kernel : str or None
        Name of the compiled loss in :mod:`~treefold.algorithms.linear.kernels_sgd`, which local steps need.

    Examples
    --------
    >>> class LogCosh(Loss):
    ...     def __call__(self, margin, label):
    ...         residual = margin - label
    ...         return np.log(np.cosh(residual))[:, 0], np.tanh(residual)
    >>> value, slope = LogCosh()(np.zeros((1, 1, 3)), np.array([0.0, 1.0, -1.0]))
    >>> value.round(4).tolist(), slope.round(4).tolist()
    ([[0.0, 0.4338, 0.4338]], [[[0.0, -0.7616, 0.7616]]])
    """

    homogeneity: ClassVar[int] = 0
    constant_curvature: ClassVar[bool] = False
    twice_differentiable: ClassVar[bool] = False
    shift_invariant: ClassVar[bool] = False
    row_kernel: ClassVar[str | None] = None

    def __call__(self, margin: NDArray, label: NDArray, /) -> tuple[NDArray, NDArray]:
        """Loss ``(models, rows)`` and slope, its derivative with respect to the margins, ``(models, outputs, rows)``.

        At a kink the slope is a subgradient.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement __call__(margin, label) -> (loss, slope)")

    def curvature(self, margin: NDArray, label: NDArray) -> NDArray:
        """Second derivatives with respect to the margins.

        Parameters
        ----------
        margin : (models, outputs, rows)
            Margins.
        label : (rows,)
            Labels.

        Returns
        -------
        (models, parts, rows)
            For a loss that is a sum over outputs, part k is the second derivative of output k. For other losses the
            parts are the pairs of ``np.triu_indices(outputs)``.

        Raises
        ------
        TypeError
            If the loss is not twice differentiable.
        """
        raise TypeError(f"{self} has no second derivative")

    def start(self, summary: DataSummary) -> Start:
        """Start of a fit.

        Parameters
        ----------
        summary : DataSummary
            What the first pass has found about the labels.

        Returns
        -------
        Start

        Raises
        ------
        InputError
            If the loss does not take such labels.
        """
        return Start(summary.moments.mean[-1:], np.eye(1))

    def offset_shift(self, mean: float, log_mean_exp: float) -> float:
        """What offsets of the rows subtract from the first intercept at the start; by default their mean.

        Parameters
        ----------
        mean : float
            Weighted mean of the offsets.
        log_mean_exp : float
            Logarithm of the weighted mean of their exponentials; infinite if that overflows.

        Returns
        -------
        float
        """
        return mean

    def row_parameter(self, label_scale: float) -> float:
        """The parameter of ``row_kernel``, for labels divided by ``label_scale``."""
        return 0.0

    def slope_kernel(self) -> Callable | None:
        """A compiled replacement of ``__call__`` for float32 margins, or None.

        It is called as ``kernel(margin, label, weights, whose, value, total)``; see
        :func:`treefold.algorithms.linear.kernels.logistic_slopes`.
        """
        return None

    def smoothed(self, width: float) -> Self | None:
        """The loss with its kink smoothed over ``width``; None for a loss without a kink.

        The smoothed loss is at most ``width / 2`` below the loss and never above it.
        """
        return None
