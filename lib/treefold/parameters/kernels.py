"""Compiled loops of a shard, which run without the interpreter's lock."""

from treefold.runtime.jit_cache import njit


@njit(nogil=True)
def add_in_order(places, values, sums):  # type: ignore[no-untyped-def]
    """Add ``values`` to ``sums`` at ``places``, one after the other, so that equal places add up.

    Parameters
    ----------
    places : (pushed,) int
        Where each value is added.
    values : (pushed,)
        What is added.
    sums : (keys,) float64
        Changed in place.
    """
    for i in range(places.size):
        sums[places[i]] += values[i]
