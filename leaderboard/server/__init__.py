"""The leaderboard's server: pages, an HTTP interface with an OpenAPI schema, and the intake of submissions.

Needs `pip install 'progress-gym[serve]'`. One process: a pool of threads answers questions, every submission is verified
in a limited child process of its own.
"""
