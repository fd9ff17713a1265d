"""Block files on the executors' local disks, mapped into memory, and how lost ones are recomputed."""
