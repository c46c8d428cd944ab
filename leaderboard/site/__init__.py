"""The leaderboard's pages: one set of templates for the server and for a static site.

Everything is made here, on the server's side: tables, charts (SVG), links. The pages load nothing from elsewhere, hold
no inline script or style, and work without JavaScript.
"""
