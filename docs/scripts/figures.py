"""Draws the pictures of the user guide from the digits of data/digits, by fits in this process: ``make figures``.

Arguments name some of the pictures; without any, all are drawn.
"""

import sys
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pyarrow.parquet as pq
from matplotlib.figure import Figure
from numpy.typing import NDArray

from treefold import LocalBlocks
from treefold.algorithms import forest, kmeans, linear, perceptron, svm
from treefold.algorithms.linear.batch import LinearBatch
from treefold.algorithms.linear.losses import softmax
from treefold.algorithms.perceptron.losses import CrossEntropy
from treefold.dataset.folds import held_out, training
from treefold.dataset.splits import Hashed
from treefold.metrics import classification
from treefold.metrics.predictions import measure
from treefold.statistics.label_summary import data_summary

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "img"
PIXELS = [f"pixel_{row}{column}" for row in range(8) for column in range(8)]


def digits(split: str) -> tuple[NDArray, NDArray]:
    """Pixels and digits of a split."""
    table = pq.read_table(ROOT / "data" / "digits" / f"split={split}").to_pandas()
    return table[PIXELS].to_numpy(float), table["digit"].to_numpy(float)


X, Y = digits("train")
X_TEST, Y_TEST = digits("test")
BLOCKS = LocalBlocks.from_arrays(X, Y, dtype="float64")


def accuracy(model: object) -> float:
    """Share of the test rows that a model classifies correctly."""
    return float((model.predict(X_TEST) == Y_TEST).mean())


def images(figure: Figure, rows: int, vectors: NDArray, titles: list[str], cmap: str) -> None:
    """Draw vectors of 64 pixels as images in the upper half of a figure of ``rows`` rows."""
    for k, (vector, title) in enumerate(zip(vectors, titles, strict=True)):
        axes = figure.add_subplot(rows, 10, k + 1)
        most = np.abs(vector).max()
        axes.imshow(vector.reshape(8, 8), cmap=cmap, vmin=-most if (vector < 0).any() else 0, vmax=most)
        axes.set_title(title, fontsize=8)
        axes.set_axis_off()


def linear_figure() -> Figure:
    """Coefficients of each digit, and the path of an L1 penalty, all of whose models share the passes."""
    penalties = np.logspace(-4, -1, 16)
    summary = data_summary(BLOCKS, classification=True)
    found = linear.fit(BLOCKS, softmax, summary, ridge=0.0, lasso=penalties, max_iter=300)
    one = linear.fit(BLOCKS, softmax, summary, ridge=0.01)  # in units of each pixel's deviation
    figure = Figure((8, 4.2), layout="constrained")
    images(figure, 3, one.coef[0, :, :-1] * X.std(axis=0), list("0123456789"), "RdBu_r")
    axes = figure.add_subplot(3, 1, (2, 3))
    scores = [accuracy(linear.LinearModel(coef, "softmax")) for coef in found.coef]
    axes.semilogx(penalties, scores, "o-", label="accuracy on test rows")
    nonzero = (found.coef[:, :, :-1] != 0).mean(axis=(1, 2))
    axes.semilogx(penalties, nonzero, "s--", label="share of nonzero coefficients")
    axes.set(xlabel="regParam, with elasticNetParam = 1", ylim=(0, 1))
    axes.legend()
    return figure


def kmeans_figure() -> Figure:
    """The centres for k = 10, and the cost for each k, all of which share the passes."""
    ks = list(range(2, 21))
    best = [kmeans.best_of(trials) for trials in kmeans.fit(BLOCKS, ks, restarts=5, max_iter=100, seed=1)]
    figure = Figure((8, 4.2), layout="constrained")
    ten = best[ks.index(10)]
    images(figure, 3, ten.centres, [f"{int(rows)} rows" for rows in ten.rows], "Greys")
    axes = figure.add_subplot(3, 1, (2, 3))
    axes.plot(ks, [trial.cost for trial in best], "o-")
    axes.set(xlabel="k", ylabel="cost of the best of 5 starts", xticks=ks)
    return figure


def forest_figure() -> Figure:
    """Accuracy by depth, and the importance of each pixel."""
    depths = [2, 4, 6, 8, 10, 12, 15]
    settings = [forest.Settings("gini", trees=100, max_depth=depth, seed=1) for depth in depths]
    models = [forest.fit(BLOCKS, each).model for each in settings]
    figure = Figure((8, 3), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    left.plot(depths, [accuracy(model) for model in models], "o-")
    left.set(xlabel="maxDepth, with 100 trees", ylabel="accuracy on test rows")
    shown = right.imshow(models[-1].importances.reshape(8, 8), cmap="Greys")
    right.set(title="importance of each pixel", xticks=[], yticks=[])
    figure.colorbar(shown)
    return figure


def perceptron_figure() -> Figure:
    """Accuracy by the width of a hidden layer."""
    widths, scores = [2, 4, 8, 16, 32, 64], []
    for width in widths:
        network = perceptron.Network(perceptron.Layers((64, width, 10)), "relu", CrossEntropy())
        start = network.layers.drawn(1, "relu")[None]
        scaled = LocalBlocks.from_arrays(X / 16, Y, dtype="float64")
        weights = perceptron.fit(scaled, network, start, ridge=1e-3, max_iter=200).weights[0]
        model = perceptron.PerceptronModel(network.layers.sizes, weights, "relu", "softmax")
        scores.append(float((model.predict(X_TEST / 16) == Y_TEST).mean()))
    figure = Figure((8, 3), layout="constrained")
    axes = figure.subplots()
    axes.semilogx(widths, scores, "o-", base=2)
    axes.set(xlabel="units of the hidden layer", ylabel="accuracy on test rows")
    return figure


def svm_figure() -> Figure:
    """Accuracy and support vectors by gamma, for three costs."""
    gammas = np.logspace(-5, -1, 9)
    figure = Figure((8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for cost, style in ((0.1, "s--"), (1.0, "o-"), (10.0, "^:")):
        models = []
        for gamma in gammas:
            kernel = svm.Kernel("rbf", gamma)
            machines = [
                svm.Machine(svm.Task(), kernel, cost, negative=a, positive=b) for a, b in combinations(range(10), 2)
            ]
            models.append(svm.SvmModel.of(svm.fit(BLOCKS, machines), 10))
        left.semilogx(gammas, [accuracy(model) for model in models], style, label=f"C = {cost:g}")
        right.semilogx(gammas, [len(model.coefficient) / len(Y) for model in models], style, label=f"C = {cost:g}")
    for axes in (left, right):
        axes.axvline(1 / (X.shape[1] * X.var()), color="grey", linewidth=0.8, label='gamma = "scale"')
        axes.set(xlabel="gamma", ylim=(0, 1.03))
    left.set(ylabel="accuracy on test rows")
    right.set(ylabel="share of rows that are support vectors")
    right.legend(loc="lower right")
    return figure


def selection_figure() -> Figure:
    """Cross-validated log-loss by penalty: mean and standard error over five folds, and the two rules of choice."""
    penalties, folds = np.logspace(-5, -1, 13), Hashed(5, seed=1)
    scores = np.empty((len(penalties), folds.folds))
    for fold in range(folds.folds):
        rows = training(BLOCKS, folds, fold)
        found = linear.fit(rows, softmax, data_summary(rows, classification=True), ridge=penalties, max_iter=300)
        (sums,) = measure(
            held_out(BLOCKS, folds, fold), LinearBatch(found.coef, "softmax"), classification.label_counts
        )
        scores[:, fold] = classification.log_loss(sums)
    mean, error = scores.mean(axis=1), scores.std(axis=1, ddof=1) / np.sqrt(folds.folds)
    best = int(mean.argmin())
    simplest = int(np.flatnonzero(mean <= mean[best] + error[best]).max())
    figure = Figure((8, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.errorbar(penalties, mean, error, fmt="o-", capsize=3, label="mean and standard error of 5 folds")
    axes.axhline(mean[best] + error[best], color="grey", linewidth=0.8, label="best mean plus its standard error")
    axes.plot(penalties[best], mean[best], "D", color="C1", markersize=9, zorder=3, label='rule = "best"')
    axes.plot(
        penalties[simplest], mean[simplest], "s", color="C2", markersize=9, zorder=3, label='rule = "oneStandardError"'
    )
    axes.set(xscale="log", yscale="log", xlabel="regParam", ylabel="log-loss of held-out rows")
    axes.legend()
    return figure


FIGURES = {
    "linear": linear_figure,
    "kmeans": kmeans_figure,
    "forest": forest_figure,
    "perceptron": perceptron_figure,
    "svm": svm_figure,
    "selection": selection_figure,
}


if __name__ == "__main__":
    mpl.rcParams["svg.hashsalt"] = "treefold"  # the same file for the same picture
    for name in sys.argv[1:] or FIGURES:
        FIGURES[name]().savefig(IMAGES / f"{name}.svg", metadata={"Date": None})
