"""treefold: machine learning in passes over partitioned data on Apache Spark.

Importing this package imports nothing else, because every executor does it. The estimators are in
:mod:`treefold.ml`; :func:`treefold.store.load` reads a saved model without Spark.
"""

__version__ = "0.1.0"
