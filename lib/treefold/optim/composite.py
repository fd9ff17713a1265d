"""Composite functions: a smooth part plus L1 penalties and bounds."""

from typing import Protocol

from numpy.typing import NDArray


class Separable(Protocol):
    """The non-smooth term: ``sum_j lasso_j |x_j|`` within bounds, and infinity outside of them.

    ``models`` are indices of the models that the rows of ``x`` belong to.
    """

    def rows(self, model: int) -> tuple[NDArray, NDArray, NDArray]:
        """``lasso``, ``lower`` and ``upper`` of one model, each ``(p,)``."""
        ...

    def value(self, x: NDArray, models: NDArray) -> NDArray:
        """Value for each model."""
        ...

    def subgradient(self, x: NDArray, gradient: NDArray, models: NDArray) -> NDArray:
        """The smallest subgradient of the composite function, given the gradient of the smooth part.

        Parameters
        ----------
        x : (len(models), p)
            Coefficients.
        gradient : (len(models), p)
            Gradient of the smooth part at ``x``.
        models : (len(models),) int
            The models concerned.

        Returns
        -------
        (len(models), p)
        """
        ...

    def prox(self, x: NDArray, step: NDArray, models: NDArray) -> NDArray:
        """The proximal operator: the minimum of ``(z - x)^2 / (2 step)`` plus the term over z.

        Parameters
        ----------
        x : (len(models), p)
            Coefficients.
        step : (len(models),)
            Step size of each model.
        models : (len(models),) int
            The models concerned.

        Returns
        -------
        (len(models), p)
        """
        ...

    def clip(self, x: NDArray) -> NDArray:
        """The nearest point within the bounds, for all models."""
        ...


def composite_value_and_subgradient(
    term: Separable | None, x: NDArray, smooth: NDArray, slope: NDArray, models: NDArray
) -> tuple[NDArray, NDArray]:
    """Value and smallest subgradient of the smooth part plus the term.

    Parameters
    ----------
    term : Separable or None
        The non-smooth term; None for a smooth function.
    x : (len(models), p)
        Points of the models.
    smooth : (len(models),)
        Values of the smooth part.
    slope : (len(models), p)
        Gradients of the smooth part.
    models : (len(models),) int
        Indices of the models.

    Returns
    -------
    tuple of (len(models),) and (len(models), p)
    """
    if term is None:
        return smooth, slope
    return smooth + term.value(x, models), term.subgradient(x, slope, models)
