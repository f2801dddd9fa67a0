"""`tintype gateway` as a separate process."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tintype_testing.cluster.processes import Process, tintype_child
from tintype_testing.http import responded
from tintype_testing.waiting import eventually

START_SECONDS = 120
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
        return responded(f"{self.admin_url}/readyz")[0] == 200

    def log(self) -> list[dict[str, Any]]:
        """Return the log, of which every line must be JSON."""
        lines = self.stderr.splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]  # one may be arriving

    def access_log(self) -> list[dict[str, Any]]:
        """Return the lines of requests so far; those of successes are written up to 0.1 s late."""
        return [line for line in self.log() if line["logger"] == "tintype.access"]

    async def access_line(self, request_id: str) -> dict[str, Any]:
        """Return the line of a request as soon as it is written."""

        def found() -> dict[str, Any] | None:
            lines = (line for line in self.access_log() if line["request_id"] == request_id)
            return next(lines, None)

        await eventually(lambda: found() is not None)
        line = found()
        assert line is not None
        return line

    def _serving(self) -> dict[str, Any]:
        return next(line for line in self.log() if line["message"] == "serving")


NEARBY = {"TINTYPE_ALLOW_LOOPBACK_ENDPOINTS": "true"}
"""The providers of tests are on this machine."""


@contextmanager
def running_process(
    folder: Path, *flags: object, environ: Mapping[str, str] | None = None
) -> Iterator[GatewayProcess]:
    """Run `tintype gateway` with these flags on free ports within the block."""
    command = ("gateway", "--port", "0", "--admin-port", "0", *flags)
    stdout, stderr = folder / "stdout", folder / "stderr"
    for path in (stdout, stderr):
        path.write_bytes(b"")
    settings = {**clean_environ(), **NEARBY, **(environ or {})}
    popen = tintype_child(command, settings, folder, stdout, stderr)
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
