"""Blocks in the memory of this process, for small data and tests."""

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse
from threadpoolctl import ThreadpoolController

from treefold.dataset.block import Block, labels_that_count, rows_per_block
from treefold.dataset.blocks import Merge, Pass, WidenedStatistic, add, stat_name
from treefold.dataset.csr import LOOK_ROWS, as_csr, kept_rows, mean_stored, stored_entries
from treefold.dataset.reduction import BlockReduction, TaskReduction, reduce_tree
from treefold.errors import InputError


class LocalBlocks:
    """A list of blocks. BLAS uses one thread, as in a Spark task, so that the bits are the same."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = [block for block in blocks if len(block.y)]
        if not self.blocks:
            raise InputError("the data has no rows")
        self.features = self.blocks[0].X.shape[1]
        self.passes: list[Pass] = []

    @cached_property
    def _blas(self) -> ThreadpoolController:
        """The BLAS of this process: to find it takes longer than a pass over a mini-batch."""
        return ThreadpoolController()

    @classmethod
    def from_arrays(
        cls,
        X: ArrayLike | csr_array,
        y: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        *,
        extra: Sequence[ArrayLike] = (),
        dtype: str = "float32",
        partial_rows: int = 1,
    ) -> "LocalBlocks":
        """Blocks of the rows of arrays, cut where the Spark engine cuts them; a sparse ``X`` becomes CSR.

        ``partial_rows`` is as in :func:`treefold.dataset.block.rows_per_block`.

        Parameters
        ----------
        X : (rows, features)
            Features, an array or a sparse matrix.
        y, weight : (rows,) or None, default None
            Labels (default 0) and weights (default 1).
        extra : sequence of (rows,), default ()
            Further columns, such as an offset.
        dtype : str, default 'float32'
            Type in which dense features, labels and weights are stored.
        partial_rows : int, default 1
            Rows of the result of a statistic, as in :func:`treefold.dataset.block.rows_per_block`.

        Returns
        -------
        LocalBlocks
        """
        matrix = csr_array(X) if issparse(X) else np.ascontiguousarray(X, dtype)
        rows, features = matrix.shape
        label = np.zeros(rows, dtype) if y is None else np.asarray(y).astype(dtype)
        w = np.ones(rows, dtype) if weight is None else np.asarray(weight).astype(dtype)
        stored = mean_stored(stored_entries(as_csr(matrix[:LOOK_ROWS], matrix.dtype))) if issparse(X) else None
        step = rows_per_block(features, dtype, stored, partial_rows)
        further = [np.asarray(column).astype(dtype) for column in extra]
        return cls([_block(matrix, label, w, further, slice(i, i + step)) for i in range(0, rows, step)])

    def sum(self, stat: Callable, *args: Any) -> Any:
        """See :class:`treefold.dataset.blocks.Blocks`."""
        return self.reduce(WidenedStatistic(stat), *args, merge=add)

    def reduce(self, stat: Callable, *args: Any, merge: Merge) -> Any:
        """See :class:`treefold.dataset.blocks.Scan`."""
        return self._pass(BlockReduction(stat, args, merge))

    def reduce_tasks(self, stat: Callable, *args: Any, merge: Merge = add) -> Any:
        """See :class:`treefold.dataset.blocks.Blocks`."""
        return self._pass(TaskReduction(stat, args, merge))

    def _pass(self, work: BlockReduction | TaskReduction) -> Any:
        start = time.perf_counter()
        with self._blas.limit(limits=1):
            value = reduce_tree(work.nodes(enumerate(self.blocks)), work.merge)
        rows = sum(len(block.y) for block in self.blocks)
        seconds = time.perf_counter() - start
        self.passes.append(Pass(stat_name(work.stat), seconds, rows, 1, 0, 0, 1.0, "memory", "flat"))
        return value

    def map(self, fn: Callable, *args: Any) -> "LocalBlocks":
        """See :class:`treefold.dataset.blocks.Blocks`."""
        with self._blas.limit(limits=1):
            return LocalBlocks([kept_rows(block, fn(block, *args)) for block in self.blocks])

    def close(self) -> None:
        """Release the blocks."""
        self.blocks = []


def _block(X: Any, y: NDArray, weight: NDArray, extra: list[NDArray], rows: slice) -> Block:
    taken = as_csr(X[rows], y.dtype) if issparse(X) else X[rows]
    label = labels_that_count(y[rows], weight[rows])
    return Block(taken, label, weight[rows], rows.start, tuple(column[rows] for column in extra))
