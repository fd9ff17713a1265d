"""Reading of data into blocks: Parquet files read by the workers, or rows evaluated by Spark."""
