"""Statistics that several algorithms and users share: moments, labels, drawn rows, quantiles."""
