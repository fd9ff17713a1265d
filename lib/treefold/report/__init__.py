"""What a person looks at: progress while a job runs, results when it ends."""
