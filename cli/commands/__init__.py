"""One module a command; each function takes the parsed arguments and a Context."""
