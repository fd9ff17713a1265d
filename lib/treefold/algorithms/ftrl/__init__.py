"""FTRL-Proximal: online gradient descent of linear models on a parameter server.

References
----------
McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013.
McMahan, "Follow-the-regularized-leader and mirror descent: equivalence theorems and L1 regularization", AISTATS 2011.
"""
