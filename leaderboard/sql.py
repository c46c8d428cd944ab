"""SQLAlchemy and alembic in one place: where they are missing, one line says how to get them."""

from __future__ import annotations

from progressgym.core.errors import UserError

try:
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError
except ImportError as error:
    raise UserError(
        f"the leaderboard's store needs {error.name}: pip install 'progress-gym[board]' (packaging and validating do not)"
    ) from None

__all__ = ["Config", "DBAPIError", "MigrationContext", "SQLAlchemyError", "ScriptDirectory", "command", "sa"]
