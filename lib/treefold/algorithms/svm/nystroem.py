"""Nystroem's approximation: rows become features of kernel values with a few landmarks, fitted by the linear solvers.

The features of a row are ``K(x, landmarks) (K(landmarks, landmarks))^(-1/2)``: their products are the kernel's
projection on the landmarks. A linear fit of them is a machine whose support vectors are the landmarks.

Williams & Seeger, "Using the Nystroem method to speed up kernel machines", NIPS 2000, sect. 2.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from treefold.algorithms import linear
from treefold.algorithms.linear.losses import EpsilonInsensitive, Hinge
from treefold.algorithms.svm.kernel import Rows
from treefold.algorithms.svm.machine import Machine, Support
from treefold.algorithms.svm.result import Fitted
from treefold.algorithms.svm.working_set import Work
from treefold.dataset.block import Block
from treefold.dataset.blocks import Blocks, Pass
from treefold.errors import InputError
from treefold.optim.iterate import OnStep
from treefold.statistics.label_summary import data_summary
from treefold.statistics.row_sampling import sample_rows

LEAST_EIGENVALUE = 1e-10  # of the largest: below, a direction of the landmarks is none
MAX_ITER = 1000  # of the linear solver
LINEAR_TOL = 1e-6


class FeatureMap(NamedTuple):
    """Features of kernel values with landmarks.

    Attributes
    ----------
    machine : Machine
    landmarks : Rows
    weights : (landmarks, features)
    """

    machine: Machine
    landmarks: Rows
    weights: NDArray


class Approximated(NamedTuple):
    """An approximate fit.

    Attributes
    ----------
    fitted : Fitted
        Its support vectors are the landmarks. The dual and the violation are not known: NaN.
    objective : list of float
        The primal of the approximation at the start and after each iteration.
    passes : list of Pass
        Over the rows as features of kernel values.
    """

    fitted: Fitted
    objective: list[float]
    passes: list[Pass]


def fit_nystroem(
    blocks: Blocks, machine: Machine, components: int, seed: int, on_step: OnStep | None = None
) -> Approximated:
    """Fit a classification of two classes, 0 and 1, or a regression, approximately.

    Parameters
    ----------
    blocks : Blocks
        The data set.
    machine : Machine
        What is fitted; its ``tol`` is not read.
    components : int
        Landmarks: different rows drawn by (seed, values) in proportion to their weights, whatever the order of the
        rows.
    seed : int
        Of the draw.
    on_step : callable, optional
        Called after every pass of the linear solver with its state.

    Returns
    -------
    Approximated

    Raises
    ------
    InputError
        If the landmarks have kernel values of zero alone.
    """
    drawn = sample_rows(blocks, components, seed, by_value=True)
    order = np.argsort(drawn.position, kind="stable")
    landmarks = drawn.rows[order]
    mapping = FeatureMap(machine, Rows.of(machine.scaled(landmarks), np.float64), np.zeros((0, 0)))
    mapping = mapping._replace(weights=_inverse_root(mapping))
    mapped = blocks.map(map_block, mapping)
    try:
        return _linear(mapped, mapping, drawn.position[order], landmarks, on_step)
    finally:
        mapped.close()


def map_block(block: Block, mapping: FeatureMap) -> Block:
    """The rows of a block as features of kernel values."""
    rows = Rows.of(mapping.machine.scaled(block.X), np.float64)
    features = rows.sums(mapping.machine.kernel, mapping.landmarks, mapping.weights)
    return block._replace(X=features.astype(block.X.dtype))


def _inverse_root(mapping: FeatureMap) -> NDArray:
    """Inverse square root of the landmarks' kernel matrix, without directions of next to no length."""
    between = mapping.landmarks.kernel(mapping.machine.kernel, mapping.landmarks)
    value, vector = eigh((between + between.T) / 2)
    kept = value > LEAST_EIGENVALUE * value[-1]
    if not value[-1] > 0:
        raise InputError("the kernel of the landmarks is zero: take another kernel or scale the features")
    return np.asarray(vector[:, kept] / np.sqrt(value[kept]))


def _linear(
    mapped: Blocks, mapping: FeatureMap, position: NDArray, landmarks: NDArray, on_step: OnStep | None
) -> Approximated:
    machine = mapping.machine
    classes = machine.task.name == "classification"
    found = data_summary(mapped, classification=classes)
    factors = None if machine.factors is None else np.asarray(machine.factors)
    weight = found.moments.weight if factors is None else float(found.classes @ factors)
    made = linear.fit(
        mapped,
        Hinge() if classes else EpsilonInsensitive(machine.task.epsilon),
        found,
        ridge=1.0 / (machine.cost * weight),
        by_class=factors,
        standardize=False,
        max_iter=MAX_ITER,
        tol=LINEAR_TOL,
        on_step=on_step,
    )
    coef = made.coef[0, 0]
    support = Support(
        position, landmarks, np.zeros(len(position)), np.full(len(position), np.inf), mapping.weights @ coef[:-1]
    )
    objective = [float(value) * machine.cost * weight for value in made.objective[0]]
    iterations, status = int(made.iterations[0]), int(made.status[0])
    fitted = Fitted(machine, support, float(coef[-1]), objective[-1], np.nan, np.nan, iterations, status, Work())
    return Approximated(fitted, objective, list(mapped.passes))
