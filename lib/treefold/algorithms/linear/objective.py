"""The statistic of a linear model: loss and gradient of a batch of models, from one matrix product."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.algorithms.linear.losses import Loss
from treefold.dataset.block import Block, Matrix
from treefold.dataset.blocks import fused_by

FEW = 16  # rows of coefficients up to which the transposed product with many rows of features is faster


class Objective(NamedTuple):
    """Weighted sums over rows.

    Attributes
    ----------
    loss : (models,)
    coef : (models, outputs, features)
        Derivative of the loss with respect to the coefficients.
    intercept : (models, outputs)
        Derivative with respect to the intercepts.
    weight : float
    """

    loss: NDArray
    coef: NDArray
    intercept: NDArray
    weight: float


class Asked(NamedTuple):
    """Arguments of :func:`objective` for one batch of models."""

    coef: NDArray
    loss: Loss
    shift: NDArray | None = None
    by_class: NDArray | None = None
    with_offset: bool = False
    compiled: bool = False


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


def weight_of(block: Block, by_class: NDArray | None) -> NDArray:
    """Weight of each row, ``(rows,)``, times the factor of its label in ``by_class`` ``(classes,)``."""
    if by_class is None:
        return block.weight
    return block.weight * by_class[block.y.astype(np.intp)].astype(block.weight.dtype)


def objectives(blocks: Sequence[Block], args: Sequence[tuple[Any, ...]]) -> list[Objective]:
    """Several :func:`objective` of the same rows under different weights, from one matrix product for all models.

    Batches with another ``shift`` or another loss have products of their own.
    """
    asked = [Asked(*some) for some in args]
    found: dict[int, Objective] = {}
    for lead in asked:
        mine = [i for i, one in enumerate(asked) if i not in found and _alike(one, lead)]
        if mine:
            found |= zip(mine, _in_one_product([blocks[i] for i in mine], [asked[i] for i in mine]), strict=True)
    return [found[i] for i in range(len(asked))]


def _alike(one: Asked, lead: Asked) -> bool:
    if one.shift is not None or lead.shift is not None:
        return one is lead
    same_shape = one.coef.shape[1:] == lead.coef.shape[1:]
    return same_shape and (one.loss, *one[4:]) == (lead.loss, *lead[4:])


@fused_by(objectives)
def objective(
    block: Block,
    coef: NDArray,
    loss: Loss,
    shift: NDArray | None = None,
    by_class: NDArray | None = None,
    with_offset: bool = False,
    compiled: bool = False,
) -> Objective:
    """Loss and gradient of a batch of models on one block.

    Parameters
    ----------
    block : Block
        Rows.
    coef : (models, outputs, features + 1)
        Coefficients for rows from which ``shift`` has been subtracted, the intercept last.
    loss : Loss
        Loss of the models.
    shift : (features + 1,), optional
        Subtracted from the features and, its last element, from the label.
    by_class : (classes,), optional
        Factors of the weights of the rows of each label.
    with_offset : bool, default False
        Whether the first extra column is added to the margin of the first output.
    compiled : bool, default False
        Whether to use the compiled kernel of the loss, if it has one. Compiling takes about a second.

    Returns
    -------
    Objective
    """
    return _in_one_product([block], [Asked(coef, loss, shift, by_class, with_offset, compiled)])[0]


def _in_one_product(blocks: Sequence[Block], asked: Sequence[Asked]) -> list[Objective]:
    """Objectives of batches that share loss and shift."""
    loss, shift, compiled = asked[0].loss, asked[0].shift, asked[0].compiled
    counts = [len(one.coef) for one in asked]
    weights = np.stack([weight_of(block, one.by_class) for block, one in zip(blocks, asked, strict=True)])
    whose = np.repeat(np.arange(len(asked)), counts)
    X, y, coef, back = shifted(blocks[0], np.concatenate([one.coef for one in asked]), shift)
    margin = margins(X, coef)
    if asked[0].with_offset:
        margin[:, 0] += blocks[0].extra[0]
    value, slope, intercept = (_compiled if compiled else _slopes)(loss, margin, y, weights, whose)
    models, outputs, rows = slope.shape
    flat = slope.reshape(-1, rows)
    gradient = ((X.T @ flat.T).T if isinstance(X, csr_array) else flat @ X).reshape(models, outputs, -1)
    if back is not None:
        gradient = gradient - intercept[..., None] * back
    ends = np.cumsum(counts)[:-1]
    total = weights.sum(axis=1, dtype=np.float64).tolist()
    values, gradients, intercepts = (np.split(sums, ends) for sums in (value, gradient, intercept))
    return list(map(Objective, values, gradients, intercepts, total))


def _slopes(
    loss: Loss, margin: NDArray, y: NDArray, weights: NDArray, whose: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """Weighted loss of each model, weighted slopes, and their sums over the rows; model m has ``weights[whose[m]]``."""
    value, slope = loss(margin, y)
    for batch, weight in enumerate(weights):
        mine = slice(*np.searchsorted(whose, (batch, batch + 1)))
        slope[mine] *= weight
        value[mine] *= weight
        if not weight.all():  # a row of weight 0 is absent, even if its loss is infinite
            slope[mine, :, weight == 0] = 0
            value[mine, weight == 0] = 0
    return value.sum(axis=1, dtype=np.float64), slope, slope.sum(axis=2, dtype=np.float64)


def _compiled(
    loss: Loss, margin: NDArray, y: NDArray, weights: NDArray, whose: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """The same by the compiled kernel, if the loss has one and rows are float32."""
    kernel = loss.slope_kernel() if margin.dtype == np.float32 else None
    if kernel is None:
        return _slopes(loss, margin, y, weights, whose)
    value, total = np.empty(len(margin)), np.empty(len(margin))
    kernel(margin[:, 0], y, weights, whose, value, total)
    return value, margin, total[:, None]


def shifted(block: Block, coef: NDArray, shift: NDArray | None) -> tuple[Matrix, NDArray, NDArray, NDArray | None]:
    """Rows, labels and coefficients for the product, and the shift that is subtracted from the products.

    Dense rows are shifted before the product. Shifted CSR would be dense, so its rows are left as they are, products
    are computed in float64, and the effect of ``shift`` is subtracted from them.

    Parameters
    ----------
    block : Block
        Rows and labels.
    coef : (models, outputs, features + 1)
        Coefficients, the intercept last.
    shift : (features + 1,) or None
        Subtracted from the features, and last from the label.

    Returns
    -------
    tuple
        Rows ``(rows, features)``, labels ``(rows,)``, coefficients, and the shift that remains to be subtracted, or
        None.
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
