"""Private columns: policies that protect them before anything else reads them, and differential privacy of sums."""
