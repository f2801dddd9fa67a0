"""A PostgreSQL server on this machine that pods can reach, in the place of a managed one."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.node.network import ADDRESS, POD_RANGE
from tintype_testing.postgres import INSTALL, PostgresServer, find_programs
from tintype_testing.requirements import missing

SETTINGS = {"listen_addresses": f"127.0.0.1,{ADDRESS}", "fsync": "off"}


@contextmanager
def running_ledger() -> Iterator[str]:
    """Run the server, and yield the URL of an empty database for the pods."""
    programs = find_programs()
    if programs is None:
        missing(INSTALL)
    folder = Path(tempfile.mkdtemp(prefix="tintype-pg-"))  # sockets have short names only
    server = PostgresServer(programs, folder, SETTINGS)
    try:
        server.initialize()
        with (server.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {POD_RANGE} trust\n")
        server.start()
        name = server.create_database()
        yield f"postgresql://tintype@{ADDRESS}:{server.port}/{name}?sslmode=disable"
    finally:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(folder)
