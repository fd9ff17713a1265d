"""The engine room: who holds the data, and how a pass goes over it.

``local`` passes over blocks in this process, ``spark`` over blocks at rest on the executors. ``sources`` opens a
DataFrame through the fitting door: ``parquet`` reads plain files straight into blocks, ``dataframe`` lets Spark make
the rows, which ``stage`` keeps until they are sent. ``columns`` turns Arrow data into rows of arrays or CSR, ``rows``
assembles blocks from them, ``csr`` says which are sparse, ``plan`` deals blocks out to tasks, ``resident`` keeps them
on disk, ``task`` is what runs in a worker.
"""
