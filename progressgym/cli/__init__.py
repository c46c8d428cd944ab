"""The command line: one thin file a command, each a set of options and a call of the library."""
