"""The function that a solver minimises: rows of plain numbers, one pass per evaluation."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.early_stopping import EarlyStopping
from treefold.algorithms.linear.gram import Gram, quadratic_of
from treefold.algorithms.linear.losses import Loss
from treefold.algorithms.linear.objective import Objective, objective
from treefold.algorithms.linear.quadratic import Quadratic, assembled, quadratic
from treefold.algorithms.linear.sampled_products import Sampled, Sampling, objective_and_products, products
from treefold.algorithms.linear.standardization import Standardization
from treefold.algorithms.linear.stochastic import Local, LocalEpoch, MiniBatch, local_epoch, sampled
from treefold.dataset.blocks import Blocks
from treefold.dataset.random import substream
from treefold.errors import InputError
from treefold.optim.penalties import L2, BoxedL1


class Evaluated(NamedTuple):
    """Value and gradient of all models at ``x``, from a pass that computed something else as well."""

    x: NDArray
    value: NDArray
    gradient: NDArray


class Problem(NamedTuple):
    """A batch of penalised fits in the solver's variables.

    A row of variables has ``(outputs, features + 1)`` coefficients in the units of ``space``, each divided by ``unit``.
    The value is the objective divided by ``label_scale^d``, where d is the homogeneity of the loss.

    Attributes
    ----------
    free : (outputs, features + 1) bool
        Which coefficients are fitted; the others keep their value at the start.
    ridge : L2
        In the units of ``space``.
    unit : (models, features + 1)
        Units that make the penalty equally steep in every variable. Without them, a feature in small units and without
        standardisation would have a penalty so much steeper than the others that no solver converges.
    by_class : (classes,), optional
        Factors of the weights of rows.
    seed : int
        Seed of stochastic solvers.
    with_offset : bool
        Whether the first extra column of the blocks is added to the margins.
    compiled : bool
        See :func:`treefold.algorithms.linear.objective.objective`.
    gram : Gram, optional
        Of the blocks, for squared errors without offsets; second derivatives then need no pass.
    early_stopping : EarlyStopping, optional
        Of held-out rows, which are not among ``blocks``.
    first : Evaluated, optional
        Value and gradient at the start, if they are known.
    """

    blocks: Blocks
    loss: Loss
    space: Standardization
    free: NDArray
    ridge: L2
    unit: NDArray
    by_class: NDArray | None
    seed: int
    with_offset: bool
    compiled: bool
    gram: Gram | None = None
    early_stopping: EarlyStopping | None = None
    first: Evaluated | None = None

    @property
    def outputs(self) -> int:
        """Outputs of a row."""
        return len(self.free)

    @property
    def value_scale(self) -> float:
        """Factor that turns the solver's values into those of the objective."""
        return self.space.label_scale**self.loss.homogeneity

    def __call__(self, x: NDArray, chosen: NDArray) -> tuple[NDArray, NDArray]:
        """Smooth part of the objective and its gradient for the models ``chosen``: one pass, unless they are known."""
        if self.first is not None and np.array_equal(x, self.first.x):
            return self.first.value, self.first.gradient
        return self._value(x, chosen, self._total(x, chosen, objective))

    def with_products(self, x: NDArray, how: Sampling) -> tuple[NDArray, NDArray, NDArray]:
        """The same for all models, and mean products of the columns of sampled rows.

        One pass; a second one over the rows alone, drawn by position, if the first sample has too few different rows.
        """
        everyone = np.arange(len(x))
        total: Sampled = self._total(x, everyone, objective_and_products, how)
        found = total.products
        if not found.varied():
            found = self.blocks.sum(products, how._replace(by_value=False), self.by_class)
        return *self._value(x, everyone, total), found.gram / total.weight

    def sampled(self, x: NDArray, chosen: NDArray, fraction: float, iteration: int) -> tuple[NDArray, NDArray]:
        """The same, estimated from a share of the rows of every block: one pass over those rows.

        Parameters
        ----------
        x : (len(chosen), p)
            Variables of the models.
        chosen : (len(chosen),) int
            Indices of the models.
        fraction : float
            Share of the rows of every block, in (0, 1].
        iteration : int
            Iteration, on which the sample depends.

        Returns
        -------
        tuple of (len(chosen),) and (len(chosen), p)

        Raises
        ------
        InputError
            If none of these rows has a positive weight.
        """
        total: Objective = self._total(x, chosen, sampled, MiniBatch(fraction, self.seed, iteration))
        if not total.weight > 0:
            raise InputError("a mini-batch has no row of positive weight: raise miniBatchFraction, or use solver gd")
        return self._value(x, chosen, total)

    def local_epochs(
        self, x: NDArray, chosen: NDArray, batch: int, rate: NDArray, iteration: int
    ) -> tuple[NDArray, NDArray]:
        """Run SGD over every block from ``x``: one pass.

        Parameters
        ----------
        x : (len(chosen), p)
            Variables of the models.
        chosen : (len(chosen),) int
            Indices of the models.
        batch : int
            Rows of a step.
        rate : (len(chosen),)
            Step sizes.
        iteration : int
            Iteration, on which the order of the rows depends.

        Returns
        -------
        tuple of (len(chosen),) and (len(chosen), p)
            The mean objective during the steps, and the mean of the end points of the blocks.
        """
        unit = self.unit[chosen, None]
        theta = x.reshape(len(chosen), self.outputs, -1) * unit
        ridge = self.ridge._replace(strength=self.ridge.strength[chosen])
        strength = ridge.strength[:, None] * np.append(ridge.metric, 0.0)
        total: LocalEpoch = self._sum(
            x, chosen, local_epoch, Local(batch, rate, substream(self.seed, iteration)), theta, strength, self.loss,
            self.space.centre, self.space.inverse, self.space.label_scale, self.free[0] * 1.0, self.by_class,
            self.with_offset,
        )  # fmt: skip
        end = total.coef / total.weight / unit
        return total.loss / total.weight + ridge.value(theta[..., :-1]), end.reshape(len(chosen), -1)

    def _sum(self, x: NDArray, chosen: NDArray, stat: Callable, *args: Any) -> Any:
        """Sum of a statistic and, if rows are held out, their loss at ``x``: one pass."""
        if self.early_stopping is None:
            return self.blocks.sum(stat, *args)
        coef = self.space.to_rows(x.reshape(len(chosen), self.outputs, -1) * self.unit[chosen, None])
        about = (coef, self.space.shift, self.by_class, self.with_offset)
        return self.early_stopping.sum(stat, *args, x=x, models=chosen, about=about)

    def _quadratic(self, x: NDArray, chosen: NDArray, coef: NDArray) -> Quadratic:
        centre, inverse = self.space.centre, self.space.inverse
        if self.gram is not None:
            return quadratic_of(self.gram.products, self.gram.data_summary.moments, coef, centre, inverse)
        args = (coef, self.loss, centre, inverse, self.by_class, self.with_offset)
        total: Quadratic = self._sum(x, chosen, quadratic, *args)
        return total

    def _total(self, x: NDArray, chosen: NDArray, stat: Callable, *own: Any) -> Any:
        """Sum of a statistic whose arguments are ``own`` followed by those of the objective."""
        coef = self.space.to_rows(x.reshape(len(chosen), self.outputs, -1) * self.unit[chosen, None])
        asked = coef, self.loss, self.space.shift, self.by_class, self.with_offset, self.compiled
        return self._sum(x, chosen, stat, *own, *asked)

    def _value(self, x: NDArray, chosen: NDArray, total: Objective | Sampled) -> tuple[NDArray, NDArray]:
        unit = self.unit[chosen, None]
        theta = x.reshape(len(chosen), self.outputs, -1) * unit
        weight = total.weight * self.value_scale
        ridge = self.ridge._replace(strength=self.ridge.strength[chosen])
        gradient = self.space.to_solver(total.coef, total.intercept) / weight
        gradient[..., :-1] += ridge.grad(theta[..., :-1])
        gradient *= unit * self.free
        return total.loss / weight + ridge.value(theta[..., :-1]), gradient.reshape(len(chosen), -1)

    def quadratic(self, x: NDArray, chosen: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Value, gradient and second derivatives, ``(len(chosen), p, p)``: at most one pass."""
        scale, unit = self.space.label_scale, self.unit[chosen, None] * self.free
        theta = x.reshape(len(chosen), self.outputs, -1) * self.unit[chosen, None]
        total = self._quadratic(x, chosen, theta * scale)
        weight = total.weight * self.value_scale
        ridge = self.ridge._replace(strength=self.ridge.strength[chosen])
        gradient = total.gradient * scale / weight
        gradient[..., :-1] += ridge.grad(theta[..., :-1])
        parts = np.broadcast_to(total.hessian, (len(chosen), *total.hessian.shape[1:])) * (scale**2 / weight)
        k, other = np.triu_indices(self.outputs) if parts.shape[1] > self.outputs else (np.arange(self.outputs),) * 2
        own, feature = np.flatnonzero(k == other)[:, None], np.arange(parts.shape[-1] - 1)
        parts[:, own, feature, feature] += (ridge.strength[:, None] * ridge.metric)[:, None]
        parts *= unit[:, k, :, None] * unit[:, other, None, :]
        value = total.loss / weight + ridge.value(theta[..., :-1])
        return value, (gradient * unit).reshape(len(chosen), -1), assembled(parts, k, other)

    def term(self, lasso: NDArray, lower: NDArray, upper: NDArray, standardize: bool) -> BoxedL1:
        """L1 penalties and bounds of the solver's variables.

        Parameters
        ----------
        lasso : (models,)
            L1 strengths.
        lower, upper : (outputs, features + 1)
            Bounds of the coefficients for the data.
        standardize : bool
            Whether the lasso applies to standardised coefficients.

        Returns
        -------
        BoxedL1
        """
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
