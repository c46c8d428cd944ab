"""Entry point of alembic: run the migrations on the connection that `progressgym.leaderboard.database` hands over."""

from __future__ import annotations

from alembic import context

from progressgym.leaderboard.database_tables import METADATA


def run() -> None:
    """Run what is asked for, in one transaction."""
    context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # the name under which alembic loads this file
    run()
