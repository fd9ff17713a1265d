"""Virtual standardisation: the solver works in standard units, and the data are left as they are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.statistics.moments import Moments

FAR = 100  # deviations from zero: a mean that far away costs float32 products two digits


class Standardization(NamedTuple):
    """The affine map between the solver's coefficients and those of the rows.

    The solver uses features ``(x - centre) * inverse`` and labels divided by ``label_scale``. Mapping its coefficients
    to the rows and gradients back takes O(coefficients) on the driver and no work per row.

    Attributes
    ----------
    centre, inverse : (features,)
    label_scale : float
        1 if the label has no unit.
    shift : (features + 1,) or None
        Subtracted from features and label by the statistic. Cancellation in ``X @ w`` cannot be undone afterwards, so
        columns whose mean is more than 100 deviations from zero are shifted row by row before the product.

    Notes
    -----
    With standardised coefficients ``v`` and intercept ``c``,
    ``sum_j v_j (x_j - centre_j) inverse_j + c = sum_j w_j x_j + b`` for ``w_j = v_j inverse_j`` and
    ``b = c - sum_j w_j centre_j``. Gradients are mapped by the transpose of this map.
    """

    centre: NDArray
    inverse: NDArray
    label_scale: float
    shift: NDArray | None

    def to_rows(self, theta: NDArray) -> NDArray:
        """Coefficients ``(models, outputs, features + 1)`` for the shifted rows that the statistic sees."""
        coef = self.to_data(theta)
        if self.shift is not None:
            coef[..., -1] += coef[..., :-1] @ self.shift[:-1]
            coef[:, 0, -1] -= self.shift[-1]
        return coef

    def to_data(self, theta: NDArray) -> NDArray:
        """Coefficients ``(models, outputs, features + 1)`` for the data as it is."""
        coef = theta * self.label_scale
        coef[..., :-1] *= self.inverse
        coef[..., -1] -= coef[..., :-1] @ self.centre
        return coef

    def from_data(self, coef: NDArray) -> NDArray:
        """The solver's coefficients, given those for the data; 0 for columns that take no part."""
        theta = coef / self.label_scale
        theta[..., -1] += theta[..., :-1] @ self.centre
        part = np.broadcast_to(self.inverse != 0, theta[..., :-1].shape)
        theta[..., :-1] = np.divide(theta[..., :-1], self.inverse, out=np.zeros(part.shape), where=part)
        return theta

    def to_solver(self, coef: NDArray, intercept: NDArray) -> NDArray:
        """Gradient with respect to the solver's coefficients, given the gradient for those of the shifted rows."""
        centre = self.centre if self.shift is None else self.centre - self.shift[:-1]
        standard = (coef - intercept[..., None] * centre) * self.inverse
        return np.concatenate([standard, intercept[..., None]], axis=-1) * self.label_scale


def standardization(moments: Moments, *, intercept: bool, scale_label: bool, centred: bool = True) -> Standardization:
    """Standardisation of a data set. With an intercept, a constant column has coefficient 0.

    Parameters
    ----------
    moments : Moments
        Of the features and the label.
    intercept : bool
        Whether the model has an intercept; without one nothing is centred.
    scale_label : bool
        Whether to divide by the label's deviation, for losses of a difference between margin and label.
    centred : bool, default True
        Whether to centre the features. If not, the solver's intercept is that of the data and can be bounded.

    Returns
    -------
    Standardization
    """
    deviation, varies = np.sqrt(moments.variance), moments.varies
    mean, spread = moments.mean[:-1], deviation[:-1]
    inverse = np.where(varies[:-1], 1 / np.where(varies[:-1], spread, 1.0), 0.0 if intercept else 1.0)
    far = (abs(moments.mean) > FAR * deviation) & np.append(np.full(len(mean), True), scale_label)
    shift = np.where(far, moments.mean, 0.0) if far.any() else None
    label_scale = moments.label_deviation if scale_label else 1.0
    return Standardization(mean * (intercept and centred), inverse, label_scale, shift)


def steepness(strength: NDArray, metric: NDArray) -> NDArray:
    """Units ``(models, features + 1)`` of a solver's variables; 1 if all features are penalised equally."""
    curvature = 1 + strength[:, None] * metric
    unit = np.sqrt((1 + strength[:, None]) / curvature) if (metric != 1).any() else np.ones_like(curvature)
    return np.concatenate([unit, np.ones((len(strength), 1))], axis=1)
