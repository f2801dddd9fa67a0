"""What is measured, each as real processes: no gateway at all, two relays, Tintype, and peers."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.cases import Case
from bench.catalog import write_catalog, write_credentials
from bench.load import Request
from tintype_gateway.accounts import MAXIMUM_RATE, Policy
from tintype_gateway.ledger import open_ledger
from tintype_gateway.ledger.factory import migrate_ledger
from tintype_testing.certificates import self_signed
from tintype_testing.cluster.processes import free_ports, start
from tintype_testing.gateway_process import running_process
from tintype_testing.postgres import running_postgres

START_SECONDS = 30
"""A bound, not an expectation."""

ACCOUNT = "bench"
"""Who pays."""

CREDITS_MICRO = 10**15

_NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  keepalive_requests 1000000;
  client_max_body_size 64m; client_body_buffer_size 64m;
  upstream provider {{ server {upstream}; keepalive 1024; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} {tls} backlog=4096;
    {certificate}
    location / {{
      proxy_pass {scheme}://provider; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off;
      proxy_buffer_size 256k; proxy_buffers 8 256k;
    }}
  }}
}}
"""

_CERTIFICATE = "ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem;"


@dataclass(frozen=True)
class Target:
    """A server, and the process whose cost is counted."""

    name: str
    url: str
    """The base URL."""

    pid: int | None = None
    """None where there is no process to count, or none is known."""

    key: str | None = None
    """The API key of a gateway."""

    is_gateway: bool = False
    """Whether it speaks OpenAI's API and picks by model; else it relays paths as they are."""

    def request(self, case: Case) -> Request:
        """Return how this target is asked for a case."""
        path = case.path if self.is_gateway else case.upstream_path
        headers = () if self.key is None else (f"Authorization: Bearer {self.key}",)
        return Request(
            self.url + path, case.body(), headers, case.response_bytes, case.content_type
        )


def peer(text: str) -> Target:
    """Read `NAME,URL[,PID[,KEY]]`.

    Raises:
        ValueError: The text has another form.
    """
    name, url, *rest = text.split(",")
    pid, key = (*rest, "", "")[:2]
    return Target(name, url.rstrip("/"), int(pid) if pid else None, key or None, is_gateway=True)


@contextmanager
def upstream(port: int = 0) -> Iterator[str]:
    """Run the provider, and yield its URL."""
    with _printing_its_url("bench.upstream", "--port", str(port)) as (url, _):
        yield url


@contextmanager
def relay(upstream_url: str) -> Iterator[Target]:
    """Run the floor of our own stack."""
    with _printing_its_url("bench.relay", upstream_url) as (url, pid):
        yield Target("aiohttp relay", url, pid)


@contextmanager
def encrypted(upstream_url: str) -> Iterator[str]:
    """Run what serves the provider by TLS, and yield its URL, which this process and those that it
    starts within the block trust."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(self_signed(folder, "-addext subjectAltName=IP:127.0.0.1"))
        trust = {"SSL_CERT_FILE": str(folder / "certificate.pem")}
        with _running_nginx(folder, upstream_url, is_encrypted=True) as (address, _):
            before = dict(os.environ)
            os.environ |= trust
            try:
                yield f"https://{address}"
            finally:
                os.environ.clear()
                os.environ |= before


@contextmanager
def nginx(upstream_url: str) -> Iterator[Target]:
    """Run nginx as a reverse proxy with one worker, which passes bytes on as they come."""
    with (
        tempfile.TemporaryDirectory() as name,
        _running_nginx(Path(name), upstream_url) as (address, pid),
    ):
        yield Target("nginx", f"http://{address}", pid)


@contextmanager
def _running_nginx(
    folder: Path, upstream_url: str, *, is_encrypted: bool = False
) -> Iterator[tuple[str, int]]:
    """Run nginx in front of an upstream, and yield its address and its process."""
    config, [port] = folder / "nginx.conf", free_ports(1)
    scheme, _, address = upstream_url.partition("://")
    config.write_text(
        _NGINX.format(
            folder=folder,
            port=port,
            scheme=scheme,
            upstream=address,
            tls="ssl" if is_encrypted else "",
            certificate=_CERTIFICATE.format(folder=folder) if is_encrypted else "",
        )
    )
    process = start(folder / "log", _nginx(), "-p", folder, "-c", config)
    try:
        process.wait_until((folder / "nginx.pid").exists, START_SECONDS, "readiness")
        yield f"127.0.0.1:{port}", process.popen.pid
    finally:
        process.stop()


def _nginx() -> str:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise FileNotFoundError("nginx: apt-get install --no-install-recommends nginx")
    return program


@contextmanager
def tintype_on_sqlite(
    upstream_url: str, environ: Mapping[str, str] | None = None
) -> Iterator[Target]:
    """Run Tintype with its embedded ledger, and with these settings."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _tintype(
            "Tintype, SQLite", f"sqlite:///{folder}/ledger.db", upstream_url, environ
        )


@contextmanager
def tintype_on_postgresql(upstream_url: str) -> Iterator[Target]:
    """Run Tintype with a PostgreSQL that loses nothing."""
    with running_postgres(fsync="on") as server:
        url = server.url(server.create_database())
        asyncio.run(migrate_ledger(url))
        yield from _tintype("Tintype, PostgreSQL", url, upstream_url)


@contextmanager
def all_targets(
    upstream_url: str, peers: list[Target], *, tls: bool = False
) -> Iterator[list[Target]]:
    """Run everything that is compared. All but the one that is measured are idle.

    With `tls`, all but `direct` and the peers ask the provider by TLS.
    """
    with ExitStack() as stack:
        asked = stack.enter_context(encrypted(upstream_url)) if tls else upstream_url
        own = (relay, nginx, tintype_on_sqlite, tintype_on_postgresql)
        running = [stack.enter_context(each(asked)) for each in own]
        yield [Target("direct", upstream_url), *running, *peers]


def _tintype(
    name: str, database_url: str, upstream_url: str, environ: Mapping[str, str] | None = None
) -> Iterator[Target]:
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        for part in ("catalog", "credentials", "run"):
            (folder / part).mkdir()
        write_catalog(folder / "catalog", upstream_url)
        write_credentials(folder / "credentials")
        key = asyncio.run(new_key(database_url))
        flags = ("--catalog-dir", folder / "catalog", "--credentials-dir", folder / "credentials")
        own = {"TINTYPE_DATABASE_URL": database_url, "TINTYPE_ALLOW_LOOPBACK_ENDPOINTS": "true"}
        with running_process(folder / "run", *flags, environ={**own, **(environ or {})}) as gateway:
            pid = gateway.process.popen.pid
            yield Target(name, gateway.url, pid, key, is_gateway=True)


async def new_key(database_url: str) -> str:
    """Return a key of an account that can pay for everything."""
    ledger = open_ledger(database_url)
    await ledger.create_account(
        ACCOUNT, credits_micro=CREDITS_MICRO, policy=Policy(calls_per_minute=MAXIMUM_RATE)
    )
    _, key = await ledger.create_key(ACCOUNT)
    await ledger.close()
    return key


@contextmanager
def _printing_its_url(module: str, *arguments: str) -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise RuntimeError(f"{module} did not start")
            yield url, process.pid
        finally:
            process.terminate()
