"""A standalone cluster on one machine, faults injected into it, and fits whose results must not change."""
