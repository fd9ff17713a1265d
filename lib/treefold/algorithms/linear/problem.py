"""What the solver minimises: a function of plain rows of numbers, one pass an evaluation."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.draws import substream
from treefold.algorithms.linear.frame import Frame
from treefold.algorithms.linear.gram import Gram, quadratic_of
from treefold.algorithms.linear.objective import Objective, objective
from treefold.algorithms.linear.quadratic import Quadratic, quadratic
from treefold.algorithms.linear.stochastic import Local, Walk, sampled, walk
from treefold.algorithms.linear.watch import Watch
from treefold.blocks import Blocks
from treefold.losses import Loss
from treefold.penalties import L2, BoxedL1


class Problem(NamedTuple):
    """A batch of penalised fits in the solver's variables.

    A row of variables is ``(outputs, features + 1)`` coefficients in the units of ``space``, each over ``unit``. The
    value is that of the objective over ``label_scale^degree``.

    Attributes
    ----------
    degree : int
        As in :class:`~treefold.algorithms.linear.family.Family`.
    free : (outputs, features + 1) bool
        What is fitted; the rest stays as it begins.
    ridge : L2
        In the units of ``space``.
    unit : (models, features + 1)
        Makes the penalty as steep in every variable, or one of a feature in small units, without standardisation, would
        be so much steeper than the others that no solver could follow it.
    by_class : (classes,), optional
        Factors of the weights of rows.
    seed : int
        Of what stochastic solvers draw.
    with_offset : bool
        Whether the first extra column of the blocks is added to the margins.
    compiled : bool
        See :func:`treefold.algorithms.linear.objective.objective`.
    gram : Gram, optional
        Of the blocks, for squared errors without offsets: second derivatives then need no pass.
    watch : Watch, optional
        Of rows held out, none of which are among the ``blocks``.
    """

    blocks: Blocks
    loss: Loss
    space: Frame
    degree: int
    free: NDArray
    ridge: L2
    unit: NDArray
    by_class: NDArray | None
    seed: int
    with_offset: bool
    compiled: bool
    gram: Gram | None = None
    watch: Watch | None = None

    @property
    def outputs(self) -> int:
        """Outputs of a row."""
        return len(self.free)

    @property
    def value_scale(self) -> float:
        """What a value of the solver's is worth in those of the objective."""
        return self.space.label_scale**self.degree

    def __call__(self, x: NDArray, chosen: NDArray) -> tuple[NDArray, NDArray]:
        """Smooth part of the objective and its gradient for the models ``chosen``: one pass."""
        return self._value(x, chosen, objective)

    def sampled(self, x: NDArray, chosen: NDArray, windows: int, iteration: int) -> tuple[NDArray, NDArray]:
        """The same, estimated from one of ``windows`` parts of every block: one pass over those."""
        return self._value(x, chosen, sampled, windows, substream(self.seed, iteration))

    def walked(self, x: NDArray, chosen: NDArray, batch: int, rate: NDArray, iteration: int) -> tuple[NDArray, NDArray]:
        """Objective met on the way, and where stochastic gradient descent through every block leads: one pass."""
        unit = self.unit[chosen, None]
        theta = x.reshape(len(chosen), self.outputs, -1) * unit
        ridge = self.ridge._replace(strength=self.ridge.strength[chosen])
        strength = ridge.strength[:, None] * np.append(ridge.metric, 0.0)
        total: Walk = self._sum(
            x, chosen, walk, Local(batch, rate, substream(self.seed, iteration)), theta, strength, self.loss,
            self.space.centre, self.space.inverse, self.space.label_scale, self.free[0] * 1.0, self.by_class,
            self.with_offset,
        )  # fmt: skip
        end = total.coef / total.weight / unit
        return total.loss / total.weight + ridge.value(theta[..., :-1]), end.reshape(len(chosen), -1)

    def _sum(self, x: NDArray, chosen: NDArray, stat: Callable, *args: Any) -> Any:
        """Sum of a statistic, and at ``x`` the loss of the rows held out, if there are any: one pass."""
        if self.watch is None:
            return self.blocks.sum(stat, *args)
        coef = self.space.to_rows(x.reshape(len(chosen), self.outputs, -1) * self.unit[chosen, None])
        about = (coef, self.space.shift, self.by_class, self.with_offset)
        return self.watch.sum(stat, *args, x=x, models=chosen, about=about)

    def _quadratic(self, x: NDArray, chosen: NDArray, coef: NDArray) -> Quadratic:
        centre, inverse = self.space.centre, self.space.inverse
        if self.gram is not None:
            return quadratic_of(self.gram.products, self.gram.survey.moments, coef, centre, inverse)
        args = (coef, self.loss, centre, inverse, self.by_class, self.with_offset)
        total: Quadratic = self._sum(x, chosen, quadratic, *args)
        return total

    def _value(self, x: NDArray, chosen: NDArray, stat: Callable, *first: int) -> tuple[NDArray, NDArray]:
        unit = self.unit[chosen, None]
        theta = x.reshape(len(chosen), self.outputs, -1) * unit
        coef, shift = self.space.to_rows(theta), self.space.shift
        total: Objective = self._sum(
            x, chosen, stat, *first, coef, self.loss, shift, self.by_class, self.with_offset, self.compiled
        )
        weight = total.weight * self.value_scale
        ridge = self.ridge._replace(strength=self.ridge.strength[chosen])
        gradient = self.space.to_solver(total.coef, total.intercept) / weight
        gradient[..., :-1] += ridge.grad(theta[..., :-1])
        gradient *= unit * self.free
        return total.loss / weight + ridge.value(theta[..., :-1]), gradient.reshape(len(chosen), -1)

    def quadratic(self, x: NDArray, chosen: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """The same with the second derivatives, ``(len(chosen), p, p)``: one pass at most."""
        scale, unit = self.space.label_scale, self.unit[chosen, None] * self.free
        theta = x.reshape(len(chosen), self.outputs, -1) * self.unit[chosen, None]
        total = self._quadratic(x, chosen, theta * scale)
        weight = total.weight * self.value_scale
        ridge = self.ridge._replace(strength=self.ridge.strength[chosen])
        gradient = total.gradient * scale / weight
        gradient[..., :-1] += ridge.grad(theta[..., :-1])
        blocks = np.broadcast_to(total.hessian, (len(chosen), *total.hessian.shape[1:])) * (scale**2 / weight)
        features = np.arange(blocks.shape[-1] - 1)
        blocks[..., features, features] += (ridge.strength[:, None] * ridge.metric)[:, None]
        blocks *= unit[..., :, None] * unit[..., None, :]
        value = total.loss / weight + ridge.value(theta[..., :-1])
        return value, (gradient * unit).reshape(len(chosen), -1), _along_the_diagonal(blocks)

    def term(self, lasso: NDArray, lower: NDArray, upper: NDArray, standardize: bool) -> BoxedL1:
        """L1 strengths ``(models,)`` and bounds ``(outputs, features + 1)`` for the solver's variables."""
        scale, inverse = self.space.label_scale, self.space.inverse
        theta_unit = np.ones_like(inverse) if standardize else inverse
        strength = lasso[:, None] * np.append(theta_unit, 0.0) * (scale / self.value_scale) * self.unit
        rows = [np.broadcast_to(strength[:, None], (len(strength), *lower.shape))]
        size = np.append(inverse, 1.0) * scale * self.unit[:, None]  # a variable of 1 is a coefficient of this size
        for bound, none in ((lower, -np.inf), (upper, np.inf)):
            rows.append(np.divide(bound, size, out=np.full(rows[0].shape, none), where=size > 0))
        return BoxedL1(*(np.ascontiguousarray(row).reshape(len(lasso), -1) for row in rows))

    def to_data(self, x: NDArray) -> NDArray:
        """Coefficients ``(models, outputs, features + 1)`` for the data as it is."""
        return self.space.to_data(x.reshape(len(x), self.outputs, -1) * self.unit[:, None])

    def from_data(self, coef: NDArray) -> NDArray:
        """Variables ``(models, p)`` of such coefficients."""
        return (self.space.from_data(coef) / self.unit[:, None]).reshape(len(coef), -1)


def _along_the_diagonal(blocks: NDArray) -> NDArray:
    """Matrices ``(models, p, p)`` of the square blocks ``(models, outputs, q, q)``."""
    models, outputs, q, _ = blocks.shape
    if outputs == 1:
        return blocks[:, 0]
    made = np.zeros((models, outputs, q, outputs, q))
    made[:, np.arange(outputs), :, np.arange(outputs)] = blocks.swapaxes(0, 1)
    return made.reshape(models, outputs * q, outputs * q)


def steepness(strength: NDArray, metric: NDArray) -> NDArray:
    """Units ``(models, features + 1)`` for :class:`Problem`: 1 where all features are penalised alike."""
    curvature = 1 + strength[:, None] * metric
    unit = np.sqrt((1 + strength[:, None]) / curvature) if (metric != 1).any() else np.ones_like(curvature)
    return np.concatenate([unit, np.ones((len(strength), 1))], axis=1)
