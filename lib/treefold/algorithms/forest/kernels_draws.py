"""Compiled random numbers: bits of a row, candidate features of a node."""

import numpy as np

from treefold.runtime.jit_cache import njit

GOLDEN, STREAM = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1342543DE82EF95)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S30, S27, S31 = np.uint64(30), np.uint64(27), np.uint64(31)


@njit(inline="always")
def splitmix64(position, seed):  # type: ignore[no-untyped-def]
    """:func:`treefold.dataset.random.splitmix64` of one position."""
    z = position + seed * STREAM + GOLDEN
    z = (z ^ (z >> S30)) * FIRST
    z = (z ^ (z >> S27)) * SECOND
    return z ^ (z >> S31)


@njit
def draw(seed, path, attempt, features, deck, swaps, chosen, out):  # type: ignore[no-untyped-def]
    """The features that a node tries at attempt number ``attempt``: the next ones of a shuffled deck, sorted.

    ``deck`` contains 0 .. features - 1 before and after the call, because the swaps of the Fisher-Yates shuffle are
    undone. ``chosen`` is false before and after.

    Parameters
    ----------
    seed : uint64
        Stream of the tree.
    path : int
        Path of the node.
    attempt : int
        How many times the node has tried features before.
    features : int
        Number of features.
    deck : (features,) int
        The numbers 0 .. features - 1.
    swaps : (features,) int
        Scratch: the swaps, by which the deck is restored.
    chosen : (features,) bool
        Scratch: all false.
    out : (wanted,) int
        Overwritten by the features, increasing, and -1 after all have been tried.
    """
    wanted = len(out)
    stream = splitmix64(np.uint64(path), seed)
    end = min((attempt + 1) * wanted, features)
    for i in range(end):
        j = i + np.int64(splitmix64(np.uint64(i), stream) % np.uint64(features - i))
        swaps[i] = j
        deck[i], deck[j] = deck[j], deck[i]
    for i in range(attempt * wanted, end):
        chosen[deck[i]] = True
    found = 0
    for f in range(features):
        if chosen[f]:
            out[found], chosen[f] = f, False
            found += 1
    for k in range(found, wanted):
        out[k] = -1
    for i in range(end - 1, -1, -1):
        deck[i], deck[swaps[i]] = deck[swaps[i]], deck[i]


@njit
def candidates(seeds, paths, attempts, features, out):  # type: ignore[no-untyped-def]
    """Candidate features of nodes, one row of ``out`` for each node.

    Parameters
    ----------
    seeds, paths, attempts : (nodes,)
        As for :func:`draw`, for each node.
    features : int
        Number of features.
    out : (nodes, wanted) int32
        Overwritten by the candidates.
    """
    deck, swaps, chosen = np.arange(features), np.empty(features, np.int64), np.zeros(features, np.bool_)
    for i in range(len(paths)):
        draw(seeds[i], paths[i], attempts[i], features, deck, swaps, chosen, out[i])
