"""A standalone cluster on one machine, faults that befall it, and fits that must not notice."""
