"""The data as an algorithm sees it: blocks of rows, how partial sums add, folds, shared passes, random numbers."""
