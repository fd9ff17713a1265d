"""Saved models on new rows: batch predictions, drift from the training data."""
