"""Compiled loops between the matrix products of a network; each is one loop over an array, in place."""

import numpy as np

from treefold.runtime.jit_cache import njit

IDENTITY, RELU, SIGMOID, TANH = range(4)


@njit(fastmath={"contract", "reassoc", "nsz"}, error_model="numpy")
def activate(Z, bias, kind):  # type: ignore[no-untyped-def]
    """Replace products by the activation of products plus biases.

    Parameters
    ----------
    Z : (rows, units)
        Products; overwritten by activations.
    bias : (units,)
        Added to the products.
    kind : int
        ``RELU``, ``SIGMOID``, ``TANH``, or another number for the identity.
    """
    rows, units = Z.shape
    one = Z.dtype.type(1)
    for r in range(rows):
        if kind == RELU:
            for u in range(units):
                Z[r, u] = max(Z[r, u] + bias[u], Z.dtype.type(0))
        elif kind == SIGMOID:
            for u in range(units):
                Z[r, u] = one / (one + np.exp(-(Z[r, u] + bias[u])))
        elif kind == TANH:
            for u in range(units):
                Z[r, u] = np.tanh(Z[r, u] + bias[u])
        else:
            for u in range(units):
                Z[r, u] += bias[u]


@njit(fastmath={"contract", "reassoc", "nsz"}, error_model="numpy")
def through_activation(slope, A, kind, bias_gradient):  # type: ignore[no-untyped-def]
    """Replace slopes of activations ``A`` by slopes of their arguments, and write the sums over the rows.

    Parameters
    ----------
    slope : (rows, units)
        Slopes of the loss by activation; overwritten by slopes by argument.
    A : (rows, units)
        Activations.
    kind : int
        As for :func:`activate`.
    bias_gradient : (units,)
        Overwritten by the sums of the slopes over the rows.
    """
    rows, units = slope.shape
    one = slope.dtype.type(1)
    bias_gradient[:] = 0
    for r in range(rows):
        if kind == RELU:
            for u in range(units):
                slope[r, u] = slope[r, u] if A[r, u] > 0 else slope.dtype.type(0)
        elif kind == SIGMOID:
            for u in range(units):
                slope[r, u] *= A[r, u] * (one - A[r, u])
        elif kind == TANH:
            for u in range(units):
                slope[r, u] *= one - A[r, u] * A[r, u]
        for u in range(units):
            bias_gradient[u] += slope[r, u]


@njit(error_model="numpy")
def cross_entropy(Z, bias, label, weight, bias_gradient):  # type: ignore[no-untyped-def]
    """Replace products ``(rows, classes)`` by weighted slopes of ``-log softmax`` at the label; return the loss.

    The greatest margin of each row is subtracted first. A row of weight 0 is absent, even if its loss is infinite.

    Parameters
    ----------
    Z : (rows, classes)
        Products; overwritten by ``weight (softmax - indicator of the label)``.
    bias : (classes,)
        Added to the products.
    label : (rows,)
        Index of the class. Of rows of weight 0 it is not read.
    weight : (rows,)
        Weights of the rows.
    bias_gradient : (classes,)
        Overwritten by the sums of the slopes.

    Returns
    -------
    float
        Weighted loss.

    Raises
    ------
    ValueError
        If a label is not one of 0, 1, ... below ``classes``.
    """
    rows, classes = Z.shape
    total = 0.0
    bias_gradient[:] = 0
    for r in range(rows):
        w = weight[r]
        if w == 0:
            for k in range(classes):
                Z[r, k] = 0
            continue
        if not (label[r] >= 0 and label[r] < classes and label[r] == np.floor(label[r])):  # NaN is none of these
            raise ValueError("a label is not the index of an output: labels are 0, 1, 2, ... below the outputs")
        for k in range(classes):
            Z[r, k] += bias[k]
        top = Z[r, 0]
        for k in range(1, classes):
            top = max(top, Z[r, k])
        own = int(label[r])
        at_label = Z[r, own] - top
        mass = Z.dtype.type(0)
        for k in range(classes):
            Z[r, k] = np.exp(Z[r, k] - top)
            mass += Z[r, k]
        total += w * (np.log(np.float64(mass)) - np.float64(at_label))
        scale = w / mass
        for k in range(classes):
            Z[r, k] *= scale
        Z[r, own] -= w
        for k in range(classes):
            bias_gradient[k] += Z[r, k]
    return total


SQUARED, HUBER, POISSON = range(3)


@njit(error_model="numpy")
def regression(Z, bias, target, weight, kind, width, bias_gradient):  # type: ignore[no-untyped-def]
    """Replace products by weighted slopes of a regression loss; return the loss, summed over the outputs.

    ``kind`` is the loss of a residual ``r``: ``r^2 / 2``; the same up to ``width`` and ``width (|r| - width / 2)``
    beyond; or ``exp(z) - target z``.

    Parameters
    ----------
    Z : (rows, outputs)
        Products; overwritten by weighted slopes.
    bias : (outputs,)
        Added to the products.
    target : (rows, outputs)
        Labels.
    weight : (rows,)
        Weights of the rows.
    kind : int
        ``SQUARED``, ``HUBER`` or ``POISSON``.
    width : float
        Residual at which the Huber loss becomes linear; the other losses ignore it.
    bias_gradient : (outputs,)
        Overwritten by the sums of the slopes.

    Returns
    -------
    float
        Weighted loss, summed over the outputs.
    """
    rows, outputs = Z.shape
    total = 0.0
    bias_gradient[:] = 0
    for r in range(rows):
        w = weight[r]
        if w == 0:
            for k in range(outputs):
                Z[r, k] = 0
            continue
        for k in range(outputs):
            z = Z[r, k] + bias[k]
            y = target[r, k]
            if kind == POISSON:
                mean = np.exp(z)
                slope = mean - y
                loss = np.float64(mean) - np.float64(y) * np.float64(z)
            else:
                slope = z - y
                loss = 0.5 * np.float64(slope) * np.float64(slope)
                if kind == HUBER and abs(slope) > width:
                    loss = width * (abs(np.float64(slope)) - 0.5 * width)
                    slope = Z.dtype.type(width) if slope > 0 else -Z.dtype.type(width)
            total += w * loss
            Z[r, k] = w * slope
            bias_gradient[k] += Z[r, k]
    return total


@njit(error_model="numpy")
def drop(A, keys, layer_key, least, scale):  # type: ignore[no-untyped-def]
    """Dropout: units whose draw is below ``least`` become 0, the others are multiplied by ``scale``.

    The draw of a unit is 32 bits of the finaliser of SplitMix64 at a counter made of the row's key, the layer and the
    unit, so that a sweep backwards draws the same.

    Parameters
    ----------
    A : (rows, units)
        Activations; overwritten.
    keys : (rows,) uint64
        Key of each row, from its position and the step.
    layer_key : uint64
        Key of the layer.
    least : uint64
        Units whose 32 random bits are below it become 0.
    scale : float
        Factor of the units that are kept.
    """
    rows, units = A.shape
    for r in range(rows):
        for u in range(units):
            z = keys[r] + layer_key + np.uint64(u + 1) * np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            draw = (z ^ (z >> np.uint64(31))) >> np.uint64(32)
            A[r, u] = A[r, u] * scale if draw >= least else A.dtype.type(0)
