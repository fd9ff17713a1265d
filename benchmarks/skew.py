"""How evenly work is distributed: the slowest task over the median task, for files of very different sizes.

Of every task the median of several rounds counts. It distinguishes a task that always takes longer from a processor
that once did something else.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame

from benchmarks.setting import HERE, ratio, session, write
from treefold.algorithms.linear.losses import logistic
from treefold.algorithms.linear.objective import objective
from treefold.engine.open import open_blocks
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.statistics.moments import moments

FEATURES, TASKS, READINGS, PASSES = 50, 4, 5, 15
COLUMNS = Columns(tuple(f"x{j}" for j in range(FEATURES)), "label")


def layouts(rows: int) -> dict[str, list[int]]:
    """Where the files end."""
    return {
        "one file 100 times the others": [*range(rows // 200, rows // 2, rows // 200), rows],
        "2000 tiny files": list(range(rows // 2000, rows + 1, rows // 2000)),
        "each label in a file": [rows // 2, rows],
        "empty files": [0] * 50 + [rows // 2] * 50 + [rows] * 50,
    }


def written(folder: Path, ends: list[int], rows: int) -> str:
    """Files of rows in the order of their labels."""
    folder.mkdir()
    X = np.random.default_rng(0).standard_normal((rows, FEATURES)).astype("f4")
    label = (np.arange(rows) >= rows // 2).astype(float)
    table = pa.table({**{f"x{j}": X[:, j] for j in range(FEATURES)}, "label": label})
    for i, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        pq.write_table(table[start:end], folder / f"part-{i:05d}.parquet", row_group_size=50_000)
    return str(folder)


def skew(rounds: list[list[float]]) -> dict:
    """Seconds of every task in each round."""
    tasks = np.median(rounds, axis=0)
    return ratio(float(tasks.max() / np.median(tasks)), "<= 1.3")


def seconds_of(data: DataFrame) -> list[list[float]]:
    """Seconds of every task when the rows are read, and in each of the passes that follow."""
    coef, found = np.zeros((1, 1, FEATURES + 1)), []
    with open_blocks(data, COLUMNS, "benchmark", TASKS) as blocks:
        partials_of = blocks.jobs.partials

        def watched(*work: Any) -> Any:
            partials, how = partials_of(*work)
            found.append([account.seconds for partial in partials for account in partial.accounts])
            return partials, how

        blocks.jobs.partials = watched
        moments(blocks)
        for _ in range(PASSES + 1):
            blocks.sum(objective, coef, logistic, None)
    return [found[0], *found[2:]]  # the second maps the files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    rows, found, spark = parser.parse_args().rows, {}, session()
    (HERE / "data").mkdir(exist_ok=True)
    folder = tempfile.TemporaryDirectory(dir=HERE / "data")
    for number, (layout, ends) in enumerate(layouts(rows).items()):
        path = written(Path(folder.name, str(number)), ends, rows)
        for reader in ("parquet", "dataframe"):
            data = spark.read.parquet(path)
            data = data if reader == "parquet" else data.where("label >= 0")
            readings, passes = [], []
            for _ in range(READINGS):
                reading, *after = seconds_of(data)
                readings.append(reading)
                passes += after
            found[f"{layout}, {reader}, reading"] = skew(readings)
            found[f"{layout}, {reader}, passes"] = skew(passes)
    folder.cleanup()
    write("skew", {"rows": rows, "tasks": TASKS, "readings": READINGS, "passes": PASSES, "ratios": found})


if __name__ == "__main__":
    main()
