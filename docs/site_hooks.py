"""What `mkdocs` does to pages that are also read in the repository: links to files outside of `docs/` become names."""

from __future__ import annotations

import posixpath
import re
from typing import Any

_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)\s]+)\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Turn a link that leaves the site into the path that it leads to, in the repository.

    >>> class Page: file = type("File", (), {"src_uri": "agents/kalman.md"})
    >>> on_page_markdown("see [the seeds](../../research/predict.json) and [map](map.md)", page=Page)
    'see the seeds (`research/predict.json`) and [map](map.md)'
    """
    folder = posixpath.dirname(posixpath.join("docs", page.file.src_uri))

    def inside(match: re.Match[str]) -> str:
        text, target = match.groups()
        path = posixpath.normpath(posixpath.join(folder, target.partition("#")[0]))
        if path.startswith("docs/") and not path.startswith("docs/data/"):
            return match.group(0)
        return f"`{path}`" if text.strip("`") == path else f"{text} (`{path}`)"

    return _LINK.sub(inside, markdown)
