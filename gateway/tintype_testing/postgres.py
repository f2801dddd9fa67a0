"""A real PostgreSQL server for tests, as the distribution installs it."""

import asyncio
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from tintype_gateway.ledger.factory import migrate_ledger
from tintype_testing.cluster.processes import free_ports
from tintype_testing.requirements import missing
from tintype_testing.waiting import eventually, eventually_blocking

INSTALL = "no PostgreSQL server: install it (Debian: `apt install postgresql`), or put it on PATH"

UNPRIVILEGED = ("postgres", "nobody")
"""The users that may run the server if the tests run as root, which PostgreSQL refuses."""

START_SECONDS = 120

SETTINGS = {"listen_addresses": "127.0.0.1", "max_connections": "200"}

EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
SET session_replication_role = replica; -- else the triggers would refuse
DELETE FROM archived_sum;
DELETE FROM archived_spent;
DELETE FROM budget_alert;
DELETE FROM webhook_delivery;
DELETE FROM job_event;
DELETE FROM job;
DELETE FROM job_queue;
DELETE FROM webhook_secret;
DELETE FROM model_spent;
DELETE FROM archived_posting;
DELETE FROM archive_run;
DELETE FROM daily_usage;
DELETE FROM entry;
DELETE FROM posting;
DELETE FROM hold;
DELETE FROM api_key;
DELETE FROM account;
DELETE FROM slot;
DELETE FROM change;
DELETE FROM change_line;
DELETE FROM change_retention;
"""
"""Faster than TRUNCATE where there are only a few rows."""


@pytest.fixture(scope="session")
def postgres() -> Iterator["PostgresServer"]:
    """A running server. Without one the test is skipped, or fails if `CI=true`."""
    if find_programs() is None:
        missing(INSTALL)
    with running_postgres(fsync="off") as server:  # its files go with the tests
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: "PostgresServer") -> str:
    """The name of an empty ledger, to make others from."""
    name = postgres.create_database()
    asyncio.run(migrate_ledger(postgres.url(name)))
    return name


@pytest.fixture(scope="session")
def shared_ledger(postgres: "PostgresServer", migrated: str) -> str:
    """The name of a ledger in which tests take turns: see `empty_ledger`."""
    return postgres.create_database(migrated)


@pytest.fixture
def empty_ledger(postgres: "PostgresServer", shared_ledger: str) -> str:
    """The name of a ledger with nothing in it, whose schema must stay as it is."""
    postgres.empty(shared_ledger)
    return shared_ledger


@contextmanager
def running_postgres(**settings: str) -> Iterator["PostgresServer"]:
    """Run a server with an empty cluster, and remove it afterwards.

    Raises:
        FileNotFoundError: there is none on this machine.
    """
    programs = find_programs()
    if programs is None:
        raise FileNotFoundError(INSTALL)
    folder = Path(tempfile.mkdtemp(prefix="tintype-pg-"))  # sockets have short names only
    server = PostgresServer(programs, folder, settings)
    try:
        server.initialize()
        server.start()
        yield server
    finally:
        server.stop(signal.SIGQUIT)  # skips the checkpoint
        shutil.rmtree(folder)


def find_programs() -> Path | None:
    """Return the folder of the server's programs, of the newest version where there are several."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(found, key=lambda path: float(path.parent.parent.name), default=None)
    return newest and newest.parent


class PostgresServer:
    """A server with its data in a folder, on a socket there and on a free port of the loopback."""

    def __init__(self, programs: Path, folder: Path, settings: dict[str, str]) -> None:
        self._programs = programs
        self._settings = SETTINGS | settings
        self._folder = folder
        self._user = _unprivileged_user()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count()
        (self.port,) = free_ports(1)

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._process is not None

    @property
    def data(self) -> Path:
        """The folder of the server's files."""
        return self._folder / "data"

    def url(self, database: str, port: int | None = None) -> str:
        """Return the URL of a database, by default through the server's own port."""
        return f"postgresql://tintype@127.0.0.1:{port or self.port}/{database}?sslmode=disable"

    def initialize(self) -> None:
        """Create an empty cluster, which trusts all local connections."""
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        subprocess.run(
            [
                self._programs / "initdb",
                f"--pgdata={self.data}",
                "--username=tintype",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            user=self._user,
            cwd=self._folder,
        )

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        places = [f"-D{self.data}", f"-k{self._folder}", f"-p{self.port}"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", *places, *settings],
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self._folder,
            )
        eventually_blocking(self._is_ready, "a ready PostgreSQL server", START_SECONDS)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT ends it in order, SIGQUIT as a crash would."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_SECONDS)
            self._process = None

    def create_database(self, template: str = "template1") -> str:
        """Return the name of a new database, by default an empty one."""
        name = f"test{next(self._numbers)}"
        asyncio.run(self._create(name, template))
        return name

    def empty(self, ledger: str) -> None:
        """Remove all rows of a ledger, and close its connections."""
        asyncio.run(self._administer(EMPTY, ledger))

    async def disconnect_all(self, database: str) -> int:
        """Cut all connections to a database, and say how many they were."""
        connection = await asyncpg.connect(self.url("postgres"))
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
        rows = await connection.fetch(cut, database)
        await connection.close()
        return len(rows)

    async def _create(self, name: str, template: str) -> None:
        """Create a database, as soon as connections to its template that were closed have ended."""

        async def is_created() -> bool:
            try:
                await self._administer(f"CREATE DATABASE {name} TEMPLATE {template}")
            except asyncpg.ObjectInUseError:
                return False
            return True

        await eventually(is_created)

    async def _administer(self, script: str, database: str = "postgres") -> None:
        connection = await asyncpg.connect(self.url(database))
        try:
            await connection.execute(script)
        finally:
            await connection.close()

    def _is_ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError((self._folder / "log").read_text(errors="replace"))
        program = str(self._programs / "pg_isready")
        check = [program, "--quiet", "--host=127.0.0.1", f"--port={self.port}"]
        return subprocess.run(check, check=False).returncode == 0


def _unprivileged_user() -> str | None:
    """Return the user for the server; None: the user of the tests."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED if name in known)
