"""A Spark application that runs fits and reports every pass: ``driver.py MASTER DATA SETTINGS``.

It reads one line of JSON for a fit, ``{"fit", "reader", "stops"}``. It writes ``{"pass": n}`` after every pass and
waits for a line if n is one of the stops. At the end it writes ``{"bits", "passes", "rows", "how", "lost", "seconds"}``
or ``{"error"}``.
"""

import json
import sys
import time
from typing import Any

from pyspark.sql import SparkSession

from benchmarks.chaos.fits import FITS, bits, rows
from treefold.algorithms.forest import growth
from treefold.dataset import block
from treefold.engine.execution.spark_blocks import SparkBlocks


def say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


class Reporter:
    """Reports every pass."""

    def __init__(self) -> None:
        self.made: list[Any] = []
        self.stops: list[int] = []
        make = SparkBlocks._pass

        def told(blocks: SparkBlocks, work: Any) -> Any:
            value = make(blocks, work)
            self.made.append(blocks.passes[-1])
            say(**{"pass": len(self.made)})
            if len(self.made) in self.stops:
                sys.stdin.readline()
            return value

        SparkBlocks._pass = told

    def start(self, stops: list[int]) -> None:
        self.made, self.stops = [], stops


def wait_for_executors(spark: SparkSession, wanted: int) -> None:
    """Wait until all executors are there, or one of them would store all blocks."""
    deadline = time.monotonic() + 30
    while spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() <= wanted and time.monotonic() < deadline:
        time.sleep(0.1)


def fit(spark: SparkSession, data: str, wanted: dict[str, Any], reporter: Reporter) -> None:
    reporter.start(wanted["stops"])
    start = time.perf_counter()
    try:
        model = FITS[wanted["fit"]]().fit(rows(spark, data, wanted["reader"]))
    except Exception as error:
        say(error=f"{type(error).__name__}: {error}"[-2000:])
        return
    say(
        bits=bits(model),
        passes=len(reporter.made),
        rows=sorted({p.rows for p in reporter.made}),
        how=sorted({p.how for p in reporter.made}),
        lost=[str(loss) for p in reporter.made for loss in p.lost],
        seconds=time.perf_counter() - start,
    )


def main(master: str, data: str, settings: str) -> None:
    block.BLOCK_BYTES = 1  # blocks of 64 rows
    growth.CHEAPER = 0.1  # trees grow in passes
    builder = SparkSession.builder.master(master).appName("treefold chaos")
    properties = json.loads(settings)
    wanted = int(properties.pop("executors", 2))
    for key, value in properties.items():
        builder = builder.config(key, value)
    reporter = Reporter()
    with builder.getOrCreate() as spark:
        spark.sparkContext.setLogLevel("OFF")
        wait_for_executors(spark, wanted)
        say(ready=True)
        for line in sys.stdin:
            if "spark.dynamicAllocation.enabled" not in properties:
                wait_for_executors(spark, wanted)
            fit(spark, data, json.loads(line), reporter)


if __name__ == "__main__":
    main(*sys.argv[1:])
