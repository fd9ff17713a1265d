"""Runtime of a process: cached compiled kernels, threads of BLAS."""
