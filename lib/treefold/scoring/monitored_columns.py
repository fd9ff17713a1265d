"""The columns whose distribution is monitored: the features of a model, and its predictions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.block import Matrix

MOST_FEATURES = 512
MOST_CLASSES = 100  # most classes whose probabilities are monitored


def monitored(X: Matrix, outputs: dict[str, NDArray]) -> NDArray:
    """Features and outputs of some rows, side by side, ``(rows, columns)`` float32.

    Features are left out if they are CSR or more than 512. For two classes the probability of class 1 is monitored, for
    up to 100 classes that of each.

    Parameters
    ----------
    X : (rows, features)
        Features.
    outputs : {output: (rows,) or (rows, classes)}
        Outputs of the model for them.

    Returns
    -------
    (rows, columns) float32
    """
    dense = isinstance(X, np.ndarray) and X.shape[1] <= MOST_FEATURES
    columns = [outputs[name][:, None] for name in ("prediction", "distance") if name in outputs]
    probability = outputs.get("probability")
    if probability is not None:
        columns.append(probability[:, _classes(probability.shape[1])])
    return np.hstack([column.astype(np.float32, copy=False) for column in ([X] if dense else []) + columns])


def monitored_names(model: Any, columns: int) -> tuple[str, ...]:
    """Names of the columns of :func:`monitored`: the outputs come last, the features before them if they are there."""
    none = np.empty((0, model.features))
    outputs = model.outputs(none, *([np.empty(0)] if getattr(model, "with_offset", False) else []))
    names = [name for name in ("prediction", "distance") if name in outputs]
    if "probability" in outputs:
        names += [f"probability[{k}]" for k in _classes(outputs["probability"].shape[1])]
    known = model.feature_names or [f"feature[{i}]" for i in range(model.features)]
    return tuple([*known, *names] if columns > len(names) else names)


def _classes(classes: int) -> list[int]:
    if classes > MOST_CLASSES:
        return []
    return [1] if classes == 2 else list(range(classes))
