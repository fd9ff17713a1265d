"""Blocks in this process: the engine of most tests, and of data that fits."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse
from threadpoolctl import threadpool_limits

from treefold.block import Block, rows_per_block
from treefold.blocks import Fold, Leaf, Merge, Pass, Tally, add, root, stat_name
from treefold.engine.csr import as_csr, kept_rows
from treefold.errors import InputError


class LocalBlocks:
    """A list of blocks. BLAS runs on one thread, as in a Spark task, so that the bits are the same."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = [block for block in blocks if len(block.y)]
        if not self.blocks:
            raise InputError("the data has no rows")
        self.features = self.blocks[0].X.shape[1]
        self.passes: list[Pass] = []

    @classmethod
    def from_arrays(
        cls,
        X: ArrayLike | csr_array,
        y: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        *,
        extra: Sequence[ArrayLike] = (),
        dtype: str = "float32",
    ) -> "LocalBlocks":
        """Blocks of the rows of arrays, cut where the Spark engine cuts them; a sparse ``X`` rests as CSR."""
        matrix = csr_array(X) if issparse(X) else np.ascontiguousarray(X, dtype)
        rows, features = matrix.shape
        label = np.zeros(rows, dtype) if y is None else np.asarray(y).astype(dtype)
        w = np.ones(rows, dtype) if weight is None else np.asarray(weight).astype(dtype)
        step = rows_per_block(features, dtype, issparse(X))
        further = [np.asarray(column).astype(dtype) for column in extra]
        return cls([_block(matrix, label, w, further, slice(i, i + step)) for i in range(0, rows, step)])

    def sum(self, stat: Callable, *args: Any) -> Any:
        """See :class:`treefold.blocks.Blocks`."""
        return self.fold(Leaf(stat), *args, merge=add)

    def fold(self, stat: Callable, *args: Any, merge: Merge) -> Any:
        """See :class:`treefold.blocks.Blocks`."""
        return self._pass(Fold(stat, args, merge))

    def tally(self, stat: Callable, *args: Any, merge: Merge = add) -> Any:
        """See :class:`treefold.blocks.Blocks`."""
        return self._pass(Tally(stat, args, merge))

    def _pass(self, work: Fold | Tally) -> Any:
        start = time.perf_counter()
        with threadpool_limits(1):
            value = root(work.nodes(enumerate(self.blocks)), work.merge)
        rows = sum(len(block.y) for block in self.blocks)
        seconds = time.perf_counter() - start
        self.passes.append(Pass(stat_name(work.stat), seconds, rows, 1, 0, 0, 1.0, "memory", "flat"))
        return value

    def map(self, fn: Callable, *args: Any) -> "LocalBlocks":
        """See :class:`treefold.blocks.Blocks`."""
        with threadpool_limits(1):
            return LocalBlocks([kept_rows(block, fn(block, *args)) for block in self.blocks])

    def close(self) -> None:
        """Let go of the blocks."""
        self.blocks = []


def _block(X: Any, y: NDArray, weight: NDArray, extra: list[NDArray], rows: slice) -> Block:
    taken = as_csr(X[rows], y.dtype) if issparse(X) else X[rows]
    return Block(taken, y[rows], weight[rows], rows.start, tuple(column[rows] for column in extra))
