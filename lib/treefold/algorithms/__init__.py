"""Algorithms: loops around sums of statistics. They see Blocks and arrays, never Spark."""
