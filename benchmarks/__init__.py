"""Benchmarks: ratios against MLlib and scikit-learn measured in the same run, interleaved, medians of several runs.

Ratios are what counts: machines are noisy and differ. ``make bench`` runs them all, and
``PYTHONPATH=lib .venv/bin/python -m benchmarks.NAME`` one; each prints a table and writes
``benchmarks/results/NAME.json``.
"""
