"""The statistic of a linear model: its loss and gradient, for a batch of models in one product."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.algorithms.folds import Holdout, training_weight
from treefold.block import Block, Matrix
from treefold.losses import Loss

FEW = 16  # rows of weights up to which a product with many rows of features is faster the other way round


class Objective(NamedTuple):
    """Weighted sums over rows.

    Attributes
    ----------
    loss : (models,)
    coef : (models, outputs, features)
        Derivative of the loss with respect to the coefficients.
    intercept : (models, outputs)
        Derivative with respect to the intercepts.
    weight : (models,), or (1,) where every model sees every row
    """

    loss: NDArray
    coef: NDArray
    intercept: NDArray
    weight: NDArray


def margins(X: Matrix, coef: NDArray) -> NDArray:
    """Margins ``W x + b``, ``(models, outputs, rows)``, in the type of ``X``.

    ``coef`` is ``(models, outputs, features + 1)``, the intercept last.
    """
    models, outputs, columns = coef.shape
    weights = coef[..., :-1].reshape(-1, columns - 1).astype(X.dtype)
    few = 1 < len(weights) <= FEW
    product = np.ascontiguousarray((X @ weights.T).T) if few or isinstance(X, csr_array) else weights @ X.T
    margin = product.reshape(models, outputs, X.shape[0])
    margin += coef[..., -1:].astype(X.dtype)
    return margin


def objective(
    block: Block,
    coef: NDArray,
    loss: Loss,
    holdout: Holdout | None = None,
    shift: NDArray | None = None,
    by_class: NDArray | None = None,
    compiled: bool = False,
) -> Objective:
    """Loss and gradient of a batch of models on one block.

    Parameters
    ----------
    coef : (models, outputs, features + 1)
        For the rows less ``shift``, ``(features + 1,)``, the last element for the label.
    by_class : (classes,), optional
        Factors of the weights.
    compiled : bool
        Of the logistic loss in float32: use the kernel, which costs a second to compile.
    """
    X, y, coef, back = shifted(block, coef, shift)
    weight = training_weight(block, holdout, by_class)
    value, slope, intercept = (_compiled if compiled else _slopes)(loss, margins(X, coef), y, weight)
    models, outputs, rows = slope.shape
    flat = slope.reshape(-1, rows)
    gradient = ((X.T @ flat.T).T if isinstance(X, csr_array) else flat @ X).reshape(models, outputs, -1)
    if back is not None:
        gradient = gradient - intercept[..., None] * back
    return Objective(value, gradient, intercept, weight.sum(axis=1, dtype=np.float64))


def _slopes(loss: Loss, margin: NDArray, y: NDArray, weight: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Weighted loss of each model, weighted slopes, and their sums over the rows."""
    value, slope = loss(margin, y)
    slope *= weight[:, None]
    value *= weight
    if not weight.all():  # a row of weight 0 is absent, even where its loss is infinite
        slope[np.broadcast_to((weight == 0)[:, None], slope.shape)] = 0
        value[np.broadcast_to(weight == 0, value.shape)] = 0
    return value.sum(axis=1, dtype=np.float64), slope, slope.sum(axis=2, dtype=np.float64)


def _compiled(loss: Loss, margin: NDArray, y: NDArray, weight: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """The same of the logistic loss, by the kernel where rows are float32."""
    if margin.dtype != np.float32 or len(weight) > 1:
        return _slopes(loss, margin, y, weight)
    from treefold.algorithms.linear.kernels import logistic_slopes  # half a second, for those who need it

    value, total = np.empty(len(margin)), np.empty(len(margin))
    logistic_slopes(margin[:, 0], y, weight[0], value, total)
    return value, margin, total[:, None]


def shifted(block: Block, coef: NDArray, shift: NDArray | None) -> tuple[Matrix, NDArray, NDArray, NDArray | None]:
    """Rows, labels and coefficients to multiply, and what the products of the rows must be taken back by.

    Dense rows are moved by ``shift``. CSR would be dense then, so its columns stay where they are, the products are
    made in float64, and ``shift`` is taken from them.
    """
    X, y = block.X, block.y
    if shift is None:
        return X, y, coef, None
    if not isinstance(X, csr_array):
        return (X - shift[:-1]).astype(X.dtype), (y - shift[-1]).astype(y.dtype), coef, None
    y = y - shift[-1]
    if not shift[:-1].any():
        return X, y.astype(X.dtype), coef, None
    coef = coef.copy()
    coef[..., -1] -= coef[..., :-1] @ shift[:-1]
    return X.astype(np.float64), y, coef, shift[:-1]
