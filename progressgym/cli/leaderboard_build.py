"""`progressgym leaderboard build`: the standings as a static site."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

EXAMPLES = """
progressgym leaderboard build --out site
progressgym leaderboard build --store runs/board --out site
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Write the pages of a board as files for any web host: from a store, or from what comes with the package."""

    out: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """Folder to write; a site that was built there before is replaced."""
    store: Annotated[str, tyro.conf.arg(metavar="DIR|URL")] = ""
    """Folder of a store, or database URL; the shipped standings and entries when left out."""
    evidence: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Folder of the evidence; needed with a URL."""
    light: bool = False
    """Leave the evidence of the entries out (about 2 MB each)."""


def run(options: Options) -> int:
    """Write it."""
    from progressgym.leaderboard.site.build import build_site
    from progressgym.leaderboard.site.sources import ShippedSource, Source, StoreSource

    source: Source
    if options.store:
        from progressgym.leaderboard.store import Store

        source = StoreSource(Store.open(options.store, options.evidence or None))
    else:
        source = ShippedSource()
    count = build_site(source, Path(options.out), evidence=not options.light)
    print(f"{options.out}: {count} files; look at it with")
    print(f"python -m http.server --directory {options.out} --bind 127.0.0.1")
    return 0
