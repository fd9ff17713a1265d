"""The command line: conf files, exit codes, progress."""
