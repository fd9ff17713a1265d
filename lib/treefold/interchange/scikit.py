"""Models of scikit-learn, fitted: they predict what ours predict."""

from typing import Any

import numpy as np

from treefold.algorithms.kmeans import KMeansModel
from treefold.errors import InputError


def kmeans(model: KMeansModel) -> Any:
    """A ``sklearn.cluster.KMeans``, behind a Normalizer for the cosine distance.

    Raises
    ------
    InputError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.cluster import KMeans
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import Normalizer
    except ImportError as error:
        raise InputError("scikit-learn is not installed: install scikit-learn to export to it") from error
    made = KMeans(len(model.centres), init=model.centres, n_init=1, max_iter=1)
    made.fit(model.centres)  # each centre is its own cluster: sets all that predict needs
    made.cluster_centers_ = np.array(model.centres)
    made.labels_, made.inertia_, made.n_iter_ = (
        np.empty(0, np.int32),
        float("nan"),
        0,
    )  # of the rows, which it never saw
    return make_pipeline(Normalizer(), made) if model.cosine else made
