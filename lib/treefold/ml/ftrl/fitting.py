"""FTRL estimators: from params to a fit on shards, in processes beside the driver or in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from pyspark import SparkContext
from pyspark.sql import DataFrame

from treefold.algorithms.ftrl.fit import FtrlSettings, fit
from treefold.algorithms.ftrl.gradient import Objective
from treefold.algorithms.ftrl.rule import Ftrl
from treefold.algorithms.linear import LinearModel
from treefold.dataset.blocks import Blocks
from treefold.engine.execution.pool_slots import is_local
from treefold.engine.execution.spark_blocks import SparkBlocks
from treefold.errors import InputError
from treefold.ml.base import Batch
from treefold.ml.ftrl.params import FtrlOptions
from treefold.ml.labelled import LabelledTrainable
from treefold.parameters.shard_group import ShardGroup
from treefold.persistence.checkpointed_blocks import CheckpointedBlocks
from treefold.statistics.label_summary import label_summary


class FtrlTrainable(LabelledTrainable, FtrlOptions):
    """An estimator of a linear model by FTRL-Proximal or AdaGrad."""

    simpler = {"regParam": 1}

    def check(self, data: DataFrame) -> None:
        """See :class:`~treefold.ml.base.Trainable`; no vector of all features is made."""
        with self.open(data) as blocks:
            label_summary(blocks, classification=self.labels_are_classes)

    def why_diverged(self) -> str:
        """The error message of a fit that diverged."""
        return f"the fit diverged: stepSize {self.value('stepSize'):g} is too large for these features; lower it"

    def fitted(self, blocks: Blocks, objective: Objective, link: str) -> Batch:
        """A batch of one model.

        Parameters
        ----------
        blocks : Blocks
            The data set, over which there has been a pass.
        objective : Objective
            Loss and units of the label.
        link : str
            Link of the model; see :class:`treefold.algorithms.linear.batch.LinearBatch`.

        Returns
        -------
        Batch
        """
        strength, l1 = self.value("regParam") / objective.scale, self.value("elasticNetParam")
        free = blocks.features if objective.intercept else -1
        rule = Ftrl(
            self.value("stepSize"), self.value("beta"), l1 * strength, (1 - l1) * strength, free,
            proximal=self.value("updater") == "ftrl",
        )  # fmt: skip
        how = FtrlSettings(self.value("batchSize"), self.lanes, self.value("maxIter"), self.value("seed"))

        def on_clock(epoch: int, loss: float) -> None:
            self.report(epoch, {"progressive loss": loss}, blocks.passes[-1])

        with _shards(blocks, self.value("numShards"), rule, self.value("dtype")) as shards:
            found = fit(blocks, objective, shards, rule, how, on_clock)
        model = LinearModel(found.coef[None], link)
        epochs, status = np.array([len(found.losses)]), np.array([found.status])
        return Batch([model], [found.losses], epochs, status, [found.nonzero])


@contextmanager
def _shards(blocks: Blocks, number: int, rule: Ftrl, dtype: str) -> Iterator[ShardGroup]:
    """Shards for the coefficients of the features and an intercept: in processes of their own if Spark has the rows.

    They run beside the driver. Tasks reach them by the address by which executors reach the driver.
    """
    keys, context = blocks.features + 1, _context_of(blocks)
    if context is None:
        yield ShardGroup.in_process(keys, number, rule, dtype)
        return
    from treefold.parameters.start import shard_processes  # loads gRPC, which other fits need not

    places: dict[str, Any] = {}
    if not is_local(context):
        conf = context.getConf()
        places = {"host": conf.get("spark.driver.host"), "bind": conf.get("spark.driver.bindAddress")}
    with shard_processes(keys, number, rule, dtype, **places) as shards:
        yield shards


def _context_of(blocks: Any) -> SparkContext | None:
    """The context of Spark whose executors have the blocks, or None; InputError if a checkpoint is around them."""
    if isinstance(blocks, CheckpointedBlocks):
        raise InputError("FTRL keeps no checkpoints: the coefficients are in shards, so leave checkpoint out")
    if isinstance(blocks, SparkBlocks):
        return blocks.context
    inner = getattr(blocks, "blocks", None)
    return None if inner is None or isinstance(inner, list) else _context_of(inner)
