"""Standard streams that can print anything, whatever their encoding."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import TextIO


def open_closed_streams() -> None:
    """Put a sink where a standard stream was closed (`>&-`): Python has None there, and the next file that is opened would
    get its number and whatever children print."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            sink = open(os.devnull, "r" if number == 0 else "w", encoding="utf-8")  # noqa: SIM115  for the whole process
            os.set_inheritable(sink.fileno(), True)
            setattr(sys, name, sink)


def substitute_signs(*streams: TextIO | None) -> None:
    """Let streams print a substitute where their encoding lacks a sign, instead of failing; and read likewise.

    Output to a file or pipe has the encoding of the machine, which may be ASCII or a code page of Windows.

    Args:
        streams: standard input, output and error when none are given.
    """
    for stream in streams or (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="replace")


def print_json(text: str) -> None:
    """Print a JSON text on standard output; signs that its encoding lacks as JSON's own escapes, so that none is lost.

    >>> print_json('{"a": 1}')
    {"a": 1}
    """
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = "".join(sign if sign.isascii() else json.dumps(sign)[1:-1] for sign in text)
    print(text.removesuffix("\n"))
