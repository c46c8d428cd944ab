"""Standard streams that can print anything, whatever their encoding."""

from __future__ import annotations

import io
import json
import sys
from typing import TextIO


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
