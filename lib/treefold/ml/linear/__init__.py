"""pyspark.ml's API of linear models."""
