"""The leaderboard's pages: one set of templates for the server and for a static site.

Everything is made here, on the server's side: tables, charts (SVG), links. The pages load nothing from elsewhere, hold
no inline script or style, and work without JavaScript.
"""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.leaderboard.site.build import build_site
    from progressgym.leaderboard.site.sources import ShippedSource, StoreSource

__all__ = [
    "ShippedSource",  # what comes with the package
    "StoreSource",  # a store
    "build_site",  # write a site: wholly there or not at all
]
__getattr__ = lazy(
    __name__,
    {
        "build": "build_site",
        "sources": "ShippedSource StoreSource",
    },
)
