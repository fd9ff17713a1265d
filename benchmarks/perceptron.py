"""Perceptrons against scikit-learn, MLlib and PyTorch: seconds to an accuracy, of an epoch, to an objective.

PyTorch runs in a Python of its own (``--torch PYTHON``); without one it is left out, and so are its ratios.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from pyspark.ml import classification
from pyspark.ml.feature import VectorAssembler
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from benchmarks.setting import NAMES, generated, ratio, rounds, session, timed, write
from treefold import ml
from treefold.algorithms import perceptron
from treefold.algorithms.perceptron import Layers, MiniBatches, Network, PerceptronModel
from treefold.algorithms.perceptron.losses import CrossEntropy
from treefold.dataset.lanes import lane_count
from treefold.engine.execution.local_blocks import LocalBlocks

WANTED, MOST_EPOCHS = 0.87, 20
TORCH = """
import json, sys, time
import numpy as np, torch
folder, sizes, batch, rate, epochs, wanted = json.loads(sys.argv[1])
torch.set_num_threads(2)
torch.manual_seed(0)
X, y, Xt, yt = (torch.from_numpy(np.load(f"{folder}/{name}.npy")) for name in ("X", "y", "Xt", "yt"))
layers = []
for lower, upper in zip(sizes[:-1], sizes[1:]):
    layers += [torch.nn.Linear(lower, upper), torch.nn.ReLU()]
net, loss = torch.nn.Sequential(*layers[:-1]), torch.nn.CrossEntropyLoss()
adam, seconds = torch.optim.Adam(net.parameters(), rate, fused=True), []
for epoch in range(epochs):
    start, order = time.perf_counter(), torch.randperm(len(X))
    for part in order.split(batch):
        adam.zero_grad(set_to_none=True)
        loss(net(X[part]), y[part]).backward()
        adam.step()
    seconds.append(time.perf_counter() - start)
    with torch.no_grad():
        if (net(Xt).argmax(1) == yt).float().mean() >= wanted:
            break
print(json.dumps({"total": sum(seconds), "epoch": float(np.median(seconds)), "epochs": len(seconds)}))
"""


def ours(blocks, sizes, batch, rate, epochs, wanted, Xt, yt):
    """Seconds of the epochs until ``wanted`` accuracy on the rows of the test; those of measuring it do not count."""
    net, seconds, start = Network(Layers(sizes), "relu", CrossEntropy()), [], time.perf_counter()

    def after(state):
        nonlocal start
        seconds.append(time.perf_counter() - start)
        model = PerceptronModel(sizes, state.x[0].astype(np.float64), "relu", "softmax")
        if len(seconds) > 1 and (model.predict(Xt) == yt).mean() >= wanted:
            raise StopIteration
        start = time.perf_counter()

    how = MiniBatches(batch, lane_count(batch), rate, epochs=epochs)
    first = net.layers.drawn(0, "relu")[None]
    with suppress(StopIteration):
        perceptron.fit(blocks, net, first, solver=how, max_iter=epochs, on_step=after)
    return {"total": sum(seconds[1:]), "epoch": float(np.median(seconds[1:])), "epochs": len(seconds) - 1}


def scikit(X, y, Xt, yt, hidden, batch, rate, epochs, wanted):
    one = MLPClassifier(hidden, batch_size=batch, learning_rate_init=rate, alpha=0.0)
    seconds, classes = [], np.unique(y)
    for _ in range(epochs):
        seconds.append(timed(lambda: one.partial_fit(X, y, classes=classes))[0])
        if one.score(Xt, yt) >= wanted:
            break
    return {"total": sum(seconds), "epoch": float(np.median(seconds)), "epochs": len(seconds)}


def torch_(python, X, y, Xt, yt, *settings):
    with tempfile.TemporaryDirectory() as folder:
        for name, values in {"X": X, "y": y.astype(np.int64), "Xt": Xt, "yt": yt.astype(np.int64)}.items():
            np.save(f"{folder}/{name}.npy", values)
        command = [python, "-c", TORCH, json.dumps([folder, *settings])]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def pictures(folder):
    """Fashion-MNIST: 50,000 rows to learn, 10,000 to test, pixels in [0, 1]."""
    table = pq.read_table(Path(folder) / "fashion_mnist" / "parquet")
    X = np.stack(table["features"].to_numpy()).astype(np.float32) / 255
    y = table["label"].to_numpy().astype(np.float32)
    return X[:50_000], y[:50_000], X[50_000:], y[50_000:]


def pictures_compared(found, python):
    """Contenders for the time to an accuracy, each with the better of its two settings."""
    X, y, Xt, yt = found
    blocks = LocalBlocks.from_arrays(X, y, partial_rows=129)
    contenders = {}
    for batch, rate in ((128, 1e-3), (1024, 4e-3)):
        contenders[f"treefold {batch}"] = lambda batch=batch, rate=rate: ours(
            blocks, (784, 128, 10), batch, rate, MOST_EPOCHS, WANTED, Xt, yt
        )
        contenders[f"scikit-learn {batch}"] = lambda batch=batch, rate=rate: scikit(
            X, y, Xt, yt, (128,), batch, rate, MOST_EPOCHS, WANTED
        )
        if python:
            contenders[f"torch {batch}"] = lambda batch=batch, rate=rate: torch_(
                python, X, y, Xt, yt, [784, 128, 10], batch, rate, MOST_EPOCHS, WANTED
            )
    return contenders


def rows_compared(rows, python):
    """Contenders for an epoch of 100-64-2."""
    frame = pq.read_table(generated(rows)).to_pandas()
    X, y = np.ascontiguousarray(frame[NAMES].to_numpy(np.float32)), frame["label"].to_numpy(np.float32)
    blocks, some = LocalBlocks.from_arrays(X, y, partial_rows=66), slice(0, 1000)
    contenders = {"epoch": lambda: ours(blocks, (100, 64, 2), 1024, 4e-3, 2, 2.0, X[some], y[some])}
    if python:
        settings = [100, 64, 2], 1024, 4e-3, 2, 2.0
        contenders["torch epoch"] = lambda: torch_(python, X, y, X[some], y[some], *settings)
    return contenders


def mllib_compared(spark, rows):
    """Contenders for the same objective: L-BFGS with sigmoids, from Parquet, and MLlib's of cached rows."""
    dense = spark.read.parquet(generated(rows))
    cached = VectorAssembler(inputCols=NAMES, outputCol="features").transform(dense).select("features", "label")
    cached = cached.persist()
    cached.count()
    start = (0.1 * np.random.default_rng(0).standard_normal(101 * 64 + 65 * 2)).tolist()
    same = {"layers": [100, 64, 2], "initialWeights": start, "maxIter": 30}

    def mine():
        estimator = ml.MultilayerPerceptronClassifier(featuresCol=NAMES, activation="sigmoid", tol=0.0, **same)
        total, model = timed(lambda: estimator.fit(dense))
        first = model.training_summary.passes[0].seconds
        return {"fit": total - first, "objective": model.summary().objectiveHistory[-1]}

    def theirs():
        total, model = timed(lambda: classification.MultilayerPerceptronClassifier(tol=0.0, **same).fit(cached))
        return {"fit": total, "objective": model.summary().objectiveHistory[-1]}

    return {"l-bfgs": mine, "mllib l-bfgs": theirs}


def ratios_of(found):
    """Ratios of the contenders' medians."""

    def least(name):
        return min(values["total"] for key, values in found.items() if key.startswith(name) and "epoch" not in key)

    made = {}
    if "treefold 128" in found:
        own = least("treefold")
        made["seconds to .87 / scikit-learn's, Fashion-MNIST"] = ratio(own / least("scikit-learn"), "<= 0.55")
        if "torch 128" in found:
            made["seconds to .87 / PyTorch's, Fashion-MNIST"] = ratio(own / least("torch"), "<= 0.55")
    if "torch epoch" in found:
        made["epoch / PyTorch's, 100-64-2"] = ratio(found["epoch"]["epoch"] / found["torch epoch"]["epoch"], "<= 0.6")
    speed = found["mllib l-bfgs"]["fit"] / found["l-bfgs"]["fit"]
    made["MLlib / treefold, L-BFGS of 30 iterations"] = ratio(speed, ">= 10")
    objective = found["l-bfgs"]["objective"] / found["mllib l-bfgs"]["objective"]
    made["objective / MLlib's"] = ratio(objective, "<= 1")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--mllib-rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", default="", help="folder of the larger real data sets, with fashion_mnist")
    parser.add_argument("--torch", default="", help="a Python that has PyTorch")
    arguments = parser.parse_args()
    spark = session()
    contenders = rows_compared(arguments.rows, arguments.torch) | mllib_compared(spark, arguments.mllib_rows)
    if arguments.data:
        contenders |= pictures_compared(pictures(arguments.data), arguments.torch)
    else:
        print("--data is not given: Fashion-MNIST is left out", file=sys.stderr)
    with threadpool_limits(2):
        found = rounds(contenders, arguments.rounds)
    setting = {"rows": arguments.rows, "mllib_rows": arguments.mllib_rows, "rounds": arguments.rounds}
    write("perceptron", setting | {"median_seconds": found, "ratios": ratios_of(found)})
    spark.stop()


if __name__ == "__main__":
    main()
