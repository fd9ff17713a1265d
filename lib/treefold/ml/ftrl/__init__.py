"""Linear models fitted by FTRL-Proximal on a parameter server."""
