"""How docstrings become pages: examples as code, formulas as they are written.

Docstrings are written for people who read code: an example is a bare `>>>` paragraph, `q[i,k](theta)` is a formula. Markdown
would make quotations of the first and links of the second.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"((?:^|(?<=\n))[ ]*>>> .*(?:\n(?![ ]*\n).+)*)")
_PAGE = re.compile(r"\]\((?=[\w-]+\.md)")
"""A link as the docstrings of environments have it, which are pages of one folder too."""
_CALL = re.compile(r"\](?=\((?!https?:|[\w./-]+\.md))")


def readable(text: str) -> str:
    r"""Fence examples, keep brackets from becoming links, and lead links between environments to their pages.

    A docstring with fences of its own is Markdown already, but for the links.

    >>> readable("A row.\n\n>>> f(1)\n2\n\nMore of q[i](theta).")
    'A row.\n\n```pycon\n>>> f(1)\n2\n```\n\nMore of q[i]\\(theta).'
    """
    text = _PAGE.sub("](../environments/", text)
    if "```" in text:
        return text
    parts = _EXAMPLE.split(text)
    return "".join(f"```pycon\n{part}\n```" if k % 2 else _CALL.sub(r"]\\", part) for k, part in enumerate(parts))


class Docstrings(griffe.Extension):
    """Applies it to every object that is loaded."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """After it was read."""
        if obj.docstring is not None:
            obj.docstring.value = readable(obj.docstring.value)
