"""Bounds of coefficients, as pyspark.ml's LogisticRegression has them, for every linear estimator."""

import numpy as np

from treefold.algorithms.linear import Bounds
from treefold.errors import InputError
from treefold.ml.options import Option, Options, rows_of_bounds

BOUNDED = ("BoundsOnCoefficients", "BoundsOnIntercepts")


class BoundOptions(Options):
    """Least and greatest coefficients."""

    lowerBoundsOnCoefficients = Option(
        "lowerBoundsOnCoefficients", "the least coefficients, (outputs, features)", rows_of_bounds
    )
    upperBoundsOnCoefficients = Option(
        "upperBoundsOnCoefficients", "the greatest coefficients, (outputs, features)", rows_of_bounds
    )
    lowerBoundsOnIntercepts = Option("lowerBoundsOnIntercepts", "the least intercepts, (outputs,)", rows_of_bounds)
    upperBoundsOnIntercepts = Option("upperBoundsOnIntercepts", "the greatest intercepts, (outputs,)", rows_of_bounds)

    @property
    def bounded(self) -> bool:
        """Whether there are bounds."""
        return any(self.isSet(side + what) for side in ("lower", "upper") for what in BOUNDED)

    def bounds_of(self, outputs: int, features: int) -> Bounds | None:
        """The bounds of a fit, if there are any.

        Raises
        ------
        InputError
            If one has another shape than the model, or a lower one is above the upper one.
        """
        if not self.bounded:
            return None
        sides = []
        for side, none in (("lower", -np.inf), ("upper", np.inf)):
            bound = np.full((outputs, features + 1), none)
            for what, place in ((BOUNDED[0], np.s_[:, :-1]), (BOUNDED[1], np.s_[:, -1])):
                if not self.isSet(side + what):
                    continue
                given = np.array(self.value(side + what))
                given = given if what == BOUNDED[0] else given.ravel()
                if given.shape != bound[place].shape:
                    raise InputError(f"{side}{what} is {given.shape}, but the model is {bound[place].shape}")
                bound[place] = given
            sides.append(bound)
        if (sides[0] > sides[1]).any():
            raise InputError("a lower bound is above the upper bound: exchange them")
        return Bounds(*sides)
