"""`tintype gateway` as a separate process."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from tintype_testing.cluster.processes import Process

START_SECONDS = 60
"""The time limit of the start, which takes about a second."""


@dataclass(frozen=True)
class GatewayProcess:
    """A running gateway with a separate working folder."""

    process: Process
    folder: Path

    @property
    def url(self) -> str:
        """The base URL of the API, without `/v1`."""
        return str(self._serving()["url"])

    @property
    def admin_url(self) -> str:
        return str(self._serving()["admin_url"])

    @property
    def demo_key(self) -> str:
        return (self.folder / ".tintype" / "demo.key").read_text().strip()

    @property
    def stdout(self) -> str:
        return (self.folder / "stdout").read_text()

    @property
    def stderr(self) -> str:
        return self.process.output()

    def is_ready(self) -> bool:
        """Return whether `/readyz` reports that it is ready."""
        if '"serving"' not in self.stderr:
            return False
        try:
            with urlopen(f"{self.admin_url}/readyz", timeout=30) as response:  # noqa: S310 - loopback
                return bool(response.status == 200)
        except HTTPError as error:
            error.close()
            return False

    def log(self) -> list[dict[str, Any]]:
        """Return the log, of which every line must be JSON."""
        lines = self.stderr.splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]  # one may be arriving

    def _serving(self) -> dict[str, Any]:
        return next(line for line in self.log() if line["message"] == "serving")


NEARBY = {"TINTYPE_ALLOW_LOOPBACK_ENDPOINTS": "true"}
"""The providers of tests are on this machine."""


@contextmanager
def running_process(
    folder: Path, *flags: object, environ: Mapping[str, str] | None = None
) -> Iterator[GatewayProcess]:
    """Run `tintype gateway` with these flags on free ports within the block."""
    command = [sys.executable, "-m", "tintype_cli", "gateway", "--port", "0", "--admin-port", "0"]
    stderr = folder / "stderr"
    with (folder / "stdout").open("wb") as out, stderr.open("wb") as err:
        popen = subprocess.Popen(
            [*command, *map(str, flags)],
            cwd=folder,
            env={**clean_environ(), **NEARBY, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    process = Process(popen, stderr)
    gateway = GatewayProcess(process, folder)
    try:
        process.wait_until(gateway.is_ready, START_SECONDS, "readiness")
        yield gateway
    finally:
        if process.running():
            popen.kill()
        popen.wait()


def clean_environ() -> dict[str, str]:
    """Return the environment without settings of the gateway."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TINTYPE_")}
