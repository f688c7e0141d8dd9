"""The grammar of the command line: every command, option and help text."""
