"""Estimators of perceptrons: from their params to a fit over blocks."""

import logging
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from treefold.algorithms import perceptron
from treefold.algorithms.perceptron import Layers, MiniBatches, Network, PerceptronFit, PerceptronModel
from treefold.dataset.blocks import Blocks, Pass
from treefold.dataset.lanes import lane_count
from treefold.dataset.random import substream
from treefold.errors import InputError
from treefold.ml.base import Batch
from treefold.ml.early_stopping_params import ValidatedTrainable
from treefold.ml.linear.solver_params import NOISE
from treefold.ml.perceptron.params import BATCHED, RATE, RATE_ROWS, PerceptronOptions
from treefold.ml.perceptron.private_fit import perceptron_noise
from treefold.ml.progress import Progress
from treefold.optim import GradientDescent, Lbfgs, Solver
from treefold.optim.fused_updates import FusedAdam, FusedMomentum, FusedUpdate
from treefold.optim.iterate import Rungs
from treefold.optim.status import DIVERGED
from treefold.persistence import model_io
from treefold.privacy.noisy_blocks import NoisyBlocks

log = logging.getLogger(__name__)


class PerceptronTrainable(ValidatedTrainable, PerceptronOptions):
    """An estimator of a perceptron."""

    simpler = {"regParam": 1}

    def prepared(self, data: DataFrame) -> Self:
        """A copy with a solver, if none is set."""
        ready = super().prepared(data)
        if self.isSet("solver"):
            return ready
        solver, why = self.solver_for(data)
        log.info("solver %s: %s", solver, why)
        ready = ready.copy()
        ready._set(solver=solver)
        return ready

    @property
    def by_batches(self) -> bool:
        """Whether steps are of mini-batches."""
        return self.value("solver") in BATCHED

    @property
    def batched(self) -> frozenset[str]:  # type: ignore[override]
        """Params that may differ within a batch: not the seed, where it draws the rows held out or their order."""
        drawn = self.isSet("validationFraction") or self.by_batches
        return frozenset({"regParam", "tol", "maxIter", "stepSize", *(() if drawn else ("seed",))})

    @property
    def lanes(self) -> int:  # type: ignore[override]
        """Lanes that the mini-batches take their rows of."""
        if self.value("solver") == "localsgd":
            return int(self.value("localLanes"))
        return lane_count(self.value("batchSize")) if self.by_batches else 0

    @property
    def shuffled(self) -> bool:  # type: ignore[override]
        """For local descent: walks through lanes of one class each would end far from each other."""
        return bool(self.value("solver") == "localsgd")

    @property
    def private(self) -> bool:
        """Whether the fit is differentially private."""
        return bool(self.value("solver") == "dpgd")

    def with_noise(self, blocks: Blocks) -> Blocks:
        """See :class:`~treefold.ml.base.Trainable`."""
        return NoisyBlocks(blocks, perceptron_noise(self)) if self.private else blocks

    def why_diverged(self) -> str:
        """What to say of a fit that diverged."""
        if self.by_batches:
            return f"the fit diverged: stepSize {self.rate():g} is too large: lower it, or scale the features"
        return "the objective of the first weights is not finite: scale the features, or give smaller initialWeights"

    def report(self, iteration: int, figures: dict[str, float], last: Pass) -> None:
        """See :class:`~treefold.ml.base.Trainable`."""
        batches = self.by_batches
        unit, most = ("epoch", self.value("maxEpochs")) if batches else ("iteration", self.value("maxIter"))
        if self._watcher:
            self._watcher(Progress(iteration, figures, last, unit, most=most))

    def rate(self) -> float:
        """The step size: of Adam, if it is not set, that of its mini-batches."""
        by_rows = self.by_batches and self.value("updater") != "sgd" and not self.isSet("stepSize")
        return float(RATE * np.sqrt(self.value("batchSize") / RATE_ROWS) if by_rows else self.value("stepSize"))

    def layers_for(self, features: int) -> Layers:
        """The layers.

        Raises
        ------
        InputError
            If there are none, or they do not begin with the number of features.
        """
        sizes = self.value("layers")
        if sizes is None:
            raise InputError(f"layers is not set: give [{features}, ..., outputs], the sizes of the layers")
        layers = Layers(tuple(sizes))
        layers.check_inputs(features)
        return layers

    def first(self, layers: Layers) -> NDArray:
        """First weights of all restarts, ``(nInit, size)``.

        Raises
        ------
        InputError
            If some are given and do not fit the layers.
        """
        given = self._given(layers)
        if given is None:
            activation = self.value("activation")
            seeds = [substream(self.value("seed"), restart) for restart in range(self.value("nInit"))]
            return np.stack([layers.drawn(seed, activation) for seed in seeds])
        if self.value("nInit") > 1:
            raise InputError("the first weights are given: nInit has nothing to draw, leave it out")
        if len(given) != layers.size:
            raise InputError(
                f"{len(given)} first weights are given, but layers {list(layers.sizes)} have {layers.size}: give as "
                "many, or leave them out"
            )
        return given[None]

    def _given(self, layers: Layers) -> NDArray | None:
        weights = self.value("initialWeights")
        if not self.isSet("initialModel"):
            return None if weights is None else np.asarray(weights.toArray(), np.float64)
        if weights is not None:
            raise InputError("initialWeights and initialModel are both set: set one")
        path = self.value("initialModel")
        saved = model_io.load(path)
        if not isinstance(saved, PerceptronModel) or saved.sizes != layers.sizes:
            what = f"layers {list(saved.sizes)}" if isinstance(saved, PerceptronModel) else f"a {type(saved).__name__}"
            raise InputError(f"{path} holds {what}: initialModel is a saved perceptron of layers {list(layers.sizes)}")
        return saved.weights


def fit_all(
    params: PerceptronTrainable,
    trials: Sequence[PerceptronTrainable],
    blocks: Blocks,
    network: Network,
    by_class: NDArray | None,
    rungs: Rungs | None,
) -> Batch:
    """Fit perceptrons together.

    Parameters
    ----------
    params : PerceptronTrainable
        The estimator, whose watcher is called.
    trials : sequence of PerceptronTrainable
        Settings to fit, which differ in ``batched`` params alone.
    blocks : Blocks
        All rows.
    network : Network
        Layers, activation and loss.
    by_class : (classes,) or None
        Factors of the weights by class.
    rungs : Rungs or None
        Iterations at which trials are scored and may be stopped.

    Returns
    -------
    Batch
        In the order of the trials.

    Raises
    ------
    InputError
        If a param has been changed that nothing reads, or as ``fit`` does.
    """
    for trial in trials:
        trial.check_read()
    starts = [trial.first(network.layers) for trial in trials]
    owner = np.repeat(np.arange(len(trials)), [len(start) for start in starts])

    def each(name: str) -> NDArray:
        return np.array([trial.value(name) for trial in trials])[owner]

    def result(fitted: PerceptronFit) -> Batch:
        return _batch(network, fitted, [best_of(fitted, np.flatnonzero(owner == t)) for t in range(len(trials))])

    fitted = perceptron.fit(
        blocks,
        network,
        np.concatenate(starts),
        ridge=each("regParam"),
        by_class=by_class,
        validation=params.split(),
        patience=params.value("earlyStoppingRounds"),
        solver=_solver(params, np.array([trial.rate() for trial in trials])[owner]),
        max_iter=each("maxEpochs" if params.by_batches else "maxIter"),
        tol=each("tol"),
        on_step=lambda state: params.report_state(state, blocks.passes[-1]),
        rungs=rungs and rungs.through(result, owner),
    )
    if len(owner) > 1:  # of one model alone the caller says it
        for m in np.flatnonzero(fitted.status == DIVERGED):
            log.warning("model %d of %d: %s; the others go on", m + 1, len(owner), trials[owner[m]].why_diverged())
    return result(fitted)


def _batch(network: Network, fitted: PerceptronFit, kept: list[int]) -> Batch:
    """The models ``kept`` of a fit."""
    sizes, activation, link = network.layers.sizes, network.activation, network.loss.link
    numpy_models = [PerceptronModel(sizes, fitted.weights[m], activation, link) for m in kept]
    held = fitted.held or [[]] * len(fitted.weights)
    return Batch(
        numpy_models, [fitted.objective[m] for m in kept], fitted.iterations[kept], fitted.status[kept],
        [held[m] for m in kept],
    )  # fmt: skip


def best_of(fitted: PerceptronFit, restarts: NDArray) -> int:
    """The restart of least loss of the rows held out, or else of least objective; none that diverged, if it can be."""
    values = [min(fitted.held[m]) if fitted.held else fitted.objective[m][-1] for m in restarts]
    fine = (fitted.status[restarts] != DIVERGED) & np.isfinite(values)
    return int(restarts[np.argmin(np.where(fine, values, np.inf))])


def _solver(params: PerceptronTrainable, steps: NDArray) -> Solver | MiniBatches:
    if params.by_batches:
        return _minibatches(params, steps)
    if params.value("solver") == "gd":
        return GradientDescent(steps)
    return Lbfgs(noise=NOISE[params.value("dtype")])


def _minibatches(params: PerceptronTrainable, steps: NDArray) -> MiniBatches:
    updates: dict[str, FusedUpdate] = {
        "adam": FusedAdam(), "adamw": FusedAdam(decoupled=True),
        "sgd": FusedMomentum(params.value("momentum"), params.value("nesterov")),
    }  # fmt: skip
    names = ("batchSize", "dropout", "maxEpochs", "seed", "dtype")
    rows, dropout, epochs, seed, dtype = (params.value(name) for name in names)
    return MiniBatches(
        rows, params.lanes, steps, params.value("stepRule"), updates[params.value("updater")], dropout, epochs, seed,
        dtype, params.value("solver") == "localsgd", params.value("slowMomentum"),
    )  # fmt: skip
