"""The servers of a soak: a gateway as it is run in production, and the providers behind it.

Each is a process of its own, so that what the gateway takes is the gateway's alone.
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.catalog import write_catalog, write_credentials
from bench.soak_mix import simulated_catalog
from bench.targets import START_SECONDS, new_key, upstream
from tintype_gateway.ledger.factory import migrate_ledger
from tintype_testing.cluster.processes import free_ports, start
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.postgres import running_postgres

TINTYPE = (sys.executable, "-m", "tintype_cli")


@dataclass(frozen=True)
class Site:
    """Where everything is."""

    gateway: GatewayProcess
    url: str
    admin_url: str
    catalog: Path
    simulator: str
    fragile: str
    """The simulator whose faults are scripted."""

    database_url: str
    database_folder: Path
    key: str = field(repr=False)

    @property
    def pid(self) -> int:
        """The gateway's process."""
        return self.gateway.process.popen.pid

    def flip_catalog(self, turn: int) -> None:
        """Write the catalog anew, at other prices than the last."""
        _write_simulated(self.catalog, self.simulator, self.fragile, turn)


@contextmanager
def running_site(folder: Path, *, with_postgres: bool) -> Iterator[Site]:
    """Run everything below a folder until the block ends."""
    for part in ("catalog", "credentials", "run", "ledger"):
        (folder / part).mkdir(parents=True)
    with ExitStack() as stack:
        simulator = stack.enter_context(running_simulator(folder / "simulator.log"))
        fragile = stack.enter_context(running_simulator(folder / "fragile.log"))
        write_catalog(folder / "catalog", stack.enter_context(upstream()))
        write_credentials(folder / "credentials")
        _write_simulated(folder / "catalog", simulator, fragile, 0)
        database_url, database = stack.enter_context(_database(folder / "ledger", with_postgres))
        key = asyncio.run(new_key(database_url))
        environ = {
            "TINTYPE_DATABASE_URL": database_url,
            "TINTYPE_CATALOG_DIR": str(folder / "catalog"),
            "TINTYPE_CREDENTIALS_DIR": str(folder / "credentials"),
            "TINTYPE_IMAGE_STORE_DIR": str(folder / "images"),
        }
        gateway = stack.enter_context(running_process(folder / "run", environ=environ))
        yield Site(
            gateway=gateway,
            url=gateway.url,
            admin_url=gateway.admin_url,
            catalog=folder / "catalog",
            simulator=simulator,
            fragile=fragile,
            database_url=database_url,
            database_folder=database,
            key=key,
        )


def _write_simulated(folder: Path, simulator: str, fragile: str, turn: int) -> None:
    draft = folder / "simulated.draft"
    draft.write_text(simulated_catalog(simulator, fragile, turn))
    draft.replace(folder / "simulated.yaml")


@contextmanager
def running_simulator(log: Path, *flags: object) -> Iterator[str]:
    """Run `tintype simulator` with these flags on a free port, and yield its URL."""
    [port] = free_ports(1)
    process = start(log, *TINTYPE, "simulator", "--port", port, *flags)
    try:
        process.wait_until(lambda: "serve" in process.output(), START_SECONDS, "readiness")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()


@contextmanager
def _database(folder: Path, with_postgres: bool) -> Iterator[tuple[str, Path]]:
    """Yield the URL of an empty ledger, and the folder of its files."""
    if not with_postgres:
        yield f"sqlite:///{folder}/ledger.db", folder
        return
    with running_postgres(fsync="on") as server:
        url = server.url(server.create_database())
        asyncio.run(migrate_ledger(url))
        yield url, server.data
