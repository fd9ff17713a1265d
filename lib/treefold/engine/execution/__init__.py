"""Execution of a pass: in this process, as a Spark job, or in the tasks of the task pool."""
