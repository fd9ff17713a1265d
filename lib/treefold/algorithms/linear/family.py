"""What a fit must know of a loss beside its values."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.survey import Survey
from treefold.errors import InputError
from treefold.losses import Hinge, Huber, Loss, Quantile, Tube, logistic, poisson, softmax, squared, squared_hinge


class Family(NamedTuple):
    """How a loss is fitted.

    Attributes
    ----------
    degree : int
        ``loss(c * margin, c * label) = c^degree * loss(margin, label)``: such a loss is fitted to the label in units
        of its deviation. 0 where the label has no unit.
    start : (outputs,)
        Intercepts of about the best model without features, where the fit starts.
    margins : int
        The first outputs, which have coefficients; another is a number fitted for all rows alike.
    bend : (outputs, outputs)
        Second derivatives of the loss with respect to the margins at ``start``, on the average of the rows and in the
        units of the fit; ones on the diagonal for a loss with a kink.
    """

    degree: int
    start: NDArray
    margins: int
    bend: NDArray

    @property
    def outputs(self) -> int:
        """Outputs of a row."""
        return len(self.start)


def family(loss: Loss, survey: Survey) -> Family:
    """The family of a loss for the labels of a survey.

    Raises
    ------
    InputError
        If a count is negative.
    """
    label = survey.moments.mean[-1:]
    if loss is squared:
        return Family(2, label, 1, np.eye(1))
    if isinstance(loss, Tube | Quantile):
        return Family(1, label, 1, np.eye(1))
    if isinstance(loss, Huber):
        return Family(1, np.append(label, survey.moments.label_deviation), 1, np.eye(2))
    if loss is poisson:
        if survey.moments.low[-1] < 0:
            raise InputError(f"a label is {survey.moments.low[-1]:g}: counts are 0 or more")
        mean = np.maximum(label, 1e-6)
        return Family(0, np.log(mean), 1, mean[:, None])
    return _of_classes(loss, survey.classes)


def _of_classes(loss: Loss, weight: NDArray) -> Family:
    weight = np.pad(weight, (0, max(0, 2 - len(weight))))  # there may be one class only
    share = weight / weight.sum()
    likely = np.maximum(share, 1e-6)  # a class without weight starts unlikely, not impossible
    log_share = np.log(likely)
    if loss is logistic:
        return Family(0, log_share[1:] - log_share[:1], 1, np.prod(likely, keepdims=True)[None])
    if loss is softmax:
        return Family(
            0, log_share - log_share.mean(), len(share), np.diag(likely) - np.outer(likely, likely) / likely.sum()
        )
    if loss is squared_hinge or isinstance(loss, Hinge):
        outputs = 1 if len(share) <= 2 else len(share)
        return Family(0, np.zeros(outputs), outputs, np.eye(outputs) * (2.0 if loss is squared_hinge else 1.0))
    raise TypeError(f"{loss} is no loss of a linear model")
