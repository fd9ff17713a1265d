"""The jobs of the command line: one module per verb, which runs when it is the main module."""
