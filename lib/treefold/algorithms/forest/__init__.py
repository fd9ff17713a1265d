"""Random forests: all trees grow in the same passes over rows that rest as bins, and are the same for any partitioning.

``census`` and ``sketch`` are the first pass, ``bins`` what becomes of rows, ``sampling`` what is drawn, ``histograms``
the statistic of a level, ``best`` and ``kernels_split`` the best splits, ``growth`` the state and ``grow`` the loop,
``assemble`` and ``model`` what is left at the end, ``oob`` the out-of-bag score, ``permutation`` importances.
"""

from treefold.algorithms.forest.fit import ForestFit, Settings, Step, fit
from treefold.algorithms.forest.model import ForestModel

__all__ = ["ForestFit", "ForestModel", "Settings", "Step", "fit"]
