"""The solver of a linear fit and its step sizes."""

from typing import Any

import numpy as np
from pyspark.ml.param import TypeConverters

from treefold.algorithms.linear.losses import Loss
from treefold.errors import InputError
from treefold.ml.converters import Choice, at_least, positive_share, share
from treefold.ml.params import Option, Options
from treefold.optim import GradientDescent, Lbfgs, Newton, Normal, Sgd, Solver
from treefold.optim.schedules import Adaptive, Constant, InverseScaling, OneCycle, Schedule
from treefold.optim.update_rules import Adagrad, Adam, Momentum, UpdateRule

MOST_GRAM = 4096  # most features for normal equations, and for local SGD, which makes rows dense
MOST_ENTRIES = 2 * MOST_GRAM**2  # of such products for all models of a batch, unless they are asked for
GRAM_ROWS = 256  # a partial of these products, in rows: blocks so high that making them costs more than adding them
NOISE = {"float32": 1e-8, "float64": 1e-15}  # of an objective: a mean over rows, each rounded
BY_GRADIENT = ("gd", "sgd", "localsgd")
READERS = {  # of the params that not all solvers read
    "stepSize": (*BY_GRADIENT, "dpgd"),
    **dict.fromkeys(("privacyEpsilon", "privacyDelta", "clip", "featureClip", "classes"), ("dpgd",)),
    **dict.fromkeys(("stepRule", "momentum", "nesterov", "updater", "averaging"), BY_GRADIENT),
    "miniBatchFraction": ("sgd",), "batchSize": ("localsgd",), "seed": ("auto", "lbfgs", "sgd", "localsgd"),
    "smoothing": ("auto", "lbfgs", "gd"),
}  # fmt: skip
SCHEDULES = ("backtracking", "constant", "invscaling", "adaptive", "onecycle")


class StepOptions(Options):
    """Params of gradient solvers: ``gd`` over all rows, ``sgd`` over samples, ``localsgd`` within the blocks."""

    solver = Option(
        "solver", "auto, lbfgs, newton, gd, sgd, localsgd, or dpgd under differential privacy; auto is lbfgs",
        Choice("auto", "lbfgs", "newton", *BY_GRADIENT, "dpgd"), "auto",
    )  # fmt: skip
    stepSize = Option(
        "stepSize", "the step size of solver gd, or the first one that it tries, > 0", at_least(1e-300), 1.0
    )
    stepRule = Option(
        "stepRule", "the steps of these solvers: backtracking (for gd, its default), constant, invscaling, adaptive or "
        "onecycle (the default of the others)", Choice(*SCHEDULES), "backtracking",
    )  # fmt: skip
    momentum = Option("momentum", "the share of the step before that is taken again, in [0, 1]", share, 0.0)
    nesterov = Option("nesterov", "whether momentum is Nesterov's", TypeConverters.toBoolean, False)
    updater = Option(
        "updater", "the update rule of these solvers: sgd, adagrad or adam", Choice("sgd", "adagrad", "adam"),
        "sgd",
    )  # fmt: skip
    averaging = Option(
        "averaging", "whether the iterates of the second half are averaged", TypeConverters.toBoolean, False
    )
    miniBatchFraction = Option(
        "miniBatchFraction", "the share of the rows in a mini-batch of solver sgd, in (0, 1]", positive_share, 0.1
    )
    batchSize = Option("batchSize", "the rows a step of solver localsgd, >= 1", at_least(1, TypeConverters.toInt), 16)
    seed = Option("seed", "the seed of the random numbers of sgd and localsgd", TypeConverters.toInt, 0)

    def check_read(self) -> None:
        """Raise InputError for a changed param that the solver does not read."""
        solver = self.value("solver")
        drawn = self.hasParam("validationFraction") and self.isSet("validationFraction")
        for name, readers in READERS.items():
            if self.changed(name) and solver not in readers and not (name == "seed" and drawn):
                raise InputError(f"solver {solver} reads no {name}: leave it out, or use {' or '.join(readers)}")
        if solver == "gd" and self.value("stepRule") == "backtracking":
            for name in ("momentum", "nesterov", "updater", "averaging"):
                if self.changed(name):
                    raise InputError(f"stepRule backtracking takes no {name}: use another stepRule")
        elif solver in BY_GRADIENT and self.changed("smoothing"):
            raise InputError(f"solver {solver} takes the loss as it is, without smoothing: leave it out, or use lbfgs")
        if self.value("updater") != "sgd" and self.changed("momentum"):
            raise InputError(f"updater {self.value('updater')} has a momentum of its own: leave momentum out")
        if self.value("nesterov") and not self.value("momentum"):
            raise InputError("nesterov is a way of momentum, which is 0: set momentum")

    def most_products(self, loss: Loss, models: int) -> int:
        """Most features for which this number of models is fitted by normal equations; -1 for never."""
        if not loss.constant_curvature or self.value("solver") not in ("auto", "normal"):
            return -1
        return MOST_GRAM if self.value("solver") == "normal" else min(MOST_GRAM, int((MOST_ENTRIES / models) ** 0.5))

    def solver_of(self, loss: Loss, features: int, steps: np.ndarray, horizon: int, held: bool) -> Solver:
        """The solver that these params describe.

        Parameters
        ----------
        loss : Loss
            Loss of the models.
        features : int
            Number of features.
        steps : (models,)
            Step size of each model.
        horizon : int
            Number of planned iterations.
        held : bool
            Whether rows are held out for early stopping.

        Returns
        -------
        Solver

        Raises
        ------
        InputError
            If there are too many features for the solver, or it does not support the step rule.
        """
        name = self.value("solver")
        if name in ("newton", "normal", "localsgd") and features > MOST_GRAM:
            raise InputError(f"solver {name} takes {MOST_GRAM} features at most, not {features}: use lbfgs")
        if name in BY_GRADIENT:
            return self._by_gradient(name, steps, horizon)
        if name == "newton":
            return Newton()
        if name == "normal" and held:
            raise InputError("solver normal has no iterations that could end early: use lbfgs")
        if name == "normal" or (not held and features <= self.most_products(loss, len(steps))):
            return Normal()
        return Lbfgs(noise=NOISE[self.value("dtype")])

    def _by_gradient(self, name: str, steps: np.ndarray, horizon: int) -> Solver:
        rule = self.value("stepRule")
        if name != "gd" and not self.isSet("stepRule"):
            rule = "onecycle"
        if rule == "backtracking":
            if name == "gd":
                return GradientDescent(steps)
            raise InputError(f"solver {name} cannot see whether a step was too long: use another stepRule")
        plain = not any(self.changed(name) for name in ("momentum", "updater", "averaging"))
        if name == "gd" and rule == "constant" and plain:
            return GradientDescent(steps, backtracking=False)
        own: dict[str, Any] = {"gd": {}, "sgd": {"fraction": self.value("miniBatchFraction")},
                               "localsgd": {"local": self.value("batchSize")}}[name]  # fmt: skip
        schedules: dict[str, Schedule] = {
            "constant": Constant(), "invscaling": InverseScaling(), "adaptive": Adaptive(),
            "onecycle": OneCycle(horizon),
        }  # fmt: skip
        updates: dict[str, UpdateRule] = {
            "sgd": Momentum(self.value("momentum"), self.value("nesterov")), "adagrad": Adagrad(), "adam": Adam(),
        }  # fmt: skip
        return Sgd(
            steps, horizon, schedules[rule], updates[self.value("updater")], average=self.value("averaging"), **own
        )
