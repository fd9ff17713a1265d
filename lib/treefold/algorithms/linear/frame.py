"""Virtual standardisation: the solver works in standard units, the data stays as it is."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.moments import Moments

CONSTANT = 1e-12  # deviation over mean below which a float64 column does not vary


class Frame(NamedTuple):
    """The affine map between the solver's coefficients and those of the data.

    The solver sees features ``(x - centre) * inverse`` and, for the squared loss, labels over ``label_scale``. Mapping
    its coefficients to the data and gradients back takes O(coefficients) on the driver and nothing per row.

    Attributes
    ----------
    centre, inverse : (features,)
    label_scale : float
    intercept : bool
        Without one, nothing is centred.
    """

    centre: NDArray
    inverse: NDArray
    label_scale: float
    intercept: bool

    def to_data(self, theta: NDArray) -> NDArray:
        """Coefficients ``(models, outputs, features + 1)`` for the data from those of the solver."""
        coef = theta * self.label_scale
        coef[..., :-1] *= self.inverse
        coef[..., -1] -= coef[..., :-1] @ self.centre
        return coef

    def to_solver(self, coef: NDArray, intercept: NDArray) -> NDArray:
        """Gradient of ``loss / label_scale^2`` for the solver from the gradient of ``loss`` for the data."""
        standard = (coef - intercept[..., None] * self.centre) * self.inverse
        last = intercept if self.intercept else np.zeros_like(intercept)
        return np.concatenate([standard, last[..., None]], axis=-1) / self.label_scale


def frame(moments: Moments, *, intercept: bool, scale_label: bool) -> Frame:
    """Frame of a data set. Beside an intercept, a column that does not vary gets coefficient 0."""
    deviation = np.sqrt(moments.variance)
    mean, spread = moments.mean[:-1], deviation[:-1]
    varies = spread > CONSTANT * abs(mean)
    inverse = np.where(varies, 1 / np.where(varies, spread, 1.0), 0.0 if intercept else 1.0)
    label_scale = float(deviation[-1]) if scale_label and deviation[-1] > 0 else 1.0
    return Frame(mean * intercept, inverse, label_scale, intercept)
