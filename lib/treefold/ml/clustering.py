"""k-means as a pyspark.ml Estimator and Model."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from pyspark.ml import Estimator
from pyspark.ml.linalg import Vector
from pyspark.ml.param import TypeConverters
from pyspark.sql import DataFrame, SparkSession

from treefold import store
from treefold.algorithms import kmeans
from treefold.algorithms.kmeans.census import census
from treefold.algorithms.kmeans.clusters import Clusters, clusters
from treefold.algorithms.kmeans.lloyd import State
from treefold.blocks import Blocks, Pass
from treefold.errors import InputError
from treefold.interchange import mllib, scikit
from treefold.iterate import Rungs
from treefold.ml.base import Batch, ColumnOptions, Trainable
from treefold.ml.clusters import Candidate, ClusteringSummary, candidates_of, mean_silhouettes
from treefold.ml.evaluation import Evaluation
from treefold.ml.model import ModelFace
from treefold.ml.options import Option, at_least, choice, counts, rows_of_numbers
from treefold.solvers.status import RUNNING


class Fitted(NamedTuple):
    """The restarts of each number of clusters of one estimator, and which number is chosen."""

    trials: list[list[kmeans.Trial]]
    candidates: list[Candidate] = []
    chosen: int = 0

    @property
    def best(self) -> kmeans.Trial:
        """The best restart of the number chosen."""
        return kmeans.best_of(self.trials[self.chosen])

    def judged(self, blocks: Blocks, cosine: bool) -> "Fitted":
        """With the number of greatest silhouette chosen, the first where none has one: a pass, if there are several."""
        candidates = candidates_of(blocks, self.trials, cosine)
        silhouettes = [-np.inf if one.silhouette is None else one.silhouette for one in candidates]
        return Fitted(self.trials, candidates, int(np.argmax(silhouettes)))


class ClusterOptions(ColumnOptions):
    """What a clustering and its model share."""

    k = Option("k", "the number of clusters, or a list of numbers to choose from by their silhouettes", counts, 2)
    distanceMeasure = Option("distanceMeasure", "euclidean or cosine", choice("euclidean", "cosine"), "euclidean")
    distanceCol = Option(
        "distanceCol", "the column distances from the nearest centre go to; none if empty", TypeConverters.toString, ""
    )
    reads_sparse = True

    @property
    def cosine(self) -> bool:
        """Whether the distance is the cosine."""
        return bool(self.value("distanceMeasure") == "cosine")


class KMeans(Trainable, ClusterOptions, Estimator):
    """k-means clustering.

    Minimises ``sum_i w_i min_c |x_i - c|^2`` over k centres; with the cosine distance ``sum_i w_i (1 - cos)``. All
    restarts, and all numbers of clusters where ``k`` is a list, are fitted in the same passes over the data. Of the
    restarts the one of least cost wins, of several k the one of greatest silhouette.

    Examples
    --------
    >>> model = KMeans(k=10, nInit=5, featuresCol=["pixel_*"]).fit(frame)  # doctest: +SKIP
    """

    maxIter = Option("maxIter", "the most iterations, >= 0", at_least(0, TypeConverters.toInt), 20)
    tol = Option("tol", "how far any centre may still want to go when a fit has converged, >= 0", at_least(0), 1e-4)
    seed = Option("seed", "the seed of all that is drawn", TypeConverters.toInt, 0)
    initMode = Option(
        "initMode", "how centres begin: k-means||, k-means++ or random", choice("k-means||", "k-means++", "random"),
        "k-means||",
    )  # fmt: skip
    initSteps = Option("initSteps", "the rounds of k-means||, >= 1", at_least(1, TypeConverters.toInt), 2)
    oversampling = Option(
        "oversampling", "the rows a round of k-means|| draws, in multiples of k, > 0", at_least(1e-3), 2.0
    )
    nInit = Option("nInit", "the restarts, of which the best wins, >= 1", at_least(1, TypeConverters.toInt), 1)
    initialCenters = Option("initialCenters", "the first centres, k rows of numbers", rows_of_numbers)
    initialModel = Option(
        "initialModel", "the path of a saved model, whose centres are the first", TypeConverters.toString
    )
    solver = Option("solver", "auto, lloyd or minibatch; auto is lloyd", choice("auto", "lloyd", "minibatch"), "auto")
    batched = frozenset({"k", "tol", "maxIter"})
    simpler = {"k": -1}
    batchSize = Option(
        "batchSize", "the rows of a mini-batch, for solver minibatch, >= 1", at_least(1, TypeConverters.toInt), 16384
    )

    @property
    def partial_rows(self) -> int:  # type: ignore[override]
        """Centres of all models of the batch."""
        ks, _ = self._start()
        return sum(ks) * int(self.value("nInit"))

    def check(self, data: DataFrame) -> None:
        """Raise InputError for whatever in ``data`` would end a fit or an evaluation: one pass."""
        with self.open(data) as blocks:
            census(blocks, self.cosine, ())

    def fit_batch(self, blocks: Blocks, trials: Sequence["KMeans"], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`."""
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
            rungs=rungs and Rungs(rungs.at, lambda fitted: rungs.judge(self._batch(by_trial(fitted)))[owner]),
        )
        return self._batch([one.judged(blocks, self.cosine) for one in by_trial(fitted)])

    def _batch(self, fitted: list["Fitted"]) -> Batch:
        best = [one.best for one in fitted]
        return Batch(
            [kmeans.KMeansModel(trial.centres, self.cosine) for trial in best],
            [trial.costs for trial in best],
            [trial.iterations for trial in best],
            [trial.status for trial in best],
            fitted,
        )

    def made(self, batch: Batch, passes: list[Pass]) -> "KMeansModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        fitted: Fitted = batch.details[0]
        trials = fitted.trials[fitted.chosen]
        return KMeansModel(batch.pures[0], ClusteringSummary.of(trials, fitted.candidates, passes))

    def _fit(self, dataset: DataFrame) -> "KMeansModel":
        model: KMeansModel = super()._fit(dataset)
        model.summary.predictionCol = self.value("predictionCol")
        model.summary.transformed = lambda: model.transform(dataset)
        return model.setParams(k=model.summary.k)

    def _start(self) -> tuple[list[int], Any]:
        """Numbers of clusters, and how their centres begin."""
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
        saved = store.load(path)
        if not isinstance(saved, kmeans.KMeansModel):
            raise InputError(f"{path} holds a {type(saved).__name__}: initialModel is a saved KMeansModel")
        return saved.centres

    def _tell(self, state: State, blocks: Blocks) -> None:
        live = int((state.status == RUNNING).sum())
        figures = {"least cost": float(state.value.min()), "move": float(state.gradient.max()), "models running": live}
        self.report(int(state.iteration.max()), figures, blocks.passes[-1])


class KMeansModel(ModelFace, ClusterOptions):
    """Fitted :class:`KMeans`."""

    outputs = ("prediction", "distance")

    @property
    def partial_rows(self) -> int:  # type: ignore[override]
        """Centres."""
        return len(self.pure.centres)

    def clusterCenters(self) -> list[np.ndarray]:
        """The centres, each ``(features,)``."""
        return list(self.pure.centres)

    @property
    def numFeatures(self) -> int:
        """Number of features."""
        return self.pure.features

    def predict(self, value: Vector) -> int:
        """Cluster of one vector of features."""
        return int(self.pure.predict(value.toArray()[None])[0])

    def evaluate(self, dataset: DataFrame) -> Evaluation:
        """Cost, sizes of the clusters, exact and simplified silhouette: two passes."""
        batch = self.pure.batch
        with self.open(dataset) as blocks:
            census(blocks, self.cosine, ())
            sums: Clusters = blocks.sum(clusters, batch)
            ((silhouette, simplified),) = mean_silhouettes(blocks, batch, sums)
            scores = {
                "rows": int(sums.rows.sum()),
                "cost": self._cost(sums),
                "silhouette": silhouette,
                "simplified_silhouette": simplified,
                "cluster_sizes": [int(rows) for rows in sums.rows],
            }
            return Evaluation(scores, blocks.passes)

    def computeCost(self, dataset: DataFrame) -> float:
        """Weighted sum of squared distances from the nearest centres, or of 1 - cos: one pass."""
        with self.open(dataset) as blocks:
            return self._cost(blocks.sum(clusters, self.pure.batch))

    def toSklearn(self) -> Any:
        """The model as scikit-learn's KMeans, behind a Normalizer for the cosine distance."""
        return scikit.kmeans(self.pure)

    def toSpark(self, session: SparkSession) -> Any:
        """The model as pyspark.ml's KMeansModel, with the same columns.

        Raises
        ------
        InputError
            If the features are several columns: pyspark.ml takes one column of vectors.
        """
        features = self.value("featuresCol")
        if not isinstance(features, str):
            raise InputError("pyspark.ml's KMeansModel takes one column of vectors: setFeaturesCol to its name first")
        made = mllib.kmeans(self.pure, session)
        return made.setFeaturesCol(features).setPredictionCol(self.value("predictionCol"))

    def _cost(self, sums: Clusters) -> float:
        return float(sums.cost.sum()) / (2 if self.cosine else 1)
