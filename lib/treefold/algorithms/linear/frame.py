"""Virtual standardisation: the solver works in standard units, the data stays as it is."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.moments import Moments

FAR = 100  # means this many deviations from zero cost float32 rows two digits


class Frame(NamedTuple):
    """The affine map between the solver's coefficients and those of the rows.

    The solver sees features ``(x - centre) * inverse`` and labels over ``label_scale``, 1 where they have no unit.
    Mapping its coefficients to the rows and gradients back takes O(coefficients) on the driver and nothing per row.
    Only columns that lie far from zero are moved, row by row and before any product, by ``shift``: what a product of
    large numbers has rounded away, no map brings back.

    Attributes
    ----------
    centre, inverse : (features,)
    label_scale : float
    shift : (features + 1,) or None
        What the statistic takes from features and label.
    """

    centre: NDArray
    inverse: NDArray
    label_scale: float
    shift: NDArray | None

    def to_rows(self, theta: NDArray) -> NDArray:
        """Coefficients ``(models, outputs, features + 1)`` for the rows as the statistic sees them, shifted."""
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
        """The solver's coefficients of those for the data; 0 for columns that take no part."""
        theta = coef / self.label_scale
        theta[..., -1] += theta[..., :-1] @ self.centre
        part = np.broadcast_to(self.inverse != 0, theta[..., :-1].shape)
        theta[..., :-1] = np.divide(theta[..., :-1], self.inverse, out=np.zeros(part.shape), where=part)
        return theta

    def to_solver(self, coef: NDArray, intercept: NDArray) -> NDArray:
        """Gradient for the solver's coefficients from the gradient for those of the shifted rows."""
        centre = self.centre if self.shift is None else self.centre - self.shift[:-1]
        standard = (coef - intercept[..., None] * centre) * self.inverse
        return np.concatenate([standard, intercept[..., None]], axis=-1) * self.label_scale


def frame(moments: Moments, *, intercept: bool, scale_label: bool, centred: bool = True) -> Frame:
    """Frame of a data set. Beside an intercept, a column that does not vary gets coefficient 0.

    ``scale_label`` is for losses of a difference between margin and label. Without an intercept nothing is centred; not
    ``centred``, the solver's intercept is that of the data, and can be held within bounds.
    """
    deviation, varies = np.sqrt(moments.variance), moments.varies
    mean, spread = moments.mean[:-1], deviation[:-1]
    inverse = np.where(varies[:-1], 1 / np.where(varies[:-1], spread, 1.0), 0.0 if intercept else 1.0)
    far = (abs(moments.mean) > FAR * deviation) & np.append(np.full(len(mean), True), scale_label)
    shift = np.where(far, moments.mean, 0.0) if far.any() else None
    label_scale = moments.label_deviation if scale_label else 1.0
    return Frame(mean * (intercept and centred), inverse, label_scale, shift)
