"""The command line: the only reader of the environment and the only writer of stdout and stderr."""
