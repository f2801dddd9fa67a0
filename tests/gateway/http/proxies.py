"""The reverse proxies that a gateway may stand behind, and what they say that they passed on."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from tintype_testing.cluster.processes import Process, free_ports, start
from tintype_testing.requirements import require

START_SECONDS = 60

# A proxy must not give up on a client that has sent all, nor say anything twice to the gateway.
NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ }}
http {{
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  log_format seen "seen|$server_protocol|$request_method|$uri|$status|$upstream_status|\
$content_length|$upstream_http_x_request_id";
  access_log /dev/stderr seen;
  ignore_invalid_headers off;
  underscores_in_headers on;
  upstream gateway {{ server {gateway}; keepalive 1; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://gateway; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_next_upstream off; proxy_ignore_client_abort on;
    }}
  }}
}}
"""

HAPROXY = """\
global
  log stdout format raw local0
  nbthread 1
defaults
  mode http
  log global
  log-format "seen|%HV|%HM|%HP|%ST|%s|%[capture.req.hdr(0)]|%[capture.res.hdr(0)]"
  timeout connect 60s
  timeout client 60s
  timeout server 60s
  retries 0
  http-reuse always
frontend clients
  bind 127.0.0.1:{port}
  http-request capture req.hdr(content-length) len 20
  declare capture response len 64
  http-response capture res.hdr(x-request-id) id 0
  default_backend gateways
backend gateways
  server gateway {gateway}
"""


PROXIES = {
    "nginx": ("nginx", NGINX),
    "haproxy": ("haproxy", HAPROXY),
    "a lenient haproxy": (
        "haproxy",
        HAPROXY.replace("  bind", "  option accept-invalid-http-request\n  bind"),
    ),
}
"""The program and its configuration."""


class Relayed(NamedTuple):
    """A request as a proxy understood it."""

    method: str
    path: str
    status: int
    """The response that its client got."""

    has_head: bool
    """Whether the response has one: HTTP/0.9 knows none."""

    is_forwarded: bool
    length: int | None
    """Of the body, where the proxy tells it."""

    request_id: str
    """Of the gateway's response, empty where it has none."""


@dataclass(frozen=True)
class Proxy:
    """A running proxy."""

    port: int
    process: Process

    def relayed(self) -> list[Relayed]:
        """Return the requests that have ended, in their order."""
        lines = self.process.output().splitlines()
        return [_relayed(line) for line in lines if line.startswith("seen|")]


@contextmanager
def running_proxy(name: str, folder: Path, gateway: str) -> Iterator[Proxy]:
    """Run one of `PROXIES` in front of the gateway at this URL."""
    program, template = PROXIES[name]
    [port] = free_ports(1)
    config = folder / "config"
    config.write_text(template.format(folder=folder, gateway=urlsplit(gateway).netloc, port=port))
    path = require(program, f"apt-get install {program}")
    command = [path, "-f", config] if program == "haproxy" else [path, "-p", folder, "-c", config]
    process = start(folder / "log", *command)
    try:
        process.wait_until(lambda: _listens(port), START_SECONDS, "readiness")
        yield Proxy(port, process)
    finally:
        process.stop()


def _relayed(line: str) -> Relayed:
    _, version, method, path, status, server, length, request_id = line.split("|")
    return Relayed(
        method,
        path,
        int(status),
        has_head=version.startswith("HTTP/1."),
        is_forwarded=server not in ("", "-", "<NOSRV>"),
        length=int(length) if length.isdigit() else None,
        request_id=request_id.strip("-"),
    )


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
