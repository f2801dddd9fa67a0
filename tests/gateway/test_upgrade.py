"""An upgrade from the last release, whose programs have made the data: a restart with SQLite, and
no outage with PostgreSQL, where gateways of both releases serve at the same time."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tintype_gateway.demo import ACCOUNT
from tintype_gateway.ledger import Budget, open_ledger
from tintype_gateway.ledger.factory import migrate_ledger
from tintype_testing.cluster.processes import Process
from tintype_testing.gateway_process import (
    NEARBY,
    START_SECONDS,
    GatewayProcess,
    clean_environ,
    running_process,
)
from tintype_testing.http import http_client
from tintype_testing.postgres import PostgresServer, find_programs
from tintype_testing.waiting import eventually

pytestmark = pytest.mark.timeout(900)  # the programs of the last release start cold, six times

FLAGS = ("--simulate", "--demo")

CREDITS = 997

FUNDED = 1_000_000 * (CREDITS + 3)
"""What the account `team` was given, in micro-credits."""

CLIENTS = 2

STOP_SECONDS = 120
"""The time limit of requests in flight when a gateway ends, and of some more under load."""


@dataclass(frozen=True)
class Previous:
    """The programs of the last release, on the packages of these tests."""

    sources: Path

    def run(self, *arguments: str, environ: Mapping[str, str]) -> str:
        """The output of a command."""
        ended = subprocess.run(
            self._command(arguments),
            env=self._environ(environ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    @contextmanager
    def gateway(self, folder: Path, environ: Mapping[str, str]) -> Iterator[GatewayProcess]:
        """A gateway with simulated providers and an account `demo`; it ends in order."""
        log = folder / "stderr"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                self._command(("gateway", "--port", "0", "--admin-port", "0", *FLAGS)),
                env=self._environ(environ),
                cwd=folder,
                stdout=subprocess.DEVNULL,
                stderr=output,
            )
        gateway = GatewayProcess(Process(popen, log), folder)
        try:
            gateway.process.wait_until(gateway.is_ready, START_SECONDS, "readiness")
            yield gateway
            assert gateway.process.stop(STOP_SECONDS) == 0
        finally:
            popen.kill()
            popen.wait()

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "tintype_cli", *arguments]

    def _environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        path = os.pathsep.join(str(self.sources / name) for name in ("gateway", "operator"))
        return {**clean_environ(), **NEARBY, **environ, "PYTHONPATH": path}


@pytest.fixture
def previous(previous_release: Path) -> Previous:
    return Previous(previous_release)


@pytest.fixture
def sqlite(tmp_path: Path) -> dict[str, str]:
    """The settings of both releases."""
    (tmp_path / ".tintype").mkdir()
    return {"TINTYPE_DATABASE_URL": f"sqlite:///{tmp_path}/.tintype/ledger.db"}


@pytest.fixture
def postgresql(postgres: PostgresServer, tmp_path: Path) -> dict[str, str]:
    """The settings of both releases, with a database that is empty."""
    return {
        "TINTYPE_DATABASE_URL": postgres.url(postgres.create_database()),
        "TINTYPE_IMAGE_STORE_DIR": str(tmp_path / "images"),
    }


@asynccontextmanager
async def client(gateway: GatewayProcess, key: str) -> AsyncIterator[httpx2.AsyncClient]:
    authorization = {"Authorization": f"Bearer {key}"}
    async with http_client(f"{gateway.url}/v1", headers=authorization) as http:
        yield http


async def generate(http: httpx2.AsyncClient, repeat: str = "", **fields: object) -> httpx2.Response:
    """Request an image, with an idempotency key if there is one."""
    body = {"model": "gpt-image-1", "prompt": "A hedgehog", "quality": "low", **fields}
    headers = {"Idempotency-Key": repeat} if repeat else {}
    return await http.post("/images/generations", json=body, headers=headers)


def cost(response: httpx2.Response) -> int:
    """What was charged, in micro-credits."""
    return int(response.json()["usage"]["credits_used"])


@dataclass
class Life:
    """What an installation of the last release has, and what it gave its clients."""

    key: str
    team_key: str
    stored: httpx2.Response
    """To a request with the idempotency key `poster`."""
    balance: int


async def live(previous: Previous, gateway: GatewayProcess, environ: dict[str, str]) -> Life:
    """Open accounts, make keys, and buy images."""
    run = previous.run
    run("accounts", "create", "team", "--credits", str(CREDITS), environ=environ)
    run("accounts", "grant", "team", "--credits", "3", "--reason", "March", environ=environ)
    key = run("keys", "create", "--account", "team", environ=environ).split()[-1]
    async with client(gateway, gateway.demo_key) as http:
        stored = await generate(http, "poster", response_format="url")
        (await generate(http)).raise_for_status()
    stored.raise_for_status()
    async with client(gateway, key) as http:
        paid = (await generate(http, n=2)).raise_for_status()
    return Life(gateway.demo_key, key, stored, FUNDED - cost(paid))


async def check(life: Life, gateway: GatewayProcess, environ: dict[str, str]) -> None:
    """Check that this release has everything, and goes on with it."""
    ledger = open_ledger(environ["TINTYPE_DATABASE_URL"])
    try:
        before = await ledger.account(ACCOUNT)
        async with client(gateway, life.key) as http:
            again = await generate(http, "poster", response_format="url")
        assert again.status_code == 200
        assert again.json()["data"][0].keys() == life.stored.json()["data"][0].keys()
        assert again.json()["usage"] == life.stored.json()["usage"]
        assert (await ledger.account(ACCOUNT)).balance == before.balance

        assert (await ledger.account("team")).balance == life.balance
        budgeted = await ledger.set_budgets("team", "UTC", [Budget("month", FUNDED)])
        assert [each.spent for each in budgeted.windows] == [FUNDED - life.balance]
        async with client(gateway, life.team_key) as http:
            paid = (await generate(http)).raise_for_status()
        team = await ledger.account("team")
        assert team.balance == life.balance - cost(paid)
        assert (await ledger.audit()).problems == ()
    finally:
        await ledger.close()


async def test_an_installation_with_sqlite_is_upgraded_by_a_restart(
    previous: Previous, sqlite: dict[str, str], tmp_path: Path
) -> None:
    with previous.gateway(tmp_path, sqlite) as gateway:
        life = await live(previous, gateway, sqlite)
    previous.run("ledger", "audit", environ=sqlite)

    with running_process(tmp_path, *FLAGS, environ=sqlite) as gateway:
        await check(life, gateway, sqlite)


@dataclass
class Load:
    """Clients that request images until they are stopped."""

    key: str
    served: int = 0
    charged: int = 0
    failures: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def towards(self, *gateways: GatewayProcess) -> AsyncIterator[None]:
        """Run clients within the block, in equal parts at each gateway."""
        stopped = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for number in range(CLIENTS):
                tasks.create_task(self._ask(gateways[number % len(gateways)], stopped))
            try:
                yield
            finally:
                stopped.set()

    async def _ask(self, gateway: GatewayProcess, stopped: asyncio.Event) -> None:
        async with client(gateway, self.key) as http:
            while not stopped.is_set():
                response = await generate(http)
                if response.status_code == 200:
                    self.served += 1
                    self.charged += cost(response)
                else:
                    self.failures.append(response.text)

    async def has_served(self, more: int) -> None:
        """Wait until that many more requests are served, or one has failed."""
        enough = self.served + more
        await eventually(lambda: self.served >= enough or bool(self.failures), seconds=STOP_SECONDS)


async def test_gateways_of_both_releases_serve_from_one_postgresql_ledger(
    previous: Previous, postgresql: dict[str, str], tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("old", "new")]
    for folder in folders:
        folder.mkdir()
    previous.run("ledger", "migrate", environ=postgresql)
    with previous.gateway(folders[0], postgresql) as old:
        life = await live(previous, old, postgresql)
        load = Load(life.team_key)
        async with load.towards(old):
            await load.has_served(10)
            await migrate_ledger(postgresql["TINTYPE_DATABASE_URL"])
            await load.has_served(10)
        with running_process(folders[1], *FLAGS, environ=postgresql) as new:
            async with load.towards(old, new):
                await load.has_served(20)
            assert old.process.stop(STOP_SECONDS) == 0
            assert load.failures == []
            life.balance -= load.charged
            await check(life, new, postgresql)


def documented(page: str, *begins: str) -> str:
    """The commands of a page that begin with these words."""
    lines = [line.strip() for line in page.splitlines()]
    return "\n".join(next(line for line in lines if line.startswith(begin)) for begin in begins)


def test_a_backup_takes_an_installation_back_to_the_last_release(
    previous: Previous, postgresql: dict[str, str], tmp_path: Path
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "upgrading.md").read_text()
    url = postgresql["TINTYPE_DATABASE_URL"]
    programs = f"{find_programs()}:{os.environ['PATH']}"

    def shell(script: str) -> None:
        environ = {"PATH": programs, "DATABASE_URL": url}
        subprocess.run(["bash", "-ec", script], cwd=tmp_path, env=environ, check=True)

    previous.run("ledger", "migrate", environ=postgresql)
    previous.run("accounts", "create", "team", "--credits", "5", environ=postgresql)
    shell(documented(page, "pg_dump"))
    asyncio.run(migrate_ledger(url))

    shell(documented(page, "psql", "pg_restore"))

    shown = previous.run("accounts", "show", "team", environ=postgresql)
    assert shown.startswith("team\t5 credits")
