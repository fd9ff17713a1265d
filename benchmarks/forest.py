"""Random forests, fits and predictions: treefold, MLlib, scikit-learn."""

import argparse
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from pyspark.ml.classification import RandomForestClassifier as Theirs
from pyspark.ml.feature import VectorAssembler
from sklearn.ensemble import RandomForestClassifier as ScikitLearn

from benchmarks.setting import NAMES, generated, ratio, rounds, session, timed, write
from treefold.ml import RandomForestClassifier

SIZE = {"numTrees": 20, "maxDepth": 8}


def treefold(frame, **params):
    """Seconds from Parquet to model, and of a fit's all but the pass that reads and finds the bins."""
    opened, rows = timed(frame)
    fit, model = timed(lambda: RandomForestClassifier(featuresCol=NAMES, **params).fit(rows))
    return {"total": opened + fit, "fit": fit - model.summary.passes[0].seconds}, model


def mllib(frame, **params):
    """Seconds from Parquet to model, and on cached vectors."""
    opened, columns = timed(frame)
    rows = assembled(columns).select("features", "label")
    cache, _ = timed(lambda: rows.persist().count())
    fit, model = timed(lambda: Theirs(seed=1, **params).fit(rows))
    rows.unpersist(blocking=True)
    return {"total": opened + cache + fit, "fit": fit}, model


def assembled(rows):
    return VectorAssembler(inputCols=NAMES, outputCol="features").transform(rows)


def fits(spark, rows, times):
    """20 trees of depth 8."""
    path = generated(rows)
    table = pq.read_table(path).to_pandas()
    X, y = table[NAMES].to_numpy(np.float32), table["label"].to_numpy()

    def frame():
        return spark.read.parquet(path)

    def scikit_learn():
        model = ScikitLearn(SIZE["numTrees"], max_depth=SIZE["maxDepth"], n_jobs=2, random_state=0)
        return {"fit": timed(lambda: model.fit(X, y))[0]}

    return rounds(
        {
            "treefold": lambda: treefold(frame, **SIZE)[0],
            "MLlib": lambda: mllib(frame, **SIZE)[0],
            "scikit-learn": scikit_learn,
        },
        times,
    )


def predictions(spark, trained, rows, times):
    """Rows per second of ``transform`` of the columns of Parquet files, by MLlib with its VectorAssembler.

    ``prediction`` alone, added up; and all output columns of the models, made from ``trained`` rows, into nothing.
    """
    small, path = generated(trained), generated(rows)
    models = [make(lambda: spark.read.parquet(small), **SIZE)[1] for make in (treefold, mllib)]

    def rates(model, data):
        made = model.transform(data)
        outputs = made.select("prediction", "probability", "rawPrediction")
        summed, _ = timed(lambda: made.agg({"prediction": "sum"}).collect())
        written, _ = timed(lambda: outputs.write.format("noop").mode("overwrite").save())
        return {"prediction": rows / summed, "all outputs": rows / written}

    return rounds(
        {
            "treefold": lambda: rates(models[0], spark.read.parquet(path)),
            "MLlib": lambda: rates(models[1], assembled(spark.read.parquet(path))),
        },
        times,
    )


def large(spark, rows, trees, depth):
    """One fit of many trees: seconds and rows per second of each pass, and the most memory the workers took."""
    path = generated(rows)
    with PeakMemory() as peak:
        seconds, model = treefold(lambda: spark.read.parquet(path), numTrees=trees, maxDepth=depth)
    passes = [p for p in model.summary.passes if p.name == "histograms"]
    return {
        "rows": rows,
        "trees": trees,
        **seconds,
        "rows per second by level": [round(rows / p.seconds) for p in passes],
        "peak MiB of the Python workers": peak.bytes >> 20,
    }


class PeakMemory:
    """The most resident memory that all Python workers below this process took at once, sampled."""

    def __enter__(self):
        self.bytes, self.done = 0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *ignored):
        self.done.set()
        self.thread.join()

    def _watch(self):
        while not self.done.wait(0.1):
            self.bytes = max(self.bytes, sum(map(_resident, _workers())))


def _workers():
    """Process numbers of the Python processes below this one."""
    parent, name = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rsplit(")", 1)
        except OSError:
            continue
        number, command = words[0].split(" (", 1)
        parent[int(number)], name[int(number)] = int(words[1].split()[1]), command
    below = {os.getpid()}
    while more := {child for child, its in parent.items() if its in below} - below:
        below |= more
    return [number for number in below - {os.getpid()} if name.get(number, "").startswith("python")]


def _resident(number):
    """Private memory of a process; mapped files are the system's to take back."""
    try:
        status = Path(f"/proc/{number}/status").read_text()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=200_000, help="of the fits that are compared")
    parser.add_argument("--large-rows", type=int, default=1_000_000)
    parser.add_argument("--large-trees", type=int, default=100)
    options = parser.parse_args()
    spark, start = session(), time.perf_counter()
    compared = fits(spark, options.rows, options.rounds)
    predicted = predictions(spark, options.rows, options.large_rows, options.rounds)
    growing = [
        large(spark, options.large_rows // part, options.large_trees, depth=10) for part in (4, 2, 1)
    ]  # the first compiles nothing that the fits before have not
    spark.stop()
    mine, theirs, local = compared["treefold"], compared["MLlib"], compared["scikit-learn"]
    ours, other = predicted["treefold"], predicted["MLlib"]
    ratios = {
        "MLlib / treefold, stored rows": ratio(theirs["fit"] / mine["fit"], ">= 6"),
        "MLlib / treefold, from Parquet": ratio(theirs["total"] / mine["total"], "reported"),
        "treefold / scikit-learn with 2 jobs, stored rows": ratio(mine["fit"] / local["fit"], "< 1"),
        "treefold / MLlib, predictions a second": ratio(ours["prediction"] / other["prediction"], ">= 5"),
        "treefold / MLlib, all outputs a second": ratio(ours["all outputs"] / other["all outputs"], ">= 5"),
        "seconds a row, all rows / a quarter of them": ratio(growing[2]["fit"] / growing[0]["fit"] / 4, "about 1"),
        "peak GiB of the workers, large fit": ratio(growing[2]["peak MiB of the Python workers"] / 1024, "< 4"),
    }
    print(f"{time.perf_counter() - start:.0f} s in all", file=sys.stderr)
    results = {"fits": compared, "predictions": predicted, "large": growing}
    write("forest", {"rounds": options.rounds, "medians": results, "ratios": ratios})


if __name__ == "__main__":
    main()
