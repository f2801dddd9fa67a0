"""Steady load for half an hour, and what a gateway takes meanwhile: `make soak`.

Clients come at a rate, whether or not earlier ones have their responses, and ask for all that the
gateway can do; some leave in the middle, some have no key, and one provider fails in every way.
Writes `samples.csv`, `soak.svg` and `figures.json`, and ends with 1 where the books do not
balance or a response cannot be explained. See docs/benchmarks.md.
"""

import argparse
import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bench.soak_clients import Clients
from bench.soak_image import image
from bench.soak_mix import asks, pauses
from bench.soak_samples import Sample, at, look, read, slope_mib_an_hour, write
from bench.soak_site import TINTYPE, Site, running_site
from bench.targets import ACCOUNT, CREDITS_MICRO
from tintype_testing.chaos import plan
from tintype_testing.chaos.clients import Tally
from tintype_testing.ledgers import opened
from tintype_testing.simulators import script

SAMPLE_SECONDS = 5
CATALOG_SECONDS = 60
FAULTS_SECONDS = 5

FAULTS_AHEAD = 100
"""More calls than a provider gets until its faults are scripted anew."""

QUIET_SECONDS = 160
"""How long open files have to come back to their base: aiohttp looks every 75 s for connections to
providers that were idle for 75 s."""

FILES_KEPT = 3
"""Files that a gateway rightly opens with the first requests: the ledger's, and its log's."""


@dataclass
class Soak:
    """One run, and what it has seen."""

    site: Site
    clients: Clients
    seed: int
    base: Sample
    """Before the first request."""

    begin: float = field(default_factory=time.perf_counter)
    samples: list[Sample] = field(default_factory=list)

    async def run(self, seconds: float, rate: float) -> None:
        """Let clients come for so long, and then be quiet until the gateway is at rest."""
        chores = [
            asyncio.create_task(chore) for chore in (self._sample(), self._flip(), self._fail())
        ]
        await self.clients.come(asks(self.seed), pauses(self.seed, rate), seconds)
        for chore in chores:
            chore.cancel()
        for result in await asyncio.gather(*chores, return_exceptions=True):
            if not isinstance(result, asyncio.CancelledError):
                raise RuntimeError("a chore of the soak ended") from result

    async def rest(self) -> Sample:
        """Return what the gateway takes once it has closed what it opened, or had its time."""
        end = time.perf_counter() + QUIET_SECONDS
        while (last := await self._look()).open_files > self.base.open_files + FILES_KEPT:
            if time.perf_counter() > end:
                break
            await asyncio.sleep(1)
        return last

    async def _sample(self) -> None:
        for number in itertools.count(1):
            await asyncio.sleep(self.begin + number * SAMPLE_SECONDS - time.perf_counter())
            self.samples.append(await self._look())

    async def _look(self) -> Sample:
        latencies = self.clients.take_latencies()
        return await asyncio.to_thread(_look, self.site, self.begin, latencies)

    async def _flip(self) -> None:
        for turn in itertools.count(1):
            await asyncio.sleep(CATALOG_SECONDS)
            self.site.flip_catalog(turn)

    async def _fail(self) -> None:
        for turn in itertools.count():
            await script(self.site.fragile, *plan.faults(self.seed, FAULTS_AHEAD, turn))
            await asyncio.sleep(FAULTS_SECONDS)


def _look(site: Site, begin: float, latencies: list[float]) -> Sample:
    return look(site.pid, site.admin_url, site.database_folder, begin, latencies)


def main() -> None:
    """Run a soak, or draw one that was run."""
    arguments = _parser().parse_args()
    if arguments.draw:
        arguments.output.write_text(image(read(arguments.draw)))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no server is left behind
    folder: Path = arguments.output.resolve()
    with running_site(folder, with_postgres=arguments.postgres) as site:
        figures = asyncio.run(_soak(site, arguments, folder))
        figures["exit code"] = site.gateway.process.stop()
        figures["audit"] = _audit(site.database_url)
        figures["credits charged"] = asyncio.run(_charged(site.database_url))
    print(text := json.dumps(figures, indent=1))
    (folder / "figures.json").write_text(text + "\n")
    sys.exit(0 if _is_sound(figures) else 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=20, help="requests a second")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--postgres", action="store_true", help="the ledger on PostgreSQL")
    parser.add_argument("--draw", type=Path, metavar="CSV", help="draw the samples of a file")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="a new folder, or the file to draw"
    )
    return parser


async def _soak(site: Site, arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {site.key}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as http:
        base = _look(site, time.perf_counter(), [])
        soak = Soak(site, Clients(site.url, http), arguments.seed, base)
        try:
            await soak.run(60 * arguments.minutes, arguments.rate)
        finally:
            write(soak.samples, folder / "samples.csv")
            (folder / "soak.svg").write_text(image(soak.samples))
    return _figures(soak, await soak.rest())  # the clients' own connections are closed by now


def _figures(soak: Soak, rest: Sample) -> dict[str, Any]:
    samples, tally = soak.samples, soak.clients.tally
    last = samples[-1]
    return {
        "seconds": last.seconds,
        "memory at 5 min, MiB": at(samples, 300).resident_mib,
        "memory at the end, MiB": last.resident_mib,
        "slope, MiB an hour": round(slope_mib_an_hour(samples), 2),
        "open files": {"base": soak.base.open_files, "most": _most_files(samples)}
        | {"at rest": rest.open_files},
        "threads": {"base": soak.base.threads, "at rest": rest.threads},
        "CPU of a core": round((last.cpu_seconds - soak.base.cpu_seconds) / last.seconds, 3),
        "ledger, MiB": last.ledger_mib,
        "requests": sum(tally.statuses.values()),
        "statuses": dict(tally.statuses.most_common()),
        "outcomes": dict(sorted(soak.clients.outcomes.items())),
        "unexplained": tally.unexplained,
        "credits reported": _reported_credits(tally),
    }


def _reported_credits(tally: Tally) -> int:
    """Return the credits of all complete responses; repeated ones count once."""
    charged = {
        response.request.idempotency_key or response.request_id: response.charged
        for response in tally.complete
    }
    return sum(charged.values())


def _most_files(samples: list[Sample]) -> int:
    return max(each.open_files for each in samples)


def _audit(database_url: str) -> dict[str, int]:
    """Return what `tintype ledger audit` says."""
    environ = os.environ | {"TINTYPE_DATABASE_URL": database_url}
    command = [*TINTYPE, "ledger", "audit"]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
    rows = (line.split("\t") for line in ended.stdout.splitlines())
    return {name: int(figure) for name, figure in rows}


async def _charged(database_url: str) -> int:
    """Return all credits that were ever paid."""
    async with opened(database_url) as ledger:
        account = await ledger.account(ACCOUNT)
    return CREDITS_MICRO - account.balance


def _is_sound(figures: dict[str, Any]) -> bool:
    audit = figures["audit"]
    return (
        not figures["unexplained"]
        and figures["exit code"] == 0
        and figures["credits reported"] <= figures["credits charged"]
        and (audit.get("problems"), audit.get("open holds")) == (0, 0)
    )


if __name__ == "__main__":
    main()
