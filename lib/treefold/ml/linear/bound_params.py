"""Bounds of coefficients, as in pyspark.ml's LogisticRegression, for every linear estimator."""

import numpy as np

from treefold.algorithms.linear import Bounds
from treefold.errors import InputError
from treefold.ml.converters import matrix_of_bounds, vector_of_bounds
from treefold.ml.params import Option, Options

BOUNDED = ("BoundsOnCoefficients", "BoundsOnIntercepts")


class BoundOptions(Options):
    """Least and greatest coefficients."""

    lowerBoundsOnCoefficients = Option(
        "lowerBoundsOnCoefficients", "the least coefficients, (outputs, features)", matrix_of_bounds
    )
    upperBoundsOnCoefficients = Option(
        "upperBoundsOnCoefficients", "the greatest coefficients, (outputs, features)", matrix_of_bounds
    )
    lowerBoundsOnIntercepts = Option("lowerBoundsOnIntercepts", "the least intercepts, (outputs,)", vector_of_bounds)
    upperBoundsOnIntercepts = Option("upperBoundsOnIntercepts", "the greatest intercepts, (outputs,)", vector_of_bounds)

    @property
    def bounded(self) -> bool:
        """Whether there are bounds."""
        return any(self.isSet(side + what) for side in ("lower", "upper") for what in BOUNDED)

    def bounds_of(self, outputs: int, features: int) -> Bounds | None:
        """The bounds of a fit, or None.

        Parameters
        ----------
        outputs, features : int
            Shape of the coefficients.

        Returns
        -------
        Bounds or None

        Raises
        ------
        InputError
            If bounds have another shape than the coefficients, or a lower bound exceeds its upper bound.
        """
        if not self.bounded:
            return None
        sides = []
        for side, none in (("lower", -np.inf), ("upper", np.inf)):
            bound = np.full((outputs, features + 1), none)
            for what, place in ((BOUNDED[0], np.s_[:, :-1]), (BOUNDED[1], np.s_[:, -1])):
                if not self.isSet(side + what):
                    continue
                given = self.value(side + what).toArray()
                if given.shape != bound[place].shape:
                    raise InputError(f"{side}{what} is {given.shape}, but the model is {bound[place].shape}")
                bound[place] = given
            sides.append(bound)
        if (sides[0] > sides[1]).any():
            raise InputError("a lower bound is above the upper bound: exchange them")
        return Bounds(*sides)
