"""Multilayer perceptrons as pyspark.ml Estimators and Models."""
