"""The command line: one thin file a command, each a set of options and a call of the library.

Nothing here is imported by others: what a command does, the library does.
"""

__all__: list[str] = []
