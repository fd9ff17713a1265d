"""The engine holds the data and runs passes over it.

============== ==================================================================================
room           does
============== ==================================================================================
``open.py``    chooses the reader of a DataFrame
``reading``    Parquet files, or the rows of any DataFrame, become blocks
``storage``    keeps blocks in files on the executors' local disks and recomputes lost ones
``execution``  runs a pass: in this process, as a Spark job, or in the tasks of the task pool
============== ==================================================================================
"""
