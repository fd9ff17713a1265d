"""What a fit must know of a loss beside its values."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.survey import Survey
from treefold.losses import Loss, logistic, softmax, squared


class Family(NamedTuple):
    """How a loss is fitted.

    Attributes
    ----------
    degree : int
        ``loss(c * margin, c * label) = c^degree * loss(margin, label)``: such a loss is fitted to the label in units
        of its deviation. 0 where the label has no unit.
    start : (outputs,)
        Intercepts of about the best model without features, where the fit starts.
    """

    degree: int
    start: NDArray

    @property
    def outputs(self) -> int:
        """Margins of a row."""
        return len(self.start)


def family(loss: Loss, survey: Survey) -> Family:
    """The family of a loss for the labels of a survey."""
    if loss is squared:
        return Family(2, survey.moments.mean[-1:])
    share = survey.classes / survey.classes.sum()
    log_share = np.log(np.maximum(share, 1e-6))  # a class without weight starts unlikely, not impossible
    if loss is logistic:
        return Family(0, log_share[1:] - log_share[:1])
    if loss is softmax:
        return Family(0, log_share - log_share.mean())
    raise TypeError(f"{loss} is no loss of a linear model")
