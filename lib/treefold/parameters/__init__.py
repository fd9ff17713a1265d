"""A parameter server: the vectors of a model, cut into shards that tasks pull from and push to.

A shard holds the vectors of its coefficients and a clock. The tasks of a pass pull the coefficients of the keys they
meet and push gradients; when the pass is over, the driver has all shards apply the pushes and go on to the next clock.
"""
