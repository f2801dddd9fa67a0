"""Runs the SQL of a migration, with functions whose bodies have semicolons of their own."""

from pathlib import Path
from typing import cast

from alembic import op
from sqlalchemy.engine import AdaptedConnection


def run(name: str) -> None:
    """Run a script of the folder `sql` in the migration's transaction."""
    script = Path(__file__).with_name("sql").joinpath(name).read_text()
    driver = cast(AdaptedConnection, op.get_bind().connection.dbapi_connection)
    driver.run_async(lambda connection: connection.execute(script))
