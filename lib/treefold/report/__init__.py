"""What a person reads: progress while a job runs, and results when it ends."""
