"""An application whose task pool runs while another of its jobs needs all slots: ``MASTER DATA SETTINGS FOLDER``."""

import json
import sys
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.chaos.driver import wait_for_executors
from benchmarks.chaos.fits import FEATURES, rows
from pyspark.sql import SparkSession

from treefold import Block, open_blocks

PATIENCE = 60  # seconds


class Seen(NamedTuple):
    rows: int


def seen(block: Block) -> Seen:
    return Seen(len(block.y))


def meet(folder: str, number: int) -> bool:
    """Whether the other task of the job runs at the same time; hosts share the folder."""
    Path(folder, str(number)).touch()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if Path(folder, str(1 - number)).exists():
            return True
        time.sleep(0.05)
    return False


def main(master: str, data: str, settings: str, folder: str) -> None:
    builder = SparkSession.builder.master(master).appName("beside the pool")
    for key, value in json.loads(settings).items():
        builder = builder.config(key, value)
    with builder.getOrCreate() as spark:
        wait_for_executors(spark, 2)
        context = spark.sparkContext
        names = [f"x{j}" for j in range(FEATURES)]
        with open_blocks(rows(spark, data, "parquet"), features=names, label="label") as blocks:
            for _ in range(4):
                blocks.sum(seen)
            running = context.statusTracker().getActiveJobsIds()
            met = context.parallelize(range(2), 2).map(lambda number: meet(folder, number)).collect()
            blocks.sum(seen)
            same = context.statusTracker().getActiveJobsIds()
            pooled = blocks.passes[-1].how == "pooled" and list(running) == list(same) and len(running) == 1
            with open_blocks(rows(spark, data, "parquet"), features=names, label="label") as others:
                for _ in range(3):
                    blocks.sum(seen)
                    others.sum(seen)
                in_turn = [p.how for p in blocks.passes[-3:]], [p.how for p in others.passes]
    print(json.dumps({"met": sum(met), "pooled": pooled, "in turn": in_turn}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
