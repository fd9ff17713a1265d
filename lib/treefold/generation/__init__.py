"""Synthetic data sets: every row is drawn by (seed, position)."""
