"""How evenly work is dealt out: the slowest task over the median task, for files of very different sizes."""

import argparse
import shutil
import statistics
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.setting import HERE, ratio, session, write
from treefold.algorithms.linear.objective import objective
from treefold.algorithms.moments import moments
from treefold.engine.columns import Columns
from treefold.engine.sources import open_blocks
from treefold.losses import logistic

FEATURES, TASKS, ROUNDS = 50, 4, 15
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
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    X = np.random.default_rng(0).standard_normal((rows, FEATURES)).astype("f4")
    label = (np.arange(rows) >= rows // 2).astype(float)
    table = pa.table({**{f"x{j}": X[:, j] for j in range(FEATURES)}, "label": label})
    for i, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        pq.write_table(table[start:end], folder / f"part-{i:05d}.parquet", row_group_size=50_000)
    return str(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    rows = parser.parse_args().rows
    coef, found, spark = np.zeros((1, 1, FEATURES + 1)), {}, session()
    for layout, ends in layouts(rows).items():
        path = written(HERE / "data" / "skew", ends, rows)
        for door in ("parquet", "dataframe"):
            data = spark.read.parquet(path)
            data = data if door == "parquet" else data.where("label >= 0")
            with open_blocks(data, COLUMNS, "benchmark", TASKS) as blocks:
                moments(blocks)
                for _ in range(ROUNDS + 1):
                    blocks.sum(objective, coef, logistic, None)
                reading, _, *passes = (p.skew for p in blocks.passes)
            found[f"{layout}, {door}, reading"] = ratio(reading, "<= 1.3")
            found[f"{layout}, {door}, passes"] = ratio(statistics.median(passes), "<= 1.3")
    shutil.rmtree(HERE / "data" / "skew")
    write("skew", {"rows": rows, "tasks": TASKS, "ratios": found})


if __name__ == "__main__":
    main()
