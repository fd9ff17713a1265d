"""Raw rows become features: what is learned from the training rows is kept, and applied unchanged later."""
