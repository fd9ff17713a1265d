"""k-means as a pyspark.ml Estimator."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from pyspark.ml import Estimator
from pyspark.sql import DataFrame

from treefold.algorithms import kmeans
from treefold.algorithms.kmeans.first_pass import first_pass
from treefold.algorithms.kmeans.steps import State
from treefold.dataset.blocks import Blocks, Pass
from treefold.errors import InputError
from treefold.ml.base import Batch, Trainable
from treefold.ml.clustering.clustering_fit import Candidate, ClusteringFit, candidates_of
from treefold.ml.clustering.model import KMeansModel
from treefold.ml.clustering.params import ClusterOptions
from treefold.ml.clustering.private_fit import DPLLOYD, clustering_noise, fit_privately
from treefold.ml.private_params import refuse_budget
from treefold.optim.iterate import Rungs
from treefold.optim.status import RUNNING
from treefold.persistence import model_io
from treefold.privacy.noisy_blocks import NoisyBlocks


class Fitted(NamedTuple):
    """The restarts of each number of clusters of one estimator, and which number is chosen."""

    trials: list[list[kmeans.Trial]]
    candidates: list[Candidate] = []
    chosen: int = 0

    @property
    def best(self) -> kmeans.Trial:
        """The best restart of the chosen number of clusters."""
        return kmeans.best_of(self.trials[self.chosen])

    def scored(self, blocks: Blocks, cosine: bool) -> "Fitted":
        """The same with the number of greatest silhouette, or the first one, chosen; one pass if there are several."""
        candidates = candidates_of(blocks, self.trials, cosine)
        silhouettes = [-np.inf if one.silhouette is None else one.silhouette for one in candidates]
        return Fitted(self.trials, candidates, int(np.argmax(silhouettes)))


class KMeans(Trainable, ClusterOptions, Estimator):
    """k-means clustering.

    All restarts, and all numbers of clusters if ``k`` is a list, are fitted in the same passes over the data. Of the
    restarts the one of least cost is chosen, and of several numbers of clusters the one of greatest silhouette.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Notes
    -----
    Minimises ``sum_i w_i min_c |x_i - c|^2`` over k centres, or with the cosine distance ``sum_i w_i min_c (1 - cos)``.

    References
    ----------
    Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory 28, 1982.
    Bahmani, Moseley, Vattani, Kumar & Vassilvitskii, "Scalable k-means++", PVLDB 5, 2012: ``initMode="k-means||"``.

    Examples
    --------
    >>> from treefold.ml import KMeans
    >>> frame = spark.createDataFrame([(0.0, 0.0), (0.0, 1.0), (9.0, 9.0), (9.0, 8.0)], ["x", "y"])
    >>> model = KMeans(k=2, featuresCol=["x", "y"], seed=1).fit(frame)
    >>> sorted(center.tolist() for center in model.clusterCenters())
    [[0.0, 0.5], [9.0, 8.5]]
    >>> model.summary.trainingCost, model.summary.clusterSizes
    (1.0, [2, 2])
    """

    batched = frozenset({"k", "tol", "maxIter"})
    simpler = {"k": -1}

    @property
    def partial_rows(self) -> int:  # type: ignore[override]
        """The number of centres of all models of the batch."""
        ks, _ = self._start()
        return sum(ks) * int(self.value("nInit"))

    def check(self, data: DataFrame) -> None:
        """Raise InputError for data with which a fit or an evaluation would fail: one pass."""
        with self.open(data) as blocks:
            first_pass(blocks, self.cosine, ())

    @property
    def private(self) -> bool:
        """Whether the fit is differentially private."""
        return bool(self.value("solver") == DPLLOYD)

    def with_noise(self, blocks: Blocks) -> Blocks:
        """See :class:`~treefold.ml.base.Trainable`."""
        if not self.private:
            return blocks
        return NoisyBlocks(blocks, clustering_noise(self, isinstance(self._start()[1], list)))

    def fit_batch(self, blocks: Blocks, trials: Sequence["KMeans"], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`."""
        if self.private:
            (k, *_), given = self._start()
            return fit_privately(self, trials, blocks, k, given[0] if isinstance(given, list) else None)
        for trial in trials:
            refuse_budget(trial, DPLLOYD)
        starts = [trial._start() for trial in trials]
        ks = [k for some, _ in starts for k in some]
        owner = np.repeat(np.arange(len(trials)), [len(some) for some, _ in starts])

        def each(name: str) -> np.ndarray:
            return np.array([trial.value(name) for trial in trials])[owner]

        def by_trial(fitted: list[list[kmeans.Trial]]) -> list[Fitted]:
            return [Fitted([fitted[i] for i in np.flatnonzero(owner == t)]) for t in range(len(trials))]

        begin = starts[0][1]
        fitted = kmeans.fit(
            blocks,
            ks,
            restarts=self.value("nInit"),
            start_by=begin if isinstance(begin, kmeans.Start) else [at for _, given in starts for at in given],
            cosine=self.cosine,
            batch_rows=self.value("batchSize") if self.value("solver") == "minibatch" else None,
            max_iter=each("maxIter"),
            tol=each("tol"),
            seed=self.value("seed"),
            on_step=lambda state: self._tell(state, blocks),
            rungs=rungs and rungs.through(lambda fitted: self._batch(by_trial(fitted)), owner),
        )
        return self._batch([one.scored(blocks, self.cosine) for one in by_trial(fitted)])

    def _batch(self, fitted: list["Fitted"]) -> Batch:
        best = [one.best for one in fitted]
        return Batch(
            [kmeans.KMeansModel(trial.centres, self.cosine) for trial in best],
            [trial.costs for trial in best],
            [trial.iterations for trial in best],
            [trial.status for trial in best],
            fitted,
        )

    def build_model(self, batch: Batch, passes: list[Pass]) -> "KMeansModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        fitted: Fitted | ClusteringFit = batch.details[0]
        if isinstance(fitted, ClusteringFit):
            return KMeansModel(batch.numpy_models[0], replace(fitted, passes=passes))
        trials = fitted.trials[fitted.chosen]
        return KMeansModel(batch.numpy_models[0], ClusteringFit.of(trials, fitted.candidates, passes))

    def _start(self) -> tuple[list[int], Any]:
        """Numbers of clusters, and how their first centres are chosen."""
        k = self.value("k")
        ks = k if isinstance(k, list) else [k]
        given = self.value("initialCenters")
        if self.isSet("initialModel"):
            if given is not None:
                raise InputError("initialCenters and initialModel are both set: set one")
            given = self._centres_of(self.value("initialModel"))
        if given is None:
            return ks, kmeans.Start(self.value("initMode"), self.value("initSteps"), self.value("oversampling"))
        if self.isSet("k") and ks != [len(given)]:
            raise InputError(f"{len(given)} first centres are given, but k is {k}: leave k out, or make them agree")
        if self.value("nInit") > 1 or self.isSet("initMode"):
            raise InputError("the first centres are given: nInit and initMode have nothing to draw, leave them out")
        return [len(given)], [np.asarray(given, np.float64)]

    def _centres_of(self, path: str) -> Any:
        saved = model_io.load(path)
        if not isinstance(saved, kmeans.KMeansModel):
            raise InputError(f"{path} holds a {type(saved).__name__}: initialModel is a saved KMeansModel")
        return saved.centres

    def _tell(self, state: State, blocks: Blocks) -> None:
        live = int((state.status == RUNNING).sum())
        figures = {"least cost": float(state.value.min()), "move": float(state.move.max()), "models running": live}
        self.report(int(state.iteration.max()), figures, blocks.passes[-1])
